"""The names of settings and of their variables, and suggestions for unknown names."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from authingo.capabilities import capabilities
from authingo.errors import ConfigError

from .groups import Group
from .settings import Settings

PREFIX = "AUTHINGO_"
Plugins = Sequence[str]  # of the settings; see `authingo.plugins`
_OWN_GROUPS: dict[str, type[msgspec.Struct]] = {
    field.name: field.type
    for field in msgspec.structs.fields(Settings)
    if isinstance(field.type, type) and issubclass(field.type, Group)
}
_NOT_SET = {"capabilities", "directory", "profile_class"}  # fields that no file or variable sets
_TOP_LEVEL = [name for name in Settings.__struct_fields__ if name not in {*_OWN_GROUPS, *_NOT_SET}]
_SECRETS = ("database_url", "listen_url")


def groups(plugins: Plugins = ()) -> dict[str, type[msgspec.Struct]]:
    """Return the tables of authingo.toml by their names, those of capabilities too."""
    return {**_OWN_GROUPS, **{one.name: one.settings for one in capabilities(plugins)}}


def plugins_of(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the plugins that are named, as in the file or as in a variable.

    They have to be known before other settings can be read.

    Raises:
        ConfigError: this is no list of texts.
    """
    named = values.get("plugins", ())
    if isinstance(named, str):
        named = [one for one in re.split(r"[][\s,\"']+", named) if one]
    if isinstance(named, list | tuple) and all(isinstance(one, str) for one in named):
        return tuple(named)
    raise ConfigError(
        'plugins: must be a list such as ["package.module:Class"]',
        hint="the settings of a plugin are in the table [plugin.<id>]",
    )


def with_plugin_tables(values: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with each table `[plugin.<id>]` under this whole name."""
    tables = values.get("plugin")
    if not isinstance(tables, dict):
        return values
    others = {name: value for name, value in values.items() if name != "plugin"}
    return others | {f"plugin.{name}": table for name, table in tables.items()}


def settings_names(plugins: Plugins = ()) -> list[str]:
    """Return the name of every setting, such as `sessions.refresh_grace`."""
    inner = [f"{group}.{key}" for group, kind in groups(plugins).items() for key in keys(kind)]
    return [*_TOP_LEVEL, *inner]


def keys(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the names of the settings in a table, as the file has them."""
    return kind.__struct_encode_fields__


def secret_files(plugins: Plugins = ()) -> dict[str, str]:
    """Return the settings that hold a secret, by the variable that names a file with it."""
    inner = [f"{one.name}.{key}" for one in capabilities(plugins) for key in one.secret_settings]
    return {f"{variable_of(name)}_FILE": name for name in (*_SECRETS, *inner)}


def variable_of(setting: str) -> str:
    """Return the variable that sets a setting such as `sessions.refresh_grace`."""
    return PREFIX + setting.upper().replace(".", "__")


def refuse_unknown(values: dict[str, Any]) -> None:
    """Refuse settings if one has an unknown name, and suggest the nearest known one.

    Raises:
        ConfigError: a name is unknown. The message repeats no value.
    """
    plugins = plugins_of(values)
    known = groups(plugins)
    for name, value in values.items():
        group = known.get(name)
        if group is None and name not in _TOP_LEVEL:
            if isinstance(value, dict):
                near = difflib.get_close_matches(name, known, 1)
                raise ConfigError(f"unknown group of settings: {name}{_did_you_mean(*near)}")
            raise ConfigError(f"unknown setting: {name}{_suggestion(name, plugins)}")
        for key in value if group and isinstance(value, dict) else ():
            if key not in keys(known[name]):
                setting = f"{name}.{key}"
                raise ConfigError(f"unknown setting: {setting}{_suggestion(setting, plugins)}")


def unknown_variable(name: str, plugins: Plugins = ()) -> ConfigError:
    """Make the error for a variable with an unknown name."""
    setting = name.removeprefix(PREFIX).lower().replace("__", ".")
    near = [variable_of(one) for one in nearest(setting, plugins)]
    near = near or difflib.get_close_matches(name, secret_files(plugins), 1, 0.8)
    return ConfigError(
        f"unknown variable {name}{_did_you_mean(*near)}",
        hint="docs/settings.md lists them; a group is joined to its settings by two underscores",
    )


def nearest(setting: str, plugins: Plugins = ()) -> list[str]:
    """Return the known setting that was probably meant, if there is one.

    The right key in the wrong group comes first, then whatever is spelled alike.
    """
    key = setting.rpartition(".")[2]
    known = settings_names(plugins)
    elsewhere = [one for one in known if one.rpartition(".")[2] == key]
    return elsewhere[:1] or difflib.get_close_matches(setting, known, 1)


def _suggestion(setting: str, plugins: Plugins) -> str:
    near = nearest(setting, plugins)
    if near and "." in setting and "." not in near[0]:
        return f" (did you mean {near[0]}, above the first [group] of the file?)"
    return _did_you_mean(*near)


def _did_you_mean(*names: str) -> str:
    return f" (did you mean {names[0]}?)" if names else ""
