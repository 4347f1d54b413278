"""Refuse what cannot work or is unsafe, with the reason and what to do."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from authingo.errors import ConfigError

from .addresses import check_trusted_origin, is_loopback, origin_of
from .database_urls import check_database_url, kind_of

if TYPE_CHECKING:
    from .settings import SessionSettings, Settings


def check(settings: Settings) -> None:
    """Raise ConfigError for what cannot work or is unsafe."""
    check_database_url("database_url", settings.database_url)
    if settings.listen_url is not None:
        check_database_url("listen_url", settings.listen_url)
        urls = (("listen_url", settings.listen_url), ("database_url", settings.database_url))
        if "sqlite" in {kind_of(setting, url) for setting, url in urls}:
            raise ConfigError("listen_url: is for PostgreSQL, and both must be there")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", settings.base_path, re.ASCII):
        raise ConfigError(
            "base_path: must be a path such as /api/auth: a slash before it, none at its end"
        )
    _check_origins(settings)
    _check_cookies(settings)
    _check_lifetimes(settings.sessions)
    _check_proxies(settings.trusted_proxies)
    if not 8 <= settings.passwords.min_length <= 64:
        raise ConfigError("passwords.min_length: must be from 8 to 64 (ASVS 5.0 V6.2.1)")
    if not 4 <= settings.passwords.bcrypt_cost <= 15:
        raise ConfigError("passwords.bcrypt_cost: must be from 4 (tests only) to 15")
    if not timedelta(0) < settings.store.timeout <= timedelta(minutes=1):
        raise ConfigError("store.timeout: must be longer than 0 and at most 1 minute")
    if not timedelta(days=1) <= settings.events.retention <= timedelta(days=3650):
        raise ConfigError("events.retention: must be from 1 day to ten years")
    if not 1 <= settings.store.pool_size <= 1000:
        raise ConfigError("store.pool_size: must be from 1 to 1000")


def _check_proxies(networks: tuple[str, ...]) -> None:
    for item in networks:
        try:
            ipaddress.ip_network(item)
        except ValueError:
            raise ConfigError(f"trusted_proxies: {_network_fault(item)}") from None


def _network_fault(text: str) -> str:
    if text == "*":
        return "everybody could then choose the address they come from: list your proxies"
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "each must be an address or a network such as 10.0.0.0/8; names are not looked up"
    return f"an address with more bits than its network has: write {network}"


def _check_lifetimes(lives: SessionSettings) -> None:
    if lives.session_lifetime <= timedelta(0):
        raise ConfigError("sessions.session_lifetime: must be longer than 0")
    if not lives.session_lifetime <= lives.refresh_lifetime <= lives.absolute_lifetime:
        raise ConfigError(
            "sessions: session_lifetime, refresh_lifetime and absolute_lifetime must not decrease"
        )
    if not timedelta(0) <= lives.refresh_grace <= timedelta(minutes=1):
        raise ConfigError("sessions.refresh_grace: must be from 0 to 1 minute")
    if not timedelta(0) <= lives.cache <= timedelta(minutes=1):
        raise ConfigError("sessions.cache: must be from 0 to 1 minute")
    if lives.absolute_lifetime > timedelta(days=3650):
        raise ConfigError("sessions.absolute_lifetime: must be at most ten years")


def _check_origins(settings: Settings) -> None:
    if settings.public_url is not None:
        try:
            origin = origin_of(settings.public_url)
        except ValueError as error:
            raise ConfigError(f"public_url: {error}") from None
        if origin.startswith("http:") and not is_loopback(urlsplit(origin).hostname or ""):
            raise ConfigError(
                "public_url: must be https, but for a loopback address: "
                "browsers would send the cookies over an open wire"
            )
    for item in settings.trusted_origins:
        try:
            check_trusted_origin(item)
        except ValueError as error:
            raise ConfigError(f"trusted_origins: {error}") from None


def _check_cookies(settings: Settings) -> None:
    cookies = settings.cookies
    # A token of RFC 6265 §4.1.1. Browsers give __Host- and __Secure- a meaning, in either case.
    if not re.fullmatch(r"(?!__)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", cookies.prefix, re.ASCII):
        raise ConfigError(
            "cookies.prefix: must be 1 to 64 letters, digits, - or _, and not begin with __"
        )
    https = (settings.public_url or "").startswith("https:")
    if cookies.same_site == "none" and not (https and settings.trusted_origins):
        raise ConfigError(
            'cookies.same_site: "none" needs an https public_url and trusted_origins, '
            "else any site could use the session"
        )
    if cookies.partitioned and cookies.same_site != "none":
        raise ConfigError(
            'cookies.partitioned: is for cross-site embedding: needs same_site "none"'
        )
    if cookies.hardened_names and not settings.secure_cookies:
        raise ConfigError("cookies.hardened_names: needs Secure cookies, so an https public_url")
    if cookies.domain is None:
        return
    if cookies.hardened_names:
        raise ConfigError("cookies.domain: cannot go with hardened_names: __Host- forbids Domain")
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", cookies.domain, re.ASCII):
        raise ConfigError(
            "cookies.domain: must be a domain such as example.com, in lower case and "
            "without a dot before it or a port"
        )
    host = urlsplit(settings.public_url).hostname if settings.public_url else None
    if host is None or not (host == cookies.domain or host.endswith("." + cookies.domain)):
        raise ConfigError(
            "cookies.domain: must be the host of public_url or a parent of it, "
            "else browsers drop the cookies"
        )
