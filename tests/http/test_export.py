"""Users get everything that is stored about them, and no secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from authingo.stores.exports import OTHER_TABLES, PARTS, USER_LEFT_OUT
from authingo.tokens import session_key
from tests.command import Runner
from tests.database import execute
from tests.server import ADA, Answer, Browser, LiveServer


def export(browser: Browser) -> Answer:
    return browser.get("/user/export")


def test_it_has_what_the_account_has(server: LiveServer) -> None:
    """Of this user and of nobody else, even if the others have more."""
    browser, other = server.browser(), server.browser()
    user = browser.sign_up().json["user"]
    browser.post("/sign-in", {"email": ADA["email"], "password": "not the password"})
    eve = other.sign_up(email="eve@example.com").json["user"]
    exported = export(browser).json
    assert exported["user"] == user
    assert [one["id"] for one in exported["sessions"]] == [
        browser.get("/session").json["session"]["id"]
    ]
    assert {one["name"] for one in exported["events"]} == {"sign_up", "sign_in_failed"}
    assert [one["purpose"] for one in exported["secrets"]] == ["device"]
    assert exported["credentials"] == exported["mails"] == []
    text = json.dumps(exported)
    assert eve["id"] not in text
    assert "eve@example.com" not in text
    for at in (exported["sessions"][0]["created_at"], exported["events"][0]["at"]):
        assert at.startswith("20")
        assert at.endswith("Z")


def test_it_has_no_secret_and_no_digest(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    stored = execute(
        server.database_url,
        "SELECT password_hash, secret_digest, selector_digest, verifier_digest FROM authingo_users"
        " JOIN authingo_sessions ON user_id = authingo_users.id",
    )[0]
    answer = export(browser)
    known = [value.encode() for value in browser.cookies.values()]
    for value in stored:
        raw = value.encode() if isinstance(value, str) else bytes(value)
        known += [raw, raw.hex().encode(), base64.b64encode(raw)]
    key = session_key(browser.cookies["authingo_session"])
    assert key is not None
    assert key.digest.hex().encode() in known, "the right columns are looked at"
    assert [one for one in known if one in answer.body] == []


def test_it_needs_a_recent_authentication_and_comes_once_an_hour(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve(limits={"enabled": True})
    browser = server.browser()
    assert export(browser).code == "no_session"
    browser.sign_up()
    server.age_sessions(11 * 60)
    assert export(browser).code == "reauthentication_required"
    browser.post("/reauthenticate", {"password": ADA["password"]})
    assert export(browser).status == 200
    again = export(browser)
    assert (again.status, again.code) == (429, "too_many_requests")
    assert 3500 < int(again.all("retry-after")[0]) <= 3600
    other = server.browser()
    other.sign_up(email="eve@example.com")
    assert export(other).status == 200, "that is counted for each account"


def test_an_operator_gets_the_same_and_the_times(authingo: Runner) -> None:
    """A user who is disabled, or about to be deleted, cannot ask; an operator can."""
    create = ("users", "create", ADA["email"], "--password-stdin", "--json")
    user = authingo(*create, stdin=f"{ADA['password']}\n").json
    found = authingo("users", "data", ADA["email"]).json
    assert found["user"]["id"] == user["id"]
    assert [one["name"] for one in found["events"]] == ["user_created"]
    assert (found["user"]["disabled_at"], found["user"]["delete_at"]) == (None, None)
    authingo("users", "disable", ADA["email"], "--yes")
    assert authingo("users", "data", ADA["email"]).json["user"]["disabled_at"]


async def _columns_on_postgres(url: str) -> set[tuple[str, str]]:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_name LIKE 'authingo%'"
        )
    finally:
        await connection.close()
    return {(row[0], row[1]) for row in found}


def _columns_on_sqlite(url: str) -> set[tuple[str, str]]:
    found: list[Any] = execute(
        url,
        "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c"
        " WHERE t.type = 'table' AND t.name LIKE 'authingo%'",
    )
    return {(table, column) for table, column in found}


@pytest.mark.anyio
async def test_each_column_is_exported_or_left_out_for_a_reason(server: LiveServer) -> None:
    """So that nobody adds one and forgets that it is somebody's."""
    url = server.database_url
    stored = (
        _columns_on_sqlite(url) if url.startswith("sqlite") else await _columns_on_postgres(url)
    )
    shown = {"id", "email", "name", "email_verified", "created_at", "updated_at", "roles"}
    known = {("authingo_users", name) for name in {*shown, "profile", *USER_LEFT_OUT}}
    for table, part in PARTS.items():
        assert not {*part.columns} & part.left_out.keys(), table
        known |= {(table, name) for name in (*part.columns, *part.left_out)}
    others = {one for one in stored if one[0] in OTHER_TABLES}
    assert not stored - others - known
    of_one_store = {("authingo_events", "xid"), ("authingo_events", "number")}
    assert known - stored < of_one_store
