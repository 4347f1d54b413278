"""Deliver one mail: to an SMTP server, as a file, or to an inbox in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from email.message import EmailMessage
from importlib.util import find_spec
from types import TracebackType
from typing import TYPE_CHECKING, Self

from authingo.errors import ConfigError
from authingo.mail import files
from authingo.mail.headers import POLICY
from authingo.mail.mailboxes import Mailbox, read_address, read_mailbox
from authingo.mail.outcomes import MaybeDelivered, NotDelivered
from authingo.mail.redaction import credentials_of, tokens_in
from authingo.mail.servers import MailServer

if TYPE_CHECKING:
    from authingo.mail.smtp import Conversation

__all__ = [
    "Delivery",
    "MaybeDelivered",
    "NotDelivered",
    "check_server",
    "deliver",
    "require_library",
]

_POLICY = POLICY.clone(cte_type="7bit")  # no server needs 8BITMIME


async def deliver(
    server: MailServer, message: EmailMessage, *, sender: str, recipient: str
) -> None:
    """Deliver one mail, as `Delivery.deliver` does."""
    async with Delivery(server, sender=sender) as delivery:
        await delivery.deliver(message, recipient=recipient)


class Delivery:
    """Delivers mails one after the other: `async with Delivery(server, sender=…) as delivery`.

    They share a connection to the mail server, as long as that works: connecting and signing in
    takes longer than a mail.

    Args:
        server: from `read_mail_url`.
        sender: the setting `mail.from`: an address, or `Name <address>`.
    """

    def __init__(self, server: MailServer, *, sender: str) -> None:
        self._server = server
        self._sender = sender
        self._conversation: Conversation | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._conversation is not None:
            await self._conversation.end(politely=kind is None or issubclass(kind, Exception))

    async def deliver(self, message: EmailMessage, *, recipient: str) -> None:
        """Deliver a mail within 60 seconds, or say what is known about it.

        Args:
            message: from `authingo.mail.messages.compose`.
            recipient: an address. Its local part must be ASCII; letters beyond it in the domain
                are sent as punycode.

        Raises:
            NotDelivered: surely not.
            MaybeDelivered: it was sent, but the server did not answer.
            ConfigError: the extra `authingo[mail]` is not installed.
        """
        server = self._server
        if server.inbox is not None:
            server.inbox.add(message)
            return
        mail = message.as_bytes(policy=_POLICY)
        if server.directory is not None:
            await asyncio.to_thread(files.write, server.directory, _id_of(message), mail)
            return
        own = _read(read_mailbox, self._sender, "the sender")
        to = _read(read_address, recipient, "the recipient")
        if self._conversation is None:
            self._conversation = _conversation(server, own, credentials_of(server))
        await self._conversation.send(
            mail, sender=own.address, recipient=to.address, secrets=tokens_in(message)
        )


async def check_server(server: MailServer, *, sender: str) -> None:
    """Connect to a mail server and sign in, without sending anything. Nothing else is checked.

    Raises:
        NotDelivered: that is not possible, and why.
        ConfigError: the extra `authingo[mail]` is not installed.
    """
    if server.is_smtp:
        own = _read(read_mailbox, sender, "the sender")
        await _conversation(server, own, credentials_of(server)).check()


def require_library(server: MailServer) -> None:
    """Refuse a server that needs a library which is not installed. Imports nothing.

    Raises:
        ConfigError: it names the extra.
    """
    if server.is_smtp and find_spec("aiosmtplib") is None:
        raise ConfigError(
            "mail.url: an SMTP server needs the library aiosmtplib",
            hint="pip install aiosmtplib, or install authingo with the extra: authingo[mail]",
        )


def _conversation(server: MailServer, own: Mailbox, secrets: Collection[str]) -> Conversation:
    require_library(server)
    from authingo.mail.smtp import Conversation  # noqa: PLC0415 - an extra

    return Conversation(server, domain=own.domain, secrets=secrets)


def _id_of(message: EmailMessage) -> str:
    return str(message["Message-ID"] or "").strip("<>").partition("@")[0]


def _read(reader: Callable[[str], Mailbox], text: str, who: str) -> Mailbox:
    try:
        return reader(text)
    except ValueError as error:
        raise NotDelivered(f"{who} {error}", permanent=True) from None
