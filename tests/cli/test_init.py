"""`authingo init`: what it writes runs, and it writes over nothing."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from authingo.config import load, settings_from
from tests.command import Runner
from tests.program import run_program
from tests.server import ADA, Browser

WRITTEN = {
    ".gitignore",
    "README.md",
    "authingo.toml",
    "compose.yaml",
    "deploy/authingo-prune.service",
    "deploy/authingo-prune.timer",
    "deploy/crontab",
    "main.py",
    "requirements.txt",
}


def files_in(directory: Path) -> set[str]:
    return {str(one.relative_to(directory)) for one in directory.rglob("*") if one.is_file()}


@pytest.fixture
def project(bare: Runner) -> Runner:
    assert bare("init", "app").code == 0
    bare.directory /= "app"
    return bare


@pytest.fixture
def program(project: Runner) -> Iterator[Browser]:
    """The generated program, run as its README says."""
    with run_program(project.directory, project.env) as port:
        yield Browser(f"http://127.0.0.1:{port}")


def test_it_writes_a_project_and_says_what_is_next(bare: Runner) -> None:
    ran = bare("init", "app")
    assert ran.code == 0
    assert {line.removeprefix("app/") for line in ran.out.splitlines()} == WRITTEN
    assert files_in(bare.directory / "app") == WRITTEN
    assert "cd app" in ran.err
    assert (bare.directory / "app" / "authingo.toml").stat().st_mode & 0o777 == 0o600
    here = bare("init")
    assert "cd" not in here.err.split()
    assert files_in(bare.directory) == WRITTEN | {f"app/{name}" for name in WRITTEN}


def test_the_generated_program_runs(program: Browser, project: Runner) -> None:
    assert program.get("/api/me", base="").code == "no_session"
    signed_up = program.sign_up()
    me = program.get("/api/me", base="").json
    assert me == {"id": signed_up.json["user"]["id"], "email": ADA["email"], "name": ADA["name"]}
    assert program.get("/api/hello", base="").json == {"hello": "Ada"}
    assert "/api/me" in json.loads(program.get("/openapi.json", base="").body)["paths"]
    listed = project("users", "list", "--json").json
    assert [user["email"] for user in listed] == [ADA["email"]]
    assert project("sessions", "prune").code == 0


def test_every_setting_of_the_file_is_a_real_one(project: Runner) -> None:
    file = project.directory / "authingo.toml"
    text = file.read_text()
    written = re.findall(r"^# (\w+) = .+$", text, re.MULTILINE)
    assert len(written) == 22
    # listen_url is for PostgreSQL, and the database shown is SQLite.
    active = re.sub(r"^# ((?!listen_url)\w+ = .+)$", r"\1", text, flags=re.MULTILINE)
    file.write_text(active)
    everything = load(file, env={})
    assert everything.public_url == "https://example.com"
    # The rest is the default, as the file says.
    different = {"public_url", "trusted_origins", "trusted_proxies", "cookies", "directory"}
    defaults = settings_from({})
    for name in set(everything.__struct_fields__) - different:
        assert getattr(everything, name) == getattr(defaults, name), name


def test_nothing_is_overwritten(bare: Runner) -> None:
    mine = bare.directory / "main.py"
    mine.write_text("mine")
    ran = bare("init")
    assert (ran.code, ran.out) == (1, "")
    assert "already there: main.py" in ran.err
    assert "--force" in ran.err
    assert files_in(bare.directory) == {"main.py"}
    assert mine.read_text() == "mine"
    assert bare("init", "--force").code == 0
    assert "FastAPI" in mine.read_text()
    assert files_in(bare.directory) == WRITTEN, "nothing half-written is left"


def test_a_dry_run_writes_nothing(bare: Runner) -> None:
    ran = bare("init", "app", "--dry-run")
    assert (ran.code, len(ran.out.splitlines())) == (0, len(WRITTEN))
    assert list(bare.directory.iterdir()) == []


def test_no_link_is_written_through(bare: Runner) -> None:
    outside = bare.directory / "outside.txt"
    outside.write_text("mine")
    app = bare.directory / "app"
    app.mkdir()
    (app / "main.py").symlink_to(outside)
    for options in ([], ["--force"]):
        ran = bare("init", "app", *options)
        assert ran.code == 1
        assert "symbolic link" in ran.err
    assert outside.read_text() == "mine"
    assert files_in(app) == {"main.py"}


def test_where_nothing_can_be_written(bare: Runner) -> None:
    (bare.directory / "file").write_text("")
    for directory, reason in (("file", "not a directory"), ("file/app", "not a directory")):
        ran = bare("init", directory)
        assert ran.code == 1
        assert reason in ran.err
    ran = bare("init", "/proc/nowhere")
    assert ran.code == 1
    assert "cannot write" in ran.err


def test_the_units_are_ones(project: Runner) -> None:
    deploy = project.directory / "deploy"
    timer = configparser.ConfigParser(strict=False)
    timer.read(deploy / "authingo-prune.timer")
    assert timer["Timer"]["Persistent"] == "true"
    service = configparser.ConfigParser(strict=False)
    service.read(deploy / "authingo-prune.service")
    assert service["Service"]["ExecStart"].endswith("authingo sessions prune")
    entries = [line for line in (deploy / "crontab").read_text().splitlines() if line[:1].isdigit()]
    assert len(entries) == 1
    assert entries[0].endswith("authingo sessions prune")
