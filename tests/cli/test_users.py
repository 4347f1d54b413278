"""`authingo users`, as a process, on both stores."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable
from typing import Any

from authingo import Auth
from authingo.config import settings_from
from tests.command import Runner
from tests.database import execute

Make = Callable[..., dict[str, Any]]
PASSWORD = "correct horse battery"


def signs_in(authingo: Runner, email: str, password: str) -> bool:
    async def attempt() -> bool:
        url = authingo.env["AUTHINGO_DATABASE_URL"]
        auth = Auth(settings_from({"database_url": url, "passwords": {"bcrypt_cost": 4}}))
        try:
            return bool(await auth.sign_in(email=email, password=password))
        finally:
            await auth.close()

    return asyncio.run(attempt())


def test_create_with_the_password_on_standard_input(authingo: Runner) -> None:
    ran = authingo("users", "create", "Ada@Example.com", "--password-stdin", stdin=PASSWORD + "\n")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("created ada@example.com (usr_")
    assert signs_in(authingo, "ada@example.com", PASSWORD)


def test_create_as_json(make_user: Make) -> None:
    user = make_user("ada@example.com", "--name", "Ada ☃", "--verified")
    assert user.keys() == {
        "id",
        "email",
        "name",
        "email_verified",
        "created_at",
        "updated_at",
        "roles",
        "disabled_at",
        "delete_at",
    }
    assert (user["name"], user["email_verified"], user["disabled_at"]) == ("Ada ☃", True, None)
    assert make_user("grace@example.com")["name"] == "grace"


def test_a_generated_password_is_printed_once_on_stdout(authingo: Runner) -> None:
    ran = authingo("users", "create", "ada@example.com", "--generate-password")
    password = ran.out.strip()
    assert ran.code == 0
    assert len(password) == 20
    assert password not in ran.err
    assert signs_in(authingo, "ada@example.com", password)
    as_json = authingo("users", "create", "b@example.com", "--generate-password", "--json").json
    assert as_json.keys() == {"user", "password"}
    assert signs_in(authingo, "b@example.com", as_json["password"])


def test_create_asks_twice_on_a_terminal(authingo: Runner) -> None:
    typed = [("Password: ", PASSWORD + "\n"), ("Once more: ", PASSWORD + "\n")]
    ran = authingo.on_terminal("users", "create", "ada@example.com", answers=typed)
    assert ran.code == 0
    assert "created ada@example.com" in ran.out
    assert PASSWORD not in ran.out, "what is typed is not shown"
    assert signs_in(authingo, "ada@example.com", PASSWORD)
    typed = [("Password: ", PASSWORD + "\n"), ("Once more: ", "something else\n")]
    again = [*typed, *ASKED_TWICE]
    ran = authingo.on_terminal("users", "create", "bob@example.com", answers=again)
    assert ran.code == 0
    assert "The two differ. Try again." in ran.out
    assert "something else" not in ran.out


ASKED_TWICE = [("Password: ", PASSWORD + "\n"), ("Once more: ", PASSWORD + "\n")]


def test_a_password_that_is_refused_is_asked_for_again(authingo: Runner) -> None:
    short = [("Password: ", "short\n"), ("Once more: ", "short\n")]
    for command, done in (
        (("users", "create", "ada@example.com"), "created ada@example.com"),
        (("users", "set-password", "ada@example.com"), "set the password of ada@example.com"),
    ):
        ran = authingo.on_terminal(*command, answers=[*short, *short, *ASKED_TWICE])
        assert ran.code == 0
        assert ran.out.count("The password must have at least 8 characters. Try another") == 2
        assert done in ran.out
    ended = authingo.on_terminal(
        "users", "create", "bob@example.com", answers=[*short, ("Password: ", "\x04")]
    )
    assert (ended.code, "The input ended before a question" in ended.out) == (1, True)


def test_no_password_is_asked_for_where_the_email_or_the_name_is_refused(
    authingo: Runner, make_user: Make
) -> None:
    make_user("ada@example.com")
    for arguments, reason in (
        (["ADA@example.com"], "There is already an account with this email."),
        (["ada"], "email is not an email address"),
        (["bob@example.com", "--name", ""], "name must be 1 to 200 characters"),
    ):
        ran = authingo.on_terminal("users", "create", *arguments)
        assert (ran.code, "Password" in ran.out) == (1, False)
        assert reason in ran.out
    there = authingo.on_terminal("users", "create", "ada@example.com", "--if-missing")
    assert (there.code, "Password" in there.out) == (0, False)


def test_create_without_a_way_to_ask_is_wrong_usage(authingo: Runner) -> None:
    ran = authingo("users", "create", "ada@example.com")
    assert ran.code == 2
    assert "hint: pipe it in with --password-stdin" in ran.err
    both = authingo(
        "users", "create", "a@example.com", "--password-stdin", "--generate-password", stdin="x"
    )
    assert both.code == 2
    empty = authingo("users", "create", "a@example.com", "--password-stdin")
    assert (empty.code, "no password on standard input" in empty.err) == (2, True)


def test_create_refuses_what_sign_up_refuses(authingo: Runner, make_user: Make) -> None:
    make_user("ada@example.com")
    for email, password, reason in (
        ("ADA@example.com", PASSWORD, "already an account"),
        ("not an email", PASSWORD, "email is not an email address"),
        ("b@example.com", "short", "password must have at least 8"),
        ("b@example.com", "password1", "one of the most common"),
        ("b@example.com", "x" * 300, "at most 256"),
    ):
        ran = authingo("users", "create", email, "--password-stdin", stdin=password)
        assert (ran.code, ran.out) == (1, "")
        assert reason in ran.err
        assert password not in ran.err
        assert len(ran.err.splitlines()) <= 2
    taken = authingo(
        "users", "create", "ada@example.com", "--password-stdin", "--json", stdin=PASSWORD
    )
    assert '"code": "email_taken"' in taken.err
    invalid = authingo("users", "create", "b@example.com", "--password-stdin", stdin=b"\xff" * 9)
    assert (invalid.code, "not UTF-8" in invalid.err) == (2, True)


def test_a_password_never_is_an_argument(authingo: Runner) -> None:
    for arguments in (["--password", PASSWORD], [PASSWORD]):
        ran = authingo("users", "create", "ada@example.com", *arguments)
        assert ran.code == 2
        assert not execute(authingo.env["AUTHINGO_DATABASE_URL"], "SELECT 1 FROM authingo_users")


def test_list_for_programs(authingo: Runner, make_user: Make) -> None:
    assert authingo("users", "list", "--json").out == "[]\n"
    users = [make_user(f"user{number}@example.com") for number in range(3)]
    assert authingo("users", "list", "--json").json == users
    assert authingo("users", "list", "--json", "--limit", "2").json == users[:2]
    after = users[0]["id"]
    assert authingo("users", "list", "--json", "--after", after, "--limit", "1").json == users[1:2]
    assert authingo("users", "list", "--json", "--search", "USER1").json == users[1:2]
    assert authingo("users", "list", "--json", "--search", "%").json == []
    rows = list(csv.DictReader(io.StringIO(authingo("users", "list", "--csv").out)))
    assert [row["id"] for row in rows] == [user["id"] for user in users]
    assert [row["email_verified"] for row in rows] == ["false"] * 3
    assert authingo("users", "list", "--csv", "--json").code == 2
    assert authingo("users", "list", "--limit", "0").code == 2


def test_list_pages_through_more_than_it_reads_at_once(authingo: Runner) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    for number in range(25):
        rows = ", ".join(
            f"('usr_{number:02}{row:02}', '{number}-{row}@example.com', 'x', 'x', "
            + ("0, 0)" if url.startswith("sqlite") else "now(), now())")
            for row in range(100)
        )
        execute(
            url,
            "INSERT INTO authingo_users (id, email, name, password_hash, created_at, updated_at)"
            f" VALUES {rows}",
        )
    ids = [user["id"] for user in authingo("users", "list", "--json").json]
    assert len(ids) == 2500
    assert ids == sorted(set(ids))
    assert len(authingo("users", "list", "--json", "--limit", "1001").json) == 1001
    table = authingo("users", "list")
    assert len(table.out.splitlines()) == 51
    assert "there are more: --after usr_2450" in table.err, "the newest come first"
    first, *_, last = (line.split()[-1] for line in table.out.splitlines()[1:])
    assert (first, last) == ("usr_2499", "usr_2450")
    older = authingo("users", "list", "--after", "usr_2450", "--limit", "1").out
    assert older.splitlines()[1].split()[-1] == "usr_2449"
    oldest = authingo("users", "list", "--order", "oldest", "--limit", "1").out
    assert oldest.splitlines()[1].split()[-1] == "usr_0000"
    newest = [one["id"] for one in authingo("users", "list", "--json", "--order", "newest").json]
    assert newest == ids[::-1]
    assert authingo("users", "list", "--order", "age").code == 2


def test_list_for_people_fits_the_terminal(authingo: Runner, make_user: Make) -> None:
    user = make_user("a.rather.long.address.of.somebody@subdomain.example.com", "--name", "A" * 60)
    narrow = re.sub(r"\x1b\[[\d;]*m", "", authingo.on_terminal("users", "list", columns=80).out)
    header, row, left_out = narrow.splitlines()
    assert max(map(len, (header, row))) <= 80
    assert header.split() == ["email", "name", "state", "id"]
    assert row.startswith("a.rather.long.address.o")
    assert row.endswith(f"…  enabled  {user['id']}")
    assert (
        left_out == "no room for: verified, roles, created (a wider terminal or --json shows all)"
    )
    narrower = authingo.on_terminal("users", "list", columns=45).out
    assert user["id"] in narrower, "the id is the last to go"
    assert "no room for: name, state, verified, roles, created" in narrower
    wide = authingo.on_terminal("users", "list", columns=250).out
    assert user["email"] in wide
    assert user["id"] in wide
    assert "no room" not in wide
    piped = authingo("users", "list")
    assert (user["id"] in piped.out, "A" * 60 in piped.out, piped.err) == (True, True, "")
    assert "no users" in authingo("users", "list", "--search", "nobody").err


def test_strangers_names_are_not_orders(authingo: Runner) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    name = "[red]=cmd()\x1b]0;owned\x07\u202e" if url.startswith("sqlite") else "[red]=cmd()"
    at = "0, 0" if url.startswith("sqlite") else "now(), now()"
    insert = (
        "INSERT INTO authingo_users (id, email, name, password_hash, created_at, updated_at)"
        f" VALUES ('usr_1', '=1+1@example.com', '{name}', 'x', {at})"
    )
    execute(url, insert)
    for ran in (authingo("users", "list"), authingo.on_terminal("users", "list", columns=200)):
        assert "\x1b]0;" not in ran.out
        assert "\u202e" not in ran.out
        assert "[red]=cmd()" in ran.out
    (row,) = csv.DictReader(io.StringIO(authingo("users", "list", "--csv").out))
    assert row["email"] == "'=1+1@example.com"
    assert "\x1b" not in row["name"]
    assert authingo("users", "list", "--json").json[0]["name"] == name


def test_no_colour_where_none_is_wanted(authingo: Runner, make_user: Make) -> None:
    make_user()
    assert "\x1b[" not in authingo("users", "list").out
    authingo.env["NO_COLOR"] = "1"
    assert "\x1b[3" not in authingo.on_terminal("users", "list").out
    assert "\x1b[3" not in authingo.on_terminal("users", "list", "--limit", "0").out


def test_a_closed_pipe_ends_quietly(authingo: Runner) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    at = "0, 0" if url.startswith("sqlite") else "now(), now()"
    rows = ", ".join(f"('usr_{n:05}', '{n}@x', '{'x' * 99}', 'x', {at})" for n in range(3000))
    columns = "id, email, name, password_hash, created_at, updated_at"
    execute(url, f"INSERT INTO authingo_users ({columns}) VALUES {rows}")
    for form in ("--json", "--csv"):
        done = authingo.shell(f"$authingo users list {form} | head -n 2")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count("\n") == 2
