"""What a profile means where an address has to be proved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from authingo import Auth
from tests.mail.inbox import mail_settings, token_in
from tests.mail.server import SMTPServer
from tests.server import ADA, LiveServer
from tests.waiting import until

PROFILE = "tests.profiles:Profile"


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


def token(mails: SMTPServer) -> str:
    until(lambda: bool(mails.received), "no mail came")
    return token_in(mails.received[-1])


def test_a_sign_up_that_waits_keeps_its_profile(
    mails: SMTPServer, serve: Callable[..., LiveServer]
) -> None:
    """And brings no more of it than any sign-up."""
    server = serve(mail=mail_settings(mails, verification="required"), profile=PROFILE)
    browser = server.browser()
    refused = browser.post("/sign-up", {**ADA, "profile": {"plan": "pro"}})
    assert (refused.status, list(refused.json["fields"])) == (422, ["profile"])
    assert browser.sign_up(profile={"theme": "dark"}).json == {"sent": True}
    signed_in = browser.post("/verify-email", {"token": token(mails)})
    assert signed_in.json["user"]["profile"]["theme"] == "dark"


def test_the_owner_of_an_address_gets_nothing_that_a_squatter_wrote(
    mails: SMTPServer, serve: Callable[..., LiveServer]
) -> None:
    """What the application wrote stays."""
    server = serve(mail=mail_settings(mails, verification="off"), profile=PROFILE)
    server.browser().sign_up(profile={"theme": "dark", "nickname": "Mallory"})

    async def pay() -> None:
        auth = Auth(server.auth.settings)
        async with auth.lifespan():
            user = await auth.find_user(ADA["email"])
            await auth.update_user(user, profile={"plan": "pro"})

    asyncio.run(pay())
    owner = server.browser()
    owner.post("/reset-password/request", {"email": ADA["email"]})
    new = {"token": token(mails), "new_password": "another whole sentence"}
    assert owner.post("/reset-password", new).status == 200
    profile = owner.sign_in(password=new["new_password"]).json["user"]["profile"]
    assert (profile["theme"], profile["nickname"], profile["plan"]) == ("light", None, "pro")
