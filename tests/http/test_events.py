"""What happened is recorded in the store and in the log, and neither is worth stealing."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from tests.database import execute
from tests.server import ADA, LiveServer

NEW = "a whole new sentence"


def recorded(server: LiveServer) -> list[dict[str, Any]]:
    columns = ("name", "user_id", "session_id", "ip")
    rows = execute(
        server.database_url, f"SELECT {', '.join(columns)} FROM authingo_events ORDER BY id"
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_everything_that_matters_is_recorded_once(
    server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "authingo.events")
    browser = server.browser()
    signed_up = browser.sign_up().json
    user_id = signed_up["user"]["id"]
    old = dict(browser.cookies)
    browser.post("/refresh")
    browser.get("/session")
    wrong = {"current_password": "wrong", "new_password": NEW}
    browser.post("/change-password", wrong)
    changed = browser.post("/change-password", {**wrong, "current_password": ADA["password"]})
    second = server.browser()
    session_2 = second.sign_in(password=NEW).json["session"]["id"]
    browser.request("DELETE", f"/sessions/{session_2}")
    server.browser().sign_in(password="wrong")
    server.browser().sign_in(email="nobody@example.com")
    stolen = dict(browser.cookies)
    browser.post("/refresh")
    server.age_sessions(16)
    assert browser.post("/refresh", cookies=stolen).code == "refresh_reused"
    browser.sign_in(password=NEW)
    browser.post("/sign-out")
    browser.post("/sign-out", cookies=old)

    found = recorded(server)
    assert [event["name"] for event in found] == [
        "sign_up",
        "password_change_failed",
        "password_changed",
        "sign_in",
        "session_revoked",
        "sign_in_failed",
        "sign_in_failed",
        "refresh_reused",
        "sign_in",
        "sign_out",
    ]
    assert {event["ip"] for event in found} == {"127.0.0.1"}
    assert [event["user_id"] for event in found].count(user_id) == len(found) - 1
    assert found[6]["user_id"] is None, "nobody has that email"
    assert found[0]["session_id"] == signed_up["session"]["id"]
    assert found[2]["session_id"] == changed.json["session"]["id"]
    assert found[4]["session_id"] == session_2
    logged = [
        json.loads(one.getMessage()) for one in caplog.records if one.name == "authingo.events"
    ]
    assert [line["event"] for line in logged] == [event["name"] for event in found]
    assert all(line["id"].startswith("evt_") and line["at"].endswith("Z") for line in logged)
    text = caplog.text + json.dumps(found)
    tokens = [*old.values(), *stolen.values()]
    for secret in (ADA["email"], ADA["password"], NEW, "wrong", "$2b$", *tokens):
        assert secret not in text


def test_an_event_that_cannot_be_stored_does_not_take_back_what_was_done(
    server: LiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    browser = server.browser()
    browser.sign_up()
    execute(server.database_url, "DROP TABLE authingo_events")
    caplog.set_level(logging.INFO)
    assert browser.post("/sign-out").status == 200
    assert '"event": "sign_out"' in caplog.text
    assert "the event was not stored" in caplog.text


def test_who_signs_up_or_in_is_on_record_or_did_not(server: LiveServer) -> None:
    """The event is in the same transaction."""
    execute(server.database_url, "DROP TABLE authingo_events")
    answer = server.browser().post("/sign-up", ADA)
    assert (answer.status, answer.all("set-cookie")) == (503, [])
    assert execute(server.database_url, "SELECT count(*) FROM authingo_users") == [(0,)]
