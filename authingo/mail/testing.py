"""Mail in the tests of a program: kept in memory, and delivered when a test asks for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage

import msgspec

from authingo.config import Settings
from authingo.core import Core
from authingo.mail import codes
from authingo.mail.inbox import Inbox
from authingo.mail.sending import Sender
from authingo.mail.settings import MailSettings, require_mail, with_inbox

PUBLIC_URL = "https://testserver"  # where a program has set none; Starlette's name for itself

_LINK = re.compile(r"https?://[^\s#]+#token=(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """A mail that was sent in a test.

    Args:
        to: the address that it went to.
        kind: what it says, such as "reset_password": the name of its template.
        subject: of the mail.
        text: of the mail.
        html: of the mail.
        link: the link in it, or None if it has none.
        token: the token of that link, for the route that spends it.
        code: the code to sign in with, or None if it has none.
    """

    to: str
    kind: str
    subject: str
    text: str
    html: str
    link: str | None = None
    token: str | None = None
    code: str | None = None


def in_memory(settings: Settings) -> Settings:
    """Return settings with which no mail leaves the process, and none is sent by itself.

    Mail is on if the program has settings for it, even if the URL of the server is not there, as
    on a machine that only runs tests.
    """
    mail = settings.of(MailSettings)
    return settings if mail.server is None and mail.sender is None else with_mail(settings)


def with_mail(settings: Settings) -> Settings:
    """Return settings with which mail is on, and `Deliveries` gets it."""
    if settings.public_url is None:
        settings = msgspec.structs.replace(settings, public_url=PUBLIC_URL)
    return with_inbox(settings, Inbox(), by_itself=False)


class Deliveries:
    """Delivers mail in a test."""

    def __init__(self, core: Core) -> None:
        """Find the inbox.

        Raises:
            ConfigError: mail is off.
            RuntimeError: mail would leave the process.
        """
        inbox = require_mail(core.settings).inbox
        if inbox is None or core.settings.of(MailSettings).by_itself:
            raise RuntimeError("mails() needs use_database() or memory_auth(mail=True)")
        self._core, self._inbox, self._seen = core, inbox, 0

    async def deliver(self) -> list[SentMail]:
        """Deliver what is due now, and return what was not returned before, in order."""
        sender, sent = self._core.capability(Sender), []
        async with sender.delivery() as delivery:
            while taken := await sender.send_next(delivery):
                for number, message in self._inbox.after(self._seen):
                    self._seen = number
                    sent.append(_read(message, taken.kind))
        return sent


def _read(message: EmailMessage, kind: str) -> SentMail:
    text, html = (_part(message, one) for one in ("plain", "html"))
    link = _LINK.search(text)
    return SentMail(
        to=str(message["To"]),
        kind=kind,
        subject=str(message["Subject"]),
        text=text,
        html=html,
        link=link[0] if link else None,
        token=link[1] if link else None,
        code=next((line for line in text.splitlines() if codes.read(line)), None),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""
