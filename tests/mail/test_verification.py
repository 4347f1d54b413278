"""A new user proves that the address is theirs: by a link, and by something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.database import execute
from tests.mail.inbox import link_in, mail_settings, text_of, token_in, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer
from tests.waiting import until


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def server(mails: SMTPServer, serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(mail=mail_settings(mails, verification="optional"))


def verify(browser: Browser, token: str, password: str | None = None) -> Answer:
    body = {"token": token} if password is None else {"token": token, "password": password}
    return browser.post("/verify-email", body)


def is_verified(server: LiveServer) -> bool:
    return bool(execute(server.database_url, "SELECT email_verified FROM authingo_users")[0][0])


def test_a_new_user_verifies_the_address_in_the_browser_that_signed_up(
    server: LiveServer, mails: SMTPServer
) -> None:
    browser = server.browser()
    assert browser.sign_up().json["user"]["email_verified"] is False
    (mail,) = wait_for(mails, 1)
    assert mail.recipients == [ADA["email"]]
    assert link_in(mail).startswith(f"{server.url}/verify-email#token=")
    assert ADA["name"] not in text_of(mail)
    answer = verify(browser, token_in(mail))
    assert (answer.status, answer.tokens) == (200, {})
    assert answer.json["user"]["email_verified"] is True
    assert answer.json["session"] == browser.get("/session").json["session"]
    assert browser.get("/session").json["user"]["email_verified"] is True
    names = [one for (one,) in execute(server.database_url, "SELECT name FROM authingo_events")]
    assert names.count("email_verified") == 1
    assert verify(browser, token_in(mail)).code == "invalid_token"


def test_a_link_alone_verifies_nothing(server: LiveServer, mails: SMTPServer) -> None:
    """Neither in a browser without a session, nor with that of another user, nor a planted one."""
    ada, stranger, other = server.browser(), server.browser(), server.browser()
    ada.sign_up()
    token = token_in(wait_for(mails, 1)[0])
    other.sign_up(email="grace@example.com")
    planted = server.browser()
    planted.cookies |= {"authingo_session": ada.cookies["authingo_session"]}
    for browser in (stranger, other, planted):
        refused = verify(browser, token)
        assert (refused.status, refused.code, refused.tokens) == (403, "password_required", {})
    assert not is_verified(server)
    assert verify(ada, token).status == 200


def test_with_the_password_it_is_a_sign_in(server: LiveServer, mails: SMTPServer) -> None:
    server.browser().sign_up()
    token, phone = token_in(wait_for(mails, 1)[0]), server.browser()
    wrong = verify(phone, token, "not the password")
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    assert not is_verified(server)
    right = verify(phone, token, ADA["password"])
    assert right.status == 200
    assert set(right.tokens) == {"authingo_session", "authingo_refresh", "authingo_device"}
    assert phone.get("/session").json["user"]["email_verified"] is True


def test_guesses_at_the_password_are_counted_as_at_sign_in(
    server: LiveServer, mails: SMTPServer
) -> None:
    server.browser().sign_up()
    token, thief = token_in(wait_for(mails, 1)[0]), server.browser()
    answers = [verify(thief, token, f"guess number {n}").code for n in range(7)]
    assert answers[:5] == ["invalid_credentials"] * 5
    assert answers[5:] == ["too_many_requests"] * 2
    assert thief.sign_in().code == "too_many_requests"


def test_an_expired_session_is_renewed_first(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    browser.sign_up()
    token = token_in(wait_for(mails, 1)[0])
    execute(server.database_url, "UPDATE authingo_sessions SET expires_at = created_at")
    assert verify(browser, token).code == "session_expired"
    assert browser.post("/refresh").status == 200
    assert verify(browser, token).status == 200


def test_another_mail_is_sent_until_the_address_is_verified(
    server: LiveServer, mails: SMTPServer
) -> None:
    browser = server.browser()
    browser.sign_up()
    assert browser.post("/verify-email/request").json == {"sent": True}
    first, second = wait_for(mails, 2)
    assert verify(browser, token_in(first)).status == 200
    assert verify(browser, token_in(second)).status == 200, "the other link is valid still"
    assert browser.post("/verify-email/request").json == {"sent": False}
    assert server.browser().post("/verify-email/request").code == "no_session"
    until(
        lambda: execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0] == 0,
        "a mail is queued",
    )
    assert len(mails.received) == 2


def test_a_flood_of_requests_is_answered_alike_and_sends_three(
    server: LiveServer, mails: SMTPServer
) -> None:
    browser = server.browser()
    browser.sign_up()
    answers = [browser.post("/verify-email/request") for _ in range(6)]
    assert {one.body for one in answers} == {b'{"sent":true}'}
    until(
        lambda: execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0] == 0,
        "a mail is queued",
    )
    assert len(mails.received) == 3


def test_a_new_address_or_password_ends_the_links(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    browser.sign_up()
    token = token_in(wait_for(mails, 1)[0])
    changed = {"current_password": ADA["password"], "new_password": "another sentence"}
    assert browser.post("/change-password", changed).status == 200
    assert verify(browser, token).code == "invalid_token"
    assert not is_verified(server)


def test_verification_can_be_off(mails: SMTPServer, serve: Callable[..., LiveServer]) -> None:
    server = serve(mail=mail_settings(mails, verification="off"))
    browser = server.browser()
    browser.sign_up()
    assert verify(browser, "x").code == "not_found"
    paths = browser.get("/openapi.json", base="").json["paths"]
    assert [one for one in paths if "verify" in one] == []
