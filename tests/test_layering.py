"""Imports point down only, at run time and for types alike."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module may import from rooms below its own. Each line: the room, and who lives there.
ROOMS = [
    {"alembic", "errors", "models", "clock", "findings", "foreign_hashes", "loops"},
    {"config", "domains", "tokens", "inputs", "arguments", "passwords", "wire"},
    {"stores"},
    {"cookies", "events", "testing_database"},
    {"last_use", "pace"},
    {"cache", "opening"},
    {"sessions", "limits"},
    {"credentials", "accounts", "listings", "upkeep", "importing"},
    {"auth"},
    {"fastapi", "testing"},
    {"cli"},
]
# The one upward way: Auth reaches the HTTP face when its methods are called.
ALLOWED = {("auth", "fastapi")}


def room_of(name: str) -> int:
    return next(level for level, names in enumerate(ROOMS) if name in names)


def modules() -> Iterator[tuple[str, Path]]:
    for file in (ROOT / "authingo").rglob("*.py"):
        top = file.relative_to(ROOT / "authingo").parts[0].removesuffix(".py")
        if top != "__init__":
            yield top, file
    for file in (ROOT / "cli").rglob("*.py"):
        yield "cli", file


def imported_by(file: Path) -> set[str]:
    """Return the rooms' names that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            one_each = node.module == "authingo"
            names = [f"authingo.{a.name}" for a in node.names] if one_each else [node.module]
        found |= {name.split(".")[1] for name in names if name.startswith("authingo.")}
    return found


@pytest.mark.parametrize(
    ("top", "file"), [pytest.param(*one, id=str(one[1].relative_to(ROOT))) for one in modules()]
)
def test_imports_point_down(top: str, file: Path) -> None:
    for other in imported_by(file) - {top}:
        if (top, other) not in ALLOWED:
            assert room_of(other) <= room_of(top), f"{top} imports {other}"


def test_only_open_store_names_a_concrete_store() -> None:
    concrete = ("authingo.stores.sqlite", "authingo.stores.postgres")
    for _, file in modules():
        inside = {"sqlite", "postgres"} & set(file.parts)
        text = file.read_text("utf-8")
        if not inside and any(name in text for name in concrete):
            assert file == ROOT / "authingo" / "stores" / "__init__.py"


def test_every_module_has_a_room() -> None:
    lived_in = {top for top, _ in modules()}
    assert lived_in == set().union(*ROOMS)
