"""The catalogue of texts: English is in texts.toml, and a file of the program may replace any."""

from __future__ import annotations

import difflib
import re
import tomllib
from importlib.resources import files
from typing import Any

from authingo.errors import ConfigError

Texts = dict[str, str]

_EVERYWHERE = ("site", "min")
_PLACES = re.compile(r"\{(\w+)\}")


def read_texts(raw: bytes | None) -> Texts:
    """Return every text by its name, such as `sign_in.title`.

    Args:
        raw: the program's own file, if it has one.

    Raises:
        ConfigError: the file is not TOML, or has a text that there is not.
    """
    texts = _flat(tomllib.loads(files("authingo.pages").joinpath("texts.toml").read_text("utf-8")))
    if raw is None:
        return texts
    try:
        own = _flat(tomllib.loads(raw.decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"pages.texts: {error}") from None
    for name, text in own.items():
        _check(name, text, texts)
    return texts | own


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found


def _check(name: str, text: object, known: Texts) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise ConfigError(f"pages.texts: there is no text {name}{meant}")
    if not isinstance(text, str):
        raise ConfigError(f"pages.texts: {name} must be a text")
    stray = sorted({*_PLACES.findall(text)} - {*_PLACES.findall(known[name]), *_EVERYWHERE})
    if stray:
        raise ConfigError(f"pages.texts: {name} has a place for {stray[0]}, which nothing fills")
    if name == "direction" and text not in {"ltr", "rtl"}:
        raise ConfigError('pages.texts: direction must be "ltr" or "rtl"')
    if name == "language" and not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", text):
        raise ConfigError("pages.texts: language must be a language tag such as en or pt-BR")
