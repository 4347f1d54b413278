"""bcrypt of a digest, so that a password longer than 72 bytes counts in full.

- `bcrypt_sha256$$2b$12$…`: Django; bcrypt of the hex SHA-256.
- `$wp$2y$10$…`: WordPress since 6.8; bcrypt of the Base64 HMAC-SHA-384 under the key
  `wp-sha384`.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from functools import partial

from authingo.foreign_hashes.phpass import trimmed_by_wordpress, typed_into_wordpress
from authingo.foreign_hashes.scheme import Scheme, blanked, compiled

_BCRYPT = (
    r"(?P<bcrypt>\$2[aby]\$(?P<cost>0[4-9]|1[0-5])"
    r"\$(?P<secret>[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}))"
)
_BCRYPT_TWICE = _BCRYPT.replace("1[0-5]", "1[0-4]")  # two spellings cost as much as 15 once


def _matches_django(stored: str, password: str) -> bool:
    return _matches(stored, hashlib.sha256(password.encode()).hexdigest().encode())


def _matches_wordpress(stored: str, password: str) -> bool:
    return any(
        _matches(stored, b64encode(hmac.digest(b"wp-sha384", each, "sha384")))
        for each in typed_into_wordpress(password)
    )


def _matches(stored: str, digest: bytes) -> bool:
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    return bcrypt.checkpw(digest, stored.encode())


SCHEMES = (
    Scheme(
        "bcrypt_sha256",
        compiled(r"bcrypt_sha256\$" + _BCRYPT),
        lambda stored: partial(_matches_django, stored["bcrypt"]),
        lambda stored: 2 ** int(stored["cost"]),
        blanked(".", "secret"),
    ),
    Scheme(
        "wordpress",
        compiled(r"\$wp" + _BCRYPT_TWICE),
        lambda stored: partial(_matches_wordpress, stored["bcrypt"]),
        lambda stored: 2 ** int(stored["cost"]),
        blanked(".", "secret"),
        spelling=trimmed_by_wordpress,
    ),
)
