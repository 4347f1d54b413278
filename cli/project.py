"""What `authingo init` writes, by name."""

from __future__ import annotations

import json
import re
import unicodedata
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from .installed_from import Source

FrontEnd = Literal["plain", "pages", "react", "next"]

_CLIENT = "web/authingo-react/"  # built files, in which no placeholder is replaced
# Blocks of lines in a template that only some projects get. Comments in the language of the
# file mark them, so that its tools can still read a template that has every block.
_BLOCK = re.compile(
    r"^[ \t]*(?:#|<!--) only with ([a-z, ]+?)(?: -->)?\n(.*?)^[ \t]*(?:#|<!--) end(?: -->)?\n",
    re.MULTILINE | re.DOTALL,
)
_NAME, _REQUIREMENT = "My application", "requirements.txt"
_DIRECTORY = "/path/to/authingo"


def project(name: str, front_end: FrontEnd, source: Source) -> dict[str, str]:
    """Return the content of every file by its name below the directory.

    Args:
        name: what the project is called, as `name_of` returns it.
        front_end: the kind of front end; plain is a page without a build step, and pages are
            rendered by the program itself, with the ready-made ones beside them.
        source: where to install authingo from.
    """
    folders = ["fastapi", front_end]
    if front_end in {"react", "next"}:
        folders += ["shared", "client"]
    kinds = {front_end, "local" if source.directory else "elsewhere"}
    templates = files("authingo.templates")
    found = {
        name: entry.read_text("utf-8")
        for folder in folders
        for name, entry in _entries(templates.joinpath(folder)).items()
    }
    written = {
        file: text if file.startswith(_CLIENT) else _only_with(kinds, text).replace(_NAME, name)
        for file, text in found.items()
    }
    others = written[_REQUIREMENT].removeprefix("authingo\n")
    written[_REQUIREMENT] = f"{source.requirement}\n{others}"
    if source.directory:
        _point_to(source.directory, written)
    return written


def name_of(directory: Path) -> str:
    """Return the name of a project in a directory: the directory's name, made harmless.

    It keeps letters, digits and `_ . -` within words. They have no special meaning in any
    language of the templates: HTML, JSX, Markdown, Python, systemd (CWE-94).
    """
    name = unicodedata.normalize("NFC", directory.resolve().name)
    words = re.findall(r"\w[\w.-]*", name)
    return " ".join(words)[:64].rstrip(" .-_") or _NAME


def first_steps(readme: str) -> str:
    """Return the section of the project's README.md that says how to run it."""
    return readme.partition("\n## Run it\n\n")[2].partition("\n## ")[0].rstrip("\n")


def _entries(folder: Traversable, prefix: str = "") -> dict[str, Traversable]:
    found = {}
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                found.update(_entries(entry, f"{prefix}{entry.name}/"))
        elif not entry.name.endswith(".pyc"):
            found[prefix + entry.name] = entry
    return found


def _only_with(kinds: set[str], text: str) -> str:
    def kept(block: re.Match[str]) -> str:
        return block[2] if kinds & set(block[1].split(", ")) else ""

    return _BLOCK.sub(kept, text)


def _point_to(directory: Path, written: dict[str, str]) -> None:
    """Tell Docker where authingo is on this machine: a build sees nothing outside its folder."""
    url = directory.as_uri()
    written["Dockerfile"] = written["Dockerfile"].replace(f"file://{_DIRECTORY}", url)
    # A JSON string is a YAML one too; `$` is doubled, since compose looks for variables.
    quoted = json.dumps(str(directory), ensure_ascii=False).replace("$", "$$")
    written["compose.yaml"] = written["compose.yaml"].replace(f'"{_DIRECTORY}"', quoted)
