"""Imports point down only, at run time and for types alike."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from authingo.capabilities import CAPABILITIES

ROOT = Path(__file__).parent.parent

# Each has its routes in it, which are the highest of its parts.
CAPABILITY_PACKAGES = {one.partition(":")[0].removeprefix("authingo.") for one in CAPABILITIES}

# From the bottom up. A module may import from its own layer and from those before it.
LAYERS = [
    {
        "alembic",
        "sqlalchemy",
        "asgi",
        "capabilities",
        "errors",
        "attempts",
        "ids",
        "models",
        "roles",
        "clock",
        "findings",
        "foreign_hashes",
        "loops",
        "networks",
        "hashing_queue",
        "owners",
    },
    {
        *("config", "domains", "tokens", "inputs", "arguments", "passwords", "wire"),
        *("profile", "profile_models", "profile_schemas"),
    },
    {"stores"},
    {"events", "testing_database"},
    {"last_use", "misfits", "pace"},
    {"cache"},
    {"measuring"},
    {"sessions", "limits", "policy", "hooks"},
    {"hash_kinds", "credentials"},
    {"core"},
    {"reauthentication"},
    {"deletion", "export"},
    {
        "accounts",
        "importing",
        "listings",
        "maintenance",
        "edits",
        "self_service",
        "signing_in",
        "user_sessions",
    },
    {"auth"},
    {"http", "mail", "plugins", *CAPABILITY_PACKAGES},
    {"fastapi", "testing"},
    {"cli"},
]
# The one way up: methods of Auth import HTTP when they are called. See test_import_circles.py.
ALLOWED = {("auth", "fastapi"), ("auth", "http")}


def layer_of(name: str) -> int:
    return next(level for level, names in enumerate(LAYERS) if name in names)


def modules() -> Iterator[tuple[str, Path]]:
    for file in (ROOT / "authingo").rglob("*.py"):
        top = file.relative_to(ROOT / "authingo").parts[0].removesuffix(".py")
        if top != "__init__":
            yield top, file
    for file in (ROOT / "cli").rglob("*.py"):
        yield "cli", file


def imported_by(file: Path) -> set[str]:
    """Return the parts of authingo that a module imports from, anywhere in it."""
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
            assert layer_of(other) <= layer_of(top), f"{top} imports {other}"


def test_only_open_store_names_a_concrete_store() -> None:
    concrete = ("authingo.stores.sqlite", "authingo.stores.postgres")
    for _, file in modules():
        inside = {"sqlite", "postgres"} & set(file.parts)
        text = file.read_text("utf-8")
        if not inside and any(name in text for name in concrete):
            assert file == ROOT / "authingo" / "stores" / "__init__.py"


def test_only_the_integration_and_the_server_need_fastapi() -> None:
    allowed = {"authingo/fastapi", "authingo/auth.py", "authingo/testing.py", "cli/serving.py"}
    for _, file in modules():
        names = {
            name.partition(".")[0]
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        where = file.relative_to(ROOT).as_posix()
        if names & {"fastapi", "starlette"}:
            assert any(where.startswith(one) for one in allowed), where


def test_every_module_has_a_layer() -> None:
    assert {top for top, _ in modules()} == set().union(*LAYERS)
