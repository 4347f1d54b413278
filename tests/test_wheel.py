"""The wheel holds what the tree has, under the names it is imported by, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = {"authingo": "authingo", "cli": "authingo/cli", "templates": "authingo/templates"}


def built_wheel(directory: Path) -> Path:
    """Build from a copy, so that neither the tree nor an earlier build of it leaks in."""
    source = directory / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in (*PLACES, "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("node_modules"))
    stray = source / "templates" / "react" / "web" / "node_modules" / "left-behind"
    stray.mkdir(parents=True)  # as if the template had been tried in place
    (stray / "index.js").touch()
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", source],
        cwd=directory,
        check=True,
        timeout=300,
    )
    return next(directory.glob("*.whl"))


def test_the_wheel_holds_the_tree_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(built_wheel(tmp_path)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {
        f"{place}/{file.relative_to(ROOT / top)}"
        for top, place in PLACES.items()
        for file in (ROOT / top).rglob("*")
        if file.is_file() and not {"__pycache__", "node_modules"} & set(file.parts)
    }
    assert names == expected
    assert {name.partition("/")[0] for name in names} == {"authingo"}
    assert "authingo/py.typed" in names
    assert "authingo/templates/fastapi/.gitignore" in names
    assert "authingo/templates/client/web/authingo-react/index.js" in names
    assert "authingo/templates/shared/web/src/App.tsx" in names
