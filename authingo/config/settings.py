"""All settings in one object, which is checked when it is created."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from . import checking
from .addresses import origin_of
from .database_urls import redact_url
from .groups import (
    CookieSettings,
    EventSettings,
    Group,
    LimitSettings,
    LinkSettings,
    PasswordSettings,
    SessionSettings,
    StoreSettings,
    UserSettings,
)

C = TypeVar("C", bound="CapabilitySettings")

ShortLived = Literal["pending", "ceremony"]  # kinds of cookies; see `authingo.http.cookies`


class CapabilitySettings(Group, frozen=True):
    """The table of a capability. Its defaults turn nothing on."""

    def check(self, settings: Settings) -> None:
        """Refuse what cannot work or is unsafe, by itself or with the other settings.

        Raises:
            ConfigError: it says why, and what to do.
        """

    def short_lived_cookies(self) -> Mapping[ShortLived, tuple[str, ...]]:
        """Return the short-lived cookies that are used, and the purposes of what each finds.

        Signing out clears these cookies, and ends the secrets of these purposes that they find.
        """
        return {}

    def own_paths(self) -> tuple[str, ...]:
        """Return the paths outside of `base_path` below which this capability answers."""
        return ()

    def links(self, settings: Settings) -> Mapping[str, str]:  # noqa: ARG002 - for subclasses
        """Return the paths below `public_url` of its pages that links lead to, by their names."""
        return {}


class Settings(Group, frozen=True, dict=True):
    """All settings. A relative SQLite path starts at `directory`."""

    database_url: str = "sqlite:///authingo.db"
    listen_url: str | None = None
    base_path: str = "/api/auth"
    public_url: str | None = None
    sign_up: bool = True
    plugins: tuple[str, ...] = ()  # classes; see `authingo.plugins`
    profile: str | None = None  # the pydantic model of users' own fields
    trusted_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    cookies: CookieSettings = CookieSettings()
    sessions: SessionSettings = SessionSettings()
    passwords: PasswordSettings = PasswordSettings()
    store: StoreSettings = StoreSettings()
    events: EventSettings = EventSettings()
    users: UserSettings = UserSettings()
    limits: LimitSettings = LimitSettings()
    links: LinkSettings = LinkSettings()
    capabilities: tuple[CapabilitySettings, ...] = ()  # what was read; `of` returns one
    directory: Path = Path()
    profile_class: Any = None  # in place of `profile`, given in code

    def __repr__(self) -> str:
        return f"Settings(database_url={redact_url(self.database_url)!r}, …)"

    def __post_init__(self) -> None:
        checking.check_databases(self.database_url, self.listen_url)
        checking.check_base_path(self.base_path)
        checking.check_origins(self.public_url, self.trusted_origins)
        checking.check_cookies(self.cookies, self.public_url, self.trusted_origins)
        checking.check_sessions(self.sessions)
        checking.check_profile(self.profile)
        checking.check_proxies(self.trusted_proxies)
        checking.check_passwords(self.passwords)
        checking.check_store(self.store)
        checking.check_events(self.events)
        checking.check_users(self.users)
        checking.check_links(self.links)
        for one in self.capabilities:
            one.check(self)

    def of(self, kind: type[C]) -> C:
        """Return the settings of a capability, the defaults if nothing was read."""
        return next((one for one in self.capabilities if isinstance(one, kind)), kind())

    def having(self, table: CapabilitySettings) -> Settings:
        """Return these settings with a table in place of what was read for that capability."""
        others = [one for one in self.capabilities if not isinstance(table, type(one))]
        own = {name: getattr(self, name) for name in Settings.__struct_fields__}
        return Settings(**{**own, "capabilities": (*others, table)})

    def with_profile(self, model: Any) -> Settings:
        """Return these settings with a model of users' own fields."""
        own = {name: getattr(self, name) for name in Settings.__struct_fields__}
        return Settings(**{**own, "profile_class": model})

    def link_to(self, name: str) -> str:
        """Return the path below `public_url` of the page that a link leads to.

        It is the program's own if it has set one. Otherwise it is a page of a capability, or the
        name with hyphens at the top of the site.
        """
        own: str | None = getattr(self.links, name)
        if own is not None:
            return own
        pages = {key: path for one in self.capabilities for key, path in one.links(self).items()}
        return pages.get(name) or "/" + name.replace("_", "-")

    @cached_property
    def short_lived_cookies(self) -> Mapping[ShortLived, tuple[str, ...]]:
        """The short-lived cookies that capabilities use, and the purposes of what each finds."""
        used: dict[ShortLived, tuple[str, ...]] = {}
        for capability in self.capabilities:
            for kind, purposes in capability.short_lived_cookies().items():
                used[kind] = (*used.get(kind, ()), *purposes)
        return used

    @cached_property
    def own_paths(self) -> tuple[str, ...]:
        """The paths at and below which authingo answers, not the application."""
        return (self.base_path, *(path for one in self.capabilities for path in one.own_paths()))

    @cached_property
    def sign_in_path(self) -> str:
        """The path of the sign-in page, as the browser sees it."""
        return urlsplit(self.public_url or "").path.rstrip("/") + self.link_to("sign_in")

    @cached_property
    def secure_cookies(self) -> bool:
        """Whether cookies carry Secure: always, unless `public_url` is a loopback http address."""
        return not (self.public_url or "").startswith("http:")

    @cached_property
    def public_origin(self) -> str | None:
        """`public_url` as a browser would send it in Origin."""
        return origin_of(self.public_url) if self.public_url else None
