"""Mails that go out one after the other share a connection, as long as the server wants that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from authingo import Auth
from authingo.config import settings_from
from authingo.mail import smtp
from authingo.mail.notices import PASSWORD_CHANGED, notice
from authingo.mail.sending import Sender
from authingo.models import NO_CLIENT
from authingo.stores.mails import Mail
from tests.mail.inbox import mail_settings
from tests.mail.server import Fault, SMTPServer

ADDRESSES = [f"user{number}@example.com" for number in range(8)]


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


def send_all(database_url: str, mails: SMTPServer) -> list[Mail]:
    """Queue a notice to each address, deliver all, and return what is still queued."""

    async def work() -> list[Mail]:
        settings = {
            "database_url": database_url,
            "public_url": "https://example.com",
            "mail": mail_settings(mails),
        }
        auth = Auth(settings_from(settings))
        await auth.open()
        for address in ADDRESSES:
            new = notice(PASSWORD_CHANGED, "usr_x", address, NO_CLIENT)
            await auth.store.mails.add(new)
        await auth.capability(Sender).send_all()
        left = await auth.store.mails.page(limit=9)
        await auth.close()
        return left

    return asyncio.run(work())


def count(mails: SMTPServer, command: str) -> int:
    return sum(one.split()[0] == command for one in mails.commands)


def test_all_mails_go_over_one_connection(database_url: str, mails: SMTPServer) -> None:
    assert send_all(database_url, mails) == []
    assert [one.recipients for one in mails.received] == [[one] for one in ADDRESSES]
    assert (count(mails, "EHLO"), count(mails, "QUIT")) == (1, 1)


@pytest.mark.parametrize("how", ["421 4.7.0 too many mails", "451 4.7.0 later", "drop", "gone"])
def test_where_the_server_takes_no_more_the_next_goes_over_another(
    database_url: str, mails: SMTPServer, how: str
) -> None:
    """At once, and nothing is put off or arrives twice."""
    mails.most = (3, how)
    assert send_all(database_url, mails) == []
    assert [one.recipients for one in mails.received] == [[one] for one in ADDRESSES]
    assert count(mails, "EHLO") == 3


def test_no_connection_is_used_for_ever(
    database_url: str, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_MOST", 3)
    assert send_all(database_url, mails) == []
    assert (count(mails, "EHLO"), count(mails, "QUIT")) == (3, 3)


def test_after_a_failure_there_is_another_connection(database_url: str, mails: SMTPServer) -> None:
    """Whatever the server remembers of the mail that it refused."""
    mails.fault = Fault("RCPT", "550 5.1.1 no such mailbox")
    left = send_all(database_url, mails)
    assert [one.error for one in left] == ["550 5.1.1 no such mailbox"] * len(ADDRESSES)
    assert count(mails, "EHLO") == len(ADDRESSES)
