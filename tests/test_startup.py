"""What somebody reads who starts their own program on a database that is not ready."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.database import execute
from tests.documents import blocks, read
from tests.postgres import PostgresServer
from tests.program import await_listening

(PROGRAM,) = blocks(read("README.md"), "python")


def said_at_the_start(directory: Path, port: int, database_url: str) -> list[str]:
    """Start a program and end it again, without a request; return the lines it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)],
        cwd=directory,
        env={"AUTHINGO_DATABASE_URL": database_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        await_listening(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate(timeout=30)
    return [line for line in printed.decode().splitlines() if not line.startswith("INFO:")]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "main.py").write_text(PROGRAM)
    return tmp_path


def test_an_empty_database_is_said_once_with_the_command_to_type(
    directory: Path, unused_port: int, postgres: PostgresServer
) -> None:
    said = said_at_the_start(directory, unused_port, postgres.create_database())
    missing = "answering 503 for now: the database has no authingo tables yet"
    assert said.count(f"{missing} (run `authingo migrate`)") == 1


def test_a_schema_that_is_behind_is_said_once_with_the_command_to_type(
    directory: Path, unused_port: int, postgres_url: str
) -> None:
    execute(postgres_url, "DELETE FROM authingo_migrations WHERE number > 2")
    said = said_at_the_start(directory, unused_port, postgres_url)
    (line,) = [line for line in said if line.startswith("answering 503")]
    assert "the database schema is at 2, this program needs" in line
    assert line.endswith("(run `authingo migrate`)")


def test_a_database_that_is_down_is_said(directory: Path, unused_port: int) -> None:
    said = said_at_the_start(directory, unused_port, "postgresql://ada:hunter2@127.0.0.1:1/app")
    assert any(line.startswith("answering 503 for now: PostgreSQL cannot") for line in said)
    assert "hunter2" not in "\n".join(said)


def test_where_all_is_well_nothing_is_said(
    directory: Path, unused_port: int, database_url: str
) -> None:
    assert said_at_the_start(directory, unused_port, database_url) == []
