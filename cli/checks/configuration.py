"""The configuration: who can read its secrets, and what is unsafe in production."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authingo.config import Settings, is_loopback
from authingo.config.names import secret_files
from authingo.config.values import unquoted
from authingo.findings import Finding, fail, ok, warn
from authingo.http.cookies import Cookies
from authingo.metrics.settings import MetricsSettings

from ..browsers import rules
from ..browsers.places import Place

# How long a refresh token may go unused, and a session may last. With more, users stay signed in
# on machines that they have long forgotten (NIST SP 800-63B-4 §2.1.3).
_LONGEST_UNUSED = timedelta(days=90)
_LONGEST_SESSION = timedelta(days=365)
_LONGEST_TOKEN = timedelta(hours=24)


def files(config: Path | None, plugins: Sequence[str] = ()) -> Iterator[Finding]:
    """Look at who can read the files that hold a secret (ASVS 5.0 V13.3.2; CWE-732)."""
    if config is None:
        yield ok("config_file", "no authingo.toml here or above: defaults and AUTHINGO_* variables")
    else:
        mode = config.stat().st_mode
        if _holds_secret(config) and mode & stat.S_IROTH:
            yield fail(
                "config_file",
                f"{config} holds a password, and everybody on this machine can read it",
                f"chmod 600 {config}, or move the URL into a file that a variable such as "
                "AUTHINGO_DATABASE_URL_FILE or AUTHINGO_MAIL__URL_FILE names",
            )
        elif mode & stat.S_IWGRP:
            yield warn(
                "config_file",
                f"the group of {config} can change it, trusted origins included",
                f"chmod g-w {config}",
            )
        else:
            yield ok("config_file", f"{config}, mode {stat.S_IMODE(mode):04o}")
    for variable in secret_files(plugins):
        file = unquoted(os.environ.get(variable, ""))
        if file and Path(file).stat().st_mode & stat.S_IROTH:
            yield warn(
                "secret_file",
                f"everybody on this machine can read the file of {variable}",
                f"chmod 600 {file}, unless a container has it to itself",
            )


def _holds_secret(config: Path) -> bool:
    """Return whether a URL in the file has a password, even if a variable overrides it."""
    values = tomllib.loads(config.read_text("utf-8-sig"))
    return any(_has_password(_setting(values, name)) for name in secret_files().values())


def _setting(values: dict[str, Any], name: str) -> object:
    group, _, key = name.rpartition(".")
    table = values.get(group) if group else values
    return table.get(key) if isinstance(table, dict) else None


def _has_password(url: object) -> bool:
    try:
        parts = urlsplit(str(url or ""))
        return bool(parts.password) or "password" in parse_qs(parts.query)
    except ValueError:
        return True


def settings(settings: Settings) -> Iterator[Finding]:
    """Look for settings that work but are unsafe in production.

    An https `public_url` means production, where an unsafe setting is a failure.
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
    yield _proxies(settings, production=production)
    yield _cookies(settings)
    yield _lives(settings)
    yield from _metrics(settings)


def _metrics(settings: Settings) -> Iterator[Finding]:
    """Look at who can read the metrics, or make them say something else, where they are on."""
    metrics = settings.of(MetricsSettings)
    address, directory = metrics.address, metrics.shared_directory(settings)
    if address is not None and not is_loopback(address.host):
        yield warn(
            "metrics",
            f"{metrics.listen} shows the metrics to everybody who can connect, without a password",
            "let a firewall admit only Prometheus, or listen on 127.0.0.1",
        )
    elif directory is not None and directory.is_dir() and directory.stat().st_mode & stat.S_IWOTH:
        yield warn(
            "metrics",
            f"everybody on this machine can write to {directory}, and so change the metrics",
            f"chmod 700 {directory}",
        )
    elif metrics.on:
        yield ok("metrics", metrics.listen or "counted, and shown by the program")


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
            f"{remote[0]} is plain http: an attacker on the network can change that page, "
            "and act as its users",
            "trust https origins only",
        )
    if plain and production:
        return warn(
            name,
            f"{plain[0]} is trusted: whatever runs on that port of a user's machine "
            "can act as that user",
            "leave it to the configuration of the developers' machines",
        )
    return ok(name, ", ".join(settings.trusted_origins) or "none: pages of the server's own alone")


def _proxies(settings: Settings, *, production: bool) -> Finding:
    if production and not settings.trusted_proxies:
        return warn(
            "trusted_proxies",
            "none: right only where the server itself terminates TLS. Behind a proxy everybody "
            "shares one address, and no limit applies per address",
            "name the address that your proxy connects from, and let it send X-Forwarded-For "
            "(docs/operations.md)",
        )
    return ok("trusted_proxies", ", ".join(settings.trusted_proxies) or "none")


def _cookies(settings: Settings) -> Finding:
    session = rules.as_set(Cookies(settings).session)
    place = Place.parse(settings.public_url) if settings.public_url else None
    for problem in rules.refusals(session, place):
        return fail("cookies", problem.text, problem.fix)
    domain = rules.domain_of(session, place)
    if domain:
        return warn(
            "cookies",
            f"every host below {domain} gets both tokens: "
            "one that is taken over is enough to steal sessions",
            "remove cookies.domain unless several hosts really share the session",
        )
    for problem in (
        *rules.unreachable_pages(session, place, settings),
        *rules.blocked_by_some(session),
    ):
        return warn("cookies", problem.text, problem.fix)
    if settings.cookies.same_site == "none":
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
