"""A user without a password proves again who they are, by a code that comes by mail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI

from authingo import Auth
from authingo.config import Settings
from authingo.fastapi import FreshUser
from tests.database import execute
from tests.mail.inbox import code_in, mail_settings, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer

COOKIE = "authingo_ceremony"
WRONG = "BCDF-GHJK"


def application(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)

    @app.post("/secret")
    async def secret(user: FreshUser) -> str:
        return user.email

    return app


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def server(mails: SMTPServer, make_settings: Callable[..., Settings]) -> Iterator[LiveServer]:
    mail = mail_settings(mails, verification="off")

    def settings(url: str) -> Settings:
        return make_settings(public_url=url, mail=mail)

    server = LiveServer(settings, application)
    yield server
    server.stop()


def sign_in(server: LiveServer, *, password: str = "!", verified: bool = True) -> Browser:
    """Let Ada sign in long ago; then take her password away, or leave it with None."""
    browser = server.browser()
    browser.sign_up()
    true = "1" if server.auth.store.embedded else "true"
    values = ["updated_at = updated_at"]
    values += [f"password_hash = '{password}'"] if password else []
    values += [f"email_verified = {true}"] if verified else []
    execute(server.database_url, f"UPDATE authingo_users SET {', '.join(values)}")
    past = "'2026-01-01 00:00+00'" if not server.auth.store.embedded else "0"
    execute(server.database_url, f"UPDATE authingo_sessions SET authenticated_at = {past}")
    return browser


def ask(browser: Browser) -> Answer:
    return browser.post("/reauthenticate/code/request")


def enter(browser: Browser, code: str) -> Answer:
    return browser.post("/reauthenticate", {"code": code})


def test_a_code_reauthenticates_whoever_has_no_password(
    server: LiveServer, mails: SMTPServer
) -> None:
    """Once; and the session token is another one afterwards."""
    browser = sign_in(server)
    refused = browser.post("/secret", base="")
    assert refused.json["methods"] == ["code"]
    old = browser.cookies["authingo_session"]
    assert ask(browser).json == {"sent": True}
    (mail,) = wait_for(mails, 1)
    assert mail.message["Subject"] == "Your code to go on at Example"
    ceremony = browser.cookies[COOKIE]
    answer = enter(browser, code_in(mail))
    assert answer.status == 200
    assert answer.json["session"]["methods"] == ["code"]
    assert answer.tokens[COOKIE] == ""
    assert answer.tokens["authingo_session"] not in {"", old}
    assert browser.post("/secret", base="").status == 200
    browser.cookies[COOKIE] = ceremony
    assert enter(browser, code_in(mail)).code == "invalid_token"
    names = [one for (one,) in execute(server.database_url, "SELECT name FROM authingo_events")]
    assert (names.count("reauthenticated"), names.count("reauthentication_failed")) == (1, 1)


@pytest.mark.parametrize(("password", "verified"), [("", True), ("!", False)])
def test_only_whoever_has_no_password_and_a_verified_address_gets_a_code(
    server: LiveServer, mails: SMTPServer, password: str, verified: bool
) -> None:
    browser = sign_in(server, password=password, verified=verified)
    methods = ["password"] if not password else []
    assert browser.post("/secret", base="").json["methods"] == methods
    answer = ask(browser)
    assert (answer.json, answer.tokens) == ({"sent": False}, {})
    assert execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0] == 0
    if not password:
        proof = {"password": ADA["password"]}
        assert browser.post("/reauthenticate", proof).status == 200


def test_a_code_works_in_its_session_and_its_browser_only(
    server: LiveServer, mails: SMTPServer
) -> None:
    """So a thief with a copy of the session gets no further with a code that the owner told."""
    browser = sign_in(server)
    ask(browser)
    code = code_in(wait_for(mails, 1)[0])
    thief = Browser(server.url, {"authingo_session": browser.cookies["authingo_session"]})
    assert enter(thief, code).code == "invalid_token"
    other = server.browser()
    other.sign_up(email="bob@example.com")
    other.cookies[COOKIE] = browser.cookies[COOKIE]
    assert enter(other, code).code == "invalid_token"
    assert enter(server.browser(), code).code == "no_session"
    elsewhere = Browser(server.url, {"authingo_session": another_session(server)})
    elsewhere.cookies[COOKIE] = browser.cookies[COOKIE]
    assert elsewhere.get("/session").json["user"]["email"] == ADA["email"]
    assert enter(elsewhere, code).code == "invalid_token"
    assert enter(browser, code).status == 200


def another_session(server: LiveServer) -> str:
    """Begin another session of Ada, and return its token."""

    async def begin() -> str:
        auth = Auth(server.auth.settings)
        async with auth.lifespan():
            (ada,) = await auth.list_users(search=ADA["email"])
            return str((await auth.begin_session(ada)).tokens.session)

    return asyncio.run(begin())


def test_wrong_codes_are_counted(server: LiveServer, mails: SMTPServer) -> None:
    """Three end a code, five in the session make it wait."""
    browser = sign_in(server)
    for number in (1, 2):
        ask(browser)
        code = code_in(wait_for(mails, number)[-1])
        if number == 1:
            assert [enter(browser, WRONG).code for _ in range(3)] == ["invalid_token"] * 3
            assert enter(browser, code).code == "invalid_token"
    assert enter(browser, WRONG).code == "invalid_token"
    refused = enter(browser, code)
    assert (refused.status, refused.code) == (429, "too_many_requests")


def test_too_many_mails_leave_the_last_code_as_it_is(server: LiveServer, mails: SMTPServer) -> None:
    browser = sign_in(server)
    assert [ask(browser).json["sent"] for _ in range(4)] == [True] * 3 + [False]
    assert any(enter(browser, code_in(one)).status == 200 for one in wait_for(mails, 3)[::-1])


def test_of_many_at_once_one_is_accepted(server: LiveServer, mails: SMTPServer) -> None:
    browser = sign_in(server)
    ask(browser)
    code, cookies = code_in(wait_for(mails, 1)[0]), dict(browser.cookies)

    async def all_at_once() -> list[int]:
        def one() -> int:
            return browser.post("/reauthenticate", {"code": code}, cookies=cookies).status

        return await asyncio.gather(*(asyncio.to_thread(one) for _ in range(3)))

    assert asyncio.run(all_at_once()).count(200) == 1


@pytest.mark.parametrize("body", [{}, {"password": "x", "code": "x"}, {"code": ""}])
def test_a_bad_request_is_refused(server: LiveServer, body: dict[str, str]) -> None:
    assert sign_in(server).post("/reauthenticate", body).status == 422


def test_without_mail_there_is_no_such_route(serve: Callable[..., LiveServer]) -> None:
    browser = serve().browser()
    browser.sign_up()
    assert ask(browser).code == "not_found"
    assert enter(browser, WRONG).status == 422
