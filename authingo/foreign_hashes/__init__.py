"""Password hashes that other systems made: recognized, bounded and verified, never made here.

One module for each family says how its hashes are written:

- `bcrypts`: Django's `bcrypt_sha256$`, and WordPress since 6.8.
- `pbkdf2s`: Django, Werkzeug, passlib, Keycloak, ASP.NET Identity.
- `scrypts`: Django, Werkzeug, passlib, Better Auth.
- `firebase`: Firebase, also where Supabase took its users in. Needs `authingo[firebase]`.
- `argon2s`: RFC 9106. Needs `authingo[argon2]`.
- `phpass`: WordPress before 6.8.

Each is replaced by bcrypt at the first sign-in that it lets through, unless the system
takes several spellings of a password and this one is not the one it hashed.

A hash contains its own cost, so a stored hash could make every sign-in to its account use unlimited
memory and time (CWE-400, CWE-770). So a hash that needs more than 128 MiB, or more time than bcrypt
at cost 15, is refused: it is not imported, and not verified if it got into the database in another
way. The systems' own defaults need up to 100 MiB and 0.2 seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from authingo.foreign_hashes import argon2s, bcrypts, firebase, pbkdf2s, phpass, scrypts
from authingo.foreign_hashes.scheme import Extra, Scheme
from authingo.models import HashKind

__all__ = [
    "Extra",
    "ForeignHash",
    "as_stored",
    "kind_of",
    "matched_other_spelling",
    "missing_extra",
    "recognize",
]

_SCHEMES: tuple[Scheme, ...] = (
    *argon2s.SCHEMES,
    *bcrypts.SCHEMES,
    *firebase.SCHEMES,
    *pbkdf2s.SCHEMES,
    *phpass.SCHEMES,
    *scrypts.SCHEMES,
)
_LOOSE_BCRYPT = re.compile(r"(.*\$2[aby]\$\d\d\$[./A-Za-z0-9]{21})([./A-Za-z0-9])(.{31})", re.ASCII)
_NAMED_TWICE = re.compile(r"(bcrypt|argon2)\$+(2[aby]|argon2)", re.ASCII)
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def as_stored(theirs: str) -> str:
    """Return a hash of another system as it is stored here, with a tag for its scheme.

    Prefixes that only Django writes before common hashes are removed. The
    last character of bcrypt's salt has four bits that mean nothing; some systems set
    them nevertheless, and they are cleared.
    """
    if loose := _LOOSE_BCRYPT.fullmatch(theirs):
        cleared = _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(loose[2]) & 0b110000]
        theirs = loose[1] + cleared + loose[3]
    if scrypts.BETTER_AUTH.fullmatch(theirs):
        return scrypts.BETTER_AUTH_TAG + theirs
    if _NAMED_TWICE.match(theirs):
        return "$" + theirs.partition("$")[2].lstrip("$")
    return theirs


@dataclass(frozen=True, slots=True, repr=False)
class ForeignHash:
    """A hash that can be verified here, within the bounds."""

    _matches: Callable[[str], bool]
    _clock: Callable[[], float]

    def verify(self, password: str) -> tuple[bool, float]:
        """Compare with a password that is valid Unicode; return also the seconds that it took.

        Processor seconds if one thread does the work, so that other load on the machine does not
        count.
        """
        began = self._clock()
        matches = self._matches(password)
        return matches, self._clock() - began


def recognize(stored: str) -> ForeignHash | None:
    """Return an object that verifies a stored hash.

    None if it is malformed, too expensive, of no known scheme, or of one whose extra is
    not installed.
    """
    for scheme in _SCHEMES:
        if match := scheme.pattern.fullmatch(stored):
            if scheme.extra and not scheme.extra.is_installed():
                return None
            try:
                matches = scheme.read(match)
            except ValueError:  # what looks like Base64 and is not
                return None
            return ForeignHash(matches, scheme.clock) if matches else None
    return None


def kind_of(stored: str) -> HashKind | None:
    """Return the kind of all hashes that cost the same as this one; None as for `recognize`."""
    for scheme in _SCHEMES:
        match = scheme.pattern.fullmatch(stored)
        if match and recognize(stored):
            sample, begins = scheme.without_secrets(match)
            variant = match.groupdict().get("digest") or match.groupdict().get("kind") or ""
            family = f"{scheme.name} {variant}".strip()
            return HashKind(
                family=family, pattern=f"{begins}%", sample=sample, work=scheme.work(match)
            )
    return None


def matched_other_spelling(stored: str, password: str) -> bool:
    """Return whether this password matched a stored hash in another spelling than was hashed.

    WordPress trims a password, Better Auth normalizes it. A bcrypt hash of the spelling
    typed now would refuse the spelling that the user chose.
    """
    return any(
        scheme.spelling(password) != password
        for scheme in _SCHEMES
        if scheme.pattern.fullmatch(stored)
    )


def missing_extra(stored: str) -> Extra | None:
    """Return the extra of authingo that this hash needs, if it is not installed."""
    for scheme in _SCHEMES:
        if scheme.extra and scheme.pattern.fullmatch(stored) and not scheme.extra.is_installed():
            return scheme.extra
    return None
