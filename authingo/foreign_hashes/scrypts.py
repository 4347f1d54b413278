"""scrypt (RFC 7914), in the spellings of several systems.

- `scrypt$16384$salt$8$5$…`: Django; the numbers are N, r and p, the key in Base64.
- `scrypt:32768:8:1$salt$…`: Werkzeug, which Flask uses; N, r and p, the key in hex.
- `$scrypt$ln=16,r=8,p=1$salt$…`: passlib; the logarithm of N, salt and key in Base64.
- `$scrypt-better-auth$salt:key`: Better Auth writes `salt:key`, both in hex, which is
  nobody's tag, so it gets one. N=16384, r=16, p=1, 64 bytes; the salt is the hex text
  itself, and the password is normalized to NFKC.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Callable
from functools import partial

from authingo.foreign_hashes.scheme import (
    MAX_MEMORY,
    SALT,
    Scheme,
    blanked,
    compiled,
    decoded,
    decoded_bare,
)

BETTER_AUTH_TAG = "$scrypt-better-auth$"
BETTER_AUTH = compiled(r"(?P<salt>[0-9a-f]{32}):(?P<key>[0-9a-f]{128})")
_BETTER_AUTH_COST = 16384, 16, 1
_KEY_LENGTHS = {32, 64}  # bytes; any other is a key of which a part is missing
_MAX_WORK = 2**22  # N·r·p: a second on a core of 2024

Verifier = Callable[[str], bool] | None


def is_affordable(n: int, r: int, p: int) -> bool:
    """Return whether these are valid scrypt parameters within the limits on memory and time."""
    power_of_two = n > 1 and n & (n - 1) == 0
    return (
        power_of_two
        and n < 2 ** (16 * r)  # RFC 7914, section 2
        and 128 * r * n <= MAX_MEMORY
        and 128 * r * p <= MAX_MEMORY // 8  # which is needed as well
        and n * r * p <= _MAX_WORK
    )


def derive(password: str, salt: bytes, cost: tuple[int, int, int], length: int) -> bytes:
    """Derive a key of this many bytes. `cost`: N, r and p."""
    n, r, p = cost
    room = 2 * MAX_MEMORY  # what OpenSSL counts in is a little more than 128·N·r
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=length)


def _verifier(cost: tuple[int, int, int], salt: bytes, key: bytes) -> Verifier:
    if len(key) not in _KEY_LENGTHS:
        raise ValueError
    return partial(_matches, cost, salt, key) if is_affordable(*cost) else None


def _matches(cost: tuple[int, int, int], salt: bytes, key: bytes, password: str) -> bool:
    return hmac.compare_digest(derive(password, salt, cost, len(key)), key)


def _cost_of(stored: re.Match[str]) -> tuple[int, int, int]:
    return int(stored["n"]), int(stored["r"]), int(stored["p"])


def _django(stored: re.Match[str]) -> Verifier:
    return _verifier(_cost_of(stored), stored["salt"].encode(), decoded(stored["key"]))


def _werkzeug(stored: re.Match[str]) -> Verifier:
    return _verifier(_cost_of(stored), stored["salt"].encode(), bytes.fromhex(stored["key"]))


def _passlib(stored: re.Match[str]) -> Verifier:
    cost = 2 ** int(stored["ln"]), int(stored["r"]), int(stored["p"])
    return _verifier(cost, decoded_bare(stored["salt"]), decoded_bare(stored["key"]))


def _better_auth(stored: re.Match[str]) -> Verifier:
    matches = _verifier(_BETTER_AUTH_COST, stored["salt"].encode(), bytes.fromhex(stored["key"]))
    return matches and (lambda password: matches(_normalized(password)))


def _normalized(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


SCHEMES = (
    Scheme(
        "scrypt (Django)",
        compiled(
            rf"scrypt\$(?P<n>[1-9]\d{{0,7}})\${SALT}\$(?P<r>[1-9]\d{{0,3}})\$(?P<p>[1-9]\d{{0,3}})"
            r"\$(?P<key>[A-Za-z0-9+/]{86}==)"
        ),
        _django,
        lambda stored: math.prod(_cost_of(stored)),
        blanked("A", "salt", "key"),
    ),
    Scheme(
        "scrypt (Werkzeug)",
        compiled(
            r"scrypt:(?P<n>[1-9]\d{0,7}):(?P<r>[1-9]\d{0,3}):(?P<p>[1-9]\d{0,3})"
            rf"\${SALT}\$(?P<key>[0-9a-f]{{128}})"
        ),
        _werkzeug,
        lambda stored: math.prod(_cost_of(stored)),
        blanked("a", "salt", "key"),
    ),
    Scheme(
        "scrypt (passlib)",
        compiled(
            r"\$scrypt\$ln=(?P<ln>[1-9]\d?),r=(?P<r>[1-9]\d{0,3}),p=(?P<p>[1-9]\d{0,3})"
            r"\$(?P<salt>[A-Za-z0-9+/.]{1,172})\$(?P<key>[A-Za-z0-9+/.]{22,172})"
        ),
        _passlib,
        lambda stored: 2 ** int(stored["ln"]) * int(stored["r"]) * int(stored["p"]),
        blanked("A", "salt", "key"),
    ),
    Scheme(
        "better-auth",
        compiled(re.escape(BETTER_AUTH_TAG) + BETTER_AUTH.pattern),
        _better_auth,
        lambda _: math.prod(_BETTER_AUTH_COST),
        blanked("a", "salt", "key"),
        spelling=_normalized,
    ),
)
