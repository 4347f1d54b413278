"""`authingo manual`: docs/cli.md, and pages for man."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tests.command import Runner

ROOT = Path(__file__).parent.parent.parent
COMMAND: Any = get_command(importlib.import_module("authingo.cli.main").app)
TOP = COMMAND.make_context("authingo", [], resilient_parsing=True)
PAGES = list(importlib.import_module("authingo.cli.help_text").pages(TOP))
formats = importlib.import_module("authingo.cli.manual_formats")


def test_the_document_says_what_the_commands_say() -> None:
    kept = (ROOT / "docs" / "cli.md").read_text("utf-8")
    written = formats.markdown(PAGES)
    assert kept == written, "the help has changed: .venv/bin/authingo manual > docs/cli.md"


def test_the_command_prints_the_document_and_writes_a_page_for_every_command(bare: Runner) -> None:
    shown = bare("manual")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == (ROOT / "docs" / "cli.md").read_text("utf-8")
    for _ in range(2):  # over the pages of an older version as well
        written = bare("manual", "--man", "share/man1")
        assert (written.code, written.out) == (0, "")
        assert written.err == f"wrote {len(PAGES)} pages into share/man1\n"
    files = {file.name for file in (bare.directory / "share" / "man1").iterdir()}
    assert files == {page.file for page in PAGES}
    assert {"authingo.1", "authingo-users.1", "authingo-users-create.1"} <= files


def test_where_no_page_can_be_written_it_says_so(bare: Runner) -> None:
    (bare.directory / "file").touch()
    shown = bare("manual", "--man", "file")
    assert (shown.code, shown.out) == (1, "")
    assert shown.err.startswith("error: cannot write file/authingo.1: ")


def test_a_link_in_the_place_of_a_page_is_replaced_and_not_followed(bare: Runner) -> None:
    kept = bare.directory / "kept"
    kept.write_text("mine")
    (bare.directory / "authingo.1").symlink_to(kept)
    assert bare("manual", "--man", ".").code == 0
    assert kept.read_text() == "mine"
    assert (bare.directory / "authingo.1").read_text().startswith(".TH ")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_man_shows_the_pages_as_they_are_meant() -> None:
    odd = replace(
        PAGES[0],
        paragraphs=("First.", '.TH is no request, nor \'is this, "nor" \\fBthis\\fR -- `ok`.'),
        options=(("--odd -x", ".1 \\n"),),
    )
    for page in (odd, *PAGES):
        done = subprocess.run(
            ["groff", "-man", "-Tascii", "-ww", "-P-cbou", "-rLL=500n"],
            input=formats.roff(page),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stderr == ""
        shown = re.sub(r"\s+", " ", done.stdout)
        for text in (page.usage, *page.paragraphs, page.example.partition(": ")[2]):
            assert re.sub(r"\s+", " ", text) in shown
        for name, text in page.options:
            assert re.sub(r"\s+", " ", f"{name} {text}") in shown
        for name, _ in page.commands:
            assert f"{name.replace(' ', '-')}(1)" in shown


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a <b> *c*, x<=9 [y]", r"a \<b> \*c\*, x<=9 [y]"),
        ("`<b> *c*`", "`<b> *c*`"),
        ("\\ and  two", "\\\\ and two"),
    ],
)
def test_what_markdown_would_take_for_markup_is_escaped(text: str, written: str) -> None:
    page: Any = replace(PAGES[0], paragraphs=(text,), commands=())
    assert f"\n\n{written}\n\n" in formats.markdown([page])
