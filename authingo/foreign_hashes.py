"""Password hashes that other systems made: recognized, bounded and verified, never made here.

- `$argon2id$v=19$m=65536,t=3,p=4$…`, also `argon2i`: RFC 9106, as argon2-cffi, pwdlib
  and Django write it. Needs the extra `authingo[argon2]`.
- `scrypt$16384$salt$8$5$…`: Django; the numbers are N, r and p.
- `$scrypt-better-auth$salt:key`: Better Auth writes `salt:key`, both in hex, which is
  nobody's tag, so it gets one. N=16384, r=16, p=1, 64 bytes; the salt is the hex text
  itself, and the password is normalized to NFKC.
- `pbkdf2_sha256$1000000$salt$…`: Django.
- `bcrypt_sha256$$2b$12$…`: Django; bcrypt of the hex SHA-256 of the password.

Each is replaced by bcrypt at the first sign-in that it lets through.

A hash says itself what it costs, and whoever could store one could make every sign-in
to that account take all the memory and time there is (CWE-400, CWE-770). So one that
wants more than 128 MiB, or more time than bcrypt at cost 15, is no hash at all: not
imported, and not verified if it got into the database by other ways. The systems'
own defaults want up to 100 MiB and 0.2 seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import re
import time
import unicodedata
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

_MAX_MEMORY = 128 * 1024 * 1024  # bytes, of each thread that hashes
_MAX_ITERATIONS = 5_000_000  # of PBKDF2: a second on a core of 2024, as are those below
_MAX_SCRYPT = 2**22  # N·r·p
_MAX_ARGON2 = 2**20  # KiB, all passes together
_MAX_LANES = 16  # of Argon2, each of which is a thread

_BETTER_AUTH_TAG = "$scrypt-better-auth$"
_BETTER_AUTH = re.compile(r"[0-9a-f]{32}:[0-9a-f]{128}", re.ASCII)
_BCRYPT = r"\$2[aby]\$(?:0[4-9]|1[0-5])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"
_LOOSE_BCRYPT = re.compile(r"(.*\$2[aby]\$\d\d\$[./A-Za-z0-9]{21})([./A-Za-z0-9])(.{31})", re.ASCII)
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SALT = r"(?P<salt>[!-#%-~]{1,128})"  # printable, no space and no $


def as_stored(theirs: str) -> str:
    """Return a hash of another system as it is stored here: with a tag that tells what it is.

    Django's prefixes of hashes that everybody else writes without one are dropped. The
    last character of bcrypt's salt has four bits that mean nothing; some wrote them
    nevertheless, and they are cleared.
    """
    if loose := _LOOSE_BCRYPT.fullmatch(theirs):
        cleared = _BCRYPT_ALPHABET[_BCRYPT_ALPHABET.index(loose[2]) & 0b110000]
        theirs = loose[1] + cleared + loose[3]
    if _BETTER_AUTH.fullmatch(theirs):
        return _BETTER_AUTH_TAG + theirs
    if re.match(r"(bcrypt|argon2)\$+(2[aby]|argon2)", theirs, re.ASCII):
        return "$" + theirs.partition("$")[2].lstrip("$")
    return theirs


@dataclass(frozen=True, slots=True, repr=False)
class ForeignHash:
    """A hash that can be verified here, within the bounds."""

    _verify: Callable[[str, re.Match[str]], bool]
    _match: re.Match[str]
    _clock: Callable[[], float]

    def verify(self, password: str) -> tuple[bool, float]:
        """Compare with a password that is valid Unicode; return also the seconds that it took.

        Those of the processor where one thread does the work, so that a machine that
        is busy with something else does not count.
        """
        began = self._clock()
        matches = self._verify(password, self._match)
        return matches, self._clock() - began


def recognize(stored: str) -> ForeignHash | None:
    """Return what verifies a stored hash; None: malformed, too costly, or no known scheme."""
    for pattern, affordable, verify, clock in _SCHEMES:
        if match := pattern.fullmatch(stored):
            return ForeignHash(verify, match, clock) if affordable(match) else None
    return None


def is_argon2(stored: str) -> bool:
    """Tell whether verifying this hash takes the extra `authingo[argon2]`."""
    return _ARGON2.fullmatch(stored) is not None


@cache
def can_argon2() -> bool:
    """Tell whether that extra is installed."""
    return importlib.util.find_spec("argon2") is not None


def _verify_argon2(password: str, stored: re.Match[str]) -> bool:
    from argon2 import Type, exceptions, low_level  # noqa: PLC0415 - an extra

    kind = Type.ID if stored["kind"] == "id" else Type.I
    try:
        return low_level.verify_secret(stored[0].encode(), password.encode(), kind)
    except (exceptions.VerificationError, exceptions.InvalidHashError):
        return False


def _verify_pbkdf2(password: str, stored: re.Match[str]) -> bool:
    key = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), stored["salt"].encode(), int(stored["iterations"])
    )
    return hmac.compare_digest(key, b64decode(stored["key"]))


def _verify_django_scrypt(password: str, stored: re.Match[str]) -> bool:
    n, r, p = int(stored["n"]), int(stored["r"]), int(stored["p"])
    key = _scrypt(password, stored["salt"], n=n, r=r, p=p)
    return hmac.compare_digest(key, b64decode(stored["key"]))


def _verify_better_auth(password: str, stored: re.Match[str]) -> bool:
    normalized = unicodedata.normalize("NFKC", password)
    key = _scrypt(normalized, stored["salt"], n=16384, r=16, p=1)
    return hmac.compare_digest(key, bytes.fromhex(stored["key"]))


def _verify_bcrypt_sha256(password: str, stored: re.Match[str]) -> bool:
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    digest = hashlib.sha256(password.encode()).hexdigest()
    return bcrypt.checkpw(digest.encode(), stored["bcrypt"].encode())


def _scrypt(password: str, salt: str, *, n: int, r: int, p: int) -> bytes:
    room = 2 * _MAX_MEMORY  # what OpenSSL counts in is a little more than 128·N·r
    return hashlib.scrypt(
        password.encode(), salt=salt.encode(), n=n, r=r, p=p, maxmem=room, dklen=64
    )


def _affordable_argon2(stored: re.Match[str]) -> bool:
    memory, passes, lanes = int(stored["m"]), int(stored["t"]), int(stored["p"])
    return (
        can_argon2()
        and 8 * lanes <= memory <= _MAX_MEMORY // 1024
        and memory * passes <= _MAX_ARGON2
        and lanes <= _MAX_LANES
    )


def _affordable_scrypt(stored: re.Match[str]) -> bool:
    n, r, p = int(stored["n"]), int(stored["r"]), int(stored["p"])
    power_of_two = n > 1 and n & (n - 1) == 0
    return (
        power_of_two
        and n < 2 ** (16 * r)  # RFC 7914, section 2
        and 128 * r * n <= _MAX_MEMORY
        and 128 * r * p <= _MAX_MEMORY // 8  # which is needed beside
        and n * r * p <= _MAX_SCRYPT
    )


_ARGON2 = re.compile(
    r"\$argon2(?P<kind>id|i)\$v=(?:16|19)\$m=(?P<m>[1-9]\d{0,7}),t=(?P<t>[1-9]\d{0,4}),"
    r"p=(?P<p>[1-9]\d{0,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}",
    re.ASCII,
)
_SCHEMES: tuple[
    tuple[
        re.Pattern[str],
        Callable[[re.Match[str]], bool],
        Callable[[str, re.Match[str]], bool],
        Callable[[], float],
    ],
    ...,
] = (
    # Argon2 has a thread for each lane, so only a clock on the wall sees what it takes.
    (_ARGON2, _affordable_argon2, _verify_argon2, time.perf_counter),
    (
        re.compile(
            r"pbkdf2_sha256\$(?P<iterations>[1-9]\d{0,7})\$"
            + _SALT
            + r"\$(?P<key>[A-Za-z0-9+/]{43}=)",
            re.ASCII,
        ),
        lambda stored: int(stored["iterations"]) <= _MAX_ITERATIONS,
        _verify_pbkdf2,
        time.thread_time,
    ),
    (
        re.compile(
            r"scrypt\$(?P<n>[1-9]\d{0,7})\$"
            + _SALT
            + r"\$(?P<r>[1-9]\d{0,3})\$(?P<p>[1-9]\d{0,3})\$(?P<key>[A-Za-z0-9+/]{86}==)",
            re.ASCII,
        ),
        _affordable_scrypt,
        _verify_django_scrypt,
        time.thread_time,
    ),
    (
        re.compile(
            re.escape(_BETTER_AUTH_TAG) + r"(?P<salt>[0-9a-f]{32}):(?P<key>[0-9a-f]{128})", re.ASCII
        ),
        lambda _: True,
        _verify_better_auth,
        time.thread_time,
    ),
    (
        re.compile(r"bcrypt_sha256\$(?P<bcrypt>" + _BCRYPT + ")", re.ASCII),
        lambda _: True,
        _verify_bcrypt_sha256,
        time.thread_time,
    ),
)
