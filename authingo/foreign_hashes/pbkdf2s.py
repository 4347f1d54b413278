"""PBKDF2 (RFC 8018), in the spellings of several systems.

- `pbkdf2_sha256$1000000$salt$…` and `pbkdf2_sha1$…`: Django; the key in Base64.
- `pbkdf2:sha256:1000000$salt$…`: Werkzeug, which Flask uses; the key in hex.
- `$pbkdf2-sha256$29000$salt$…`, `-sha512` and, for SHA-1, `$pbkdf2$…`: passlib; salt and
  key in Base64. What Keycloak has is written like this too.
- `$aspnet-identity$…`: ASP.NET Identity writes Base64 of a binary structure, which is
  nobody's tag, so it gets one. Versions 2 and 3 of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from base64 import b64encode
from collections.abc import Callable
from functools import partial

from authingo.foreign_hashes.scheme import (
    SALT,
    Scheme,
    blanked,
    compiled,
    decoded,
    decoded_bare,
)

ASPNET_TAG = "$aspnet-identity$"
_MAX_WORK = 5_000_000  # rounds of SHA-1 or SHA-256: a second on a core of 2024
_COST = {"sha1": 1, "sha256": 1, "sha512": 2}  # of a round
_KEY_LENGTHS = {16, 20, 32, 64}  # bytes; any other is a key of which a part is missing
_HEADER = 13  # bytes of version 3 before the salt
_ASPNET_DIGESTS = {0: "sha1", 1: "sha256", 2: "sha512"}
_ROUNDS = r"(?P<rounds>[1-9]\d{0,7})"

Verifier = Callable[[str], bool] | None


def _verifier(digest: str, rounds: int, salt: bytes, key: bytes) -> Verifier:
    if len(key) not in _KEY_LENGTHS or rounds < 1:
        raise ValueError
    blocks = -(-len(key) // hashlib.new(digest, usedforsecurity=False).digest_size)
    if rounds * blocks * _COST[digest] > _MAX_WORK:
        return None
    return partial(_matches, digest, rounds, salt, key)


def _matches(digest: str, rounds: int, salt: bytes, key: bytes, password: str) -> bool:
    made = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds, len(key))
    return hmac.compare_digest(made, key)


def _django(stored: re.Match[str]) -> Verifier:
    salt = stored["salt"].encode()
    return _verifier(stored["digest"], int(stored["rounds"]), salt, decoded(stored["key"]))


def _werkzeug(stored: re.Match[str]) -> Verifier:
    salt, key = stored["salt"].encode(), bytes.fromhex(stored["key"])
    return _verifier(stored["digest"], int(stored["rounds"]), salt, key)


def _passlib(stored: re.Match[str]) -> Verifier:
    salt, key = decoded_bare(stored["salt"]), decoded_bare(stored["key"])
    return _verifier(stored["digest"] or "sha1", int(stored["rounds"]), salt, key)


def _aspnet(stored: re.Match[str]) -> Verifier:
    """Read `0x01, digest, rounds, length of the salt` in four bytes each, the salt and the key.

    Or, of version 2, `0x00`, a salt of 16 bytes and a key of 32, under 1,000 rounds of SHA-1.
    """
    raw, (digest, rounds, length) = decoded(stored["structure"]), _header_of(stored)
    if digest not in _ASPNET_DIGESTS or length > len(raw) - _HEADER:
        raise ValueError
    begins = _HEADER if raw[0] else 1
    salt, key = raw[begins : begins + length], raw[begins + length :]
    return _verifier(_ASPNET_DIGESTS[digest], rounds, salt, key)


def _header_of(stored: re.Match[str]) -> tuple[int, int, int]:
    """Return the number of the digest, the rounds, and the length of the salt in bytes."""
    raw = decoded(stored["structure"])
    if raw[:1] == b"\x00" and len(raw) == 49:
        return 0, 1000, 16
    if raw[:1] != b"\x01" or len(raw) < _HEADER:
        raise ValueError
    digest, rounds, length = struct.unpack(">III", raw[1:_HEADER])
    return digest, rounds, length


def _aspnet_without_secrets(stored: re.Match[str]) -> tuple[str, str]:
    raw = decoded(stored["structure"])
    kept = _HEADER if raw[0] else 1
    text = ASPNET_TAG + b64encode(raw[:kept] + bytes(len(raw) - kept)).decode()
    return text, text[: len(ASPNET_TAG) + (kept * 8) // 6]


def _work(stored: re.Match[str]) -> int:
    return int(stored["rounds"]) * _COST[stored["digest"] or "sha1"]


SCHEMES = (
    Scheme(
        "pbkdf2 (Django)",
        compiled(
            rf"pbkdf2_(?P<digest>sha1|sha256)\${_ROUNDS}\${SALT}\$(?P<key>[A-Za-z0-9+/]{{27,43}}=)"
        ),
        _django,
        _work,
        blanked("A", "salt", "key"),
    ),
    Scheme(
        "pbkdf2 (Werkzeug)",
        compiled(
            rf"pbkdf2:(?P<digest>sha1|sha256|sha512):{_ROUNDS}\${SALT}"
            r"\$(?P<key>(?:[0-9a-f]{2}){16,128})"
        ),
        _werkzeug,
        _work,
        blanked("a", "salt", "key"),
    ),
    Scheme(
        "pbkdf2 (passlib)",
        compiled(
            rf"\$pbkdf2(?:-(?P<digest>sha1|sha256|sha512))?\${_ROUNDS}"
            r"\$(?P<salt>[A-Za-z0-9+/.]{1,172})\$(?P<key>[A-Za-z0-9+/.]{22,172})"
        ),
        _passlib,
        _work,
        blanked("A", "salt", "key"),
    ),
    Scheme(
        "aspnet",
        compiled(re.escape(ASPNET_TAG) + r"(?P<structure>[A-Za-z0-9+/]{40,400}={0,2})"),
        _aspnet,
        lambda stored: _header_of(stored)[1],
        _aspnet_without_secrets,
    ),
)
