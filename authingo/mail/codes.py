"""Codes that a person reads in a mail and types: eight letters, good for a few minutes.

The letters are those of RFC 8628 §6.1: no vowels, so that they spell no words, and nothing that
looks like a digit. Eight of them have 34 random bits (ASVS 5.0 V6.5.4 asks for 20). That is too
few for a quick digest, so the store keeps a bcrypt hash (V6.5.2; NIST SP 800-63B-4 §3.1.2.2), and
only in a row that the cookie of one browser finds. A thief of the database would have to try every
code within the ten minutes that it is good for.
"""

from __future__ import annotations

import hmac
import re
import secrets

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH = 8
_CODE = re.compile(f"[{_LETTERS}]{{{_LENGTH}}}", re.ASCII)
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015]+")
# A quarter of the time of a password's hash: a code is good for minutes, and is random.
_MOST_COST = 10


def draw() -> str:
    """Draw a new code from the operating system."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def shown(code: str) -> str:
    """Return a code as a person reads it, in two groups."""
    return f"{code[: _LENGTH // 2]}-{code[_LENGTH // 2 :]}"


def read(text: str) -> str | None:
    """Return the code that somebody typed, in any case, with spaces and dashes; None: it is none.

    The server forgives what cannot be meant otherwise (RFC 8628 §6.1).
    """
    code = _SEPARATORS.sub("", text).upper()
    return code if _CODE.fullmatch(code) else None


def hash_code(code: str, cost: int, like: str | None = None) -> str:
    """Hash a code with bcrypt.

    Args:
        code: what `draw` or `read` returned.
        cost: that of passwords; a code costs the same or less.
        like: a hash whose salt to use, so that one hash can be compared with several.
    """
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    setting = like.encode() if like else bcrypt.gensalt(min(cost, _MOST_COST))
    return bcrypt.hashpw(code.encode(), setting).decode()


def is_one_of(hashed: str, hashes: list[str]) -> bool:
    """Return whether a hash is one of several that have its salt."""
    return any(hmac.compare_digest(hashed, one) for one in hashes)
