"""What holds for every command: errors, exit codes, streams, what is loaded."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import Runner
from tests.database import execute

NEED_A_DATABASE = [
    ["users", "list"],
    ["users", "create", "ada@example.com", "--generate-password"],
    ["sessions", "prune"],
    ["stats"],
    ["cookies", "inspect", "authingo_session=" + "A" * 43],
]
ALL = [*NEED_A_DATABASE, ["migrate"], ["migrate", "--status"], ["serve", "--port", "0"]]


def one_line_and_a_hint(err: str) -> bool:
    lines = [line for line in err.splitlines() if not line.startswith("note:")]
    return [line.partition(":")[0] for line in lines] in (["error"], ["error", "hint"])


@pytest.mark.parametrize("command", NEED_A_DATABASE, ids=" ".join)
def test_without_a_database_they_say_so_and_make_none(bare: Runner, command: list[str]) -> None:
    ran = bare(*command)
    assert (ran.code, ran.out) == (1, "")
    assert one_line_and_a_hint(ran.err)
    assert "there is no database at" in ran.err
    assert "hint: run `authingo migrate`" in ran.err
    assert list(bare.directory.iterdir()) == []


@pytest.mark.parametrize("command", ALL, ids=" ".join)
def test_a_broken_configuration_is_one_clear_line(bare: Runner, command: list[str]) -> None:
    file = bare.directory / "authingo.toml"
    for content, reason in (
        ("sign_up = ", "is not valid TOML"),
        ("sing_up = true", "unknown setting: sing_up"),
        ("[sessions]\nrefresh_grace = 'soon'", "sessions.refresh_grace"),
        ("database_url = 'mysql://u:hunter2@h/d'", "database_url: must begin"),
    ):
        file.write_text(content)
        ran = bare(*command)
        assert (ran.code, ran.out) == (1, ""), content
        assert one_line_and_a_hint(ran.err), ran.err
        assert reason in ran.err
        assert "hunter2" not in ran.err
    file.unlink()
    for variables, reason in (
        ({"AUTHINGO_BSAE_PATH": "/x"}, "unknown variable AUTHINGO_BSAE_PATH"),
        ({"AUTHINGO_CONFIG": "/nowhere/authingo.toml"}, "No such file"),
        ({"AUTHINGO_CONFIG": str(bare.directory)}, "Is a directory"),
    ):
        ran = bare(*command, **variables)
        assert ran.code == 1
        assert one_line_and_a_hint(ran.err), ran.err
        assert reason in ran.err


@pytest.mark.parametrize(
    "command", [*NEED_A_DATABASE, ["migrate"], ["migrate", "--sql"]], ids=" ".join
)
def test_a_database_that_cannot_be_had_is_one_clear_line(bare: Runner, command: list[str]) -> None:
    not_a_database = bare.directory / "text.db"
    not_a_database.write_text("This is not a database." * 100)
    for url, reason in (
        ("postgresql://user:hunter2@127.0.0.1:1/db", "cannot be reached"),
        ("postgresql://user:hunter2@/db?host=/nowhere", "cannot be reached"),
        ("postgresql://user:hunter2@[::1/db", ""),
        ("postgresql://user:hunter2@127.0.0.1:port/db", ""),
        (f"sqlite:///{not_a_database}", "not a database"),
        ("sqlite:////nowhere/authingo.db", "/nowhere/authingo.db"),
    ):
        ran = bare(*command, AUTHINGO_DATABASE_URL=url)
        assert (ran.code, ran.out) == (1, ""), url
        assert one_line_and_a_hint(ran.err), ran.err
        assert reason in ran.err
        assert "hunter2" not in ran.err


@pytest.mark.parametrize(
    "line",
    [
        "cookies inspect 'theme=dark'",
        "doctor",
        "events list",
        "migrate --status",
        "sessions list",
        "users create ada@example.com --generate-password",
        "users export --csv",
    ],
)
def test_a_command_loads_what_it_needs(authingo: Runner, line: str) -> None:
    """In an interpreter that has loaded nothing before."""
    ran = authingo.shell(f"$authingo {line}")
    assert ran.returncode == (1 if line == "doctor" else 0), ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_misspelled_variable_names_the_one_that_was_meant(bare: Runner) -> None:
    ran = bare("cookies", "inspect", stdin="theme=dark", AUTHINGO_SESSIONS_CACHE="hunter2")
    assert ran.code == 1
    assert "unknown variable AUTHINGO_SESSIONS_CACHE" in ran.err
    assert "did you mean AUTHINGO_SESSIONS__CACHE?" in ran.err
    assert "hunter2" not in ran.err
    written = {"AUTHINGO_SIGN_UP": '"off"', "AUTHINGO_CONFIG": "", "AUTHINGO_DATABASE_URL": ""}
    assert bare("cookies", "inspect", stdin="theme=dark", **written).code == 0


def test_errors_for_programs(bare: Runner) -> None:
    ran = bare("users", "list", "--json")
    error = json.loads(ran.err)
    assert error.keys() == {"code", "message", "hint"}
    assert error["code"] == "store_unavailable"
    assert ran.out == ""


def test_wrong_usage_is_two(bare: Runner) -> None:
    for command in (
        ["nonsense"],
        ["users", "create"],
        ["users", "list", "--limit", "many"],
        ["sessions", "prune", "--batch-size", "0"],
        ["users", "show"],
        ["sessions", "revoke"],
        ["serve", "--reload", "--workers", "2"],
        ["cookies", "inspect", "nothing that is a cookie"],
    ):
        ran = bare(*command)
        assert (ran.code, ran.out) == (2, "")


def test_the_version(bare: Runner) -> None:
    assert bare("--version").out.startswith("authingo 0.")


@pytest.mark.parametrize(
    "statement",
    [
        "import authingo",
        "from authingo import Auth; Auth",
        "from authingo.cli.main import app\ntry: app(['--help'])\nexcept SystemExit: pass",
    ],
)
def test_what_is_not_needed_is_not_loaded(statement: str) -> None:
    script = f"{statement}\nimport sys; print('loaded:', *sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.rpartition("loaded:")[2].split())
    assert not loaded & {"fastapi", "starlette", "pydantic", "asyncpg", "bcrypt", "uvicorn"}
    assert "authingo" in loaded
    if "cli" in statement:
        assert not loaded & {"asyncio", "sqlite3", "authingo.auth"}


def test_interrupting_ends_with_130(authingo: Runner) -> None:
    """A prune that waits for a lock is interrupted as Ctrl-C does."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    process = authingo.start(
        "migrate", "--wait", "60", AUTHINGO_DATABASE_URL="postgresql://u@127.0.0.1:1/x"
    )
    wait_until_busy(process)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert execute(url, "SELECT count(*) FROM authingo_users") == [(0,)]


def wait_until_busy(process: subprocess.Popen[str]) -> None:
    """Wait until a process has loaded what it works with: it has asyncpg mapped."""
    maps = Path(f"/proc/{process.pid}/maps")
    deadline = time.monotonic() + 30
    while "asyncpg" not in maps.read_text():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_clear_line(authingo: Runner) -> None:
    assert authingo("users", "create", "ada@example.com", "--generate-password").code == 0
    for line in ("users export", "users list --csv", "stats"):
        ran = authingo.shell(f"$authingo {line} > /dev/full")
        assert (ran.returncode, one_line_and_a_hint(ran.stderr)) == (1, True), ran.stderr
        assert "No space left on device" in ran.stderr


def test_streams_that_a_shell_has_closed_are_empty(authingo: Runner) -> None:
    assert authingo("users", "create", "ada@example.com", "--generate-password").code == 0
    ran = authingo.shell("$authingo users delete ada@example.com <&-")
    assert (ran.returncode, "add --yes" in ran.stderr) == (2, True), ran.stderr
    assert authingo.shell("$authingo sessions prune 2>&-").returncode == 0
    assert authingo.shell("$authingo users list >&-").returncode == 0
