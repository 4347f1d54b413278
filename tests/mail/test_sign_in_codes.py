"""Sign in with a code that comes by mail, in the browser that asked for it."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authingo import Auth
from authingo.config import Settings, settings_from
from authingo.errors import Busy, ConfigError, InvalidToken
from authingo.http.routes import routes_under
from authingo.mail import codes, sending
from authingo.mail.sign_in_codes import SignInCodes
from tests.database import execute
from tests.mail.inbox import code_in, mail_settings, text_of, token_in, wait_for
from tests.mail.server import Fault, SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer
from tests.waiting import until

COOKIE = "authingo_ceremony"
WRONG = "BCDF-GHJK"


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def server(mails: SMTPServer, serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(mail=mail_settings(mails, email_code=True))


def ask(browser: Browser, email: str = ADA["email"]) -> Answer:
    answer = browser.post("/sign-in/code/request", {"email": email})
    assert (answer.status, answer.json) == (200, {"sent": True})
    return answer


def enter(browser: Browser, code: str) -> Answer:
    return browser.post("/sign-in/code", {"code": code})


def verify(server: LiveServer) -> None:
    execute(server.database_url, f"UPDATE authingo_users SET email_verified = {true(server)}")


def true(server: LiveServer) -> str:
    return "1" if server.auth.store.embedded else "true"


def queued(server: LiveServer) -> int:
    return int(execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0])


def event_names(server: LiveServer) -> list[str]:
    return [one for (one,) in execute(server.database_url, "SELECT name FROM authingo_events")]


def test_a_code_signs_in_the_browser_that_asked_for_it(
    server: LiveServer, mails: SMTPServer
) -> None:
    """And no other. Its cookie is gone afterwards, and the code is good once."""
    owner, new, thief = server.browser(), server.browser(), server.browser()
    owner.sign_up()
    verify(server)
    asked = ask(new)
    assert re.fullmatch(r"[\w-]{43}", asked.tokens[COOKIE])
    (mail,) = wait_for(mails, 1)
    code = code_in(mail)
    assert mail.recipients == [ADA["email"]]
    assert mail.message["Subject"] == "Your code to sign in to Example"
    assert "127.0.0.1" in text_of(mail)
    assert "#token=" not in text_of(mail)
    assert "password stops working" not in text_of(mail)
    ask(thief, "unknown@example.com")
    for stranger in (thief, server.browser()):
        refused = enter(stranger, code)
        assert (refused.status, refused.code, refused.tokens) == (400, "invalid_token", {})
    answer = enter(new, code)
    assert answer.status == 200
    assert answer.json["user"]["email"] == ADA["email"]
    assert answer.json.keys() == owner.sign_in().json.keys()
    assert set(answer.tokens) == {COOKIE, *(f"authingo_{one}" for one in KINDS)}
    assert answer.tokens[COOKIE] == ""
    assert new.get("/session").status == 200
    assert owner.get("/session").status == 200
    again = new.post("/sign-in/code", {"code": code}, cookies=asked.tokens)
    assert (again.status, again.code) == (400, "invalid_token")
    assert event_names(server).count("sign_in") == 2
    assert event_names(server).count("sign_in_failed") == 3
    assert "user_evicted" not in event_names(server)


KINDS = ("session", "refresh", "device")


@pytest.mark.parametrize("typed", [str.lower, lambda code: f" {code[0]} {code[1:4]}{code[5:]}\t"])
def test_a_code_is_typed_in_any_case_with_any_spaces_and_dashes(
    server: LiveServer, mails: SMTPServer, typed: Callable[[str], str]
) -> None:
    server.browser().sign_up()
    browser = server.browser()
    ask(browser)
    assert enter(browser, typed(code_in(wait_for(mails, 1)[0]))).status == 200


def test_three_wrong_tries_end_a_code(server: LiveServer, mails: SMTPServer) -> None:
    """Two do not. What cannot be a code is a try too."""
    server.browser().sign_up()
    for tries in (2, 3):
        browser = server.browser()
        ask(browser)
        code = code_in(wait_for(mails, tries - 1)[-1])
        for number in range(tries):
            assert enter(browser, WRONG if number else "x").code == "invalid_token"
        assert enter(browser, code).code_or_ok == ("ok" if tries == 2 else "invalid_token")


def test_of_many_tries_at_once_three_count(server: LiveServer, mails: SMTPServer) -> None:
    """So nobody can try more codes by trying them at the same moment."""
    server.browser().sign_up()
    browser = server.browser()
    cookies = ask(browser).tokens
    code = code_in(wait_for(mails, 1)[0])

    async def all_at_once() -> list[str]:
        return await asyncio.gather(
            *(
                asyncio.to_thread(
                    lambda: (
                        browser.post("/sign-in/code", {"code": WRONG}, cookies=cookies).code_or_ok
                    )
                )
                for _ in range(6)
            )
        )

    assert asyncio.run(all_at_once()) == ["invalid_token"] * 6
    assert browser.post("/sign-in/code", {"code": code}, cookies=cookies).status == 400


def test_asking_again_ends_the_code_before(server: LiveServer, mails: SMTPServer) -> None:
    """And so does signing out. A value that the browser brings is never used again."""
    server.browser().sign_up()
    browser = server.browser()
    first = ask(browser).tokens
    old = code_in(wait_for(mails, 1)[0])
    second = ask(browser).tokens
    assert first[COOKIE] != second[COOKIE]
    code = code_in(wait_for(mails, 2)[1])
    for cookies in (first, second):
        answer = browser.post("/sign-in/code", {"code": old}, cookies=cookies)
        assert answer.code == "invalid_token"
    signed_out = browser.post("/sign-out")
    assert signed_out.tokens[COOKIE] == ""
    late = browser.post("/sign-in/code", {"code": code}, cookies=second)
    assert late.code == "invalid_token"
    left = "SELECT count(*) FROM authingo_secrets WHERE purpose = 'sign_in_code'"
    assert execute(server.database_url, left)[0][0] == 0


@pytest.mark.parametrize("change", ["password", "email", "disabled", "deleted", "expired"])
def test_whatever_changes_the_account_ends_the_codes_before(
    server: LiveServer, mails: SMTPServer, change: str
) -> None:
    owner, browser = server.browser(), server.browser()
    user_id = owner.sign_up().json["user"]["id"]
    ask(browser)
    code = code_in(wait_for(mails, 1)[0])
    version = "password_version = password_version + 1"
    statements = {
        "email": f"UPDATE authingo_users SET email = 'new@example.com', {version}",
        "disabled": f"UPDATE authingo_users SET disabled_at = created_at, {version}",
        "deleted": f"DELETE FROM authingo_users WHERE id = '{user_id}'",
        "expired": "UPDATE authingo_secrets SET expires_at = created_at",
    }
    if change == "password":
        changed = {"current_password": ADA["password"], "new_password": "another sentence"}
        assert owner.post("/change-password", changed).status == 200
    else:
        execute(server.database_url, statements[change])
    answer = enter(browser, code)
    assert (answer.status, answer.code) == (400, "invalid_token")


def test_nothing_tells_whether_there_is_such_an_account(
    server: LiveServer, mails: SMTPServer
) -> None:
    """Neither when a code is asked for, nor when a wrong one is tried."""
    server.browser().sign_up()
    disabled = server.browser().sign_up(email="disabled@example.com").json["user"]["id"]
    execute(
        server.database_url,
        f"UPDATE authingo_users SET disabled_at = created_at WHERE id = '{disabled}'",
    )
    emails = [
        *[ADA["email"]] * 4,
        "disabled@example.com",
        "unknown@example.com",
        "not an email",
    ]
    browsers = [server.browser() for _ in emails]
    asked = [ask(browser, email) for browser, email in zip(browsers, emails, strict=True)]
    assert {one.body for one in asked} == {b'{"sent":true}'}
    assert {shape(one) for one in asked} == {shape(asked[0])}
    until(lambda: queued(server) == 0, "the queue is not empty")
    assert [one.recipients for one in mails.received] == [[ADA["email"]]] * 3
    rows = execute(
        server.database_url,
        "SELECT user_id, address, length(data) > 60 FROM authingo_secrets"
        " WHERE purpose = 'sign_in_code'",
    )
    assert [tuple(map(bool, row)) for row in rows] == [(False, False, True)] * len(emails)
    tried = [enter(browser, WRONG) for browser in browsers]
    assert {(one.status, one.body) for one in tried} == {(400, tried[0].body)}
    assert {shape(one) for one in tried} == {shape(tried[0])}


def shape(answer: Answer) -> tuple[tuple[str, str], ...]:
    """Return the headers, without the value of the cookie and the time."""
    kept = [(name, value) for name, value in answer.headers if name.lower() != "date"]
    return tuple((name, re.sub(r"=[\w-]{43};", "=…;", value)) for name, value in sorted(kept))


def test_who_signed_up_with_the_address_of_another_is_evicted(
    server: LiveServer, mails: SMTPServer
) -> None:
    """And their password is unusable, as the mail says. The owner can choose one by a link."""
    squatter, owner = server.browser(), server.browser()
    squatter.sign_up(name="Mallory")
    ask(owner)
    (mail,) = wait_for(mails, 1)
    assert "its password stops working" in text_of(mail)
    signed_in = enter(owner, code_in(mail)).json
    assert (signed_in["user"]["name"], signed_in["user"]["email_verified"]) == ("ada", True)
    assert squatter.get("/session").code == "no_session"
    assert squatter.sign_in().code == "invalid_credentials"
    assert "user_evicted" in event_names(server)
    assert owner.get("/session").status == 200
    owner.post("/reset-password/request", {"email": ADA["email"]})
    reset = {"token": token_in(wait_for(mails, 2)[1]), "new_password": "a whole new sentence"}
    assert owner.post("/reset-password", reset).status == 200
    assert owner.sign_in(password=reset["new_password"]).status == 200


def test_a_code_creates_nobody(server: LiveServer, mails: SMTPServer) -> None:
    ask(server.browser(), "unknown@example.com")
    until(lambda: queued(server) == 0, "the queue is not empty")
    assert mails.received == []
    assert execute(server.database_url, "SELECT count(*) FROM authingo_users")[0][0] == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_code_of_one_request_works(
    server: LiveServer, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A mail that may have arrived is sent again with another code: any of them may be read."""
    monkeypatch.setattr(sending, "_FIRST_WAIT", 0.01)
    mails.fault = Fault("end", "drop", accepted=True)
    server.browser().sign_up()
    browser = server.browser()
    ask(browser)
    until(lambda: queued(server) == 0, "it is still tried")
    received = [code_in(one) for one in mails.received]
    assert len(set(received)) == 3
    assert enter(browser, WRONG).code == "invalid_token"
    assert enter(browser, received[number]).status == 200


def test_while_passwords_are_hashed_a_code_waits(
    server: LiveServer, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail is tried again, and a try that could not be made is none."""
    monkeypatch.setattr(sending, "_FIRST_WAIT", 0.01)
    server.browser().sign_up()
    hasher, busy = server.auth._core.hasher, threading.Event()
    run = hasher.run

    async def full(*args: Any) -> Any:
        if busy.is_set():
            raise Busy
        return await run(*args)

    monkeypatch.setattr(hasher, "run", full)
    browser = server.browser()
    busy.set()
    ask(browser)
    tried = "SELECT count(*) FROM authingo_mails WHERE tries > 1"
    until(lambda: execute(server.database_url, tried)[0][0] == 1, "it is not tried again")
    busy.clear()
    code = code_in(wait_for(mails, 1)[0])
    busy.set()
    for _ in range(4):
        refused = enter(browser, code)
        assert (refused.status, refused.code) == (503, "busy")
    busy.clear()
    assert enter(browser, code).status == 200


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": 1}, {"code": "x" * 5000}])
def test_a_bad_request_is_refused(server: LiveServer, body: dict[str, Any]) -> None:
    assert server.browser().post("/sign-in/code", body).status == 422


@pytest.mark.parametrize("email_code", [None, False])
def test_it_is_off_unless_it_is_turned_on(
    mails: SMTPServer, serve: Callable[..., LiveServer], email_code: bool | None
) -> None:
    on = {} if email_code is None else {"email_code": email_code}
    browser = serve(mail=mail_settings(mails, **on)).browser()
    assert enter(browser, WRONG).code == "not_found"
    refused = browser.post("/sign-in/code/request", {"email": ADA["email"]})
    assert refused.code == "not_found"
    paths = browser.get("/openapi.json", base="").json["paths"]
    assert [one for one in paths if "sign-in/code" in one] == []


@pytest.mark.parametrize("setting", [{"email_code": True}, {"verification": "required"}])
def test_what_needs_mail_is_refused_without_it(setting: dict[str, object]) -> None:
    """It is not ignored: a server would let everybody in without a verified address."""
    settings = settings_from({"mail": setting})
    with pytest.raises(ConfigError, match=rf"mail\.{next(iter(setting))}: needs mail\.url"):
        routes_under(settings)


def test_a_program_signs_in_without_http(
    mails: SMTPServer, make_settings: Callable[..., Settings]
) -> None:
    async def run() -> None:
        auth = Auth(
            make_settings(
                public_url="https://example.com", mail=mail_settings(mails, email_code=True)
            )
        )
        async with auth.lifespan():
            user = await auth.create_user(email="ada@example.com")
            signing_in = auth.capability(SignInCodes)
            ceremony = await signing_in.request(email=user.email)
            (mail,) = await asyncio.to_thread(wait_for, mails, 1)
            with pytest.raises(InvalidToken):
                await signing_in.sign_in(code=code_in(mail), ceremony=None)
            signed_in = await signing_in.sign_in(code=code_in(mail), ceremony=ceremony)
            assert signed_in.user.email_verified

    asyncio.run(run())


def test_codes_are_drawn_from_letters_that_spell_no_words() -> None:
    drawn = [codes.draw() for _ in range(200)]
    assert len(set(drawn)) == 200
    assert set("".join(drawn)) == set("BCDFGHJKLMNPQRSTVWXZ")
    for code in drawn:
        assert codes.read(codes.shown(code)) == code
    assert [codes.read(one) for one in ("", "BCDFGHJ", "BCDFGHJKL", "BCDFGHJA", "BCDF_GHJK")] == (
        [None] * 5
    )
