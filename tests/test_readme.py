"""What the README shows is what happens: its programs and commands run as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from authingo.config import Settings, settings_from
from authingo.fastapi.routes import ROUTES
from tests.program import run_program
from tests.server import ADA, CLIENT, Browser

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


PROGRAM, OWN_LIFESPAN = blocks("python")


def table(header: str) -> list[list[str]]:
    """Return the cells of the table whose first column has this header."""
    rows = README.partition(f"| {header} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A directory and an environment without anything of authingo's."""
    monkeypatch.chdir(tmp_path)
    here = str(Path(sys.executable).parent)
    return {"PATH": f"{here}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}


def test_both_set_up_lines_are_there() -> None:
    lines = [line.strip() for line in README.splitlines()]
    venv = "python3 -m venv .venv && .venv/bin/pip install -q "
    assert f"{venv}. && .venv/bin/authingo serve" in lines
    assert f"{venv}-e '.[test]' && .venv/bin/python -m pytest" in lines


def test_the_program_has_fifteen_lines_at_most() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 15


@pytest.mark.parametrize(
    "command", ["uvicorn main:app", *re.findall(r"`(WEB_CONCURRENCY=4 uvicorn [^`]*)`", README)]
)
def test_the_program_runs_as_printed(env: dict[str, str], tmp_path: Path, command: str) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    variables, _, arguments = command.rpartition("uvicorn ")
    env |= dict(word.split("=") for word in variables.split())
    with run_program(tmp_path, env, f"uvicorn {arguments}") as port:
        browser = Browser(f"http://127.0.0.1:{port}")
        assert browser.get("/api/me", base="").code == "no_session"
        browser.sign_up()
        assert browser.get("/api/me", base="").json == {"email": ADA["email"]}
        assert browser.post("/refresh").status == 200
        assert browser.get("/api/me", base="").status == 200
        assert browser.post("/sign-out").status == 200
        assert browser.get("/api/me", base="").code == "no_session"


def test_the_production_command_is_one_of_those_run() -> None:
    assert re.search(r"`WEB_CONCURRENCY=4 uvicorn ", README)


def with_own_lifespan(program: str) -> str:
    own = program.replace(
        "app = FastAPI(lifespan=auth.lifespan)",
        f"{OWN_LIFESPAN}\n\napp = FastAPI(lifespan=lifespan)",
    )
    assert own != program
    return (
        "from contextlib import asynccontextmanager\n"
        "from collections.abc import AsyncIterator\n" + own
    )


@pytest.mark.usefixtures("env")
@pytest.mark.parametrize("change", [str, with_own_lifespan], ids=["as_printed", "own_lifespan"])
def test_the_program_runs_under_a_test_client(change: Any) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(change(PROGRAM), "main.py", "exec"), namespace)
    with TestClient(namespace["app"], base_url="https://testserver", headers=CLIENT) as client:
        assert client.get("/api/me").status_code == 401
        assert client.post("/api/auth/sign-up", json=ADA).status_code == 200
        assert client.get("/api/me").json() == {"email": ADA["email"]}
        assert client.post("/api/auth/refresh").status_code == 200
        assert client.post("/api/auth/sign-out").json() == {"success": True}
        assert client.get("/api/me").status_code == 401


def test_the_commands_run_in_the_order_shown(env: dict[str, str], tmp_path: Path) -> None:
    (console,) = blocks("console")
    lines = [line.removeprefix("$ ") for line in console.splitlines()]
    assert len(lines) > 5
    # A shell of one's own, as somebody who copies the lines has: `cd` counts.
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        env=env,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ada@example.com" in done.stdout
    assert (tmp_path / "my-app" / "users.csv").read_text().count("\n") == 2


def test_every_command_of_the_table_exists(env: dict[str, str], tmp_path: Path) -> None:
    rows = table("Command")
    assert len(rows) > 5
    for first, described in rows:
        words = first.strip("`").split()
        command = [word for word in words if word.islower()]
        done = subprocess.run(
            [*command, "--help"], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        for option in re.findall(r"--[a-z-]+", described):
            assert option in done.stdout, f"{first}: {option}"


def test_the_routes_of_the_table_are_the_routes() -> None:
    shown = {tuple(row[0].strip("`").split()) for row in table("Route")}
    assert shown == {
        (method, f"/api/auth{path}") for path, methods in ROUTES.items() for method in methods
    }


def test_the_settings_of_the_table_are_the_settings_with_their_defaults() -> None:
    real: dict[str, object] = {}
    for key, value in msgspec.structs.asdict(Settings()).items():
        if isinstance(value, msgspec.Struct):
            inner = msgspec.structs.asdict(value)
            real |= {f"{key}.{name}": default for name, default in inner.items()}
        elif key != "directory":
            real[key] = value
    shown = {row[0].strip("`"): row[1].strip("`") for row in table("Key")}
    assert shown.keys() == real.keys()
    for name, text in shown.items():
        if text == "unset":
            assert real[name] is None, name
            continue
        # What the table says, if written into the file, is the default.
        group, _, key = name.rpartition(".")
        value = text.strip('"') if text not in {"true", "false", "[]"} else _toml(text)
        given = settings_from({group: {key: value}} if group else {key: value})
        holder = getattr(given, group) if group else given
        expected = getattr(Settings(), group) if group else Settings()
        assert getattr(holder, key) == getattr(expected, key), name


def _toml(text: str) -> object:
    return {"true": True, "false": False, "[]": []}[text]
