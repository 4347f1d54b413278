"""What the README shows is what happens: its program and commands run as printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.documents import blocks, read
from tests.program import run_program
from tests.server import ADA, CLIENT, Browser

README = read("README.md")
(PROGRAM,) = blocks(README, "python")


def test_both_set_up_lines_are_there() -> None:
    lines = [line.strip() for line in README.splitlines()]
    venv = "python3 -m venv .venv && .venv/bin/pip install -q "
    assert f"{venv}. && .venv/bin/authingo serve" in lines
    assert f"{venv}-e '.[test]' && .venv/bin/python -m pytest" in lines


def test_the_program_has_fifteen_lines_at_most() -> None:
    assert len([line for line in PROGRAM.splitlines() if line.strip()]) <= 15


def test_the_program_runs_as_printed(bare_env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    (command,) = re.findall(r"^    (AUTHINGO_PUBLIC_URL=.*)$", README, re.MULTILINE)
    variable, _, uvicorn = command.partition(" .venv/bin/")
    with run_program(tmp_path, bare_env | dict([variable.split("=", 1)]), uvicorn) as port:
        browser = Browser(f"http://127.0.0.1:{port}")
        assert browser.get("/api/me", base="").code == "no_session"
        signed_up = browser.sign_up()
        cookies = [value for name, value in signed_up.headers if name.lower() == "set-cookie"]
        assert cookies, "or Safari has nothing to keep"
        assert not [cookie for cookie in cookies if "secure" in cookie.lower()]
        assert browser.get("/api/me", base="").json == {"email": ADA["email"]}
        assert browser.post("/refresh").status == 200
        assert browser.get("/api/me", base="").status == 200
        assert browser.post("/sign-out").status == 200
        assert browser.get("/api/me", base="").code == "no_session"


@pytest.mark.usefixtures("bare_env")
def test_the_program_runs_under_a_test_client() -> None:
    use(PROGRAM)


def use(program: str) -> None:
    """Run a program that has the README's route, and use it."""
    namespace: dict[str, Any] = {}
    exec(compile(program, "main.py", "exec"), namespace)
    with TestClient(namespace["app"], base_url="https://testserver", headers=CLIENT) as client:
        assert client.get("/api/me").status_code == 401
        assert client.post("/api/auth/sign-up", json=ADA).status_code == 200
        assert client.get("/api/me").json() == {"email": ADA["email"]}
        assert client.post("/api/auth/refresh").status_code == 200
        assert client.post("/api/auth/sign-out").json() == {"success": True}
        assert client.get("/api/me").status_code == 401
