"""The configuration: who can read its secrets, and what is unsafe in production."""

from __future__ import annotations

import ipaddress
import os
import stat
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from authingo.config import Settings, is_loopback
from authingo.findings import Finding, fail, ok, warn

_SECRET_KEYS = ("database_url", "listen_url")
_FILES = ("AUTHINGO_DATABASE_URL_FILE", "AUTHINGO_LISTEN_URL_FILE")
# A refresh token may lie unused, and a session may last, for so long; beyond, who
# signed in at some other machine is forgotten there (NIST SP 800-63B-4 §2.1.3).
_LONGEST_UNUSED = timedelta(days=90)
_LONGEST_SESSION = timedelta(days=365)
_LONGEST_TOKEN = timedelta(hours=24)
_UNIQUE_LOCAL = ipaddress.IPv6Network("fc00::/7")  # RFC 4193: as 10.0.0.0/8 of IPv4
_WIDEST = {4: 8, 6: 16}  # bits of a prefix; a wider network is everybody


def files(config: Path | None) -> Iterator[Finding]:
    """Look at who can read the files that hold a secret (ASVS 5.0 V13.3.2; CWE-732)."""
    if config is None:
        yield ok("config_file", "no authingo.toml here or above: defaults and AUTHINGO_* variables")
    else:
        mode = config.stat().st_mode
        if _holds_secret(config) and mode & stat.S_IROTH:
            yield fail(
                "config_file",
                f"{config} holds the database password, and everybody on this machine can read it",
                f"chmod 600 {config}, or move the URL into a file that "
                "AUTHINGO_DATABASE_URL_FILE names",
            )
        elif mode & stat.S_IWGRP:
            yield warn(
                "config_file",
                f"the group of {config} can change it, trusted origins included",
                f"chmod g-w {config}",
            )
        else:
            yield ok("config_file", f"{config}, mode {stat.S_IMODE(mode):04o}")
    for variable in _FILES:
        file = Path(os.environ[variable]) if variable in os.environ else None
        if file is not None and file.stat().st_mode & stat.S_IROTH:
            yield warn(
                "secret_file",
                f"everybody on this machine can read the file of {variable}",
                f"chmod 600 {file}, unless a container has it to itself",
            )


def _holds_secret(config: Path) -> bool:
    """Tell whether a URL in the file has a password; an environment may still overrule it."""
    values = tomllib.loads(config.read_text("utf-8"))
    return any(_has_password(values.get(key)) for key in _SECRET_KEYS)


def _has_password(url: object) -> bool:
    try:
        parts = urlsplit(str(url or ""))
        return bool(parts.password) or "password" in parse_qs(parts.query)
    except ValueError:
        return True


def settings(settings: Settings) -> Iterator[Finding]:
    """Look for what works, and is unsafe in production.

    In production means an https `public_url`: there, what is unsafe fails.
    """
    production = (settings.public_url or "").startswith("https:")
    unsafe = fail if production else warn
    yield _public_url(settings)
    if not settings.limits.enabled:
        yield unsafe(
            "limits",
            "limits.enabled is false: passwords can be guessed as quickly as they are hashed",
            "remove limits.enabled (NIST SP 800-63B-4 §3.2.2)",
        )
    else:
        yield ok("limits", "guessing is slowed down")
    yield _origins(settings, production=production)
    yield _proxies(settings)
    yield _cookies(settings)
    yield _lives(settings)


def _public_url(settings: Settings) -> Finding:
    if settings.public_url is None:
        return warn(
            "public_url",
            "it is unset: any name this server is reached under counts as its own",
            'set public_url = "https://…", the address that browsers show',
        )
    if settings.public_url.startswith("http:"):
        return warn(
            "public_url",
            f"{settings.public_url} is for development: the cookies are not Secure",
            'in production set public_url = "https://…"',
        )
    return ok("public_url", settings.public_url)


def _origins(settings: Settings, *, production: bool) -> Finding:
    plain = [origin for origin in settings.trusted_origins if origin.startswith("http:")]
    name = "trusted_origins"
    remote = [one for one in plain if not is_loopback(urlsplit(one).hostname or "")]
    if remote:
        return fail(
            name,
            f"{remote[0]} is plain http: whoever is on the way can put a page there, "
            "and act as its users",
            "trust https origins alone",
        )
    if plain and production:
        return warn(
            name,
            f"{plain[0]} is trusted: whatever runs on that port of a user's machine "
            "can act as that user",
            "leave it to the configuration of the developers' machines",
        )
    return ok(name, ", ".join(settings.trusted_origins) or "none: pages of the server's own alone")


def _is_unique_local(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return network.version == 6 and network.subnet_of(_UNIQUE_LOCAL)


def _proxies(settings: Settings) -> Finding:
    networks = [ipaddress.ip_network(item) for item in settings.trusted_proxies]
    wide = [
        str(one)
        for one in networks
        if one.prefixlen < _WIDEST[one.version] and not _is_unique_local(one)
    ]
    if wide:
        return fail(
            "trusted_proxies",
            f"{wide[0]} is nearly everybody: anyone can write the address that limits are "
            "counted by",
            "name the addresses of your proxies alone",
        )
    return ok("trusted_proxies", ", ".join(settings.trusted_proxies) or "none")


def _cookies(settings: Settings) -> Finding:
    cookies = settings.cookies
    if cookies.domain:
        from .sites import is_public_suffix

        if is_public_suffix(cookies.domain):
            return fail(
                "cookies",
                f"cookies.domain {cookies.domain} is a public suffix: browsers drop the cookies",
                "remove cookies.domain, or use a domain that is yours",
            )
        return warn(
            "cookies",
            f"every host below {cookies.domain} gets both tokens: "
            "one that is taken over is enough to steal sessions",
            "remove cookies.domain unless several hosts really share the session",
        )
    if cookies.same_site == "none" and not cookies.partitioned:
        return warn(
            "cookies",
            "SameSite=None without Partitioned: browsers that block third-party cookies drop them",
            "set cookies.partitioned = true",
        )
    if cookies.same_site == "none":
        return ok("cookies", "SameSite=None; Partitioned, for pages of other sites")
    return ok("cookies", "host-only, SameSite=Lax and Strict")


def _lives(settings: Settings) -> Finding:
    lives = settings.sessions
    for name, life, longest in (
        ("session_lifetime", lives.session_lifetime, _LONGEST_TOKEN),
        ("refresh_lifetime", lives.refresh_lifetime, _LONGEST_UNUSED),
        ("absolute_lifetime", lives.absolute_lifetime, _LONGEST_SESSION),
    ):
        if life > longest:
            return warn(
                "lifetimes",
                f"sessions.{name} is {_days(life)}: a stolen token, or a machine that was left "
                "behind, is good for that long",
                f"at most {_days(longest)}; the default is shorter (NIST SP 800-63B-4 §2.1.3)",
            )
    return ok(
        "lifetimes",
        f"a session ends after {_days(lives.refresh_lifetime)} unused, "
        f"after {_days(lives.absolute_lifetime)} in any case",
    )


def _days(life: timedelta) -> str:
    return f"{life.days:,} days" if life.days > 1 else f"{life.total_seconds() / 3600:g} hours"
