"""Mails that strangers ask for lock no owner out, and flood nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from authingo.mail import sending
from tests.database import execute
from tests.mail.inbox import mail_settings, text_of, token_in, wait_for
from tests.mail.server import Fault, SMTPServer
from tests.mail.test_required import create
from tests.mail.test_verification import verify
from tests.server import ADA, Browser, LiveServer
from tests.waiting import until

Serve = Callable[..., LiveServer]


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


def all_sent(server: LiveServer) -> None:
    until(
        lambda: execute(server.database_url, "SELECT count(*) FROM authingo_mails")[0][0] == 0,
        "a mail is queued",
    )


def resets_in(mails: SMTPServer) -> list[str]:
    return [text for one in mails.received if "/reset-password#" in (text := text_of(one))]


def ask_for_codes(server: LiveServer) -> None:
    """As anybody can who knows the address. Each code works only in the browser that asked."""
    for _ in range(10):
        asked = server.browser().post("/sign-in/code/request", {"email": ADA["email"]})
        assert asked.status == 200


def ask_to_verify(server: LiveServer) -> None:
    """As somebody can who signed up with the address of another. The links need their password."""
    squatter = server.browser()
    assert squatter.sign_in().status == 200
    for _ in range(10):
        assert squatter.post("/verify-email/request").status == 200


def sign_in_unverified(server: LiveServer) -> None:
    """The same, where addresses have to be verified."""
    for _ in range(10):
        assert server.browser().sign_in().code == "email_not_verified"


@pytest.mark.parametrize(
    ("settings", "verified", "attack"),
    [
        ({"email_code": True}, True, ask_for_codes),
        ({"email_code": True}, False, ask_for_codes),
        ({"verification": "optional"}, False, ask_to_verify),
        ({"verification": "required"}, False, sign_in_unverified),
    ],
    ids=["codes", "codes-unverified", "links", "sign-ins"],
)
def test_nobody_keeps_an_owner_from_resetting(
    mails: SMTPServer,
    serve: Serve,
    settings: dict[str, object],
    verified: bool,
    attack: Callable[[LiveServer], None],
) -> None:
    """By asking for mails that are of no use to the owner, as long as nobody gets too many."""
    server = serve(mail=mail_settings(mails, **settings))
    create(server, verified=verified)
    attack(server)
    assert server.browser().post("/reset-password/request", {"email": ADA["email"]}).status == 200
    all_sent(server)
    assert len(resets_in(mails)) == 1
    assert len(mails.received) == 1 + 3


def test_sign_ups_with_tags_of_an_address_flood_no_mailbox(mails: SMTPServer, serve: Serve) -> None:
    """From any number of networks: here no limit counts the sign-ups themselves."""
    server = serve(mail=mail_settings(mails, verification="optional"))
    browsers = [server.browser() for _ in range(6)]
    for number, browser in enumerate(browsers):
        assert browser.sign_up(email=f"victim+{number}@example.com").status == 200
    all_sent(server)
    assert len(mails.received) == 3


def test_one_account_has_few_mails_sent_to_strangers(mails: SMTPServer, serve: Serve) -> None:
    """However many addresses it asks to change to. Otherwise one could use up the mails of all."""
    server = serve(mail=mail_settings(mails))
    browser = server.browser()
    browser.sign_up()
    answers = []
    for number in range(6):
        address = {"new_email": f"victim@{number}.example"}
        answers.append(browser.post("/change-email/request", address).body)
        all_sent(server)
    assert set(answers) == {b'{"sent":true}'}
    assert len(mails.received) == 3


def sign_up_often(server: LiveServer) -> list[Browser]:
    browsers = [server.browser() for _ in range(8)]
    for browser in browsers:
        browser.sign_up(name="Mallory", password="the password of a stranger")
    return browsers


@pytest.mark.parametrize("first", ["owner", "stranger"])
def test_nobody_keeps_an_owner_from_signing_up(mails: SMTPServer, serve: Serve, first: str) -> None:
    """Any link to the mailbox proves it, and the browser of the owner proves whose sign-up it is.

    The strangers have used up the mails to the mailbox, and have signed up oftener.
    """
    server = serve(mail=mail_settings(mails, verification="required"))
    owner = server.browser()
    if first == "owner":
        owner.sign_up()
    strangers = sign_up_often(server)
    if first == "stranger":
        owner.sign_up()
    all_sent(server)
    token = token_in(mails.received[-1])
    proved = verify(owner, token)
    assert (proved.status, proved.json["user"]["name"]) == (200, ADA["name"])
    assert server.browser().sign_in().status == 200
    assert verify(strangers[-1], token_in(mails.received[0])).code == "invalid_token"


def test_a_link_proves_no_sign_up_with_another_address(mails: SMTPServer, serve: Serve) -> None:
    server = serve(mail=mail_settings(mails, verification="required"))
    browser = server.browser()
    browser.sign_up(email="mallory@example.com")
    all_sent(server)
    link = token_in(mails.received[0])
    browser.sign_up()
    assert verify(browser, link).code == "password_required"
    assert execute(server.database_url, "SELECT count(*) FROM authingo_users") == [(0,)]


def test_a_mail_that_the_server_puts_off_counts_once(
    mails: SMTPServer, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a few addresses whose server is full would use up the mails of all strangers."""
    monkeypatch.setattr(sending, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(sending, "_LONGEST_WAIT", 0.01)
    settings = mail_settings(mails, verification="required", to_strangers_per_hour=2)
    server = serve(mail=settings)
    mails.fault = Fault("RCPT", "451 4.2.2 mailbox full")
    server.browser().sign_up()
    tries = "SELECT tries > 4 FROM authingo_mails"
    until(lambda: bool(execute(server.database_url, tries)[0][0]), "it is not tried again")
    mails.fault = None
    all_sent(server)
    for number in range(2):
        server.browser().sign_up(email=f"{number}@example.com")
    wait_for(mails, 2)
    held = "SELECT count(*) FROM authingo_mails WHERE error LIKE 'too many%'"
    until(lambda: execute(server.database_url, held) == [(1,)], "the third does not wait")
    assert len(mails.received) == 2
