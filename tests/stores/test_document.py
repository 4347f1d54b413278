"""docs/stores.md: its program serves, and its tests run as printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from authingo.stores import Store
from tests.documents import blocks, read, table
from tests.program import run_program
from tests.server import Browser

PAGE = read("docs/stores.md")
PROGRAM, CONFORMANCE = blocks(PAGE, "python")


def test_the_table_has_every_topic() -> None:
    topics = {name for name, value in vars(Store).items() if isinstance(value, property)}
    assert {row[0].strip("`") for row in table(PAGE, "Topic")} == {f"store.{one}" for one in topics}


def test_the_program_names_the_verbs_that_are_slow(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        PROGRAM.replace("SLOW = 0.1", "SLOW = 0") + "\nlogging.basicConfig(filename='log')\n"
    )
    environment = {**os.environ, "AUTHINGO_PASSWORDS__BCRYPT_COST": "4"}
    with run_program(tmp_path, environment) as port:
        browser = Browser(f"http://127.0.0.1:{port}")
        assert browser.sign_up().status == 200
        assert browser.get("/session").status == 200
        assert browser.post("/sign-out").status == 200
    log = (tmp_path / "log").read_text()
    for verb in ("users.add_with_session", "sessions.end_by_token"):
        assert f"slow_store:{verb} took 0." in log
    assert "@" not in log


def test_its_tests_pass(tmp_path: Path) -> None:
    """Those of some topics: they are the same for all."""
    (tmp_path / "main.py").write_text(PROGRAM)
    (tmp_path / "test_store.py").write_text(CONFORMANCE)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "Rotation or rotation"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
