"""Everything that can be set: its type, its default, its reason."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from authingo.models import Lifetimes

from .addresses import origin_of
from .checking import check
from .database_urls import redact_url


class Duration(timedelta):
    """A time span, written as seconds or as "15m", "30d"."""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of authingo.toml."""


class CookieSettings(Group, frozen=True):
    """How the two cookies are sent. See `authingo.cookies` for the attributes."""

    prefix: str = "authingo"  # of their names: another one for each application on a host
    same_site: Literal["lax", "none"] = "lax"
    domain: str | None = None
    hardened_names: bool = False
    partitioned: bool = False


class SessionSettings(Group, frozen=True):
    """How long what lives, from the moment it is issued."""

    session_lifetime: Duration = Duration(minutes=15)
    refresh_lifetime: Duration = Duration(days=30)  # from the last use
    absolute_lifetime: Duration = Duration(days=90)  # from sign-in
    refresh_grace: Duration = Duration(seconds=10)  # tabs that refresh at once; 0 turns it off
    cache: Duration = Duration(seconds=10)  # longest life in the process's memory; 0 turns it off

    @property
    def lifetimes(self) -> Lifetimes:
        """The same, as the store takes it."""
        return Lifetimes(
            session=self.session_lifetime,
            refresh=self.refresh_lifetime,
            absolute=self.absolute_lifetime,
            grace=self.refresh_grace,
        )


class PasswordSettings(Group, frozen=True):
    """The policy for new passwords, and the price of a guess."""

    min_length: int = 8  # code points
    bcrypt_cost: int = 12  # 2^12 rounds: a quarter of a second on a core of 2024


class StoreSettings(Group, frozen=True):
    """Limits on waiting for the database."""

    timeout: Duration = Duration(seconds=5)
    pool_size: int = 10  # connections of one process; PostgreSQL only


class LimitSettings(Group, frozen=True):
    """Who may try how often: the numbers are those of `authingo.limits`."""

    enabled: bool = True


class EventSettings(Group, frozen=True):
    """The record of what happened."""

    retention: Duration = Duration(days=90)  # then `authingo sessions prune` deletes it


class Settings(Group, frozen=True, dict=True):
    """Everything that can be set. `directory` is where a relative SQLite path starts."""

    database_url: str = "sqlite:///authingo.db"
    listen_url: str | None = None
    base_path: str = "/api/auth"
    public_url: str | None = None
    sign_up: bool = True
    trusted_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    cookies: CookieSettings = CookieSettings()
    sessions: SessionSettings = SessionSettings()
    passwords: PasswordSettings = PasswordSettings()
    store: StoreSettings = StoreSettings()
    events: EventSettings = EventSettings()
    limits: LimitSettings = LimitSettings()
    directory: Path = Path()

    def __repr__(self) -> str:
        return f"Settings(database_url={redact_url(self.database_url)!r}, …)"

    def __post_init__(self) -> None:
        check(self)

    @cached_property
    def secure_cookies(self) -> bool:
        """Whether cookies carry Secure: always, unless `public_url` is a loopback http address."""
        return not (self.public_url or "").startswith("http:")

    @cached_property
    def public_origin(self) -> str | None:
        """`public_url` as a browser would send it in Origin."""
        return origin_of(self.public_url) if self.public_url else None
