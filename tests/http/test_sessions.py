"""A user sees where they are signed in, and ends what they do not know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authingo.models import User
from tests.database import execute
from tests.server import ADA, Browser, LiveServer
from tests.waiting import until


@pytest.fixture
def laptop(server: LiveServer) -> Browser:
    browser = server.browser()
    browser.sign_up()
    return browser


def sign_in(server: LiveServer, user_agent: str = "Phone") -> Browser:
    browser = server.browser()
    body = {"email": ADA["email"], "password": ADA["password"]}
    assert browser.post("/sign-in", body, headers={"User-Agent": user_agent}).status == 200
    return browser


def test_the_callers_sessions_are_listed(server: LiveServer, laptop: Browser) -> None:
    phone = sign_in(server, "Phone\xe2\x98\x83\xe2\x80\xae")
    server.browser().sign_up(email="eve@example.com")
    listed = laptop.get("/sessions").json["sessions"]
    own = laptop.get("/session").json["session"]
    theirs = phone.get("/session").json["session"]
    facts = {"ip": "127.0.0.1", "user_agent": "Phone\u2603", "current": False}
    assert listed[0] == {**theirs, **facts, "last_used_at": theirs["created_at"]}
    assert listed[1] == {**own, **facts, "user_agent": None, "current": True} | {
        "last_used_at": own["created_at"]
    }
    assert len(listed) == 2
    laptop.post("/refresh")
    again = laptop.get("/sessions").json["sessions"]
    assert [one["current"] for one in again] == [True, False], "the last used comes first"
    assert again[0]["last_used_at"] > own["created_at"]


def test_what_cannot_be_refreshed_is_not_listed(server: LiveServer, laptop: Browser) -> None:
    server.age_sessions(31 * 86400)
    phone = sign_in(server)
    assert len(phone.get("/sessions").json["sessions"]) == 1
    assert phone.request("DELETE", "/sessions").json == {"revoked": 0}


def test_one_session_is_ended(server: LiveServer, laptop: Browser) -> None:
    phone = sign_in(server)
    phone_id = phone.get("/session").json["session"]["id"]
    assert laptop.request("DELETE", f"/sessions/{phone_id}").json == {"revoked": 1}
    assert phone.get("/session").code == "no_session"
    assert phone.post("/refresh").code == "no_session"
    assert laptop.request("DELETE", f"/sessions/{phone_id}").code == "not_found"
    assert laptop.get("/session").status == 200


def test_only_ones_own_are_ended(server: LiveServer, laptop: Browser) -> None:
    eve = server.browser()
    session_id = eve.sign_up(email="eve@example.com").json["session"]["id"]
    answer = laptop.request("DELETE", f"/sessions/{session_id}")
    assert (answer.status, answer.code) == (404, "not_found")
    assert eve.get("/session").status == 200
    for path in ("/sessions/", "/sessions/ses_1", f"/sessions/{session_id}/", "/sessions/{id}"):
        assert laptop.request("DELETE", path).code == "not_found"
    assert laptop.get(f"/sessions/{session_id}").code == "method_not_allowed"


def test_all_but_the_current_one_are_ended(server: LiveServer, laptop: Browser) -> None:
    others = [sign_in(server) for _ in range(3)]
    assert laptop.request("DELETE", "/sessions").json == {"revoked": 3}
    assert [browser.get("/session").status for browser in others] == [401] * 3
    assert laptop.get("/session").status == 200
    assert laptop.request("DELETE", "/sessions").json == {"revoked": 0}


def test_a_session_and_the_client_header_are_needed(server: LiveServer, laptop: Browser) -> None:
    phone_id = sign_in(server).get("/session").json["session"]["id"]
    for method, path in (
        ("GET", "/sessions"),
        ("DELETE", "/sessions"),
        ("DELETE", f"/sessions/{phone_id}"),
    ):
        assert laptop.request(method, path, cookies={}).code == "no_session"
        headerless = laptop.request(method, path, headers={"X-Authingo-Client": "false"})
        assert headerless.code == "missing_client_header"
    assert len(laptop.get("/sessions").json["sessions"]) == 2


Ending = Callable[[LiveServer, User], object]


@pytest.mark.parametrize("how", ["disable", "delete", "password", "statement"])
def test_whoever_is_ended_by_an_operator_is_out_everywhere_at_once(
    serve: Callable[..., LiveServer], how: str
) -> None:
    """Of two servers on one database. A notice of PostgreSQL takes a moment on a busy machine."""
    first = serve()
    second = serve(public_url=first.url)
    browser = first.browser()
    user_id = browser.sign_up().json["user"]["id"]
    elsewhere = Browser(second.url, dict(browser.cookies))
    assert elsewhere.get("/session").status == 200
    statements = {
        "disable": "UPDATE authingo_users SET disabled_at = created_at",
        "delete": f"DELETE FROM authingo_users WHERE id = '{user_id}'",
        "password": f"DELETE FROM authingo_sessions WHERE user_id = '{user_id}'",
        "statement": "DELETE FROM authingo_sessions",
    }
    execute(first.database_url, statements[how])
    for one in (browser, elsewhere):
        until(lambda one=one: one.get("/session").status == 401, "no notice came")  # type: ignore[misc]
        assert one.get("/session").code == "no_session"
        assert one.post("/refresh").code == "no_session"
        assert one.get("/sessions").code == "no_session"
