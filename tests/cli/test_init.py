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
TEMPLATES = Path(__file__).parent.parent.parent / "templates"
SHARED = {f"web/src/{name}.tsx" for name in ("Account", "App", "Form", "Sessions", "SignIn")} | {
    "web/.gitignore",
    "web/README.md",
    "web/package.json",
    "web/src/style.css",
    "web/tsconfig.json",
    *(f"web/authingo-react/{one.name}" for one in TEMPLATES.glob("client/web/authingo-react/*")),
}
FRONT_ENDS = {
    "--react": SHARED | {"web/index.html", "web/src/main.tsx", "web/vite.config.ts"},
    "--next": SHARED
    | {"web/api.ts", "web/app/layout.tsx", "web/app/page.tsx", "web/next.config.ts"},
}
PUBLIC_URLS = {"--react": "http://localhost:5173", "--next": "http://localhost:3000"}


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
    assert len(written) == 23
    active = re.sub(r"^# (\w+ = .+)$", r"\1", text, flags=re.MULTILINE)
    file.write_text(active)
    # One of them is for PostgreSQL alone.
    everything = load(file, env={"AUTHINGO_DATABASE_URL": "postgresql://user@host/name"})
    assert everything.public_url == "https://example.com"
    # The rest is the default, as the file says.
    different = {"database_url", "listen_url", "public_url", "trusted_origins", "trusted_proxies"}
    different |= {"cookies", "directory"}
    defaults = settings_from({})
    for name in set(everything.__struct_fields__) - different:
        assert getattr(everything, name) == getattr(defaults, name), name


@pytest.mark.parametrize("option", FRONT_ENDS)
def test_a_front_end_comes_beside_the_program(bare: Runner, option: str) -> None:
    dry = bare("init", "app", option, "--dry-run")
    assert (dry.code, list(bare.directory.iterdir())) == (0, [])
    ran = bare("init", "app", option)
    assert (ran.code, ran.out) == (0, dry.out)
    app = bare.directory / "app"
    assert files_in(app) == WRITTEN | FRONT_ENDS[option]
    assert "npm run dev" in ran.err
    assert f"open {PUBLIC_URLS[option]}" in ran.err
    settings = load(app / "authingo.toml", env={})
    assert settings.public_url == PUBLIC_URLS[option], "where its development server listens"
    package = json.loads((app / "web" / "package.json").read_text())
    assert package["dependencies"]["@authingo/react"] == "file:./authingo-react"
    client = json.loads((app / "web" / "authingo-react" / "package.json").read_text())
    assert (client["name"], client["private"]) == ("@authingo/react", True)
    assert not [name for name in files_in(app) if "node_modules" in name]


def test_one_front_end_at_most(bare: Runner) -> None:
    ran = bare("init", "app", "--react", "--next")
    assert (ran.code, ran.out) == (2, "")
    assert "exclude each other" in ran.err
    assert list(bare.directory.iterdir()) == []


def test_a_front_end_overwrites_nothing(bare: Runner) -> None:
    mine = bare.directory / "web" / "package.json"
    mine.parent.mkdir()
    mine.write_text("{}")
    ran = bare("init", "--react")
    assert (ran.code, ran.out) == (1, "")
    assert "already there: web/package.json" in ran.err
    assert files_in(bare.directory) == {"web/package.json"}
    assert mine.read_text() == "{}"
    assert bare("init", "--react", "--force").code == 0
    assert files_in(bare.directory) == WRITTEN | FRONT_ENDS["--react"]


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
