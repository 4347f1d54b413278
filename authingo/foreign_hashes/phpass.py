"""phpass's portable hash, `$P$B12345678…`: WordPress before 6.8.

MD5 of the salt and the password, and then 2^n times MD5 of that digest and the password.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import partial

from authingo.foreign_hashes.scheme import Scheme, blanked, compiled

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MIN_COST = 7  # which phpass has too
_MAX_COST = 17  # WordPress: 13. Python counts the rounds, and no other thread runs meanwhile


def trimmed_by_wordpress(password: str) -> str:
    """Return a password without the white space that PHP's trim takes off."""
    return password.strip(" \t\n\r\v")


def typed_into_wordpress(password: str) -> tuple[bytes, ...]:
    r"""Return what WordPress may have hashed when somebody typed this password into its form.

    WordPress trims a password, and puts a backslash before quotes and backslashes as PHP
    once did with all input ("magic quotes"): `wp_signon` and the forms that set a password
    do not take them off again. What was set in other ways has none.
    """
    trimmed = trimmed_by_wordpress(password)
    slashed = re.sub(r"""(['"\\])""", r"\\\1", trimmed)
    return tuple({slashed.encode(): None, trimmed.encode(): None})


def _read(stored: re.Match[str]) -> Callable[[str], bool] | None:
    cost = _ALPHABET.index(stored["cost"])
    affordable = _MIN_COST <= cost <= _MAX_COST
    key = stored["key"]
    return partial(_matches, cost, stored["salt"].encode(), key) if affordable else None


def _matches(cost: int, salt: bytes, key: str, password: str) -> bool:
    return any(
        hmac.compare_digest(key, _in_64(_hash(cost, salt, each)))
        for each in typed_into_wordpress(password)
    )


def _hash(cost: int, salt: bytes, password: bytes) -> bytes:
    # Not "for security": a server in FIPS mode lets an old hash be verified only like this.
    md5 = partial(hashlib.md5, usedforsecurity=False)
    digest = md5(salt + password).digest()
    for _ in range(2**cost):
        digest = md5(digest + password).digest()
    return digest


def _in_64(digest: bytes) -> str:
    """Write bytes in phpass's alphabet: the least significant six bits of each three first."""
    written = []
    for at in range(0, len(digest), 3):
        three = digest[at : at + 3]
        number = int.from_bytes(three, "little")
        written += [_ALPHABET[number >> 6 * place & 63] for place in range(len(three) + 1)]
    return "".join(written)


SCHEMES = (
    Scheme(
        "phpass",
        compiled(
            r"\$P\$(?P<cost>[./0-9A-Za-z])(?P<salt>[./0-9A-Za-z]{8})(?P<key>[./0-9A-Za-z]{22})"
        ),
        _read,
        lambda stored: 2 ** _ALPHABET.index(stored["cost"]),
        blanked(".", "salt", "key"),
        spelling=trimmed_by_wordpress,
    ),
)
