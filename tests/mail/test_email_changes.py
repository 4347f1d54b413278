"""A user changes the address: both mailboxes have a say, and neither of them alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from authingo import Auth
from authingo.mail import sending
from tests.database import execute
from tests.mail.inbox import link_in, mail_settings, text_of, token_in
from tests.mail.server import Fault, Received, SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer
from tests.waiting import until

NEW = "new@example.com"
PASSWORD = {"password": ADA["password"]}
CLOCKS = timedelta(minutes=1)  # by which that of a database server may differ


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def server(mails: SMTPServer, serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(mail=mail_settings(mails))


def ask(browser: Browser, new_email: str = NEW) -> Answer:
    return browser.post("/change-email/request", {"new_email": new_email})


def change(browser: Browser, token: str, password: str | None = None) -> Answer:
    body = {"token": token} if password is None else {"token": token, "password": password}
    return browser.post("/change-email", body)


def undo(browser: Browser, token: str, email: str = ADA["email"]) -> Answer:
    return browser.post("/change-email/undo", {"token": token, "email": email})


def prove_address(server: LiveServer) -> None:
    execute(server.database_url, "UPDATE authingo_users SET email_verified = true")


def sent_to(mails: SMTPServer, email: str, number: int = 1) -> Received:
    """Wait for a mail to an address, and return it."""

    def theirs() -> list[Received]:
        return [one for one in mails.received if one.recipients == [email]]

    until(lambda: len(theirs()) >= number, f"there are {len(theirs())} mails to {email}")
    return theirs()[number - 1]


def user_of(browser: Browser) -> dict[str, object]:
    found: dict[str, object] = browser.get("/session").json["user"]
    return found


def test_the_link_to_the_new_address_changes_it(server: LiveServer, mails: SMTPServer) -> None:
    browser, phone = server.browser(), server.browser()
    browser.sign_up()
    prove_address(server)
    assert phone.sign_in().status == 200
    asked = ask(browser, "NEW@example.com")
    assert (asked.status, asked.json) == (200, {"sent": True})
    mail = sent_to(mails, NEW)
    assert link_in(mail).startswith(f"{server.url}/change-email#token=")
    assert ADA["email"] not in text_of(mail)
    assert user_of(browser)["email"] == ADA["email"], "nothing has changed yet"
    answer = change(browser, token_in(mail))
    assert (answer.status, answer.tokens) == (200, {})
    assert user_of(browser) == answer.json["user"]
    assert (answer.json["user"]["email"], answer.json["user"]["email_verified"]) == (NEW, True)
    assert phone.get("/session").code == "no_session"
    assert phone.sign_in().code == "invalid_credentials"
    assert phone.sign_in(email=NEW).status == 200
    assert change(browser, token_in(mail)).code == "invalid_token"
    assert "new@example.com" not in text_of(sent_to(mails, ADA["email"]))
    assert "#token=" not in text_of(sent_to(mails, NEW, 2))


def test_neither_mailbox_completes_it_alone(server: LiveServer, mails: SMTPServer) -> None:
    """A session cookie without the browser's own cookie does not either: it may be planted."""
    ada, planted = server.browser(), server.browser()
    ada.sign_up()
    ask(ada)
    token = token_in(sent_to(mails, NEW))
    planted.cookies |= {"authingo_session": ada.cookies["authingo_session"]}
    for browser in (server.browser(), planted):
        assert change(browser, token).code == "password_required"
    assert change(server.browser(), token, "not the password").code == "invalid_credentials"
    assert user_of(ada)["email"] == ADA["email"]
    phone = server.browser()
    signed_in = change(phone, token, ADA["password"])
    assert "authingo_session" in signed_in.tokens
    assert user_of(phone)["email"] == NEW
    assert ada.get("/session").code == "no_session"


def test_it_needs_a_recent_authentication(
    mails: SMTPServer, serve: Callable[..., LiveServer]
) -> None:
    server = serve(mail=mail_settings(mails))
    browser = server.browser()
    browser.sign_up()
    execute(
        server.database_url,
        "UPDATE authingo_sessions SET authenticated_at = "
        + ("0" if "sqlite" in server.database_url else "to_timestamp(0)"),
    )
    refused = ask(browser)
    assert (refused.status, refused.code) == (403, "reauthentication_required")
    assert browser.post("/reauthenticate", PASSWORD).status == 200
    assert ask(browser).status == 200


def test_a_new_request_ends_the_one_before(server: LiveServer, mails: SMTPServer) -> None:
    browser = server.browser()
    browser.sign_up()
    ask(browser, "typo@example.com")
    first = token_in(sent_to(mails, "typo@example.com"))
    ask(browser)
    second = token_in(sent_to(mails, NEW))
    assert change(browser, first).code == "invalid_token"
    assert change(browser, second).status == 200


def test_the_change_that_waits_is_shown_and_can_be_cancelled(
    server: LiveServer, mails: SMTPServer
) -> None:
    """To its own user only, and the same whether or not a mail went out."""
    browser, other = server.browser(), server.browser()
    browser.sign_up()
    other.sign_up(email="eve@example.com")
    nothing = {"waiting": False, "new_email": None, "requested_at": None}
    assert browser.get("/change-email").json == nothing
    before = datetime.now(UTC)
    ask(browser, "NEW@example.com")
    shown = browser.get("/change-email").json
    assert (shown["waiting"], shown["new_email"]) == (True, NEW)
    asked_at = datetime.fromisoformat(shown["requested_at"])
    assert before - CLOCKS < asked_at < datetime.now(UTC) + CLOCKS
    token = token_in(sent_to(mails, NEW))
    assert browser.get("/change-email").json == shown, "the mail changes nothing"
    assert other.get("/change-email").json == nothing
    assert other.request("DELETE", "/change-email").json == {"cancelled": False}
    assert server.browser().get("/change-email").code == "no_session"
    assert server.browser().request("DELETE", "/change-email").code == "no_session"

    assert browser.request("DELETE", "/change-email").json == {"cancelled": True}
    assert browser.request("DELETE", "/change-email").json == {"cancelled": False}
    assert browser.get("/change-email").json == nothing
    assert change(browser, token).code == "invalid_token"
    ask(browser)
    assert change(browser, token_in(sent_to(mails, NEW, 2))).status == 200
    assert browser.get("/change-email").json == nothing


def test_whether_the_new_address_is_taken_is_said_to_its_mailbox_only(
    server: LiveServer, mails: SMTPServer
) -> None:
    server.browser().sign_up(email=NEW)
    browser = server.browser()
    browser.sign_up()
    taken = ask(browser)
    token = token_in(sent_to(mails, NEW))
    assert change(browser, token).code == "email_taken"
    free = ask(browser, "free@example.com")
    assert (taken.status, taken.body) == (free.status, free.body)
    assert user_of(browser)["email"] == ADA["email"]


@pytest.mark.parametrize("new_email", ["not an email", "ADA@example.com", ""])
def test_what_cannot_be_the_new_address_is_refused(
    server: LiveServer, mails: SMTPServer, new_email: str
) -> None:
    browser = server.browser()
    browser.sign_up()
    refused = ask(browser, new_email)
    assert (refused.status, list(refused.json["fields"])) == (422, ["new_email"])


@pytest.mark.parametrize("verified", [True, False])
def test_a_changed_password_ends_the_request(
    server: LiveServer, mails: SMTPServer, verified: bool
) -> None:
    browser = server.browser()
    browser.sign_up()
    if verified:
        prove_address(server)
    ask(browser)
    token = token_in(sent_to(mails, NEW))
    new = {"current_password": ADA["password"], "new_password": "another sentence"}
    assert browser.post("/change-password", new).status == 200
    assert change(browser, token).code == "invalid_token"


def thief(server: LiveServer, mails: SMTPServer) -> tuple[Browser, str]:
    """Let a thief of a session take an account over; return its browser and the undo token."""
    owner = server.browser()
    owner.sign_up()
    prove_address(server)
    browser = server.browser()
    assert browser.sign_in().status == 200
    ask(browser)
    assert change(browser, token_in(sent_to(mails, NEW))).status == 200
    return browser, token_in(sent_to(mails, ADA["email"]))


def test_the_old_address_gets_the_account_back(server: LiveServer, mails: SMTPServer) -> None:
    stranger, token = thief(server, mails)
    owner = server.browser()
    wrong = undo(owner, token, "somebody@example.com")
    assert (wrong.status, list(wrong.json["fields"])) == (422, ["email"])
    answer = undo(owner, token, "ADA@example.com")
    assert (answer.status, answer.json, answer.tokens) == (200, {"success": True}, {})
    assert stranger.get("/session").code == "no_session"
    for email in (NEW, ADA["email"]):
        assert owner.sign_in(email=email).code == "invalid_credentials", "no password works"
    reset = token_in(sent_to(mails, ADA["email"], 2))
    body = {"token": reset, "new_password": "a whole new sentence"}
    assert owner.post("/reset-password", body).status == 200
    assert owner.sign_in(password="a whole new sentence").status == 200
    assert undo(owner, token).code == "invalid_token"
    names = [one for (one,) in execute(server.database_url, "SELECT name FROM authingo_events")]
    assert "email_change_undone" in names


@pytest.mark.parametrize("change_of", ["password", "address", "reset"])
def test_the_undo_link_outlives_what_a_thief_does(
    server: LiveServer, mails: SMTPServer, change_of: str
) -> None:
    stranger, token = thief(server, mails)
    if change_of == "password":
        new = {"current_password": ADA["password"], "new_password": "the thief's own words"}
        assert stranger.post("/change-password", new).status == 200
    elif change_of == "address":
        ask(stranger, "third@example.com")
        assert change(stranger, token_in(sent_to(mails, "third@example.com"))).status == 200
        later = token_in(sent_to(mails, NEW, 3))
    else:
        stranger.post("/reset-password/request", {"email": NEW})
        body = {"token": token_in(sent_to(mails, NEW, 3)), "new_password": "the thief's own words"}
        assert stranger.post("/reset-password", body).status == 200
    owner = server.browser()
    assert undo(owner, token).status == 200
    if change_of == "address":
        assert undo(stranger, later, NEW).code == "invalid_token"
    emails = [one for (one,) in execute(server.database_url, "SELECT email FROM authingo_users")]
    assert emails == [ADA["email"]]


def test_the_old_address_counts_as_taken_meanwhile(server: LiveServer, mails: SMTPServer) -> None:
    """By a sign-up, and by a change of another user. Its own user may have it back."""
    browser, _ = thief(server, mails)
    other = server.browser()
    refused = other.post("/sign-up", ADA)
    assert (refused.status, refused.code) == (409, "email_taken")
    assert other.sign_up(email="other@example.com").status == 200
    ask(other, ADA["email"])
    assert change(other, token_in(sent_to(mails, ADA["email"], 2))).code == "email_taken"
    ask(browser, ADA["email"])
    assert change(browser, token_in(sent_to(mails, ADA["email"], 3))).status == 200


@pytest.mark.parametrize("end", ["disable_user", "delete_user"])
def test_the_old_address_hears_of_it_even_if_the_user_was_disabled_meanwhile(
    server: LiveServer, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Or deleted: an operator who suspects something may be quicker than the mail."""
    monkeypatch.setattr(sending, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(sending, "_LONGEST_PAUSE", 0.01)
    browser = server.browser()
    user_id = browser.sign_up().json["user"]["id"]
    prove_address(server)
    ask(browser)
    token = token_in(sent_to(mails, NEW))
    mails.fault = Fault("greeting", "421 4.3.2 not now")
    assert change(browser, token).status == 200

    async def work() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await getattr(auth, end)(user_id)
        await auth.close()

    asyncio.run(work())
    mails.fault = None
    assert "was changed" in text_of(sent_to(mails, ADA["email"]))


def test_an_address_that_was_not_verified_gets_no_link(
    server: LiveServer, mails: SMTPServer
) -> None:
    """Its owner may be somebody else, who would take the account over."""
    browser = server.browser()
    browser.sign_up()
    ask(browser)
    assert change(browser, token_in(sent_to(mails, NEW))).status == 200
    sent_to(mails, NEW, 2)
    assert [one for one in mails.received if one.recipients == [ADA["email"]]] == []


def test_nothing_in_the_database_opens_anything(server: LiveServer, mails: SMTPServer) -> None:
    browser, undone = thief(server, mails)
    ask(browser, "third@example.com")
    tokens = (undone, token_in(sent_to(mails, "third@example.com")))
    for table in ("authingo_mails", "authingo_secrets", "authingo_events", "authingo_attempts"):
        stored = repr(execute(server.database_url, f"SELECT * FROM {table}"))
        assert not [one for one in tokens if one in stored]


def test_who_asks_for_mail_to_a_stranger_is_slowed_down(
    server: LiveServer, mails: SMTPServer
) -> None:
    """The answer stays the same, and tags count as their mailbox."""
    browser = server.browser()
    browser.sign_up()
    answers = [ask(browser, f"victim+{n}@example.com") for n in range(6)]
    assert {one.body for one in answers} == {b'{"sent":true}'}
    until(
        lambda: execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0] == 0,
        "a mail is queued",
    )
    assert len(mails.received) <= 3


def test_a_mail_that_waits_is_dropped_once_its_address_is_no_longer_the_users(
    server: LiveServer, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link to choose a password, asked for before an operator set another address."""
    monkeypatch.setattr(sending, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(sending, "_LONGEST_PAUSE", 0.01)
    mails.fault = Fault("greeting", "421 4.3.2 not now")
    user_id = server.browser().sign_up().json["user"]["id"]
    assert server.browser().post("/reset-password/request", {"email": ADA["email"]}).status == 200

    async def set_email() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await auth.update_user(user_id, email=NEW)
        await auth.close()

    asyncio.run(set_email())
    links = "SELECT count(*) FROM authingo_mails WHERE kind = 'reset_password'"
    until(lambda: execute(server.database_url, links) == [(0,)], "the link is queued still")
    mails.fault = None  # not earlier: a try that has begun before may have its link already
    until(
        lambda: execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0] == 0,
        "a mail is queued",
    )
    assert "#token=" not in "".join(text_of(one) for one in mails.received)
    assert {one.recipients[0] for one in mails.received} == {ADA["email"], NEW}


def test_without_mail_there_are_no_such_routes(serve: Callable[..., LiveServer]) -> None:
    browser = serve().browser()
    browser.sign_up()
    assert [ask(browser).code, change(browser, "x").code, undo(browser, "x").code] == [
        "not_found"
    ] * 3
