"""`authingo users import` and `users export`, as processes, on both stores."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import bcrypt
import pytest

from authingo.config import settings_from
from tests.command import Runner
from tests.database import execute, run_script
from tests.postgres import PostgresServer
from tests.server import LiveServer
from tests.test_import_systems import (
    CONSOLE,
    FIREBASE_USER,
    KEYCLOAK,
    SIGNER_KEY,
    keycloak_user,
)

ROOT = Path(__file__).parent.parent.parent
EXPORTS = ROOT / "tests" / "exports"
DOCUMENT = (ROOT / "docs" / "import.md").read_text("utf-8")
PASSWORD = "correct horse battery"
BCRYPT = "$2a$10$7dToUA9qFjDpEb6v9pjHPeNpgamQp9vB9KF924rRhe/x6dpoQB/Je"
# The usual cost, to which no hash of the tests comes near.
USUAL = {"AUTHINGO_PASSWORDS__BCRYPT_COST": "12"}
_ALL = "SELECT email, name, password_hash FROM authingo_users ORDER BY email"


def lines(count: int) -> list[bytes]:
    return [
        json.dumps(
            {
                "email": f"user{number}@example.com",
                "name": f"User {number}",
                "email_verified": number % 2 == 0,
                "created_at": f"2020-01-01T00:00:00.{number:06}Z",
                "password_hash": BCRYPT,
            }
        ).encode()
        + b"\n"
        for number in range(count)
    ]


def users(authingo: Runner) -> list[tuple[Any, ...]]:
    return execute(authingo.env["AUTHINGO_DATABASE_URL"], _ALL)


def hash_of(authingo: Runner, email: str) -> str:
    return next(str(row[2]) for row in users(authingo) if row[0] == email)


# From docs/import.md to an old password


def documented_command(system: str) -> list[str]:
    """The import command that docs/import.md has for a system, as it is printed."""
    (found,) = re.findall(
        rf"^    authingo (users import \S+ --from {system})$", DOCUMENT, re.MULTILINE
    )
    return str(found).split()


def bcrypt_of(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(5)).decode().replace("$2b$", "$2y$")


def write_as_the_document_says(
    postgres: PostgresServer, script: Path, heading: str, file: Path
) -> None:
    """Make the other system's tables, and run the SELECT of its section on them."""
    section = re.split(r"\n##+ ", DOCUMENT.partition(f"# {heading}\n")[2])[0]
    if heading == "Rails" and script.stem == "devise":
        section = section.partition("With Devise:")[2]
    found = re.search(r'-c "\\copy \((.*?)\) TO \'users.csv\' CSV HEADER"', section)
    assert found
    query = found[1].replace('\\"', '"')
    url = postgres.create_database()
    run_script(url, script.read_text("utf-8").replace("{bcrypt}", bcrypt_of(PASSWORD)))

    async def copy() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.copy_from_query(query, output=file, format="csv", header=True)
        finally:
            await connection.close()

    asyncio.run(copy())
    postgres.drop_database(url)


@contextmanager
def served(authingo: Runner) -> Iterator[LiveServer]:
    values = {
        "database_url": authingo.env["AUTHINGO_DATABASE_URL"],
        "passwords": {"bcrypt_cost": 4},
        "limits": {"enabled": False},
    }
    server = LiveServer(lambda url: settings_from({**values, "public_url": url}))
    try:
        yield server
    finally:
        server.stop()


def signs_in_as_before(authingo: Runner, old: dict[str, str], *, not_in: list[str]) -> None:
    """With the old password, and then with the same under a new hash; others not at all."""
    before = {email: hash_of(authingo, email) for email in old}
    with served(authingo) as server:
        for email, password in old.items():
            for attempt in (password + "x", password, password):
                answer = server.browser().sign_in(email=email, password=attempt)
                assert answer.status == (200 if attempt == password else 401), email
            after = hash_of(authingo, email)
            assert after.startswith("$2b$"), email
            if not before[email].startswith("$2b$"):
                assert after.startswith("$2b$04$"), email
        for email in not_in:
            for attempt in (PASSWORD, "!", "x"):
                answer = server.browser().sign_in(email=email, password=attempt)
                assert answer.status == 401


def test_better_auth_moves_in_as_the_readme_says(
    authingo: Runner, postgres: PostgresServer
) -> None:
    arguments = documented_command("better-auth")
    file = authingo.directory / arguments[2]
    write_as_the_document_says(postgres, EXPORTS / "better-auth.sql", "Better Auth", file)
    assert sorted(file.read_text().splitlines()) == sorted(
        (EXPORTS / "better-auth.csv").read_text().splitlines()
    ), "what psql wrote from Better Auth's own database"
    ran = authingo(*arguments, **USUAL)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        "imported 4 users\n1 user without a password: use authingo users set-password to set one\n"
    )
    old = {
        "ada@example.com": PASSWORD,
        "grace@example.com": "p\u00e1ssword \U0001f511 five",  # composed, as another keyboard does
    }
    signs_in_as_before(authingo, old, not_in=["joan@example.com", "mary@example.com"])


def test_django_moves_in_as_the_readme_says(authingo: Runner) -> None:
    arguments = documented_command("django")
    (authingo.directory / arguments[2]).write_bytes((EXPORTS / "django.jsonl").read_bytes())
    ran = authingo(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[:2] == [
        "line 8: has no email (invalid_email)",
        "imported 7 users, 1 line failed",
    ]
    old = {f"{name}@example.com": PASSWORD for name in ("ada", "grace", "radia", "barbara")}
    signs_in_as_before(authingo, old, not_in=["joan@example.com", "mary@example.com"])


@pytest.mark.parametrize(
    ("script", "heading", "options", "password"),
    [
        ("aspnet", "ASP.NET Core Identity", ["--from", "aspnet"], "my password"),
        ("devise", "Rails", [], PASSWORD),
        ("flask", "Flask, and FastAPI with passlib", [], PASSWORD),
        ("laravel", "Laravel", [], PASSWORD),
        ("rails", "Rails", [], PASSWORD),
    ],
)
def test_a_table_moves_in_as_the_document_says(
    authingo: Runner,
    postgres: PostgresServer,
    script: str,
    heading: str,
    options: list[str],
    password: str,
) -> None:
    file = authingo.directory / "users.csv"
    write_as_the_document_says(postgres, EXPORTS / f"{script}.sql", heading, file)
    ran = authingo("users", "import", "users.csv", *options, **USUAL)
    assert (ran.code, ran.out, ran.err) == (0, "", "imported 1 user\n")
    signs_in_as_before(authingo, {"ada@example.com": password}, not_in=["grace@example.com"])


def test_firebase_moves_in_with_the_parameters_of_its_console(authingo: Runner) -> None:
    (authingo.directory / "parameters.txt").write_text(CONSOLE)
    file = authingo.directory / "users.json"
    file.write_text(json.dumps({"users": [FIREBASE_USER]}, indent=2))
    command = ["users", "import", "users.json", "--hash-config", "parameters.txt", "--from"]
    ran = authingo(*command, "firebase", **USUAL)
    assert (ran.code, ran.out, ran.err) == (0, "", "imported 1 user\n")
    assert authingo("users", "enable", "ada@example.com").code == 0
    signs_in_as_before(authingo, {"ada@example.com": "user1password"}, not_in=[])
    for arguments in ([*command[:3], "--from", "firebase"], [*command, "django"]):
        refused = authingo(*arguments)
        assert (refused.code, refused.out) == (2, "")
        assert "--hash-config and --from firebase go together" in refused.err
    (authingo.directory / "parameters.txt").write_text(CONSOLE.replace("rounds: 8,", ""))
    for wrong in ("parameters.txt", "nowhere.txt"):
        refused = authingo("users", "import", "-", "--hash-config", wrong, "--from", "firebase")
        assert (refused.code, refused.out) == (1, "")
        assert SIGNER_KEY[:8] not in refused.err
        assert refused.err.startswith("error: ")


def test_keycloak_moves_in_from_a_directory_of_files(authingo: Runner) -> None:
    users = [
        keycloak_user(*KEYCLOAK["argon2"]),
        keycloak_user(*KEYCLOAK["pbkdf2-sha512"], email="grace@example.com"),
    ]
    files = [json.dumps({"realm": "example", "users": [user]}, indent=2) for user in users]
    ran = authingo("users", "import", "-", "--from", "keycloak", stdin="".join(files), **USUAL)
    assert (ran.code, ran.err) == (0, "imported 2 users\n")
    emails = ("ada@example.com", "grace@example.com")
    signs_in_as_before(authingo, dict.fromkeys(emails, "password"), not_in=[])


def test_a_file_of_another_system_is_refused_in_two_lines(authingo: Runner) -> None:
    file = (EXPORTS / "django.jsonl").read_bytes()
    for arguments in ([], ["--from", "better-auth"]):
        ran = authingo("users", "import", "-", *arguments, stdin=file)
        assert ran.code == 1
        assert "looks like one of django" in ran.err
        assert "--from django" in ran.err
        assert len(ran.err.splitlines()) <= 3
    assert users(authingo) == []


def test_every_system_of_the_help_has_a_section(bare: Runner) -> None:
    sections = re.findall(r"--from ([a-z0-9-]+)$", DOCUMENT, re.MULTILINE)
    shown = " ".join(bare("users", "import", "--help").out.split())
    listed = re.search(r"The system that wrote the file: (.+)\. \(default", shown)
    assert listed
    assert set(listed[1].split(", ")) == {*sections, "authingo"}


# The command


def test_what_it_prints(authingo: Runner) -> None:
    file = authingo.directory / "users.jsonl"
    bad = json.dumps({"email": "\x1b]0;x\x07@", "password_hash": BCRYPT}).encode() + b"\n"
    secret = json.dumps({"email": "a@example.com", "password_hash": "s3cret"}).encode()
    file.write_bytes(b"".join([*lines(2), bad, secret]))
    dry = authingo("users", "import", "users.jsonl", "--dry-run", **USUAL)
    assert (dry.code, dry.out) == (1, "")
    assert dry.err.splitlines()[-1] == "would have imported 2 users, 2 lines failed"
    assert users(authingo) == []
    ran = authingo("users", "import", "users.jsonl", **USUAL)
    assert (ran.code, ran.out) == (1, "")
    first, second, count = ran.err.splitlines()
    assert first == "line 3: email is not valid (invalid_email)"
    assert second.startswith("line 4: the password's hash is of no kind")
    assert count == "imported 2 users, 2 lines failed"
    again = authingo("users", "import", "users.jsonl", "--json", **USUAL)
    assert (again.code, again.err) == (1, "")
    assert again.json.keys() == {"imported", "skipped", "rested_for", "failed"}
    assert (again.json["imported"], again.json["skipped"]) == (0, 2)
    assert [(one["line"], one["code"]) for one in again.json["failed"]] == [
        (3, "invalid_email"),
        (4, "unsupported_hash"),
    ]
    assert "s3cret" not in dry.err + ran.err + again.out
    good = authingo("users", "import", "-", "--json", stdin=lines(3)[2])
    counts = {"imported": 1, "skipped": 0, "rested_for": []}
    assert (good.code, good.json) == (0, {**counts, "failed": []})


def test_what_cannot_work_is_told_without_a_traceback(authingo: Runner) -> None:
    for arguments, stdin, code, reason in (
        (["nowhere.csv"], b"", 1, "cannot read nowhere.csv: No such file"),
        ([str(authingo.directory)], b"", 1, "Is a directory"),
        (["-"], b"email;name\n", 1, "not separated by commas"),
        (["-", "--from", "django"], b"email\na@b.example\n", 1, "the CSV has no field password"),
        (["-"], "email".encode("utf-16"), 1, "iconv -f UTF-16"),
        (["-", "--from", "nobody"], b"", 2, "better-auth"),
        ([], b"", 2, "FILE is missing"),
    ):
        ran = authingo("users", "import", *arguments, stdin=stdin)
        assert ran.code == code, ran.err
        assert reason in " ".join(ran.err.split())
    failed = authingo("users", "import", "-", "--json", stdin=b"[")
    assert failed.json == {"imported": 0, "skipped": 0, "rested_for": [], "failed": []}
    assert json.loads(failed.err)["code"] == "unreadable_file"


def test_a_bar_on_a_terminal(authingo: Runner) -> None:
    (authingo.directory / "users.jsonl").write_bytes(b"".join(lines(1500)))
    ran = authingo.on_terminal("users", "import", "users.jsonl")
    assert ran.code == 0
    assert "1500/1500" in ran.out
    assert "users/s" in ran.out
    assert "imported 1,500 users" in ran.out


# Killed, interrupted, twice at once


@contextmanager
def fed(authingo: Runner, given: list[bytes]) -> Iterator[subprocess.Popen[str]]:
    """An import that has taken in half of these lines from a pipe, and waits for more."""
    pipe = authingo.directory / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)  # which waits for nobody
    process = authingo.start("users", "import", "pipe")
    try:
        for line in given:
            os.write(writer, line)
        deadline = time.monotonic() + 60
        while len(users(authingo)) <= len(given) // 2:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.communicate()
        os.close(writer)
        pipe.unlink()


def test_after_a_kill_it_is_repeated_as_if_nothing_had_happened(
    authingo: Runner, tmp_path: Path
) -> None:
    everybody = lines(2600)
    with fed(authingo, everybody[:2300]) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    stored = {row["email"] for row in _exported(authingo)}
    first = {json.loads(line)["email"] for line in everybody[: len(stored)]}
    assert stored == first, "whole batches, and nothing of the one that was begun"
    whole = b"".join(everybody)
    ran = authingo("users", "import", "-", "--json", stdin=whole)
    assert ran.json["imported"] + ran.json["skipped"] == 2600
    assert 2600 - 2300 <= ran.json["imported"] <= 2600 - len(stored)
    assert ran.json["failed"] == []
    undisturbed = Runner(tmp_path, AUTHINGO_DATABASE_URL=f"sqlite:///{tmp_path}/other.db")
    assert undisturbed("migrate").code == 0
    assert undisturbed("users", "import", "-", stdin=whole).code == 0
    assert _exported(authingo) == _exported(undisturbed)


def _exported(runner: Runner) -> list[dict[str, Any]]:
    shown = runner("users", "export", "--with-password-hashes").out.splitlines()
    rows = [{**json.loads(line), "id": "its own"} for line in shown]
    return sorted(rows, key=lambda row: str(row["email"]))


def test_ctrl_c_ends_it_at_once_and_tells_what_was_done(authingo: Runner) -> None:
    with fed(authingo, lines(1000)) as process:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130
    told = re.fullmatch(r"imported ([\d,]+) users\n", said)
    assert told is not None, said
    imported = int(told[1].replace(",", ""))
    assert 0 <= len(users(authingo)) - imported <= 1000, "a batch that had been sent by then"
    assert imported > 0


def test_ctrl_c_ends_it_in_order_whatever_it_is_doing(authingo: Runner) -> None:
    """An exception in the middle of a callback from asyncpg's compiled code was a crash.

    That needs several attempts; SQLite has no such code.
    """
    everybody = authingo.directory / "users.jsonl"
    everybody.write_bytes(b"".join(lines(30_000)))
    before = 0
    for _ in range(3 if authingo.env["AUTHINGO_DATABASE_URL"].startswith("sqlite") else 8):
        process = authingo.start("users", "import", everybody.name)
        try:
            deadline = time.monotonic() + 60
            while (now := _count(authingo)) == before:
                assert time.monotonic() < deadline, "nothing was imported in a minute"
                assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
        assert process.returncode == 130, said
        assert re.fullmatch(r"imported [\d,]+ users?(, skipped [\d,]+ who exist already)?\n", said)
        before = max(now, _count(authingo))


def _count(authingo: Runner) -> int:
    [(stored,)] = execute(
        authingo.env["AUTHINGO_DATABASE_URL"], "SELECT count(*) FROM authingo_users"
    )
    return int(stored)


def test_two_at_once_do_no_harm(authingo: Runner) -> None:
    everybody = lines(3000)
    files = (authingo.directory / "one.jsonl", authingo.directory / "other.jsonl")
    files[0].write_bytes(b"".join(everybody))
    files[1].write_bytes(b"".join(everybody[::-1]))
    running = [authingo.start("users", "import", str(file), "--json") for file in files]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert sum(one["imported"] for one in told) == sum(one["skipped"] for one in told) == 3000
    assert len(users(authingo)) == 3000


# Export


@pytest.fixture
def peculiar(authingo: Runner) -> Runner:
    """Users that a CSV, a terminal and a spreadsheet could take for something else."""
    names = ["=cmd()", "'=cmd()", "'", "@x", "-1", 'a "quoted", name', "Zoë \u200d\u202e", "plain"]
    rows = [
        {
            "email": f"=+{number}@example.com",
            "name": name,
            "email_verified": number % 2 == 0,
            "created_at": f"2019-01-0{number + 1}T00:00:00.000001Z",
            "updated_at": f"2019-02-0{number + 1}T00:00:00.000002Z",
            "disabled_at": "2019-03-01T00:00:00.000003Z" if number == 3 else None,
            "password_hash": BCRYPT if number != 4 else None,
        }
        for number, name in enumerate(names)
    ]
    given = "\n".join(map(json.dumps, rows))
    assert authingo("users", "import", "-", stdin=given).code == 0
    return authingo


@pytest.mark.parametrize("form", [[], ["--csv"]], ids=["json", "csv"])
def test_what_was_exported_is_imported_exactly(
    peculiar: Runner, tmp_path: Path, form: list[str]
) -> None:
    exported = peculiar("users", "export", "--with-password-hashes", *form)
    assert (exported.code, exported.err) == (0, "")
    other = Runner(tmp_path, AUTHINGO_DATABASE_URL=f"sqlite:///{tmp_path}/other.db")
    assert other("migrate").code == 0
    assert other("users", "import", "-", stdin=exported.out).code == 0
    assert other("users", "export", "--with-password-hashes", *form).out == exported.out
    names = [user["name"] for user in other("users", "list", "--json").json]
    assert names == [user["name"] for user in peculiar("users", "list", "--json").json]
    assert names[0] == "=cmd()"
    if form:
        assert ",=" not in exported.out, "no cell that a spreadsheet would run"


def test_hashes_are_exported_when_asked_for_alone(peculiar: Runner) -> None:
    assert "$2" not in peculiar("users", "export").out
    assert "$2" not in peculiar("users", "export", "--csv").out
    shown = peculiar.on_terminal("users", "export", "--with-password-hashes", "--csv", columns=300)
    assert shown.code == 0
    assert "warning: password hashes on a terminal" in shown.out
    assert "\u202e" not in shown.out
    without = peculiar("users", "export").out
    for row in users(peculiar):
        execute(
            peculiar.env["AUTHINGO_DATABASE_URL"],
            f"DELETE FROM authingo_users WHERE email = '{row[0]}'",
        )
    ran = peculiar("users", "import", "-", stdin=without)
    assert "8 users without a password" in ran.err


def test_an_export_ends_quietly_with_its_reader(authingo: Runner) -> None:
    assert authingo("users", "import", "-", stdin=b"".join(lines(3000))).code == 0
    for form in ("", "--csv"):
        done = authingo.shell(f"$authingo users export {form} | head -n 2")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 2


def test_servers_on_the_same_machine_go_first(authingo: Runner) -> None:
    with fed(authingo, lines(1000)) as importing:
        niceness = os.getpriority(os.PRIO_PROCESS, importing.pid)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness > min(own + 10, 18), "also than a server's threads that hash"
