"""What the help of a command says, and how --help shows it."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from . import output

_WIDEST = 100  # columns of prose, however wide the terminal
_LABEL = 24  # columns of the longest name that has its text beside it


@dataclass(frozen=True, slots=True)
class Page:
    """What the help of a command says. `paragraphs` begins with the one-line summary."""

    name: str
    usage: str
    paragraphs: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]  # the whole name and the summary of each
    example: str

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return self.paragraphs[0]

    @property
    def file(self) -> str:
        """The name of its manual page, as that of `git commit` is git-commit.1."""
        return f"{self.name.replace(' ', '-')}.1"


def pages(ctx: Any) -> Iterator[Page]:
    """Yield the page of a command, then those of the commands below it."""
    yield page(ctx)
    for name, command in _below(ctx.command):
        yield from pages(typer.Context(command, info_name=name, parent=ctx))


def page(ctx: Any) -> Page:
    """Return the page of a command."""
    node, name = ctx.command, ctx.command_path
    shown = [one for one in node.get_params(ctx) if not getattr(one, "hidden", False)]
    arguments = [one for one in shown if one.param_type_name == "argument"]
    options = [one for one in shown if one.param_type_name == "option"]
    commands = [(f"{name} {below}", _paragraphs(one)[0]) for below, one in _below(node)]
    pieces = [_usage(one) for one in arguments] + (["COMMAND ..."] if commands else [])
    return Page(
        name=name,
        usage=" ".join([name, "[OPTIONS]", *pieces]),
        paragraphs=_paragraphs(node),
        arguments=tuple((argument_name(one), _says(one)) for one in arguments),
        options=tuple((_label(one), _says(one)) for one in options),
        commands=tuple(commands),
        example=node.epilog or "",
    )


def argument_name(parameter: Any) -> str:
    """Return the name of an argument in usage lines, such as EMAIL."""
    return str(parameter.metavar or parameter.name.upper())


def option_label(parameter: Any) -> str:
    """Return an option with its value, such as `--name NAME`."""
    name = max(parameter.opts, key=len)
    return name if parameter.is_flag else f"{name} {argument_name(parameter)}"


def render(shown: Page) -> str:
    """Lay a page out for the terminal."""
    width = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
    commands = tuple((name.rpartition(" ")[2], text) for name, text in shown.commands)
    sections = (
        ("Commands", commands),
        ("Arguments", shown.arguments),
        ("Options", shown.options),
    )
    blocks = [
        f"{output.styled('Usage:', 'bold')} {shown.usage}",
        *(textwrap.fill(text, width, break_on_hyphens=False) for text in shown.paragraphs),
        *(_section(title, entries, width) for title, entries in sections if entries),
        shown.example,
    ]
    return "\n\n".join(blocks) + "\n"


def _section(title: str, entries: tuple[tuple[str, str], ...], width: int) -> str:
    column = min(max(len(name) for name, _ in entries), _LABEL)
    lines = [output.styled(f"{title}:", "bold")]
    for name, text in entries:
        first, *rest = textwrap.wrap(text, width - column - 4, break_on_hyphens=False)
        label = "  " + output.styled(name, "cyan")
        if len(name) > column:
            lines.append(label)
            label, name = "  ", ""  # noqa: PLW2901 - the text begins below it
        lines.append(f"{label}{' ' * (column - len(name))}  {first}")
        lines += [" " * (column + 4) + line for line in rest]
    return "\n".join(lines)


def _below(node: Any) -> list[tuple[str, Any]]:
    return [(name, one) for name, one in getattr(node, "commands", {}).items() if not one.hidden]


def _paragraphs(node: Any) -> tuple[str, ...]:
    text = inspect.cleandoc(node.help or "")
    return tuple(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _usage(argument: Any) -> str:
    name = argument_name(argument) + ("..." if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _label(option: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {argument_name(option)}"


def _says(parameter: Any) -> str:
    default = None if getattr(parameter, "is_flag", False) else parameter.default
    told = default is not None and parameter.show_default
    return f"{parameter.help} (default: {default})" if told else str(parameter.help)
