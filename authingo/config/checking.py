"""Refuse settings that cannot work or are unsafe, with the reason and what to do."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from urllib.parse import urlsplit

from authingo.domains import covers
from authingo.errors import ConfigError

from .addresses import check_trusted_origin, is_loopback, origin_of, punycode
from .database_urls import check_database_url, kind_of
from .groups import (
    CookieSettings,
    EventSettings,
    LinkSettings,
    PasswordSettings,
    SessionSettings,
    StoreSettings,
    UserSettings,
)

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_WIDEST = {4: 8, 6: 16}  # bits of a prefix; a wider network covers nearly all addresses
_MOST = 16  # networks of that width that may be trusted together
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")  # RFC 4193: like 10.0.0.0/8 in IPv4
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291 §2.5.5.2


def check_databases(database_url: str, listen_url: str | None) -> None:
    """Raise ConfigError unless both URLs can work, also together."""
    check_database_url("database_url", database_url)
    if listen_url is None:
        return
    check_database_url("listen_url", listen_url)
    urls = (("listen_url", listen_url), ("database_url", database_url))
    if "sqlite" in {kind_of(setting, url) for setting, url in urls}:
        raise ConfigError(
            "listen_url: works only if database_url and listen_url are both PostgreSQL"
        )


def is_plain_path(path: str) -> bool:
    """Return whether everybody reads a path alike: it has no encoding, `//` or dot segment."""
    plain = re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path, re.ASCII)
    return plain is not None and not {".", ".."} & {*path.split("/")}


def check_base_path(base_path: str) -> None:
    """Raise ConfigError unless it is a path without a slash at its end."""
    if not is_plain_path(base_path):
        raise ConfigError(
            "base_path: must be a path such as /api/auth, with a leading slash and none at the end"
        )


def check_profile(profile: str | None) -> None:
    """Raise ConfigError unless it can name a class."""
    if profile is not None and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", profile):
        raise ConfigError("profile: must be package.module:Class, such as app.models:Profile")


def check_links(links: LinkSettings) -> None:
    """Raise ConfigError unless each is a path that cannot lead to another site."""
    for name in links.__struct_fields__:
        path = getattr(links, name)
        if path is None:
            continue
        segments = {*path.split("/")}
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path, re.ASCII) or {".", ".."} & segments:
            raise ConfigError(f"links.{name}: must be the path of a page, such as /account/reset")


def check_passwords(passwords: PasswordSettings) -> None:
    """Raise ConfigError for a policy that is too weak, or that users could not meet."""
    if not 8 <= passwords.min_length <= 64:
        raise ConfigError("passwords.min_length: must be from 8 to 64 (ASVS 5.0 V6.2.1)")
    if not 4 <= passwords.bcrypt_cost <= 15:
        raise ConfigError("passwords.bcrypt_cost: must be from 4 (tests only) to 15")


def check_store(store: StoreSettings) -> None:
    """Raise ConfigError for a timeout or a pool size that cannot work."""
    if not timedelta(0) < store.timeout <= timedelta(minutes=1):
        raise ConfigError("store.timeout: must be longer than 0 and at most 1 minute")
    if not 1 <= store.pool_size <= 1000:
        raise ConfigError("store.pool_size: must be from 1 to 1000")


def check_events(events: EventSettings) -> None:
    """Raise ConfigError unless events are kept for 1 day to ten years."""
    if not timedelta(days=1) <= events.retention <= timedelta(days=3650):
        raise ConfigError("events.retention: must be from 1 day to ten years")


def check_users(users: UserSettings) -> None:
    """Raise ConfigError unless deleted accounts are kept for 1 hour to a year, or not at all."""
    if users.deletion_grace and not (
        timedelta(hours=1) <= users.deletion_grace <= timedelta(days=365)
    ):
        raise ConfigError("users.deletion_grace: must be 0, or from 1 hour to 365 days")


def check_proxies(networks: tuple[str, ...]) -> None:
    """Raise ConfigError if one is not a network, or if they cover nearly all addresses."""
    parsed: list[_Network] = []
    for item in networks:
        try:
            parsed.append(ipaddress.ip_network(item))
        except ValueError:
            raise ConfigError(f"trusted_proxies: {_network_fault(item)}") from None
        if isinstance(parsed[-1], ipaddress.IPv6Network) and parsed[-1].subnet_of(_MAPPED):
            raise ConfigError(f"trusted_proxies: {_as_ipv4(parsed[-1])}")
    everybody = _too_many(parsed)
    if everybody:
        raise ConfigError(
            f"trusted_proxies: {everybody}, so anyone could choose the address that limits are "
            "counted by. List the addresses of your proxies and nothing else"
        )


def _too_many(networks: list[_Network]) -> str | None:
    """Say what covers nearly all addresses: one network, or all of them together."""
    counted = [one for one in networks if not _is_unique_local(one)]
    for one in counted:
        if one.prefixlen < _WIDEST[one.version]:
            return f"{one} covers nearly all addresses"
    v4 = [one for one in counted if isinstance(one, ipaddress.IPv4Network)]
    v6 = [one for one in counted if isinstance(one, ipaddress.IPv6Network)]
    of_v4 = sum(one.num_addresses for one in ipaddress.collapse_addresses(v4))
    of_v6 = sum(one.num_addresses for one in ipaddress.collapse_addresses(v6))
    if of_v4 > _MOST << (32 - _WIDEST[4]) or of_v6 > _MOST << (128 - _WIDEST[6]):
        return "together they cover nearly all addresses"
    return None


def _is_unique_local(network: _Network) -> bool:
    return isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_UNIQUE_LOCAL)


def _as_ipv4(network: ipaddress.IPv6Network) -> str:
    if network.prefixlen == _MAPPED.prefixlen:
        return f"{network} covers all addresses: list those of your proxies and nothing else"
    address = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
    return f"IPv4 addresses must not be written as IPv6: write {address}/{network.prefixlen - 96}"


def _network_fault(text: str) -> str:
    if text == "*":
        return '"*" would let any client choose its own address: list your proxies'
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "each must be an address or a network such as 10.0.0.0/8; names are not looked up"
    return f"the address has bits beyond its network prefix: write {network}"


def check_sessions(lives: SessionSettings) -> None:
    """Raise ConfigError for lifetimes that contradict each other, and for numbers out of range."""
    if lives.session_lifetime <= timedelta(0):
        raise ConfigError("sessions.session_lifetime: must be longer than 0")
    if not lives.session_lifetime <= lives.refresh_lifetime <= lives.absolute_lifetime:
        raise ConfigError(
            "sessions: session_lifetime, refresh_lifetime and absolute_lifetime must not decrease"
        )
    if not timedelta(0) <= lives.refresh_grace <= timedelta(minutes=1):
        raise ConfigError("sessions.refresh_grace: must be from 0 to 1 minute")
    if not timedelta(0) < lives.fresh <= timedelta(days=1):
        raise ConfigError("sessions.fresh: must be longer than 0 and at most 1 day")
    if not timedelta(0) <= lives.cache <= timedelta(minutes=1):
        raise ConfigError("sessions.cache: must be from 0 to 1 minute")
    if lives.absolute_lifetime > timedelta(days=3650):
        raise ConfigError("sessions.absolute_lifetime: must be at most ten years")
    if not 1 <= lives.max_per_user <= 1000:
        raise ConfigError("sessions.max_per_user: must be from 1 to 1000")


def check_origins(public_url: str | None, trusted_origins: tuple[str, ...]) -> None:
    """Raise ConfigError unless each is an origin, and https except on loopback."""
    if public_url is not None:
        try:
            origin = origin_of(public_url)
        except ValueError as error:
            raise ConfigError(f"public_url: {error}") from None
        if not public_url.startswith(("http://", "https://")):
            raise ConfigError(f"public_url: must begin with http in lower case: write {origin}")
        path = urlsplit(public_url).path.rstrip("/")
        if path and not is_plain_path(path):
            raise ConfigError("public_url: its path must be one such as /shop, without %, // or ..")
        if origin.startswith("http:") and not is_loopback(urlsplit(origin).hostname or ""):
            raise ConfigError(
                "public_url: must be https, except for a loopback address: "
                "browsers would send the cookies unencrypted"
            )
    https = (public_url or "").startswith("https:")
    for item in trusted_origins:
        try:
            check_trusted_origin(item)
        except ValueError as error:
            raise ConfigError(f"trusted_origins: {error}") from None
        host = urlsplit(item).hostname or ""
        if https and item.startswith("http:") and not is_loopback(host):
            raise ConfigError(
                f"trusted_origins: {item} is plain http, but public_url is https: an attacker on "
                "the network could replace the page and act as its users. Write "
                f"https://{host}, and serve that page over https"
            )


def check_cookies(
    cookies: CookieSettings, public_url: str | None, trusted_origins: tuple[str, ...]
) -> None:
    """Raise ConfigError for attributes that browsers refuse, or that other sites could use."""
    # A token of RFC 6265 §4.1.1. Browsers treat __Host- and __Secure- specially, in upper or lower
    # case.
    if not re.fullmatch(r"(?!__)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}", cookies.prefix, re.ASCII):
        raise ConfigError(
            "cookies.prefix: must be 1 to 64 letters, digits, - or _, and not begin with __"
        )
    https = (public_url or "").startswith("https:")
    if cookies.same_site == "none" and not (https and trusted_origins):
        raise ConfigError(
            'cookies.same_site: "none" needs an https public_url and trusted_origins, '
            "otherwise any site could use the session"
        )
    if cookies.partitioned and cookies.same_site != "none":
        raise ConfigError(
            'cookies.partitioned: is for cross-site embedding, so it needs same_site "none"'
        )
    if cookies.hardened_names and (public_url or "").startswith("http:"):
        raise ConfigError("cookies.hardened_names: needs Secure cookies, so an https public_url")
    if cookies.domain is None:
        return
    if cookies.hardened_names:
        raise ConfigError(
            "cookies.domain: cannot be combined with hardened_names: __Host- forbids Domain"
        )
    if written := punycode(cookies.domain.lower().removeprefix(".")):
        raise ConfigError(f"cookies.domain: must be ASCII, as browsers send it: write {written}")
    if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", cookies.domain, re.ASCII):
        raise ConfigError(
            "cookies.domain: must be a domain such as example.com, in lower case and "
            "without a leading dot or a port"
        )
    host = urlsplit(public_url).hostname if public_url else None
    if host is None or not covers(cookies.domain, host):
        raise ConfigError(
            "cookies.domain: must be the host of public_url or a parent of it, "
            "otherwise browsers drop the cookies"
        )
