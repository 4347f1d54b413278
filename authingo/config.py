"""Settings: authingo.toml, AUTHINGO_* variables, defaults.

A variable beats the file, the file beats the default. Whatever is unknown,
cannot work or is unsafe is refused with the reason and the mend; the value of a
secret never appears in a message (ASVS 5.0 V13.2, V13.3).
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from authingo.errors import ConfigError
from authingo.models import Lifetimes

FILE_NAME = "authingo.toml"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# Set by people and platforms beside the settings: read elsewhere, or not ours.
_IGNORED = re.compile(
    r"AUTHINGO_(CONFIG|TEST_.*|REQUIRE_.*|(.*_)?SERVICE_.*|(.*_)?PORT(_.*)?)", re.ASCII
)


class Duration(timedelta):
    """A time span, written as seconds or as "15m", "30d"."""


class _Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class CookieSettings(_Group, frozen=True):
    """How the two cookies are sent. See `authingo.fastapi.cookies` for the attributes."""

    same_site: Literal["lax", "none"] = "lax"
    domain: str | None = None
    hardened_names: bool = False
    partitioned: bool = False


class SessionSettings(_Group, frozen=True):
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


class PasswordSettings(_Group, frozen=True):
    """The policy for new passwords, and the price of a guess."""

    min_length: int = 8  # code points
    bcrypt_cost: int = 12  # 2^12 rounds: a quarter of a second on a core of 2024


class StoreSettings(_Group, frozen=True):
    """Limits on waiting for the database."""

    timeout: Duration = Duration(seconds=5)
    pool_size: int = 10  # connections of one process; PostgreSQL only


class LimitSettings(_Group, frozen=True):
    """Who may try how often: the numbers are those of `authingo.limits`."""

    enabled: bool = True


class EventSettings(_Group, frozen=True):
    """The record of what happened."""

    retention: Duration = Duration(days=90)  # then `authingo sessions prune` deletes it


class Settings(_Group, frozen=True, dict=True):
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
        _check(self)

    @cached_property
    def secure_cookies(self) -> bool:
        """Whether cookies carry Secure: always, unless `public_url` is a loopback http address."""
        return not (self.public_url or "").startswith("http:")

    @cached_property
    def public_origin(self) -> str | None:
        """`public_url` as a browser would send it in Origin."""
        return origin_of(self.public_url) if self.public_url else None


def load(
    path: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None
) -> Settings:
    """Read the configuration file, if there is one, and the environment.

    Args:
        path: the file; else that of AUTHINGO_CONFIG; else `authingo.toml` in the
            working directory or the nearest directory above it.
        env: the variables; those of the process unless given.

    Raises:
        ConfigError: it cannot be read, names something unknown, or cannot work.
    """
    env = os.environ if env is None else env
    file = find(path, env)
    values = _read(file) if file else {}
    _apply_env(values, env)
    if "directory" in values:
        raise ConfigError("unknown setting: directory")
    values["directory"] = str(file.parent if file else Path.cwd())
    return settings_from(values)


def settings_from(values: dict[str, Any]) -> Settings:
    """Turn plain values, such as those of a TOML file, into checked settings.

    Raises:
        ConfigError: as `load` does.
    """
    try:
        return msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error))) from None


def redact_url(url: str) -> str:
    """Show a database URL without its password or its parameters."""
    parts = urlsplit(url)
    if not parts.hostname and not parts.username:
        return f"{parts.scheme}://{parts.path}"
    user = f"{parts.username}@" if parts.username else ""
    port = re.search(r":(\d+)$", parts.netloc)
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port[0] if port else ''}{parts.path}"


def origin_of(url: str) -> str:
    """Return scheme, host and non-default port, as browsers write an origin (RFC 6454 §6.2).

    Raises:
        ValueError: it is not an http or https URL with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https address such as https://example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address without user, query or fragment")
    host = (
        parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
    )
    if ":" in host:
        host = f"[{host}]"
    default = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in {None, default} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address, without port, is this machine to itself."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def find(
    path: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None
) -> Path | None:
    """Return where the configuration file is, or would be if it was named. See `load`."""
    env = os.environ if env is None else env
    named = path or env.get("AUTHINGO_CONFIG")
    if named:
        return Path(named).resolve()
    here = Path.cwd()
    return next(
        (
            found
            for directory in (here, *here.parents)
            if (found := directory / FILE_NAME).is_file()
        ),
        None,
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if mode & stat.S_IWOTH:
                raise ConfigError(
                    f"{file} can be written by everybody on this machine",
                    hint=f"chmod o-w {file}",
                )
            return tomllib.load(stream)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not a text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # The message names line and column; it may quote a character, never a value.
        raise ConfigError(f"{file} is not valid TOML: {error}") from None


def _apply_env(values: dict[str, Any], env: Mapping[str, str]) -> None:
    for name, text in env.items():
        if not name.startswith("AUTHINGO_") or _IGNORED.fullmatch(name):
            continue
        if name in _FILES:
            variable = name.removesuffix("_FILE")
            if variable in env:
                raise ConfigError(f"{variable} and {name} are both set", hint="unset one of them")
            values[_FILES[name]] = _read_secret(name, Path(text))
            continue
        *groups, key = name.removeprefix("AUTHINGO_").lower().split("__")
        group = "__".join(groups)
        known = _GROUPS.get(group, _Group).__struct_fields__ if group else _TOP_LEVEL
        if key not in known:
            raise ConfigError(f"unknown variable {name}", hint=_KNOWN_HINT)
        table = values.setdefault(group, {}) if group else values
        if not isinstance(table, dict):
            raise ConfigError(f"{group}: must be a table")
        table[key] = _list(name, text) if key in _LISTS else text


_GROUPS: dict[str, type[_Group]] = {
    "cookies": CookieSettings,
    "sessions": SessionSettings,
    "passwords": PasswordSettings,
    "store": StoreSettings,
    "events": EventSettings,
    "limits": LimitSettings,
}
_TOP_LEVEL = set(Settings.__struct_fields__) - {*_GROUPS, "directory"}
_LISTS = {"trusted_origins", "trusted_proxies"}
_FILES = {"AUTHINGO_DATABASE_URL_FILE": "database_url", "AUTHINGO_LISTEN_URL_FILE": "listen_url"}
_KNOWN_HINT = "the settings are listed in the README; groups are joined by two underscores"


def _list(name: str, text: str) -> list[str]:
    if not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        items = json.loads(text)
    except ValueError:
        raise ConfigError(f"{name} is not a list: write JSON, or separate by commas") from None
    return [str(item) for item in items]


def _read_secret(variable: str, file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
        raise ConfigError(f"cannot read the file of {variable}: {reason}") from None


def _decode(kind: type, value: object) -> object:
    if kind is not Duration:
        return kind(value)
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        value = float(match[1]) * _UNITS[match[2] or "s"]
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        raise ValueError('must be seconds or a duration such as "15m" or "30d"')
    try:
        return Duration(seconds=value)
    except OverflowError:
        raise ValueError("is too long") from None


def _explain(text: str) -> str:
    """Turn msgspec's message into one that names the setting as people write it."""
    reason, _, path = text.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if unknown := re.fullmatch(r"Object contains unknown field `(.+)`", reason):
        return f"unknown setting: {path + '.' if path else ''}{unknown[1]}"
    if reason.startswith("Invalid enum value"):
        reason = "must be one of " + ", ".join(map(repr, ("lax", "none")))
    return f"{path}: {reason[:1].lower()}{reason[1:]}" if path else reason


def _check(settings: Settings) -> None:
    """Refuse what cannot work or is unsafe, with the mend."""
    _check_database_url("database_url", settings.database_url)
    if settings.listen_url is not None:
        _check_database_url("listen_url", settings.listen_url)
        if "sqlite" in {_scheme(settings.listen_url), _scheme(settings.database_url)}:
            raise ConfigError("listen_url: is for PostgreSQL, and both must be there")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", settings.base_path, re.ASCII):
        raise ConfigError("base_path: must be a path such as /api/auth, without a slash at its end")
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


def _scheme(url: str) -> str:
    return url.partition(":")[0]


def _check_database_url(key: str, url: str) -> None:
    if _scheme(url) not in {"sqlite", "postgresql", "postgres"}:
        raise ConfigError(f"{key}: must begin with sqlite:///, or postgresql://")
    if _scheme(url) == "sqlite" and not url.startswith("sqlite:///"):
        raise ConfigError(f"{key}: a SQLite path takes three slashes, an absolute one four")
    try:
        redact_url(url)
    except ValueError:  # whose message can repeat the password
        raise ConfigError(
            f"{key}: is not a URL",
            hint="write postgresql://user:password@host:5432/database; "
            "a password's [ ] / ? # % and @ are written %5B %5D %2F %3F %23 %25 and %40",
        ) from None


def _check_proxies(networks: tuple[str, ...]) -> None:
    for item in networks:
        try:
            ipaddress.ip_network(item)
        except ValueError:
            raise ConfigError(
                "trusted_proxies: each must be an address or a network such as 10.0.0.0/8"
            ) from None


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
            exact = origin_of(item) == item
        except ValueError:
            exact = False
        if not exact:
            raise ConfigError(
                "trusted_origins: each must be an exact origin such as https://app.example.com "
                "(lower-case, no path, no wildcard)"
            )


def _check_cookies(settings: Settings) -> None:
    cookies = settings.cookies
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
        raise ConfigError("cookies.domain: must be a domain such as example.com")
    host = urlsplit(settings.public_url).hostname if settings.public_url else None
    if host is None or not (host == cookies.domain or host.endswith("." + cookies.domain)):
        raise ConfigError(
            "cookies.domain: must be the host of public_url or a parent of it, "
            "else browsers drop the cookies"
        )
