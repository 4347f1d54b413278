"""Requests that arrive at the same moment, on a real server, on both stores."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tests.database import execute
from tests.server import ADA, Answer, Browser, LiveServer


def at_once(*requests: Callable[[], Answer]) -> list[Answer]:
    """Send requests together: each waits at a barrier until all are ready."""
    barrier = threading.Barrier(len(requests))

    def send(request: Callable[[], Answer]) -> Answer:
        barrier.wait()
        return request()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def test_fifty_refreshes_at_once_give_one_rotation_and_fifty_equal_answers(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve(store={"timeout": "1m"})  # they write one after the other
    browser = server.browser()
    tokens = browser.sign_up().tokens
    answers = at_once(*[lambda: browser.post("/refresh", cookies=tokens)] * 50)
    assert {answer.status for answer in answers} == {200}
    assert len({tuple(sorted(answer.tokens.items())) for answer in answers}) == 1
    assert len({answer.body for answer in answers}) == 1
    new = answers[0].tokens
    assert new != tokens
    assert browser.get("/session", cookies=new).status == 200
    assert browser.post("/refresh", cookies=new).status == 200, "the family lives on"


def test_a_sign_out_that_races_a_refresh_leaves_nothing_alive(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    for _ in range(100):
        tokens = browser.sign_in().tokens
        refreshed, signed_out = at_once(
            partial(browser.post, "/refresh", cookies=tokens),
            partial(browser.post, "/sign-out", cookies=tokens),
        )
        assert signed_out.status == 200
        for alive in (tokens, refreshed.tokens):
            assert browser.get("/session", cookies=alive).code == "no_session"
    assert execute(server.database_url, "SELECT count(*) FROM authingo_sessions") == [(0,)]


def test_a_sign_in_that_races_a_change_of_password_leaves_no_session_of_the_old_one(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve(limits={"enabled": False})  # many of these sign-ins are meant to fail
    browser = server.browser()
    browser.sign_up()
    password = ADA["password"]
    for turn in range(20):
        new_password = f"a whole new sentence {turn}"
        body = {"current_password": password, "new_password": new_password}
        cookies = dict(browser.cookies)
        changed, *signed_in = at_once(
            partial(browser.post, "/change-password", body, cookies=cookies),
            *[partial(Browser(server.url).sign_in, password=password) for _ in range(4)],
        )
        assert changed.status == 200
        browser.cookies = changed.tokens
        for answer in signed_in:
            if answer.status == 200:
                assert browser.get("/session", cookies=answer.tokens).code == "no_session"
            else:
                assert answer.code == "invalid_credentials"
        assert browser.get("/session").status == 200
        password = new_password
    assert execute(server.database_url, "SELECT count(*) FROM authingo_sessions") == [(1,)]


def test_ten_sign_ups_with_one_email_give_one_account(server: LiveServer) -> None:
    answers = at_once(*[lambda: Browser(server.url).post("/sign-up", ADA)] * 10)
    assert sorted(answer.status for answer in answers) == [200] + [409] * 9
    assert execute(server.database_url, "SELECT count(*) FROM authingo_sessions") == [(1,)]
