"""The tree of commands, whose help and usage errors look the same with every Typer.

Typer used to build on click and now brings its own copy of it. What is used here is
public in both: the classes of `typer.core` and the attributes of parameters.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from . import help_text, output, usage
from .running import ConfigFile


class Command(TyperCommand):
    """A command. It refuses extra arguments without repeating them."""

    allow_extra_args = True  # parse_args refuses them, with a message of its own

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments apart."""
        with usage.explained(ctx):
            left = super().parse_args(ctx, args)
        if left and not ctx.resilient_parsing:
            raise usage.too_many(ctx, len(left))
        return left

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write what --help shows."""
        formatter.write(help_text.render(help_text.page(ctx)))


class Group(TyperGroup):
    """A command with commands below it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the arguments apart."""
        with usage.explained(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, or say which one may be meant."""
        name = args[0]
        if name not in self.commands and not ctx.resilient_parsing:
            raise usage.unknown_command(ctx, name)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write what --help shows."""
        formatter.write(help_text.render(help_text.page(ctx)))


def require_command(ctx: typer.Context) -> None:
    """Show the help of a group that was called without a command; that is wrong usage."""
    if ctx.invoked_subcommand is not None:
        return
    if usage.wants_json(sys.argv):
        raise usage.no_command(ctx)
    output.note(ctx.get_help())
    raise typer.Exit(2)


def _group(ctx: typer.Context, config: ConfigFile = None) -> None:  # noqa: ARG001 - commands inherit it
    require_command(ctx)


class App(typer.Typer):
    """A group to which commands and groups of the kinds above are added."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cls=Group, invoke_without_command=True, **options)
        self.callback(invoke_without_command=True)(_group)

    def command(self, name: str | None = None, **options: Any) -> Callable[[Any], Any]:
        """Add a command."""
        return super().command(name, **{"cls": Command, **options})
