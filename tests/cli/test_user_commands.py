"""`authingo users show`, `set-password`, `disable`, `verify` and so on, on both stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.people import Office
from tests.command import Runner
from tests.database import execute

Make = Callable[..., dict[str, Any]]
PASSWORD = "correct horse battery"


@pytest.fixture
def office(authingo: Runner) -> Office:
    return Office(authingo)


def test_show_finds_by_email_as_it_is_typed_and_by_id(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    user = make_user("ada@example.com", "--name", "Ada [red]Lovelace")
    make_user("usr_1@example.com")
    for who in (user["id"], "ADA@Example.com"):
        assert authingo("users", "show", who, "--json").json == user
    shown = authingo("users", "show", "usr_1@example.com", "--json").json
    assert shown["email"] == "usr_1@example.com", "what has an @ is an email"
    people = authingo("users", "show", "ada@example.com")
    assert (people.code, people.err) == (0, "")
    facts = dict(line.split(None, 1) for line in people.out.splitlines())
    assert facts["email"] == "ada@example.com"
    assert (facts["name"], facts["id"]) == ("Ada [red]Lovelace", user["id"])
    assert (facts["state"], facts["verified"], facts["sessions"]) == ("enabled", "no", "none")
    listed = authingo("users", "list", "--search", "ada@").out.splitlines()
    assert [word for word in listed[1].split() if word in {"enabled", "no"}] == ["enabled", "no"]
    office.sign_in("ada@example.com", ip="192.0.2.7")
    office.sign_in("ada@example.com", ip="192.0.2.8")
    with_sessions = authingo("users", "show", "ada@example.com").out
    assert "2, last used 2" in with_sessions
    assert "UTC from 192.0.2.8" in with_sessions
    assert facts["browsers"] == "none recognized"
    assert "browsers  2 recognized\n" in with_sessions
    new = ["set-password", "ada@example.com", "--password-stdin"]
    assert authingo("users", *new, stdin="another whole sentence\n").code == 0
    assert "browsers  none recognized\n" in authingo("users", "show", "ada@example.com").out


def test_names_of_strangers_are_not_orders_when_shown(authingo: Runner, make_user: Make) -> None:
    make_user("ada@example.com")
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    execute(url, "UPDATE authingo_users SET name = 'a\x1b]0;owned\x07\u202eb'")
    typed = [("[y/N] ", "no\n")]
    for ran in (
        authingo.on_terminal("users", "show", "ada@example.com"),
        authingo.on_terminal("users", "delete", "ada@example.com", answers=typed),
    ):
        assert r"a\x1b]0;owned\x07\u202eb" in ran.out
        assert "\x1b]0;" not in ran.out


def test_who_is_not_there_is_said_so_by_every_command(authingo: Runner) -> None:
    for command in (
        ["show", "nobody@example.com"],
        ["set-password", "usr_nobody", "--generate-password"],
        ["disable", "neither an email nor an id", "--yes"],
        ["enable", "usr_" + "x" * 99],
        ["verify", b"usr_\xff".decode("utf-8", "surrogateescape")],
        ["delete", "", "--yes"],
    ):
        ran = authingo("users", *command)
        assert (ran.code, ran.out) == (1, ""), command
        assert ran.err.startswith("error: There is no such user."), command
    error = json.loads(authingo("users", "show", "nobody@example.com", "--json").err)
    assert error["code"] == "not_found"
    assert "users list --search" in error["hint"]


def test_a_set_password_ends_all_sessions_and_says_how_many(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    user = make_user("ada@example.com")
    browsers = [office.sign_in("ada@example.com") for _ in range(2)]
    ran = authingo("users", "set-password", user["id"], "--password-stdin", stdin="another horse\n")
    assert (ran.code, ran.out) == (0, "")
    assert f"set the password of ada@example.com ({user['id']})" in ran.err
    assert "ended 2 sessions" in ran.err
    assert not any(office.is_signed_in(browser) for browser in browsers)
    assert office.opens("ada@example.com", "another horse")
    assert not office.opens("ada@example.com", PASSWORD)
    generated = authingo("users", "set-password", "ada@example.com", "--generate-password")
    assert "ended 1 session\n" in generated.err
    assert generated.out.strip() not in generated.err
    assert office.opens("ada@example.com", generated.out.strip())
    command = ["users", "set-password", "ada@example.com", "--generate-password", "--json"]
    both = authingo(*command).json
    assert both["user"]["id"] == user["id"]
    assert office.opens("ada@example.com", both["password"])


def test_set_password_asks_twice_and_applies_the_policy(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    make_user("ada@example.com")
    session = office.sign_in("ada@example.com")
    nowhere = authingo("users", "set-password", "ada@example.com")
    assert (nowhere.code, "--password-stdin" in nowhere.err) == (2, True)
    for password, reason in (("short", "at least 8"), ("ada@example.com", "email")):
        ran = authingo(
            "users", "set-password", "ada@example.com", "--password-stdin", stdin=password
        )
        assert (ran.code, ran.out) == (1, "")
        assert reason in ran.err
    assert office.is_signed_in(session), "a password that is refused changes nothing"
    command = ["users", "set-password", "ada@example.com"]
    interrupted = authingo.on_terminal(*command, answers=[("Password: ", "\x03")])
    assert interrupted.code == 130, "Ctrl-C is heard while it asks"
    typed = [("Password: ", "another horse\n"), ("Once more: ", "another horse\n")]
    ran = authingo.on_terminal(*command, answers=typed)
    assert (ran.code, "ended 1 session" in ran.out) == (0, True)
    assert "another horse" not in ran.out
    assert office.opens("ada@example.com", "another horse")


def test_disable_ends_sessions_and_enable_lets_in_again(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    user = make_user("ada@example.com")
    session = office.sign_in("ada@example.com")
    ran = authingo("users", "disable", user["id"], "--yes")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"disabled ada@example.com ({user['id']}) and ended 1 session\n"
    assert not office.is_signed_in(session)
    assert not office.opens("ada@example.com", PASSWORD)
    assert "state     disabled since 2" in authingo("users", "show", user["id"]).out
    before = authingo("users", "show", user["id"], "--json").json
    again = authingo("users", "disable", "ada@example.com", "--yes", "--json")
    assert (again.code, again.json) == (0, before)
    assert before["disabled_at"]
    enabled = authingo("users", "enable", "ada@example.com")
    assert (enabled.code, enabled.out) == (0, "")
    assert enabled.err == f"enabled ada@example.com ({user['id']})\n"
    assert office.opens("ada@example.com", PASSWORD)
    once_more = authingo("users", "enable", "ada@example.com")
    assert (once_more.code, "nothing was changed" in once_more.err) == (0, True)
    assert office.events(user["id"]) == ["user_created", "user_disabled", "user_enabled"]


def test_verify_marks_the_email_once(authingo: Runner, make_user: Make, office: Office) -> None:
    user = make_user("ada@example.com")
    session = office.sign_in("ada@example.com")
    ran = authingo("users", "verify", "Ada@example.com", "--json")
    assert (ran.code, ran.json["email_verified"]) == (0, True)
    assert ran.json["updated_at"] > user["updated_at"]
    again = authingo("users", "verify", user["id"])
    assert (again.code, again.out, "already" in again.err) == (0, "", True)
    assert authingo("users", "show", user["id"], "--json").json == ran.json
    assert office.is_signed_in(session), "nobody is signed out by it"
    assert office.events(user["id"]) == ["user_created", "email_verified"]


def test_delete_asks_and_takes_nothing_but_yes(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    user = make_user("ada@example.com")
    office.sign_in("ada@example.com", ip="192.0.2.7")
    command = ["users", "delete", "ada@example.com"]
    for typed in ("\n", "no\n", "\x04"):
        ran = authingo.on_terminal(*command, answers=[("[y/N] ", typed)])
        assert ran.code == 1
        assert f"ada@example.com ({user['id']}), ada" in ran.out
        assert "sessions: 1, last used" in ran.out
        assert "nothing was changed" in ran.out
    interrupted = authingo.on_terminal(*command, answers=[("[y/N] ", "\x03")])
    assert interrupted.code == 130
    assert office.opens("ada@example.com", PASSWORD)
    ran = authingo.on_terminal(*command, answers=[("[y/N] ", "y\n")])
    assert ran.code == 0
    assert f"deleted ada@example.com ({user['id']})" in ran.out
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    assert execute(url, "SELECT count(*) FROM authingo_sessions") == [(0,)]
    assert authingo(*command, "--yes").code == 1, "there is nobody any more"
    assert office.events(user["id"]) == ["user_created", "user_deleted"]


def test_what_asks_is_wrong_usage_where_nobody_can_answer(
    authingo: Runner, make_user: Make
) -> None:
    make_user("ada@example.com")
    for command in ("disable", "delete"):
        ran = authingo("users", command, "ada@example.com", stdin="y\n")
        assert (ran.code, ran.out) == (2, ""), command
        assert ran.err.splitlines()[1] == "hint: add --yes"
    deleted = authingo("users", "delete", "ada@example.com", "--yes", "--json")
    assert (deleted.code, deleted.json["email"]) == (0, "ada@example.com")
    assert authingo("users", "list", "--json").json == []


def test_create_if_missing_can_be_run_again(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    """What provisions a machine runs it each time, and gets a password once."""
    command = ["users", "create", "ada@example.com", "--if-missing"]
    made = authingo(*command, "--generate-password")
    assert (made.code, made.err.startswith("created ada@example.com")) == (0, True)
    assert office.opens("ada@example.com", made.out.strip())
    user = authingo("users", "show", "ada@example.com", "--json").json
    again = authingo(*command, "--generate-password", "--name", "Another", "--verified")
    assert (again.code, again.out) == (0, "")
    assert again.err == f"ada@example.com ({user['id']}) exists already: nothing was changed\n"
    as_json = authingo(*command[:2], "ADA@example.com", "--if-missing", "--json")
    assert (as_json.code, as_json.json) == (0, user), "and nowhere to ask for a password"
    both = authingo(*command, "--generate-password", "--json").json
    assert both == {"user": user, "password": None}
    assert office.opens("ada@example.com", made.out.strip())
    missing = authingo("users", "create", "b@example.com", "--if-missing")
    assert (missing.code, "--password-stdin" in missing.err) == (2, True)
    on_terminal = authingo.on_terminal(*command)
    assert (on_terminal.code, "Password" in on_terminal.out) == (0, False)
    by_id = authingo("users", "create", user["id"], "--if-missing", "--generate-password")
    assert (by_id.code, "is not an email address" in by_id.err) == (1, True)
