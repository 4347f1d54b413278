"""What options take, and what is said where it is something else."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import typer

E = TypeVar("E", bound=StrEnum)


def whole_number(least: int, most: int | None = None) -> Callable[[str | int], int]:
    """Return a parser of numbers between two bounds, themselves included."""
    bounds = f"of at least {least}" if most is None else f"from {least} to {most:,}"

    def parse(text: str | int) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or number < least or (most is not None and number > most):
            raise typer.BadParameter(f"takes a whole number {bounds}")
        return number

    return parse


def one_of(choices: type[E]) -> Callable[[str], E]:
    """Return a parser of the values of an enumeration."""

    def parse(text: str) -> E:
        try:
            return choices(text)
        except ValueError:
            raise typer.BadParameter(f"takes one of {', '.join(choices)}") from None

    return parse


def utf_8(text: str | None) -> str | None:
    """Refuse an option that is not UTF-8, which no database can look for."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("is not UTF-8") from None
    return text
