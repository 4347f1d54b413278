"""Where settings are read: the configuration file, the environment, files of secrets."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authingo.errors import ConfigError

from .names import (
    PREFIX,
    SECRET_FILES,
    SETTINGS,
    refuse_unknown,
    unknown_variable,
    variable_of,
)
from .settings import Settings
from .values import settings_from, unquoted

FILE_NAME = "authingo.toml"
_NOT_UTF_8 = "not a text in UTF-8: save it as UTF-8"

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
    refuse_unknown(values)
    for setting, text in _from_env(env).items():
        group, _, key = setting.rpartition(".")
        table = values.setdefault(group, {}) if group else values
        if not isinstance(table, dict):
            raise ConfigError(f"{group}: must be a group of settings, [{group}]")
        table[key] = text
    values["directory"] = str(file.parent if file else Path.cwd())
    return settings_from(values)


def find(
    path: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None
) -> Path | None:
    """Return where the configuration file is, or would be if it was named. See `load`.

    Raises:
        ConfigError: a directory on the way up may not be looked into.
    """
    env = os.environ if env is None else env
    named = path or unquoted(env.get("AUTHINGO_CONFIG", ""))
    if named:
        return Path(named).resolve()
    here = Path.cwd()
    for directory in (here, *here.parents):
        try:
            if (found := directory / FILE_NAME).is_file():
                return found
        except OSError as error:  # without it, it could say anything
            raise ConfigError(
                f"cannot look for {FILE_NAME} in {directory}: {error.strerror}",
                hint="run this in another directory, or name the file by AUTHINGO_CONFIG",
            ) from None
    return None


def _read(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if mode & stat.S_IWOTH:
                raise ConfigError(
                    f"{file} can be written by everybody on this machine",
                    hint=f"chmod o-w {file}",
                )
            return tomllib.loads(stream.read().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is {_NOT_UTF_8}") from None
    except tomllib.TOMLDecodeError as error:
        # The message names line and column; it may quote a character, never a value.
        raise ConfigError(f"{file} is not valid TOML: {error}") from None


def _from_env(env: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that variables set, each by its dotted name; an empty one sets nothing.

    Raises:
        ConfigError: one is unknown, or the file that it names cannot be read.
    """
    known = {variable_of(setting): setting for setting in SETTINGS}
    found: dict[str, str] = {}
    for name, raw in env.items():
        text = unquoted(raw)
        if not text or not name.startswith(PREFIX) or _IGNORED.fullmatch(name):
            continue
        if name in SECRET_FILES:
            setting = SECRET_FILES[name]
            variable = variable_of(setting)
            if unquoted(env.get(variable, "")):
                raise ConfigError(f"{variable} and {name} are both set", hint="unset one of them")
            found[setting] = _read_secret(name, Path(text))
        elif name in known:
            found[known[name]] = text
        else:
            raise unknown_variable(name)
    return found


def _read_secret(variable: str, file: Path) -> str:
    try:
        text = unquoted(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else _NOT_UTF_8
        raise ConfigError(f"cannot read the file of {variable}: {reason}") from None
    if not text:
        raise ConfigError(f"the file of {variable} is empty")
    if len(text.splitlines()) > 1:
        raise ConfigError(f"the file of {variable} must hold the value and no other line")
    return text
