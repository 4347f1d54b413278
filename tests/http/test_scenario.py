"""One person's life with authingo, over HTTP, on both stores."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.database import execute
from tests.server import ADA, Answer, Browser, LiveServer

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_sign_up_session_refresh_sign_out_sign_in(server: LiveServer) -> None:
    browser = server.browser()
    signed_up = browser.sign_up()
    assert signed_up.json["user"]["email"] == "ada@example.com"
    device = browser.cookies["authingo_device"]
    first = {name: value for name, value in browser.cookies.items() if value != device}
    assert len(first) == 2

    assert browser.get("/session").json == signed_up.json

    refreshed = browser.post("/refresh")
    assert refreshed.status == 200
    assert browser.cookies.keys() == {*first, "authingo_device"}
    assert all(browser.cookies[name] != first[name] for name in first)

    again = browser.post("/refresh", cookies=first)
    assert again.status == 200
    assert again.tokens == refreshed.tokens, "within the grace a replay gets the same pair"
    assert again.json == refreshed.json, "and extends nothing"

    server.age_sessions(20 * 60)
    expired = browser.get("/session")
    assert (expired.status, expired.code) == (401, "session_expired")
    signed_out = browser.post("/sign-out")
    assert (signed_out.status, signed_out.json) == (200, {"success": True})
    assert browser.cookies == {"authingo_device": device}, "it still has signed in here"
    assert browser.post("/refresh", cookies=refreshed.tokens).code == "no_session"

    assert browser.sign_in().status == 200
    assert browser.get("/session").json["user"] == signed_up.json["user"]


def test_a_predecessor_after_the_grace_is_theft(server: LiveServer) -> None:
    browser = server.browser()
    stolen = browser.sign_up().tokens
    browser.post("/refresh")
    server.age_sessions(16)
    assert browser.get("/session").status == 200
    thief = browser.post("/refresh", cookies=stolen)
    assert (thief.status, thief.code) == (401, "refresh_reused")
    assert browser.get("/session").code == "no_session"
    assert browser.post("/refresh").code == "no_session", "told once"
    assert thief.tokens == {}, "no 401 touches a cookie"


def test_a_token_that_was_never_issued_for_a_known_selector_is_theft(server: LiveServer) -> None:
    browser = server.browser()
    token = browser.sign_up().tokens["authingo_refresh"]
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    assert browser.post("/refresh", cookies={"authingo_refresh": forged}).code == "refresh_reused"
    assert browser.get("/session").code == "no_session"


def test_expiry_wins_over_reuse(server: LiveServer) -> None:
    browser = server.browser()
    old = browser.sign_up().tokens
    browser.post("/refresh")
    server.age_sessions(31 * 86400)
    assert browser.post("/refresh", cookies=old).code == "session_expired"
    assert browser.post("/refresh").code == "session_expired"
    assert len(execute(server.database_url, "SELECT id FROM authingo_sessions")) == 1


def test_a_session_ends_for_good_ninety_days_after_sign_in(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    for _ in range(3):
        server.age_sessions(29 * 86400)
        assert browser.post("/refresh").status == 200
    session = browser.get("/session").json["session"]
    created, ends = (_time(session[key]) for key in ("created_at", "refresh_expires_at"))
    assert ends - created == timedelta(days=90)
    server.age_sessions(4 * 86400)
    assert browser.post("/refresh").code == "session_expired"


def test_the_previous_session_token_lives_for_the_grace(server: LiveServer) -> None:
    browser = server.browser()
    old = browser.sign_up().tokens
    new = browser.post("/refresh").json
    assert browser.get("/session", cookies=old).json == new
    server.age_sessions(16)
    late = browser.get("/session", cookies=old)
    assert late.code == "session_expired", "so that the client refreshes, instead of forgetting"
    assert browser.get("/session").status == 200


def test_a_grace_of_zero_turns_idempotence_off(serve: Callable[..., LiveServer]) -> None:
    browser = serve(sessions={"refresh_grace": 0}).browser()
    old = browser.sign_up().tokens
    browser.post("/refresh")
    assert browser.get("/session", cookies=old).code == "session_expired"
    assert browser.post("/refresh", cookies=old).code == "refresh_reused"


def test_signing_in_ends_the_session_that_came_along(server: LiveServer) -> None:
    browser = server.browser()
    first = browser.sign_up().tokens
    browser.sign_in()
    assert browser.get("/session", cookies=first).code == "no_session"
    assert browser.post("/refresh", cookies=first).code == "no_session"
    assert browser.get("/session").status == 200
    second = dict(browser.cookies)
    browser.sign_up(email="grace@example.com")
    assert browser.get("/session", cookies=second).code == "no_session"


def test_a_failed_sign_in_ends_nothing(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    assert browser.sign_in(password="wrong password").code == "invalid_credentials"
    assert browser.get("/session").status == 200


@pytest.mark.parametrize("which", ["current", "rotated", "expired", "expired and rotated", "none"])
def test_sign_out_ends_the_session_whatever_its_token_is(server: LiveServer, which: str) -> None:
    browser = server.browser()
    old = browser.sign_up().tokens
    if "rotated" in which:
        browser.post("/refresh")
    if "expired" in which:
        server.age_sessions(16 * 60)
    sent = {} if which == "none" else {"authingo_session": old["authingo_session"]}
    answer = browser.post("/sign-out", cookies=sent)
    assert (answer.status, answer.json) == (200, {"success": True})
    assert browser.post("/sign-out", cookies=sent).status == 200, "idempotent"
    left = execute(server.database_url, "SELECT id FROM authingo_sessions")
    assert len(left) == (1 if which == "none" else 0)


def test_change_password_ends_every_older_session(server: LiveServer) -> None:
    here, there = server.browser(), server.browser()
    here.sign_up()
    there.sign_in()
    before = dict(here.cookies)
    body = {"current_password": ADA["password"], "new_password": "a whole new sentence"}
    changed = here.post("/change-password", body)
    assert changed.status == 200
    for old in (before, there.cookies):
        assert here.get("/session", cookies=old).code == "no_session"
    assert here.get("/session").json == changed.json
    assert server.browser().sign_in().code == "invalid_credentials"
    assert server.browser().sign_in(password="a whole new sentence").status == 200


def test_change_password_needs_a_session_and_the_current_password(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    body = {"current_password": "wrong password", "new_password": "a whole new sentence"}
    wrong = browser.post("/change-password", body)
    assert (wrong.status, wrong.code) == (403, "wrong_password")
    assert browser.post("/change-password", body, cookies={}).code == "no_session"
    mine = {"current_password": ADA["password"], "new_password": ADA["email"]}
    refused = browser.post("/change-password", mine)
    assert refused.json["fields"] == {"new_password": "must not be the email"}
    server.age_sessions(16 * 60)
    good = {"current_password": ADA["password"], "new_password": "a whole new sentence"}
    assert browser.post("/change-password", good).code == "session_expired"
    assert server.browser().sign_in().status == 200, "nothing has changed"


def test_the_current_password_is_refused_as_the_new_one(server: LiveServer) -> None:
    here, there = server.browser(), server.browser()
    here.sign_up()
    there.sign_in()
    kept = execute(server.database_url, "SELECT password_hash FROM authingo_users")
    same = {"current_password": ADA["password"], "new_password": ADA["password"]}
    for _ in range(6):  # more often than somebody may guess: it is no guess
        refused = here.post("/change-password", same)
        assert (refused.status, refused.code) == (422, "invalid_input")
        assert refused.json["fields"] == {"new_password": "must not be the current password"}
        assert refused.all("set-cookie") == []
    assert execute(server.database_url, "SELECT password_hash FROM authingo_users") == kept
    assert here.get("/session").status == there.get("/session").status == 200, "no session ends"


def test_that_two_passwords_are_the_same_says_nothing_of_the_current_one(
    server: LiveServer,
) -> None:
    browser = server.browser()
    browser.sign_up()
    guess = {"current_password": "a wrong password", "new_password": "a wrong password"}
    for _ in range(5):
        assert browser.post("/change-password", guess).code == "wrong_password"
    same = {"current_password": ADA["password"], "new_password": ADA["password"]}
    assert browser.post("/change-password", same).code == "too_many_requests"


def test_a_disabled_user_is_out(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    execute(server.database_url, "UPDATE authingo_users SET disabled_at = created_at")
    assert browser.get("/session").code == "no_session"
    assert browser.post("/refresh").code == "no_session"
    assert browser.sign_in().code == "invalid_credentials"


def test_a_taken_email_is_told_in_any_spelling(server: LiveServer) -> None:
    server.browser().sign_up()
    answer = server.browser().post("/sign-up", {**ADA, "email": "ADA@Example.COM"})
    assert (answer.status, answer.code) == (409, "email_taken")
    assert answer.tokens == {}
    assert server.browser().sign_in(email="Ada@EXAMPLE.com").status == 200


def test_sign_up_can_be_closed(serve: Callable[..., LiveServer]) -> None:
    answer = serve(sign_up=False).browser().post("/sign-up", ADA)
    assert (answer.status, answer.code) == (403, "sign_up_closed")


def test_what_is_answered_is_what_was_promised(server: LiveServer) -> None:
    answer = server.browser().sign_up(name="  Ada Lovelace ☃ ")
    user, session = answer.json["user"], answer.json["session"]
    assert answer.json.keys() == {"user", "session"}
    assert user.keys() == {
        "id",
        "email",
        "name",
        "email_verified",
        "created_at",
        "updated_at",
        "roles",
    }
    assert session.keys() == {
        *("id", "user_id", "created_at", "expires_at", "refresh_expires_at"),
        *("authenticated_at", "methods"),
    }
    assert user["id"].startswith("usr_")
    assert session["id"].startswith("ses_")
    assert (user["name"], user["email_verified"]) == ("Ada Lovelace ☃", False)
    assert session["user_id"] == user["id"]
    assert (session["authenticated_at"], session["methods"]) == (
        session["created_at"],
        ["password"],
    )
    for value in (user["created_at"], user["updated_at"], session["expires_at"]):
        assert _TIME.fullmatch(value)
    lived = _time(session["expires_at"]) - _time(session["created_at"])
    assert lived == timedelta(minutes=15)
    assert _time(session["refresh_expires_at"]) - _time(session["created_at"]) == timedelta(days=30)
    assert abs(_time(session["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_every_answer_forbids_caching_and_sniffing(server: LiveServer) -> None:
    browser = server.browser()
    answers: list[Answer] = [
        browser.sign_up(),
        browser.get("/session"),
        browser.get("/health"),
        browser.get("/nowhere"),
        browser.post("/sign-in", {}),
        browser.post("/refresh"),
        browser.post("/sign-out"),
        browser.get("/session"),
    ]
    for answer in answers:
        assert answer.all("cache-control") == ["no-store"]
        assert answer.all("x-content-type-options") == ["nosniff"]
        assert answer.all("referrer-policy") == ["no-referrer"]
        (policy,) = answer.all("content-security-policy")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.all("content-type") == ["application/json"]


def test_health_tells_that_the_store_answers(server: LiveServer) -> None:
    answer = Browser(server.url).get("/health", headers={"X-Authingo-Client": "no"})
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
