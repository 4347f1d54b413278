"""Servers of the release before and of this tree, on one database, while people use both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command import Runner, Served
from tests.server import Browser
from tests.upgrades.traffic import Balancer, Cookies, Traffic
from tests.waiting import until

_PEOPLE = 4

Start = Callable[..., Served]


@pytest.mark.parametrize("servers_first", [False, True], ids=["migrate first", "servers first"])
def test_an_upgrade_signs_nobody_out_and_keeps_what_is_revoked(
    before: Runner, now: Runner, start: Start, servers_first: bool
) -> None:
    """A new server migrates a SQLite file by itself, so there "servers first" is that."""
    balancer = Balancer([start(before), start(before)])
    stops = bool(now("migrate", "--status", "--json").json["incompatible"])
    with Traffic(balancer, _PEOPLE) as traffic:
        traffic.go_on(10)
        if servers_first:
            balancer.new.append(start(now))
            if _is_behind(now):
                _answers_only_503(balancer.new[0])
            traffic.go_on(2)
        _migrate(now, stops=stops)
        balancer.new.append(start(now))
        if stops:
            traffic.until(lambda person, _: person.moved)
        else:
            balancer.mixed = True
            traffic.go_on(20)
        for server in traffic.leave_old_servers():
            server.end()
        traffic.go_on(10)
    assert balancer.refused_something == stops, balancer.answers
    for person in traffic.people:
        assert not person.problem, person.problem
        for server in balancer.new:
            _is_signed_in(server, person.cookies)
            for cookies in person.ended:
                _is_over(server, cookies)


def _migrate(now: Runner, *, stops: bool) -> None:
    """Migrate while the old servers are at work, if a new server has not done it."""
    was_behind = _is_behind(now)
    migrated = now("migrate")
    assert migrated.code == 0, migrated.err
    said = "servers of the version before answer 503" in migrated.err
    assert said == (stops and was_behind)
    assert not _is_behind(now)


def _is_behind(now: Runner) -> bool:
    return bool(now("migrate", "--status", "--json").json["pending"])


def _answers_only_503(server: Served) -> None:
    """What a server says that came before its migration, and what its log says."""
    for method, path in (("GET", "/health"), ("POST", "/sign-in"), ("POST", "/refresh")):
        body = {"email": "a@example.com", "password": "x" * 20} if path == "/sign-in" else None
        cookies = {"authingo_refresh": "A" * 64}
        answer = server.browser.request(method, path, body, cookies=cookies)
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert answer.all("retry-after") == ["2"]
        assert "run `authingo migrate`" in answer.json["message"]
    until(lambda: "run `authingo migrate`" in server.said, "its log does not say what to do")
    assert "answering 503 for now: the database schema is at" in server.said


def _is_signed_in(server: Served, cookies: Cookies) -> None:
    browser = Browser(server.browser.url, cookies)
    for _ in range(2):
        assert browser.get("/session").status == 200
        assert browser.post("/refresh").status == 200
    cookies.update(browser.cookies)


def _is_over(server: Served, cookies: Cookies) -> None:
    for method, path in (("GET", "/session"), ("POST", "/refresh")):
        answer = server.browser.request(method, path, cookies=cookies)
        assert answer.status == 401, answer.body


def test_a_refresh_whose_answer_was_lost_is_repeated_on_a_new_server(
    before: Runner, now: Runner, start: Start
) -> None:
    """Both servers answer the same tokens, whatever spelling their session tokens have.

    The session token that the refresh replaced may have no grace left: then its browser refreshes.
    """
    old = start(before)
    browser = old.browser
    browser.sign_up()
    kept = dict(browser.cookies)
    given = browser.post("/refresh").tokens
    assert now("migrate").code == 0
    server = start(now)
    again = server.browser.request("POST", "/refresh", cookies=kept)
    assert again.status == 200, again.body
    assert again.tokens["authingo_refresh"] == given["authingo_refresh"]
    for tokens in (given, again.tokens):
        assert server.browser.request("GET", "/session", cookies=tokens).status == 200
    replaced = server.browser.request("GET", "/session", cookies=kept)
    assert replaced.code_or_ok in {"ok", "session_expired"}
    _is_signed_in(server, again.tokens)
    later = server.browser.request("POST", "/refresh", cookies=kept)
    assert later.code == "refresh_reused"


def test_a_server_of_before_that_starts_after_the_migration_says_whether_it_fits(
    before: Runner, now: Runner, start: Start
) -> None:
    stops = now("migrate", "--status", "--json").json["incompatible"]
    shown = now("migrate", "--status").out
    assert [name for name in stops if f"pending: {name}, which stops" not in shown] == []
    assert now("migrate").code == 0
    if not stops:
        assert start(before).browser.get("/health").status == 200
        return
    refused = before("serve", "--port", "0")
    assert refused.code == 1
    assert "the database schema is newer than this program" in refused.err
