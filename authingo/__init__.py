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
    from authingo.errors import (
        AuthError,
        Busy,
        ConfigError,
        EmailNotVerified,
        EmailTaken,
        Forbidden,
        InvalidCredentials,
        InvalidInput,
        InvalidToken,
        MailNotSent,
        NoDatabase,
        NoSession,
        NoSuchMail,
        NoSuchSession,
        NoSuchUser,
        PasswordRequired,
        ReauthenticationRequired,
        RefreshReused,
        Refused,
        SchemaBehind,
        SchemaUnsupported,
        SessionExpired,
        SignUpClosed,
        StoreUnavailable,
        TooManyRequests,
        UserReferenced,
        WrongPassword,
    )
    from authingo.hooks.gates import GateAttempt
    from authingo.models import (
        ChangedUser,
        Client,
        Event,
        Session,
        SignedIn,
        StoredSession,
        Tokens,
        User,
        UserAndSession,
    )
    from authingo.plugins import Plugin
    from authingo.profile_models import ClientWritable, ServerOnly
    from authingo.stores.within import HookConnection

__all__ = [
    "Auth",
    "AuthError",
    "Busy",
    "ChangedUser",
    "Client",
    "ClientWritable",
    "ConfigError",
    "EmailNotVerified",
    "EmailTaken",
    "Event",
    "Forbidden",
    "GateAttempt",
    "HookConnection",
    "InvalidCredentials",
    "InvalidInput",
    "InvalidToken",
    "MailNotSent",
    "NoDatabase",
    "NoSession",
    "NoSuchMail",
    "NoSuchSession",
    "NoSuchUser",
    "PasswordRequired",
    "Plugin",
    "ReauthenticationRequired",
    "RefreshReused",
    "Refused",
    "SchemaBehind",
    "SchemaUnsupported",
    "ServerOnly",
    "Session",
    "SessionExpired",
    "Settings",
    "SignUpClosed",
    "SignedIn",
    "StoreUnavailable",
    "StoredSession",
    "Tokens",
    "TooManyRequests",
    "User",
    "UserAndSession",
    "UserReferenced",
    "WrongPassword",
]

_HOMES = {
    "ChangedUser": "models",
    "Auth": "auth",
    "AuthError": "errors",
    "Busy": "errors",
    "Client": "models",
    "ClientWritable": "profile_models",
    "ConfigError": "errors",
    "EmailNotVerified": "errors",
    "EmailTaken": "errors",
    "Event": "models",
    "Forbidden": "errors",
    "GateAttempt": "hooks.gates",
    "HookConnection": "stores.within",
    "InvalidCredentials": "errors",
    "InvalidInput": "errors",
    "InvalidToken": "errors",
    "MailNotSent": "errors",
    "NoDatabase": "errors",
    "NoSession": "errors",
    "NoSuchMail": "errors",
    "NoSuchSession": "errors",
    "NoSuchUser": "errors",
    "PasswordRequired": "errors",
    "Plugin": "plugins",
    "ReauthenticationRequired": "errors",
    "RefreshReused": "errors",
    "Refused": "errors",
    "UserAndSession": "models",
    "SchemaBehind": "errors",
    "SchemaUnsupported": "errors",
    "ServerOnly": "profile_models",
    "Session": "models",
    "SessionExpired": "errors",
    "Settings": "config",
    "SignUpClosed": "errors",
    "SignedIn": "models",
    "StoreUnavailable": "errors",
    "StoredSession": "models",
    "Tokens": "models",
    "TooManyRequests": "errors",
    "User": "models",
    "UserReferenced": "errors",
    "WrongPassword": "errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"authingo.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
