"""docs/events.md names every event, and its ways to see the lines work under a real uvicorn."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from authingo import events
from tests.documents import blocks, read
from tests.program import await_listening
from tests.server import ADA, Browser

PAGE = read("docs/events.md")
(PROGRAM,) = blocks(read("README.md"), "python")
(LINES,) = blocks(PAGE, "python")
SHOWN, LOGGING = blocks(PAGE, "json")


def test_every_event_is_there() -> None:
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(named) == sorted(events.names())


def said_by(directory: Path, port: int, *options: str) -> str:
    """Sign somebody up at a uvicorn of this directory, and return what it printed."""
    command = [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), *options]
    with (directory / "printed").open("w+") as printed:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={"AUTHINGO_PASSWORDS__BCRYPT_COST": "4"},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        try:
            await_listening(port, process)
            assert Browser(f"http://127.0.0.1:{port}").sign_up().status == 200
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        printed.seek(0)
        return printed.read()


def events_in(text: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.parametrize("way", ["lines", "log-config"])
def test_the_lines_are_seen_under_uvicorn(tmp_path: Path, unused_port: int, way: str) -> None:
    if way == "lines":
        (tmp_path / "main.py").write_text(LINES + PROGRAM)
        text = said_by(tmp_path, unused_port)
    else:
        (tmp_path / "main.py").write_text(PROGRAM)
        (tmp_path / "logging.json").write_text(LOGGING)
        text = said_by(tmp_path, unused_port, "--log-config", "logging.json")
    (event,) = events_in(text)
    assert event["event"] == "sign_up"
    assert event.keys() == json.loads(SHOWN).keys()
    assert "POST /api/auth/sign-up" in text, "uvicorn's own lines are there too"
    assert ADA["email"] not in text
