"""No modules import each other in a circle, neither at run time nor for types."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = {
    ".".join((package, *file.relative_to(ROOT / top).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): file
    for top, package in (("authingo", "authingo"), ("cli", "authingo.cli"))
    for file in (ROOT / top).rglob("*.py")
}

# The imports that point up. Each is inside a function, so it runs when that is called.
UPWARD = {
    # `import authingo` stays quick, and works without FastAPI: the methods that need HTTP
    # import it. They are methods of Auth because a program begins with `auth.install(app)`.
    ("authingo.auth", "authingo.fastapi.guards"),
    ("authingo.auth", "authingo.fastapi.install"),
    ("authingo.auth", "authingo.http.handler"),
    # `open_store` imports the driver of the database that is used, and no other.
    ("authingo.stores", "authingo.stores.postgres"),
    ("authingo.stores", "authingo.stores.sqlite"),
}


def imported_by(name: str, *, at_top: bool = False) -> set[str]:
    """Return the modules of ours that a module imports, anywhere in it or outside of functions."""
    file = FILES[name]
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            origin = ".".join(part for part in (above, node.module) if part)
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                found.add(inner if inner in FILES else origin)
        elif at_top and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(file.read_text("utf-8")))
    return (found & FILES.keys()) - {name}


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        name: {other for other in imported_by(name) if (name, other) not in UPWARD}
        for name in FILES
    }
    assert "authingo.models" in graph["authingo.auth"]
    assert "authingo.cli.running" in graph["authingo.cli.sessions"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
        raise AssertionError(" imports ".join(reversed(circle))) from None


def test_what_points_up_is_imported_inside_a_function() -> None:
    for name, other in UPWARD:
        assert other in imported_by(name), f"{name} no longer imports {other}: remove the line"
        assert other not in imported_by(name, at_top=True), f"{name} imports {other}"
