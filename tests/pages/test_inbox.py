"""The inbox of the pages: who reads the mails of a program in development, and where it is not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI

from authingo import Auth
from authingo.config import settings_from
from authingo.mail.settings import sends_mail
from tests.pages.visitor import Visitor, accessible, fill, sees
from tests.server import ADA, Answer, LiveServer
from tests.waiting import until

Serve = Callable[..., LiveServer]
Printed = Callable[[], str]
INBOX = {"enabled": True, "inbox": True}
MAILS = "/auth/inbox/mails"
LOCAL = {"public_url": "http://localhost:8000", "pages": INBOX}
MAIL = {"url": "file:///tmp/authingo-mails", "from": "a@example.com"}
ELSEWHERE = "postgresql://user@db.example.com/app"


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Printed:
    """Return the address of the inbox that a server printed."""

    def address() -> str:
        (found,) = re.findall(r"^Mails come to (\S+)$", capfd.readouterr().err, re.MULTILINE)
        return str(found)

    return address


def get(server: LiveServer, path: str, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return server.browser().request(method, path, base="", headers=named)


def test_mails_are_read_with_the_token_only(serve: Serve, printed: Printed) -> None:
    server = serve(pages=INBOX)
    page, _, token = printed().partition("#token=")
    assert page == f"{server.url}/auth/inbox"
    server.browser().sign_up()
    found: list[dict[str, str]] = []

    def came() -> bool:
        found[:] = get(server, MAILS, X_Authingo_Inbox=token).json["mails"]
        return bool(found)

    until(came, "there is no mail")
    assert found[0]["to"] == ADA["email"]
    assert f"{server.url}/auth/verify-email#token=" in found[0]["text"]
    html = get(server, found[0]["html"])
    assert html.status == 200
    assert "sandbox" in html.all("content-security-policy")[0]
    for wrong in ({}, {"X_Authingo_Inbox": "guess"}, {"X_Authingo_Inbox": token[:-1]}):
        refused = get(server, MAILS, **wrong)
        assert (refused.status, refused.json["code"]) == (403, "forbidden")
    assert get(server, f"{MAILS}/1").status == 404
    assert get(server, MAILS, "POST", X_Authingo_Inbox=token).status == 405


@pytest.mark.parametrize(
    "others",
    [
        {"public_url": "https://example.com"},
        {"public_url": None},
        {"mail": MAIL},
        {"database_url": ELSEWHERE},
        {"pages": {"enabled": False, "inbox": True}},
        {"pages": {"enabled": True}},
    ],
)
def test_a_site_that_others_can_reach_has_none(
    others: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    auth = Auth(settings_from({**LOCAL, **others}))
    auth.install(FastAPI())
    assert sends_mail(auth.settings) is ("mail" in others)
    assert "Mails come" not in capfd.readouterr().err


def test_commands_have_none() -> None:
    """What they sent would be gone with them."""
    assert not sends_mail(Auth(settings_from(LOCAL)).settings)


@pytest.mark.browser
def test_a_forgotten_password_is_replaced_with_a_mail_of_the_inbox(
    start: Serve, visit: Callable[..., Visitor], printed: Printed
) -> None:
    server = start(pages=INBOX, mail={"url": None})
    inbox = printed()
    visitor = visit(server)
    page = visitor.open("inbox")
    page.get_by_text("open the address that the program printed").wait_for()
    assert accessible(page) == []
    page = visitor.open(inbox, page)
    page.get_by_text("No mail so far.").wait_for()
    assert page.url == f"{server.url}/auth/inbox", "the token is not in the address bar"
    server.browser().sign_up()
    other = visitor.open("forgot-password")
    fill(other, email=ADA["email"])
    other.get_by_role("button", name="Send the link").click()
    sees(other, "Look into your mailbox")
    page.bring_to_front()
    page.locator("#mails summary").get_by_text("Choose a new password").wait_for()
    assert accessible(page) == []
    frame = page.locator("#mails .mail[open] iframe").content_frame
    frame.get_by_role("link", name="Choose password").click()
    sees(page, "Choose a new password")
    fill(page, new_password="another correct horse")
    page.get_by_role("button", name="Save password").click()
    sees(page, "Your password is saved")
