"""`authingo manual`: the help of every command, as a document and as pages for `man`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from . import output
from .running import command


@dataclass(frozen=True, slots=True)
class Page:
    """What the help of a command says. `paragraphs` begins with the one-line summary."""

    name: str
    usage: str
    paragraphs: tuple[str, ...]
    arguments: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    example: str

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return self.paragraphs[0]

    @property
    def file(self) -> str:
        """The name of its manual page, as that of `git commit` is git-commit.1."""
        return f"{self.name.replace(' ', '-')}.1"


@command
def manual(
    *,
    man: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write a page for every command, for man.", show_default=False
        ),
    ] = None,
) -> None:
    """Print the manual as Markdown, or write a page for every command.

    It is what --help says. Where man looks for pages of your own depends on the
    system: mostly in ~/.local/share/man/man1.
    """
    from . import files, manual_formats

    found = list(pages())
    if man is None:
        output.data(manual_formats.markdown(found).removesuffix("\n"))
        return
    for page in found:
        files.write(man / page.file, manual_formats.roff(page, found).encode())
    output.note(f"wrote {len(found)} pages into {man}")


def pages() -> Iterator[Page]:
    """Read the tree of commands, each before those below it."""
    from typer.main import get_command

    from .main import app

    return _pages(get_command(app), "authingo", None)


def _pages(node: Any, name: str, parent: typer.Context | None) -> Iterator[Page]:
    context = typer.Context(node, info_name=name, parent=parent, **node.context_settings)
    below = {} if not hasattr(node, "commands") else node.commands
    below = {name: one for name, one in below.items() if not one.hidden}
    records: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
    for parameter in node.get_params(context):
        if record := parameter.get_help_record(context):  # a hidden one has none
            records[parameter.param_type_name].append(record)
    yield Page(
        name=context.command_path,
        usage=" ".join([context.command_path, *node.collect_usage_pieces(context)]),
        paragraphs=tuple(
            " ".join(text.split()) for text in inspect.cleandoc(node.help or "").split("\n\n")
        ),
        arguments=tuple(records["argument"]),
        options=tuple(records["option"]),
        commands=tuple(f"{context.command_path} {name}" for name in below),
        example=node.epilog or "",
    )
    for name_below, one in below.items():
        yield from _pages(one, name_below, context)
