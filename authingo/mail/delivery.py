"""Deliver one mail: to an SMTP server, or as a file."""

from __future__ import annotations

from email.message import EmailMessage

from authingo.mail.outcomes import MaybeDelivered, NotDelivered
from authingo.mail.servers import MailServer

__all__ = ["MaybeDelivered", "NotDelivered", "deliver"]


async def deliver(
    server: MailServer, message: EmailMessage, *, sender: str, recipient: str
) -> None:
    """Deliver a mail, or say what is known about it.

    Raises:
        NotDelivered: surely not.
        MaybeDelivered: it was sent, but the server did not answer.
    """
    raise NotImplementedError(server, message, sender, recipient)
