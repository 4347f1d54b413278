"""Tokens: random bits out, digests in.

A session token is 32 random bytes; a refresh token is a 16-byte family selector
and a 32-byte verifier (OWASP ASVS 5.0 V7.2.3 asks for 128 bits of entropy; the
smallest secret here has 256). Both are base64url without padding. The store sees
SHA-256 digests only: the tokens are random, so no slow hash is needed, and a
stolen dump opens nothing (ASVS 5.0 V11.4, NIST SP 800-63B-4 §5.1).

Rotation derives the successors instead of drawing them, so that two requests
with the same token can be answered with the same pair although no token is
kept: with a fresh random nonce N and the verifier v that was presented,

    next verifier       = HMAC-SHA-256(N, "authingo/1 refresh" || 0x00 || v)
    next session token  = HMAC-SHA-256(N, "authingo/1 session" || 0x00 || v)

The store keeps N. Without v, which it does not keep, N is just a random number.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import a2b_base64
from dataclasses import dataclass

_SELECTOR_SIZE = 16  # bytes
_SECRET_SIZE = 32  # bytes

# The one spelling of each: 32 bytes leave two zero bits in the last of 43
# characters, which a lenient decoder would ignore; 48 bytes fill 64 exactly.
_SESSION_TOKEN = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}", re.ASCII)
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")


def digest(secret: bytes) -> bytes:
    """Return the SHA-256 of a secret of at least 128 random bits: what the store may keep."""
    return hashlib.sha256(secret).digest()


@dataclass(frozen=True, slots=True, repr=False)
class SessionToken:
    """The secret that opens a session. Never printed."""

    secret: bytes

    @classmethod
    def generate(cls) -> SessionToken:
        """Draw a new one from the operating system."""
        return cls(secrets.token_bytes(_SECRET_SIZE))

    @classmethod
    def parse(cls, text: str) -> SessionToken | None:
        """Read the exact spelling of a token, or return None."""
        return cls(_decode(text)) if _SESSION_TOKEN.fullmatch(text) else None

    def __str__(self) -> str:
        return _encode(self.secret)

    @property
    def digest(self) -> bytes:
        """What the store keeps."""
        return digest(self.secret)


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    """The secret that renews a session: `selector` finds the row, `verifier` proves the right."""

    selector: bytes
    verifier: bytes

    @classmethod
    def generate(cls) -> RefreshToken:
        """Draw a new one from the operating system."""
        return cls(secrets.token_bytes(_SELECTOR_SIZE), secrets.token_bytes(_SECRET_SIZE))

    @classmethod
    def parse(cls, text: str) -> RefreshToken | None:
        """Read the exact spelling of a token, or return None."""
        if not _REFRESH_TOKEN.fullmatch(text):
            return None
        raw = _decode(text)
        return cls(raw[:_SELECTOR_SIZE], raw[_SELECTOR_SIZE:])

    def __str__(self) -> str:
        return _encode(self.selector + self.verifier)

    @property
    def selector_digest(self) -> bytes:
        """What the store finds the session by."""
        return digest(self.selector)

    @property
    def verifier_digest(self) -> bytes:
        """What the store compares."""
        return digest(self.verifier)

    def successors(self, nonce: bytes) -> tuple[SessionToken, RefreshToken]:
        """Derive the pair that a rotation with this nonce gives for this token."""
        session = _derive(nonce, b"authingo/1 session", self.verifier)
        verifier = _derive(nonce, b"authingo/1 refresh", self.verifier)
        return SessionToken(session), RefreshToken(self.selector, verifier)


def session_digest(text: str) -> bytes | None:
    """Return what the store keeps of a session token in its exact spelling, or None.

    The same as `SessionToken.parse(text).digest`, for what is asked with every request.
    """
    if not _SESSION_TOKEN.fullmatch(text):
        return None
    return hashlib.sha256(a2b_base64(text.encode().translate(_TO_BASE64) + b"=")).digest()


def new_nonce() -> bytes:
    """Draw the random key of one rotation."""
    return secrets.token_bytes(_SECRET_SIZE)


def _derive(nonce: bytes, label: bytes, verifier: bytes) -> bytes:
    return hmac.digest(nonce, label + b"\x00" + verifier, "sha256")


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
