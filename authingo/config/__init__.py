"""Settings: authingo.toml, AUTHINGO_* variables, defaults.

A variable overrides the file, and the file overrides the default; an empty variable counts as
unset. Settings that are unknown, cannot work or are unsafe are refused with the reason and what to
do. The value of a secret never appears in a message (ASVS 5.0 V13.2, V13.3).
"""

from __future__ import annotations

from .addresses import is_loopback, origin_of, split_url
from .database_urls import is_local, kind_of, redact_url, sqlite_path
from .groups import (
    CookieSettings,
    Duration,
    EventSettings,
    LimitSettings,
    LinkSettings,
    PasswordSettings,
    SessionSettings,
    StoreSettings,
    UserSettings,
)
from .postgres_urls import PostgresURL, read_postgres_url
from .reading import FILE_NAME, find, load
from .settings import CapabilitySettings, Settings, ShortLived
from .values import settings_from

__all__ = [
    "FILE_NAME",
    "CapabilitySettings",
    "CookieSettings",
    "Duration",
    "EventSettings",
    "LimitSettings",
    "LinkSettings",
    "PasswordSettings",
    "PostgresURL",
    "SessionSettings",
    "Settings",
    "ShortLived",
    "StoreSettings",
    "UserSettings",
    "find",
    "is_local",
    "is_loopback",
    "kind_of",
    "load",
    "origin_of",
    "read_postgres_url",
    "redact_url",
    "settings_from",
    "split_url",
    "sqlite_path",
]
