"""What --help of every command and group says. The tree is walked, so that none is forgotten."""

from __future__ import annotations

import importlib
import re
import shlex
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

APP = importlib.import_module("authingo.cli.main").app
ROOT: Any = get_command(APP).make_context("authingo", [], resilient_parsing=True)
PAGES = list(importlib.import_module("authingo.cli.help_text").pages(ROOT))
OF_ITS_OWN = re.compile(r"authingo\b[^>|]*")  # without pipes, redirections, a crontab's times

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@every_page
def test_it_says_what_the_command_and_each_of_its_options_does(page: Any) -> None:
    assert page.summary.endswith(".")
    for name, text in [*page.arguments, *page.options]:
        assert re.match(r"\w", text), f"{page.name} {name} has no help"


@every_page
def test_its_example_is_a_command_line_that_works(page: Any) -> None:
    """It is parsed as the command would, but for the types that ask the file system."""
    found = OF_ITS_OWN.search(page.example)
    assert found, f"{page.name} has no example: give it an epilog"
    assert found[0].startswith(page.name)
    _, *words = shlex.split(found[0])
    command: Any = get_command(APP)
    context = command.make_context("authingo", words)
    while hasattr(command, "commands"):
        _, command, words = command.resolve_command(context, words)
        context = command.make_context(command.name, words, parent=context)


@every_page
def test_it_fits_a_terminal_of_80_columns_and_its_example_one_line(
    page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(APP, [*page.name.split()[1:], "--help"])
    assert shown.exit_code == 0
    assert max(map(len, shown.output.splitlines())) <= 80
    assert page.example in shown.output
    # Cut off with an ellipsis, it would say nothing.
    assert "…" not in shown.output.replace(page.example, "")


def test_an_example_that_does_not_parse_would_be_noticed() -> None:
    with pytest.raises(Exception, match="there is no option --nonsense"):
        get_command(APP).make_context("authingo", ["--nonsense"])
