"""Settings: authingo.toml, AUTHINGO_* variables, defaults.

A variable beats the file, the file beats the default; an empty variable is
unset. Whatever is unknown, cannot work or is unsafe is refused with the reason
and what to do; the value of a secret never appears in a message (ASVS 5.0
V13.2, V13.3).
"""

from __future__ import annotations

from .addresses import is_loopback, origin_of
from .database_urls import kind_of, redact_url, sqlite_path
from .postgres_urls import PostgresURL, read_postgres_url
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
    "PostgresURL",
    "SessionSettings",
    "Settings",
    "StoreSettings",
    "find",
    "is_loopback",
    "kind_of",
    "load",
    "origin_of",
    "read_postgres_url",
    "redact_url",
    "settings_from",
    "sqlite_path",
]
