"""Mail is delivered on every event loop that a program uses, one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from authingo import Auth, User
from authingo.config import Settings
from authingo.mail.resets import PasswordResets
from tests.mail.inbox import mail_settings
from tests.mail.server import SMTPServer
from tests.server import ADA


def test_each_lifespan_delivers_at_once(
    make_settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    """Also what is queued while the sender waits, which it does on the loop of its lifespan."""

    async def mail(user: User | None) -> User:
        async with auth.lifespan():
            user = user or await auth.create_user(email=ADA["email"])
            for _ in range(2):
                await auth.capability(PasswordResets).send(user)
                async with asyncio.timeout(30):
                    while (await auth.store.mails.counts()).queued:
                        await asyncio.sleep(0.01)
        return user

    with SMTPServer() as mails:
        url = "https://example.com"
        auth = Auth(make_settings(public_url=url, mail=mail_settings(mails)))
        ada = None
        for _ in range(3):
            ada = asyncio.run(mail(ada))
        assert len(mails.received) == 6
    problems = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [one.getMessage() for one in problems if one.name == "authingo"] == []
