"""What the README shows is what happens: its program and commands run as printed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.documents import ROOT, blocks, read, table
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


def test_the_curl_lines_sign_somebody_up(bare_env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    (lines,) = re.findall(r"^((?:    .*\n)*    curl .*\n(?:    .*\n)*)", README, re.MULTILINE)
    public = {"AUTHINGO_PUBLIC_URL": "http://localhost:8000"}
    with run_program(tmp_path, bare_env | public, "uvicorn main:app") as port:
        commands = lines.replace("localhost:8000", f"localhost:{port}").replace("/tmp/jar", "jar")
        done = subprocess.run(
            ["bash", "-euc", commands], cwd=tmp_path, capture_output=True, text=True, check=True
        )
    signed_up, me = done.stdout.splitlines()
    assert '"email":"ada@example.com"' in signed_up
    assert me == '{"email":"ada@example.com"}'


@pytest.mark.usefixtures("bare_env")
def test_the_program_runs_under_a_test_client() -> None:
    use(PROGRAM)


def use(program: str) -> None:
    """Run a program that has the README's route, and use it."""
    namespace: dict[str, Any] = {}
    exec(compile(program, "main.py", "exec"), namespace)
    with TestClient(namespace["app"], base_url="https://testserver", headers={**CLIENT}) as client:
        assert client.get("/api/me").status_code == 401
        assert client.post("/api/auth/sign-up", json=ADA).status_code == 200
        assert client.get("/api/me").json() == {"email": ADA["email"]}
        assert client.post("/api/auth/refresh").status_code == 200
        assert client.post("/api/auth/sign-out").json() == {"success": True}
        assert client.get("/api/me").status_code == 401


def test_every_page_of_the_documentation_is_in_the_table() -> None:
    listed = {re.sub(r"\[(.*)\]\(.*", r"\1", row[0]) for row in table(README, "Page")}
    there = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}
    assert listed == there | {"react/README.md", "bench/README.md"}


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "react/README.md"),
        *sorted(f"docs/{one.name}" for one in ROOT.glob("docs/*.md")),
    ],
)
def test_every_link_of_the_documentation_leads_somewhere(page: str) -> None:
    links = re.findall(
        r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", read(page), flags=re.DOTALL)
    )
    for link in links:
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path) if path else ROOT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in anchors, link
