"""`authingo sessions list` and `revoke`, as processes, on both stores."""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.people import Office
from tests.command import Runner
from tests.database import age_sessions
from tests.revoking import Memory
from tests.server import LiveServer

Make = Callable[..., dict[str, Any]]
MONTH = 31 * 24 * 3600  # seconds; longer than a session may lie unused


@pytest.fixture
def office(authingo: Runner) -> Office:
    return Office(authingo)


def ids(listed: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in listed]


def test_sessions_are_listed_by_user_and_by_state(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    assert authingo("sessions", "list", "--json").out == "[]\n"
    assert authingo("sessions", "list").err == "no sessions\n"
    ada, grace = make_user("ada@example.com"), make_user("grace@example.com")
    over = office.sign_in("ada@example.com")
    age_sessions(authingo.env["AUTHINGO_DATABASE_URL"], MONTH)
    signed_in = [office.sign_in(f"{name}@example.com", "192.0.2.7") for name in ("ada", "grace")]
    own, other = [one.session.id for one in signed_in]
    everything = authingo("sessions", "list", "--json").json
    assert ids(everything) == [over.session.id, own, other]
    assert everything[1].items() >= {"user_id": ada["id"], "state": "refreshable"}.items()
    assert everything[2] == {
        "id": other,
        "user_id": grace["id"],
        "created_at": everything[2]["created_at"],
        "expires_at": everything[2]["expires_at"],
        "refresh_expires_at": everything[2]["refresh_expires_at"],
        "authenticated_at": everything[2]["created_at"],
        "methods": [],  # a program began it
        "email": "grace@example.com",
        "ip": "192.0.2.7",
        "user_agent": None,
        "last_used_at": everything[2]["created_at"],
        "state": "refreshable",
    }
    for options, expected in (
        (["--expired"], [over.session.id]),
        (["--refreshable"], [own, other]),
        (["--user", "ADA@example.com"], [over.session.id, own]),
        (["--user", ada["id"], "--refreshable"], [own]),
        (["--limit", "1"], [over.session.id]),
        (["--after", own], [other]),
        (["--after", over.session.id, "--limit", "1"], [own]),
    ):
        assert ids(authingo("sessions", "list", "--json", *options).json) == expected, options


def test_a_list_says_what_is_wrong_with_what_is_asked(authingo: Runner, make_user: Make) -> None:
    make_user()
    for command, reason in (
        (["sessions", "list", "--refreshable", "--expired"], "exclude each other"),
        (["sessions", "list", "--after", "usr_1"], "one that begins with ses_"),
        (["users", "list", "--after", "ada@example.com"], "one that begins with usr_"),
        (["users", "list", "--search", b"\xff".decode("utf-8", "surrogateescape")], "not UTF-8"),
    ):
        ran = authingo(*command)
        assert (ran.code, ran.out) == (2, "")
        assert reason in ran.err
    nobody = authingo("sessions", "list", "--user", "", "--json")
    assert (nobody.code, json.loads(nobody.err)["code"]) == (1, "not_found")
    for what, after in (("users", "usr_0"), ("sessions", "ses_0")):
        ran = authingo(what, "list", "--json", "--after", after)
        assert (ran.code, len(ran.json)) == (0, 1 if what == "users" else 0)
        assert ran.err.startswith(f"note: there is nothing with the id {after}"), "a script goes on"
    huge = authingo("users", "list", "--limit", "9" * 25)
    assert (huge.code, "ada@example.com" in huge.out) == (0, True)


def test_a_table_of_sessions_fits_and_keeps_the_ids_whole(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    email = "a.rather.long.address.of.somebody@subdomain.example.com"
    make_user(email)
    session = office.sign_in(email, "2001:db8:85a3:8d3:1319:8a2e:370:7348").session
    for columns in (80, 68):
        ran = authingo.on_terminal("sessions", "list", columns=columns)
        narrow = re.sub(r"\x1b\[[\d;]*m", "", ran.out)
        header, row, left_out = narrow.splitlines()
        assert max(len(header), len(row)) <= columns
        assert "no room for: " in left_out
        assert session.id in narrow
        assert "a.rather" in narrow
    wide = authingo.on_terminal("sessions", "list", columns=200).out
    for shown in (email, "refreshable", f"{session.refresh_expires_at:%Y-%m-%d}", session.ip or ""):
        assert shown in wide
    office.sign_in(email)
    first = authingo("sessions", "list", "--limit", "1", "--order", "oldest")
    assert first.err == f"there are more: --after {session.id}, or --limit N\n"


WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
HOSTILE = "=cmd()\x1b]0;owned\x07"


def test_the_browser_is_shown_and_a_hostile_one_gives_no_orders(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    make_user("ada@example.com")
    for user_agent in (WINDOWS, HOSTILE, None):
        office.sign_in("ada@example.com", "192.0.2.7", user_agent)
    people = authingo.on_terminal("sessions", "list", columns=200).out
    assert "Firefox, Windows" in people
    assert "unknown" in people
    assert "\x1b]0;" not in people
    written = authingo("sessions", "list", "--csv")
    assert (written.code, written.err, "\x1b" in written.out) == (0, "", False)
    rows = list(csv.DictReader(io.StringIO(written.out)))
    as_json = authingo("sessions", "list", "--json").json
    assert [row["id"] for row in rows] == [one["id"] for one in as_json]
    assert [row["browser"] for row in rows] == ["Firefox, Windows", "unknown", ""]
    assert [row["user_agent"] for row in rows] == [WINDOWS, r"'=cmd()\x1b]0;owned\x07", ""]
    assert {row["email"] for row in rows} == {"ada@example.com"}
    newest = authingo("sessions", "list", "--csv", "--order", "newest").out
    assert [row["id"] for row in csv.DictReader(io.StringIO(newest))] == [
        one["id"] for one in as_json[::-1]
    ]
    assert authingo("sessions", "list", "--csv", "--json").code == 2


CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (WINDOWS, "Firefox, Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME} Safari/537.36", "Chrome, Linux"),
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36",
            "Chrome, Android",
        ),
        (
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/156.0.0.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.0 Safari/605.1.15",
            "Safari, macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) CriOS/156.0 Mobile/15E148 Safari/604.1",
            "Chrome, iPhone",
        ),
        ("curl/8.5.0", "curl"),
        ("python-httpx/0.28", "python-httpx"),
        ("x" * 400, "unknown"),
        ("\u202eevil", "unknown"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_browser_has_a_short_name(user_agent: str | None, name: str) -> None:
    short_name = importlib.import_module("authingo.cli.user_agents").short_name
    assert short_name(user_agent) == name


def test_revoke_takes_exactly_one_of_id_user_and_all(authingo: Runner, make_user: Make) -> None:
    user = make_user()
    for options in (
        [],
        ["ses_1", "--user", user["id"]],
        ["ses_1", "--all", "--yes"],
        ["--user", user["id"], "--all", "--yes"],
    ):
        ran = authingo("sessions", "revoke", *options)
        assert (ran.code, ran.out) == (2, ""), options
        assert "exactly one of ID, --user and --all" in ran.err
    nobody_to_ask = authingo("sessions", "revoke", "--all", stdin="y\n")
    assert (nobody_to_ask.code, "hint: add --yes" in nobody_to_ask.err) == (2, True)


def test_revoked_sessions_are_recorded(authingo: Runner, make_user: Make, office: Office) -> None:
    ada, grace = make_user("ada@example.com"), make_user("grace@example.com")
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    over = office.sign_in("ada@example.com").session.id
    age_sessions(url, MONTH)
    first, *_ = [office.sign_in("ada@example.com").session.id for _ in range(3)]
    office.sign_in("grace@example.com")
    one = authingo("sessions", "revoke", first)
    assert (one.code, one.out, one.err) == (0, "", "revoked session of ada@example.com\n")
    for gone in (first, over, "ses_nothing", "usr_1", b"ses_\xff".decode("utf-8", "replace")):
        ran = authingo("sessions", "revoke", gone)
        assert (ran.code, ran.out) == (1, "")
        assert "There is no such session" in ran.err
    own = authingo("sessions", "revoke", "--user", "Ada@example.com", "--json")
    assert (own.code, own.json) == (0, {"revoked": 2})
    assert authingo("sessions", "revoke", "--user", ada["id"]).err == (
        "revoked 0 sessions of ada@example.com\n"
    )
    assert authingo("sessions", "revoke", "--user", "nobody@example.com").code == 1
    assert ids(authingo("sessions", "list", "--refreshable", "--json").json) != []
    asked = authingo.on_terminal("sessions", "revoke", "--all", answers=[("[y/N] ", "n\n")])
    assert (asked.code, "End 1 session, those of all users?" in asked.out) == (1, True)
    meant = authingo.on_terminal("sessions", "revoke", "--all", answers=[("[y/N] ", "y\n")])
    assert (meant.code, "revoked 1 session of all users" in meant.out) == (0, True)
    assert authingo("sessions", "revoke", "--all", "--yes", "--json").json == {"revoked": 0}
    assert ids(authingo("sessions", "list", "--json").json) == [over], "that is for prune"
    assert office.events(ada["id"]) == ["user_created", *["session_revoked"] * 2]
    assert office.events(grace["id"]) == ["user_created", "session_revoked"]


def test_a_running_server_refuses_at_once_what_was_revoked(
    authingo: Runner, server: LiveServer
) -> None:
    """Though it answered from memory a moment ago."""
    memory = Memory(server)
    for number, command in enumerate(
        (
            ["sessions", "revoke", "{session}"],
            ["sessions", "revoke", "--user", "{user}"],
            ["sessions", "revoke", "--all", "--yes"],
            ["users", "set-password", "{user}", "--generate-password"],
            ["users", "disable", "{user}", "--yes"],
            ["users", "delete", "{user}", "--yes"],
        )
    ):
        browser = server.browser()
        made = browser.sign_up(email=f"user{number}@example.com").json
        memory.warm(browser)
        facts = {"session": made["session"]["id"], "user": made["user"]["id"]}
        ran = authingo(*(word.format(**facts) for word in command))
        assert browser.get("/session").code == "no_session", command
        assert ran.code == 0, ran.err
