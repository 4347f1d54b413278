"""Tokens: a browser gets random bits, the store gets their digests.

A session token is the session's id and a secret of 32 random bytes; a refresh token is a 16-byte
family selector and a 32-byte verifier (OWASP ASVS 5.0 V7.2.3 asks for 128 bits of entropy; the
smallest secret here has 256). Secrets are base64url without padding. The store sees SHA-256 digests
only, so a stolen dump gives no access; the secrets are random, so no slow hash is needed (ASVS 5.0
V11.4, NIST SP 800-63B-4 §5.1).

The id is public and stays the same through all refreshes. It finds the session, so that the digest,
which each refresh replaces, needs no index. It proves nothing: the digest of the secret is compared
for each token that comes. Session tokens of earlier versions had no id; the store finds these by
their digest until the next refresh.

Rotation does not draw the next tokens but derives them. So two requests with the
same token can get the same pair, although the store keeps no token. With a fresh
random nonce N and the verifier v of the request,

    next verifier        = HMAC-SHA-256(N, "authingo/1 refresh" || 0x00 || v)
    next session secret  = HMAC-SHA-256(N, "authingo/1 session" || 0x00 || v)

The store keeps N. It does not keep v, and without v, N is just a random number.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Sequence
from dataclasses import dataclass

from authingo.models import TokenKey

_SELECTOR_SIZE = 16  # bytes
_SECRET_SIZE = 32  # bytes

# Each token has exactly one spelling. 32 bytes take 43 characters, and the last two bits must be
# zero, which a lenient decoder would not check. 48 bytes fill 64 characters exactly.
_SECRET = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_SESSION_TOKEN = re.compile(rf"([A-Za-z0-9_-]{{1,64}})\.({_SECRET.pattern})", re.ASCII)
_SESSION_ID = "ses_"  # stands before every session id, and is left out in tokens
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}", re.ASCII)
_IN_A_COOKIE = 3  # device tokens, so that a family can share a browser
_DEVICE_COOKIE = re.compile(
    rf"[A-Za-z0-9_-]{{64}}(?:\.[A-Za-z0-9_-]{{64}}){{0,{_IN_A_COOKIE - 1}}}", re.ASCII
)
_TO_BASE64 = bytes.maketrans(b"-_", b"+/")


def digest(secret: bytes) -> bytes:
    """Return the SHA-256 of a secret of 128 random bits or more. The store may keep it."""
    return hashlib.sha256(secret).digest()


@dataclass(frozen=True, slots=True, repr=False)
class SessionToken:
    """The secret that proves a session, and the session's id. Never printed."""

    secret: bytes
    session_id: str | None

    @classmethod
    def generate(cls, session_id: str) -> SessionToken:
        """Draw a new one from the operating system."""
        return cls(secrets.token_bytes(_SECRET_SIZE), session_id)

    @classmethod
    def parse(cls, text: str) -> SessionToken | None:
        """Read the exact spelling of a token, or return None."""
        if found := _SESSION_TOKEN.fullmatch(text):
            return cls(_decode(found[2]), _SESSION_ID + found[1])
        return cls(_decode(text), None) if _SECRET.fullmatch(text) else None

    def __str__(self) -> str:
        secret = _encode(self.secret)
        return (
            f"{self.session_id.removeprefix(_SESSION_ID)}.{secret}" if self.session_id else secret
        )

    @property
    def digest(self) -> bytes:
        """What the store keeps of the secret."""
        return digest(self.secret)

    @property
    def key(self) -> TokenKey:
        """What the store is given to find it."""
        return TokenKey(self.session_id, self.digest)


@dataclass(frozen=True, slots=True, repr=False)
class RefreshToken:
    """The secret that renews a session. `selector` finds the session, `verifier` is compared."""

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
        """The digest by which the store finds the session."""
        return digest(self.selector)

    @property
    def verifier_digest(self) -> bytes:
        """The digest that the store compares."""
        return digest(self.verifier)

    def successors(self, nonce: bytes) -> tuple[bytes, RefreshToken]:
        """Derive what replaces this token in a rotation with this nonce.

        That is the secret of the session token, and the refresh token.
        """
        secret = _derive(nonce, b"authingo/1 session", self.verifier)
        verifier = _derive(nonce, b"authingo/1 refresh", self.verifier)
        return secret, RefreshToken(self.selector, verifier)


@dataclass(frozen=True, slots=True, repr=False)
class DeviceToken:
    """The secret by which an account recognizes a browser that has signed in before.

    `browser` stays the same from sign-in to sign-in, so that failures are counted for the
    browser. `secret` is new for each sign-in. A token in a request proves something only if the
    store has its digest for that account (OWASP, "Slow Down Online Guessing Attacks with Device
    Cookies").
    """

    browser: bytes
    secret: bytes

    @classmethod
    def generate(cls, before: DeviceToken | None = None) -> DeviceToken:
        """Draw a new one; `before` is the recognized token that it replaces, if any."""
        browser = before.browser if before else secrets.token_bytes(_SELECTOR_SIZE)
        return cls(browser, secrets.token_bytes(_SECRET_SIZE))

    def cookie(self, presented: Sequence[DeviceToken]) -> str:
        """Return the value of the device cookie: this token, then others that the request had."""
        others = [one for one in presented if one.browser != self.browser]
        return ".".join(map(str, (self, *others[: _IN_A_COOKIE - 1])))

    @classmethod
    def parse_all(cls, cookie: str | None) -> tuple[DeviceToken, ...]:
        """Read the value of a device cookie: up to three tokens, the latest first.

        Anything else counts as no tokens.
        """
        if not cookie or not _DEVICE_COOKIE.fullmatch(cookie):
            return ()
        parts = (_decode(text) for text in cookie.split("."))
        return tuple(cls(raw[:_SELECTOR_SIZE], raw[_SELECTOR_SIZE:]) for raw in parts)

    def __str__(self) -> str:
        return _encode(self.browser + self.secret)

    @property
    def digest(self) -> bytes:
        """What the store keeps of the token."""
        return digest(self.browser + self.secret)

    @property
    def browser_digest(self) -> bytes:
        """What the store keeps of the part that stays the same."""
        return digest(self.browser)


@dataclass(frozen=True, slots=True, repr=False)
class BrowserToken:
    """The secret in a short-lived cookie. It finds what this browser has begun, and nobody else's.

    It is drawn each time something begins, and a value that a browser brings is never used for
    something new, because somebody else may have planted it (session fixation, CWE-384).
    """

    secret: bytes

    @classmethod
    def generate(cls) -> BrowserToken:
        """Draw a new one from the operating system."""
        return cls(secrets.token_bytes(_SECRET_SIZE))

    @classmethod
    def parse(cls, text: str | None) -> BrowserToken | None:
        """Read the exact spelling of a token, or return None."""
        return cls(_decode(text)) if text and _SECRET.fullmatch(text) else None

    def __str__(self) -> str:
        return _encode(self.secret)

    @property
    def digest(self) -> bytes:
        """What the store keeps."""
        return digest(self.secret)


def session_key(text: str | None) -> TokenKey | None:
    """Return what the store is given of a session token, or None if it is not spelled exactly.

    The same as `SessionToken.parse(text).key`, but faster, because every request needs it.
    """
    if not text:
        return None
    if found := _SESSION_TOKEN.fullmatch(text):
        return TokenKey(_SESSION_ID + found[1], _fast_digest(found[2]))
    return TokenKey(None, _fast_digest(text)) if _SECRET.fullmatch(text) else None


def new_nonce() -> bytes:
    """Draw the random key of one rotation."""
    return secrets.token_bytes(_SECRET_SIZE)


def _derive(nonce: bytes, label: bytes, verifier: bytes) -> bytes:
    return hmac.digest(nonce, label + b"\x00" + verifier, "sha256")


def _fast_digest(text: str) -> bytes:
    return hashlib.sha256(a2b_base64(text.encode().translate(_TO_BASE64) + b"=")).digest()


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
