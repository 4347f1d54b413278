"""Convert what people write for a value, such as "yes", "15m" or "a, b"."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from authingo.capabilities import capabilities
from authingo.errors import ConfigError

from .groups import Duration
from .names import plugins_of, refuse_unknown, with_plugin_tables
from .settings import Settings

S = TypeVar("S", bound=msgspec.Struct)

_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_UNITS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
}
_LONGEST_LIST = 64 * 1024  # characters; tomllib takes quadratic time for a long dotted key
_SECONDS = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-z]{1,12})(?:, ?| |(?=\d)|$)", re.ASCII)
_NO_DURATION = 'must be seconds, or a duration such as "90s", "15m", "12h", "30d" or "1d12h"'


def settings_from(values: dict[str, Any]) -> Settings:
    """Turn plain values, such as those of a TOML file, into checked settings.

    Raises:
        ConfigError: as `load` does.
    """
    values = with_plugin_tables(values)
    refuse_unknown({key: value for key, value in values.items() if key != "directory"})
    kinds = {one.name: one.settings for one in capabilities(plugins_of(values))}
    own = {key: value for key, value in values.items() if key not in kinds}
    settings = _converted(own, Settings)
    read = [_converted(values[key], kind, key) for key, kind in kinds.items() if key in values]
    if not read:
        return settings
    # Made again, because `msgspec.structs.replace` does not check before msgspec 0.20.
    own = {name: getattr(settings, name) for name in Settings.__struct_fields__}
    return Settings(**{**own, "capabilities": tuple(read)})


def _converted(values: Any, kind: type[S], group: str = "") -> S:
    try:
        return msgspec.convert(_value(kind, values), kind, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), kind, group)) from None


def unquoted(text: str) -> str:
    """Remove the space around a value, and one pair of quotes.

    `docker run --env-file` keeps quotes. Some editors put a byte order mark before the text.
    """
    text = text.strip("\ufeff \t\r\n\f\v")
    quote = text[:1]
    if len(text) > 1 and quote in {'"', "'"} and text.find(quote, 1) == len(text) - 1:
        return text[1:-1].strip()
    return text


def _understood(kind: type[msgspec.Struct], values: dict[str, Any]) -> dict[str, Any]:
    """Convert the texts in a table to the types of the settings."""
    types = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    return {key: _value(types.get(key), value) for key, value in values.items()}


def _value(kind: Any, value: Any) -> Any:
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _understood(kind, value)
    if not isinstance(value, str) or kind is Path:
        return value
    text = unquoted(value)
    if kind is bool:
        return _BOOLEANS.get(text.lower(), text)
    if kind == tuple[str, ...]:
        return _list(text)
    return text.lower() if get_origin(kind) is Literal else text


def _list(text: str) -> list[Any] | str:
    """Read a list, written as in TOML or JSON, or separated by commas or spaces."""
    if len(text) > _LONGEST_LIST:
        return text
    if not text.startswith("["):
        return [item for item in map(unquoted, re.split(r"[,\s]", text)) if item]
    try:
        read: list[Any] = tomllib.loads(f"list = {text}")["list"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text  # msgspec refuses it, since it is not a list
    return [unquoted(item) if isinstance(item, str) else item for item in read]


def _decode(kind: type, value: object) -> object:
    if kind is not Duration:
        return kind(value)
    if isinstance(value, timedelta):
        value = value.total_seconds()
    elif isinstance(value, str):
        value = _seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        raise ValueError(_NO_DURATION)
    try:
        return Duration(seconds=value)
    except OverflowError:
        raise ValueError("is too long") from None


def _seconds(text: str) -> float | None:
    """Add up a duration such as "1d 12h" or "15 minutes". Return None if it is not one."""
    if _SECONDS.fullmatch(text):
        return float(text)
    position, total = 0, 0.0
    while position < len(text):
        part = _PART.match(text, position)
        unit = part[2] if part and len(part[2]) == 1 else part[2].lower() if part else ""
        if part is None or unit not in _UNITS:  # M could mean month
            return None
        total += float(part[1]) * _UNITS[unit]
        position = part.end()
    return total if text else None


_EXPECTED = {
    "bool": "must be true or false",
    "int": "must be a whole number",
    "array": 'must be a list: separate by commas, or write ["a", "b"]',
    "object": "must be a group of settings",
    "str": "must be a text",
    "str | null": "must be a text",
}


def _explain(text: str, kind: Any, group: str) -> str:
    """Turn msgspec's message into one that names the setting as people write it."""
    reason, _, path = text.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if reason.startswith("Invalid enum value"):
        reason = "must be one of " + ", ".join(map(repr, _choices(kind, path)))
    path = f"{group}.{path}".strip(".")
    if expected := re.match(r"Expected `([^`]+)`", reason):
        reason = _EXPECTED.get(expected[1], reason)
    return f"{path}: {reason[:1].lower()}{reason[1:]}" if path else reason


def _choices(kind: Any, path: str) -> tuple[Any, ...]:
    """Return the texts that the setting at `path` may have."""
    for name in path.split("."):
        types = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        kind = types[name]
    return get_args(kind)
