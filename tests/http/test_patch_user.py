"""Users change what is theirs to change: `PATCH /user`."""

from __future__ import annotations

import pytest

from tests.database import execute
from tests.server import ADA, LiveServer


def test_users_change_their_own_name(server: LiveServer) -> None:
    """Every session shows it at once, and none ends."""
    here, there = server.browser(), server.browser()
    before = here.sign_up().json
    there.sign_in()
    assert there.get("/session").json["user"]["name"] == ADA["name"]
    changed = here.request("PATCH", "/user", {"name": "  Countess "})
    assert changed.status == 200
    assert changed.tokens == {}
    assert changed.json["user"]["name"] == "Countess"
    assert changed.json["user"]["updated_at"] > before["user"]["updated_at"]
    assert changed.json["session"] == before["session"]
    for browser in (here, there):
        assert browser.get("/session").json["user"] == changed.json["user"]
    events = execute(
        server.database_url,
        "SELECT user_id, session_id, ip FROM authingo_events WHERE name = 'name_changed'",
    )
    assert events == [(before["user"]["id"], before["session"]["id"], "127.0.0.1")]


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ADA["name"]}], ids=str)
def test_what_changes_nothing_is_no_change(server: LiveServer, body: dict[str, object]) -> None:
    browser = server.browser()
    before = browser.sign_up().json
    assert browser.request("PATCH", "/user", body).json == before
    events = execute(server.database_url, "SELECT name FROM authingo_events")
    assert events == [("sign_up",)]


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "\x00", "\ud800", 5], ids=repr)
def test_a_name_is_checked_as_at_sign_up(server: LiveServer, name: object) -> None:
    browser = server.browser()
    before = browser.sign_up().json
    refused = browser.request("PATCH", "/user", {"name": name})
    assert (refused.status, list(refused.json["fields"])) == (422, ["name"])
    assert browser.get("/session").json == before


@pytest.mark.parametrize(
    "field", ["id", "email", "email_verified", "disabled_at", "password", "roles", "created_at"]
)
def test_nothing_else_can_be_written(server: LiveServer, field: str) -> None:
    """Mass assignment: a field that no user may write is refused, and not ignored."""
    browser = server.browser()
    before = browser.sign_up().json
    refused = browser.request("PATCH", "/user", {"name": "Countess", field: "x"})
    assert refused.code == "invalid_input"
    assert browser.get("/session").json == before


def test_nobody_changes_a_user_without_their_session(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    assert server.browser().request("PATCH", "/user", {"name": "X"}).code == "no_session"
    forged = browser.request("PATCH", "/user", {"name": "X"}, headers={"X-Authingo-Client": ""})
    assert forged.code == "missing_client_header"
    old = dict(browser.cookies)
    browser.post("/sign-out")
    assert browser.request("PATCH", "/user", {"name": "X"}, cookies=old).code == "no_session"
