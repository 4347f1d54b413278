"""The sessions of a user are limited, and an answer lists no more of them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.database import execute
from tests.many_sessions import count_sessions, give_sessions
from tests.revoking import Memory
from tests.server import LiveServer
from tests.waiting import until

MANY = 50_000


def events(server: LiveServer, name: str) -> list[tuple[Any, ...]]:
    return execute(
        server.database_url,
        f"SELECT session_id, count, ip FROM authingo_events WHERE name = '{name}' ORDER BY id",
    )


def test_the_session_unused_longest_is_refused_at_once(
    serve: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    """By the server where the new one began, and by another that remembers it."""
    caplog.set_level(logging.INFO, "authingo.events")
    bounds = {"max_per_user": 2}
    server, second = serve(sessions=bounds), serve(sessions=bounds)
    first, phone, laptop = server.browser(), server.browser(), server.browser()
    first_id = first.sign_up().json["session"]["id"]
    phone.sign_in()
    Memory(server).warm(first)
    Memory(second).warm(first)
    assert laptop.sign_in().status == 200
    assert first.get("/session").code == "no_session"
    assert first.post("/refresh").code == "no_session"
    first.url = second.url
    until(lambda: first.get("/session").status == 401, "the other server never heard of it")
    assert [phone.get("/session").status, laptop.get("/session").status] == [200, 200]
    assert events(server, "session_evicted") == [(first_id, None, "127.0.0.1")]
    logged = [json.loads(record.getMessage()) for record in caplog.records]
    evicted = [one["session_id"] for one in logged if one["event"] == "session_evicted"]
    assert evicted == [first_id]


def test_a_user_who_has_many_is_listed_those_used_last_and_ends_them_all(
    server: LiveServer,
) -> None:
    """Left by an older version, or made by hand. Others are served meanwhile."""
    browser, other = server.browser(), server.browser()
    user_id = browser.sign_up().json["user"]["id"]
    other.sign_up(email="grace@example.com")
    give_sessions(server.database_url, user_id, MANY)
    listed = browser.get("/sessions")
    times = [one["last_used_at"] for one in listed.json["sessions"]]
    assert len(times) == 100
    assert times == sorted(times, reverse=True)
    assert listed.json["sessions"][0]["current"] is True
    assert len(listed.body) < 100_000

    answers: list[Any] = []
    ending = threading.Thread(
        target=lambda: answers.append(browser.request("DELETE", "/sessions").json)
    )
    ending.start()
    served = 0
    while ending.is_alive():
        assert other.post("/refresh").status == 200
        served += 1
    ending.join()
    assert answers == [{"revoked": MANY}]
    assert served >= 3, "more than one before it began and one that waited for its end"
    assert count_sessions(server.database_url, user_id) == 1
    assert events(server, "session_revoked") == [(None, MANY, "127.0.0.1")]


def test_each_sign_in_ends_some_of_many(server: LiveServer) -> None:
    browser = server.browser()
    user_id = browser.sign_up().json["user"]["id"]
    give_sessions(server.database_url, user_id, 1200)
    left = []
    for _ in range(3):
        assert server.browser().sign_in().status == 200
        left.append(count_sessions(server.database_url, user_id))
    assert left == [702, 203, 100]
    assert browser.get("/session").status == 200, "it was used last"
    assert [count for _, count, _ in events(server, "session_evicted")] == [500, 500, 104]


def test_the_list_has_the_session_that_asks(serve: Callable[..., LiveServer]) -> None:
    """Also where more than are listed were used after it."""
    first = serve()
    browsers = [first.browser() for _ in range(3)]
    browsers[0].sign_up()
    for browser in browsers[1:]:
        assert browser.sign_in().status == 200
    lowered = serve(public_url=first.url, sessions={"max_per_user": 1})
    for browser in browsers:
        browser.url = lowered.url
        listed = browser.get("/sessions", headers={"Origin": first.url}).json["sessions"]
        assert [one["current"] for one in listed].count(True) == 1
