"""Where settings are read: the configuration file, the environment, files of secrets."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from authingo.errors import ConfigError

from .settings import (
    CookieSettings,
    Duration,
    EventSettings,
    Group,
    LimitSettings,
    PasswordSettings,
    SessionSettings,
    Settings,
    StoreSettings,
)

FILE_NAME = "authingo.toml"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# Set by people and platforms beside the settings: read elsewhere, or not ours.
_IGNORED = re.compile(
    r"AUTHINGO_(CONFIG|TEST_.*|REQUIRE_.*|(.*_)?SERVICE_.*|(.*_)?PORT(_.*)?)", re.ASCII
)


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
        known = _GROUPS.get(group, Group).__struct_fields__ if group else _TOP_LEVEL
        if key not in known:
            raise ConfigError(f"unknown variable {name}", hint=_KNOWN_HINT)
        table = values.setdefault(group, {}) if group else values
        if not isinstance(table, dict):
            raise ConfigError(f"{group}: must be a table")
        table[key] = _list(name, text) if key in _LISTS else text


_GROUPS: dict[str, type[Group]] = {
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
