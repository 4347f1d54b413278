"""Where settings are read: the configuration file, the environment, files of secrets."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authingo.errors import ConfigError

from .names import (
    PREFIX,
    Plugins,
    plugins_of,
    refuse_unknown,
    secret_files,
    settings_names,
    unknown_variable,
    variable_of,
    with_plugin_tables,
)
from .settings import Settings
from .trusted_files import require_trusted
from .values import settings_from, unquoted

FILE_NAME = "authingo.toml"
_LARGEST = 64 * 1024  # bytes of a file; tomllib takes quadratic time for a long dotted key
_NOT_UTF_8 = "not UTF-8 text: save it as UTF-8"

# Variables that are not settings: read elsewhere, or set by platforms such as Kubernetes.
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
            `authingo.config.trusted_files` says which files are trusted.
        env: the variables; by default those of the process.

    Raises:
        ConfigError: it cannot be read or trusted, has an unknown name, or cannot work.
    """
    env = os.environ if env is None else env
    file = find(path, env)
    values = _read(file, named=_named(path, env) is not None) if file else {}
    values = with_plugin_tables(values)
    if named_by_variable := unquoted(env.get(f"{PREFIX}PLUGINS", "")):
        values["plugins"] = named_by_variable
    refuse_unknown(values)
    for setting, text in _from_env(env, plugins_of(values)).items():
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
    """Return where the configuration file is, or where the named one should be. See `load`.

    Raises:
        ConfigError: a directory on the way up is not readable.
    """
    env = os.environ if env is None else env
    if named := _named(path, env):
        return Path(named).resolve()
    here = Path.cwd()
    for directory in (here, *here.parents):
        try:
            if (found := directory / FILE_NAME).is_file():
                return found
        except OSError as error:  # going on would ignore a file that may be there
            raise ConfigError(
                f"cannot look for {FILE_NAME} in {directory}: {error.strerror}",
                hint="run this in another directory, or set AUTHINGO_CONFIG to the file",
            ) from None
    return None


def _named(
    path: str | os.PathLike[str] | None, env: Mapping[str, str]
) -> str | os.PathLike[str] | None:
    return path or unquoted(env.get("AUTHINGO_CONFIG", "")) or None


def _read(file: Path, *, named: bool) -> dict[str, Any]:
    try:
        with file.open("rb") as stream:
            require_trusted(file, os.fstat(stream.fileno()), named=named)
            text = stream.read(_LARGEST + 1)
            if len(text) > _LARGEST:
                raise ConfigError(
                    f"{file} is larger than {_LARGEST // 1024} KiB, so it is not a configuration",
                    hint="name the right file with --config or AUTHINGO_CONFIG",
                )
            return tomllib.loads(text.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is {_NOT_UTF_8}") from None
    except tomllib.TOMLDecodeError as error:
        # The message names line and column; it may quote a character, never a value.
        raise ConfigError(f"{file} is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{file} is not valid TOML: its brackets are nested too deeply") from None


def _from_env(env: Mapping[str, str], plugins: Plugins) -> dict[str, str]:
    """Return the settings that variables set, by dotted name; an empty variable sets nothing.

    Raises:
        ConfigError: one is unknown, or the file that it names cannot be read.
    """
    known = {variable_of(setting): setting for setting in settings_names(plugins)}
    files = secret_files(plugins)
    found: dict[str, str] = {}
    for name, raw in env.items():
        text = unquoted(raw)
        if not text or not name.startswith(PREFIX) or _IGNORED.fullmatch(name):
            continue
        if name in files:
            setting = files[name]
            variable = variable_of(setting)
            if unquoted(env.get(variable, "")):
                raise ConfigError(f"{variable} and {name} are both set", hint="unset one of them")
            found[setting] = _read_secret(name, Path(text))
        elif name in known:
            found[known[name]] = text
        else:
            raise unknown_variable(name, plugins)
    return found


def _read_secret(variable: str, file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as stream:
            require_trusted(file, os.fstat(stream.fileno()), named=True, of=variable)
            text = unquoted(stream.read())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else _NOT_UTF_8
        raise ConfigError(f"cannot read the file of {variable}: {reason}") from None
    if not text:
        raise ConfigError(f"the file of {variable} is empty")
    if len(text.splitlines()) > 1:
        raise ConfigError(f"the file of {variable} must contain one line, the value")
    return text
