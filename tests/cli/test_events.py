"""`authingo events list`, as a process, on both stores."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.command import Runner
from tests.database import execute


def insert(url: str, number: int, name: str = "sign_in", user_id: str = "usr_1") -> None:
    at = f"{1_000_000 * number}" if url.startswith("sqlite") else f"to_timestamp({number})"
    execute(
        url,
        "INSERT INTO authingo_events (id, at, name, user_id, session_id, ip)"
        f" VALUES ('evt_{number:04}', {at}, '{name}', '{user_id}', NULL, '192.0.2.7')",
    )


def insert_many(url: str, count: int) -> None:
    at = "{0}" if url.startswith("sqlite") else "to_timestamp({0})"
    rows = ", ".join(
        f"('evt_{number:04}', {at.format(number)}, 'sign_in')" for number in range(count)
    )
    execute(url, f"INSERT INTO authingo_events (id, at, name) VALUES {rows}")


@pytest.fixture
def url(authingo: Runner) -> str:
    return authingo.env["AUTHINGO_DATABASE_URL"]


def test_events_are_listed_the_latest_last(authingo: Runner, url: str) -> None:
    assert authingo("events", "list").err == "no events\n"
    assert authingo("events", "list", "--json").json == []
    for number, name in enumerate(["sign_up", "sign_in", "sign_out"]):
        insert(url, number, name)
    shown = authingo("events", "list")
    assert [line.split()[2] for line in shown.out.splitlines()[1:]] == [
        "sign_up",
        "sign_in",
        "sign_out",
    ]
    assert shown.out.splitlines()[2].split()[:2] == ["1970-01-01", "00:00:01"]
    assert [one["event"] for one in authingo("events", "list", "--limit", "2", "--json").json] == [
        "sign_in",
        "sign_out",
    ]
    assert authingo("events", "list", "--event", "sign_up", "--json").json == [
        {
            "id": "evt_0000",
            "at": "1970-01-01T00:00:00.000000Z",
            "event": "sign_up",
            "user_id": "usr_1",
            "session_id": None,
            "ip": "192.0.2.7",
            "count": None,
        }
    ]


def test_events_of_one_user(authingo: Runner, url: str, make_user: Any) -> None:
    user = make_user()
    insert(url, 1, "sign_in", "usr_other")
    for who in (user["id"], "ADA@example.com"):
        assert [
            one["event"] for one in authingo("events", "list", "--user", who, "--json").json
        ] == ["user_created"]
    unknown = authingo("events", "list", "--user", "nobody@example.com")
    assert (unknown.code, unknown.out) == (1, "")
    assert "There is no such user" in unknown.err
    assert authingo("events", "list", "--user", "usr_deleted", "--json").json == []


def test_programs_get_all_of_them_and_people_the_last_fifty(authingo: Runner, url: str) -> None:
    insert_many(url, 2500)
    ids = [one["id"] for one in authingo("events", "list", "--json").json]
    assert ids == [f"evt_{number:04}" for number in range(2500)]
    assert len(authingo("events", "list").out.splitlines()) == 51


def test_following_prints_each_event_once_as_it_comes(authingo: Runner, url: str) -> None:
    """Also one that is stored late, with an id before the last one seen."""
    insert(url, 100, "sign_up")
    process = authingo.start("events", "list", "--follow", "--json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["id"] == "evt_0100"
    insert(url, 105, "sign_in")
    assert json.loads(process.stdout.readline())["id"] == "evt_0105"
    insert(url, 103, "sign_out")
    assert json.loads(process.stdout.readline())["id"] == "evt_0103"
    insert(url, 200, "sign_in")
    assert json.loads(process.stdout.readline())["id"] == "evt_0200"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_events_show_the_email_of_those_who_are_there(
    authingo: Runner, url: str, make_user: Any
) -> None:
    user = make_user()
    insert(url, 1, "sign_in", "usr_deleted")
    insert(url, 2, "sign_in", user["id"])
    rows = [line.split() for line in authingo("events", "list").out.splitlines()]
    assert rows[0] == ["at", "(UTC)", "event", "user", "from", "session"]
    assert [row[3] for row in rows[1:]] == ["usr_deleted", "ada@example.com", "ada@example.com"]
    narrow = authingo.on_terminal("events", "list", columns=80)
    assert "no room for: from, session" in narrow.out


def test_an_import_shows_how_many(authingo: Runner) -> None:
    lines = "".join(f'{{"email": "user{number}@example.com"}}\n' for number in range(1100))
    assert authingo("users", "import", "-", stdin=lines).code == 0
    rows = authingo("events", "list").out.splitlines()[1:]
    assert [row.split(None, 2)[2] for row in rows] == [
        "users_import_began",
        "users_imported (1,100)",
    ]
    assert [one["count"] for one in authingo("events", "list", "--json").json] == [None, 1100]


def test_a_name_that_no_event_has_is_wrong_usage(authingo: Runner) -> None:
    ran = authingo("events", "list", "--event", "login")
    assert (ran.code, ran.out) == (2, "")
    assert "--event takes one of sign_up, sign_in, sign_in_failed, " in ran.err


def test_following_prints_the_columns_of_the_list(
    authingo: Runner, url: str, make_user: Any
) -> None:
    user = make_user()
    insert(url, 100, "sign_in", user["id"])
    process = authingo.start("events", "list", "--follow", "--event", "sign_in")
    assert process.stdout is not None
    header, first = process.stdout.readline(), process.stdout.readline()
    insert(url, 105, "sign_in", "usr_deleted")
    second = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    listed = authingo("events", "list", "--event", "sign_in").out.splitlines()
    assert [line.rstrip() for line in (header, first, second)] == listed


def test_pruning_forgets_what_is_old(authingo: Runner, url: str, make_user: Any) -> None:
    make_user()
    insert_many(url, 7)
    assert authingo("sessions", "prune", "--batch-size", "2").code == 0
    assert [one["event"] for one in authingo("events", "list", "--json").json] == ["user_created"]
