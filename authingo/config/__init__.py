"""Settings: authingo.toml, AUTHINGO_* variables, defaults.

A variable beats the file, the file beats the default; an empty variable is
unset. Whatever is unknown, cannot work or is unsafe is refused with the reason
and what to do; the value of a secret never appears in a message (ASVS 5.0
V13.2, V13.3).
"""

from __future__ import annotations

from .addresses import is_loopback, origin_of
from .database_urls import redact_url
from .reading import FILE_NAME, find, load
from .settings import (
    CookieSettings,
    Duration,
    EventSettings,
    LimitSettings,
    PasswordSettings,
    SessionSettings,
    Settings,
    StoreSettings,
)
from .values import settings_from

__all__ = [
    "FILE_NAME",
    "CookieSettings",
    "Duration",
    "EventSettings",
    "LimitSettings",
    "PasswordSettings",
    "SessionSettings",
    "Settings",
    "StoreSettings",
    "find",
    "is_loopback",
    "load",
    "origin_of",
    "redact_url",
    "settings_from",
]
