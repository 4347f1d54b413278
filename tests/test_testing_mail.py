"""`authingo.testing.mails`: what a program's test sees of its mail."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from authingo import Auth
from authingo.config import settings_from
from authingo.errors import ConfigError
from authingo.mail.invitations import UserInvitations
from authingo.mail.resets import PasswordResets
from authingo.mail.sign_in_codes import SignInCodes
from authingo.mail.testing import with_mail
from authingo.testing import base_url, mails, memory_auth
from authingo.testing_database import IN_MEMORY
from tests.mail.inbox import mail_settings
from tests.mail.server import SMTPServer

EMAIL, NEW = "ada@example.com", "a whole new sentence"


@pytest.mark.anyio
async def test_each_mail_is_returned_once_with_what_is_in_it() -> None:
    auth = memory_auth(mail=True)
    async with auth.lifespan():
        assert await mails(auth) == []
        invited = await auth.capability(UserInvitations).create(email=EMAIL)
        (mail,) = await mails(auth)
        assert (mail.kind, mail.to) == ("invitation", EMAIL)
        assert mail.subject in mail.html
        assert mail.token
        assert mail.link == f"https://testserver/reset-password#token={mail.token}"
        assert mail.link in mail.text
        await auth.capability(PasswordResets).reset(token=mail.token, new_password=NEW)
        await auth.update_user(invited, email="ada@example.net")
        notices = await mails(auth)
        assert [one.kind for one in notices] == ["password_changed", *["email_changed"] * 2]
        assert [one.to for one in notices] == [EMAIL, EMAIL, "ada@example.net"]
        assert {(one.link, one.token, one.code) for one in notices} == {(None, None, None)}
        assert await mails(auth) == []


@pytest.mark.anyio
async def test_what_is_not_sent_is_not_returned() -> None:
    """Nothing goes to an address without an account, or with a link to one that has moved."""
    auth = memory_auth(mail=True)
    async with auth.lifespan():
        await auth.capability(PasswordResets).request(email="nobody@example.com")
        user = await auth.create_user(email=EMAIL, password=NEW)
        await auth.capability(PasswordResets).request(email=EMAIL)
        await auth.update_user(user, email="ada@example.net")
        assert {one.kind for one in await mails(auth)} == {"email_changed"}


@pytest.mark.anyio
async def test_more_mails_than_an_inbox_keeps_are_all_returned() -> None:
    auth = memory_auth(mail=True)
    async with auth.lifespan():
        emails = [f"user-{number}@example.com" for number in range(150)]
        for email in emails:
            await auth.capability(UserInvitations).create(email=email)
        assert [one.to for one in await mails(auth)] == emails


def test_a_client_that_is_held_open_is_enough() -> None:
    auth, app = memory_auth(mail=True), FastAPI()
    auth.install(app)
    with TestClient(app, base_url=base_url(app)) as client:
        body = {"email": EMAIL, "password": NEW, "name": "Ada"}
        headers = {"X-Authingo-Client": "true"}
        assert client.post("/api/auth/sign-up", json=body, headers=headers).status_code == 200
        assert [one.kind for one in mails(client)] == ["verify_email"]
    with pytest.raises(TypeError, match="held open"):
        mails(client)


@pytest.mark.anyio
async def test_mail_that_would_leave_the_process_is_refused() -> None:
    with pytest.raises(ConfigError, match="mail is off"):
        await mails(memory_auth())
    with SMTPServer() as server:
        real = {"public_url": "https://example.com", "mail": mail_settings(server)}
        with pytest.raises(RuntimeError, match="needs use_database"):
            await mails(Auth(settings_from({"database_url": IN_MEMORY, **real})))
        assert server.received == []


@pytest.mark.anyio
async def test_a_code_is_found_in_its_mail() -> None:
    mail = {"url": "smtp://localhost", "from": EMAIL, "email_code": True}
    real = {"database_url": IN_MEMORY, "public_url": "https://example.com", "mail": mail}
    auth = Auth(with_mail(settings_from(real)))
    async with auth.lifespan():
        await auth.create_user(email=EMAIL, password=NEW)
        ceremony = await auth.capability(SignInCodes).request(email=EMAIL)
        (sent,) = await mails(auth)
        assert (sent.kind, sent.link) == ("sign_in_code", None)
        assert sent.code
        signed_in = await auth.capability(SignInCodes).sign_in(code=sent.code, ceremony=ceremony)
        assert signed_in.user.email == EMAIL
