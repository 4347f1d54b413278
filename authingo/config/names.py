"""The names of settings and of their variables, and the nearest one to a name that is unknown."""

from __future__ import annotations

import difflib
from typing import Any

import msgspec

from authingo.errors import ConfigError

from .settings import Group, Settings

PREFIX = "AUTHINGO_"
GROUPS: dict[str, type[Group]] = {
    field.name: field.type
    for field in msgspec.structs.fields(Settings)
    if isinstance(field.type, type) and issubclass(field.type, Group)
}
_TOP_LEVEL = [name for name in Settings.__struct_fields__ if name not in {*GROUPS, "directory"}]
SETTINGS = [
    *_TOP_LEVEL,
    *(f"{group}.{key}" for group, kind in GROUPS.items() for key in kind.__struct_fields__),
]
# The settings that hold a secret, and the variable that names a file with it.
SECRET_FILES = {f"{PREFIX}{name.upper()}_FILE": name for name in ("database_url", "listen_url")}


def variable_of(setting: str) -> str:
    """Return the variable that sets a setting such as `sessions.refresh_grace`."""
    return PREFIX + setting.upper().replace(".", "__")


def refuse_unknown(values: dict[str, Any]) -> None:
    """Refuse a table of settings with a name that is unknown, and suggest the nearest one.

    Raises:
        ConfigError: no value is repeated in it.
    """
    for name, value in values.items():
        group = GROUPS.get(name)
        if group is None and name not in _TOP_LEVEL:
            if isinstance(value, dict):
                near = difflib.get_close_matches(name, GROUPS, 1)
                raise ConfigError(f"unknown group of settings: {name}{_did_you_mean(*near)}")
            raise ConfigError(f"unknown setting: {name}{_suggestion(name)}")
        for key in value if group and isinstance(value, dict) else ():
            if key not in GROUPS[name].__struct_fields__:
                setting = f"{name}.{key}"
                raise ConfigError(f"unknown setting: {setting}{_suggestion(setting)}")


def unknown_variable(name: str) -> ConfigError:
    """Make the error for a variable whose name is unknown."""
    setting = name.removeprefix(PREFIX).lower().replace("__", ".")
    near = [variable_of(one) for one in nearest(setting)]
    near = near or difflib.get_close_matches(name, SECRET_FILES, 1, 0.8)
    return ConfigError(
        f"unknown variable {name}{_did_you_mean(*near)}",
        hint="docs/settings.md lists them; a group is joined to its settings by two underscores",
    )


def nearest(setting: str) -> list[str]:
    """Return the known setting that was probably meant, if there is one.

    The right key in the wrong group comes first, then whatever is spelled alike.
    """
    key = setting.rpartition(".")[2]
    elsewhere = [known for known in SETTINGS if known.rpartition(".")[2] == key]
    return elsewhere[:1] or difflib.get_close_matches(setting, SETTINGS, 1)


def _suggestion(setting: str) -> str:
    near = nearest(setting)
    if near and "." in setting and "." not in near[0]:
        return f" (did you mean {near[0]}, above the first [group] of the file?)"
    return _did_you_mean(*near)


def _did_you_mean(*names: str) -> str:
    return f" (did you mean {names[0]}?)" if names else ""
