"""What people write for a value, such as "yes", "15m" or "a, b", made into what it means."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_origin

import msgspec

from authingo.errors import ConfigError

from .names import refuse_unknown
from .settings import Duration, Group, Settings

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
_SECONDS = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_PART = re.compile(r"(\d{1,15}(?:\.\d{1,15})?) ?([A-Za-z]{1,12})(?:, ?| |(?=\d)|$)", re.ASCII)
_NO_DURATION = 'must be seconds, or a duration such as "90s", "15m", "12h", "30d" or "1d12h"'


def settings_from(values: dict[str, Any]) -> Settings:
    """Turn plain values, such as those of a TOML file, into checked settings.

    Raises:
        ConfigError: as `load` does.
    """
    refuse_unknown({key: value for key, value in values.items() if key != "directory"})
    try:
        return msgspec.convert(
            _understood(Settings, values), Settings, strict=False, dec_hook=_decode
        )
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error))) from None


def unquoted(text: str) -> str:
    """Take away the space around a value, and one pair of quotes.

    `docker run --env-file` hands quotes over as they were written. A byte order
    mark is what some editors put before a text.
    """
    text = text.strip("\ufeff \t\r\n\f\v")
    quote = text[:1]
    if len(text) > 1 and quote in {'"', "'"} and text.find(quote, 1) == len(text) - 1:
        return text[1:-1].strip()
    return text


def _understood(kind: type[Group], values: dict[str, Any]) -> dict[str, Any]:
    """Replace the texts of a table by what they mean for the settings of this kind."""
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    return {key: _value(types.get(key), value) for key, value in values.items()}


def _value(kind: Any, value: Any) -> Any:
    if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, Group):
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
    if not text.startswith("["):
        return [item for item in map(unquoted, re.split(r"[,\s]", text)) if item]
    try:
        read: list[Any] = tomllib.loads(f"list = {text}")["list"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text  # which is refused as no list
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
    """Add up a duration such as "1d 12h" or "15 minutes". None: it is none."""
    if _SECONDS.fullmatch(text):
        return float(text)
    position, total = 0, 0.0
    while position < len(text):
        part = _PART.match(text, position)
        unit = part[2] if part and len(part[2]) == 1 else part[2].lower() if part else ""
        if part is None or unit not in _UNITS:  # M is no minute to everybody
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


def _explain(text: str) -> str:
    """Turn msgspec's message into one that names the setting as people write it."""
    reason, _, path = text.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    if expected := re.match(r"Expected `([^`]+)`", reason):
        reason = _EXPECTED.get(expected[1], reason)
    if reason.startswith("Invalid enum value"):
        reason = "must be one of " + ", ".join(map(repr, ("lax", "none")))
    return f"{path}: {reason[:1].lower()}{reason[1:]}" if path else reason
