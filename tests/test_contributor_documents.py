"""ARCHITECTURE.md and CONTRIBUTING.md name files, functions and commands that exist."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, blocks, read

PAGES = ["ARCHITECTURE.md", "CONTRIBUTING.md"]
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SOURCES = [
    file.read_text("utf-8")
    for top in ("authingo", "cli", "tests")
    for file in sorted((ROOT / top).rglob("*.py"))
]


def quoted(page: str) -> list[str]:
    """Return what stands in backquotes, outside of code blocks."""
    return re.findall(r"`([^`]+)`", FENCED.sub("", read(page)))


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str) -> None:
    paths = [one for one in quoted(page) if re.fullmatch(r"[\w.-]*/[\w./-]*|[\w-]+\.(md|py)", one)]
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_file_of_the_drawing_exists() -> None:
    (drawing,) = re.findall(r"^```\n(.*?)^```$", read("ARCHITECTURE.md"), re.MULTILINE | re.DOTALL)
    names = re.findall(r"[\w/]+(?:\.py|/)(?=\W)", drawing)
    assert len(names) > 15
    for name in names:
        places = [ROOT, ROOT / "authingo", ROOT / "authingo" / "stores", ROOT / "authingo/config"]
        assert any((place / name).exists() for place in places), name


@pytest.mark.parametrize("page", PAGES)
def test_every_function_exists(page: str) -> None:
    for one in quoted(page):
        if call := re.fullmatch(r"(?:Auth\.)?(\w+)\(\)", one):
            assert any(f"def {call[1]}(" in text for text in SOURCES), one


def test_every_command_of_the_page_for_contributors_exists() -> None:
    lines = "".join(blocks(read("CONTRIBUTING.md"), "sh")).splitlines()
    commands = [one.strip() for line in lines for one in line.split("&&")]
    assert len(commands) > 10
    scripts = json.loads(read("react/package.json"))["scripts"]
    beside = Path(sys.executable).parent  # where an installation puts its commands
    for command in commands:
        words = [word for word in command.split() if "=" not in word]
        program = words[0]
        if program == "cd":
            assert (ROOT / words[1]).is_dir(), command
        elif words[:2] == ["npm", "run"]:
            assert words[2] in scripts, command
        elif program == "npm":
            assert words[1] in {"ci", "test"}, command
        else:
            assert (beside / Path(program).name).exists() or shutil.which(program), command
        for path in re.findall(r"\b(?:tests|docs|react|authingo)/[\w./-]+", command):
            assert (ROOT / path).exists(), command
