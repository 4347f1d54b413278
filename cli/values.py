"""Parsers for the values of options. Their errors say what an option takes."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import typer

E = TypeVar("E", bound=StrEnum)


def whole_number(least: int, most: int | None = None) -> Callable[[str | int], int]:
    """Return a parser of whole numbers between two bounds, inclusive."""
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


def search(text: str | None) -> str | None:
    """Refuse a text to search for that can match nothing."""
    from authingo.arguments import problem_with_search

    if problem := problem_with_search(utf_8(text)):
        raise typer.BadParameter(problem)
    return text


def role(name: str | None) -> str | None:
    """Refuse what is not the name of a role."""
    from authingo.roles import problem_with

    if name is not None and (problem := problem_with(name)):
        raise typer.BadParameter(problem)
    return name


def utf_8(text: str | None) -> str | None:
    """Refuse an option that is not UTF-8, which no database can look for."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("is not UTF-8") from None
    return text
