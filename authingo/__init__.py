"""authingo: server-first authentication. Opaque sessions in your own database, no JWTs.

The names below are imported when first asked for: the command line lives in this
package and must not wait for what it does not use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.config import Settings
    from authingo.errors import AuthError
    from authingo.models import Session, SignedIn, Tokens, User

__all__ = ["Auth", "AuthError", "Session", "Settings", "SignedIn", "Tokens", "User"]

_HOMES = {
    "Auth": "auth",
    "AuthError": "errors",
    "Session": "models",
    "Settings": "config",
    "SignedIn": "models",
    "Tokens": "models",
    "User": "models",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"authingo.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
