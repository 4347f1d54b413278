"""The settings of mail, and the names of its events and secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from authingo.capabilities import CapabilityEvent
from authingo.config import CapabilitySettings, Settings, ShortLived
from authingo.errors import ConfigError
from authingo.mail.delivery import require_library
from authingo.mail.inbox import Inbox
from authingo.mail.mailboxes import read_mailbox
from authingo.mail.servers import MailServer, read_mail_url
from authingo.mail.wording import check_templates
from authingo.stores.secrets import HOLDS_ADDRESS

DELETION_UNDONE = CapabilityEvent("deletion_undone")
EMAIL_CHANGE_UNDONE = CapabilityEvent("email_change_undone")
PASSWORD_RESET = CapabilityEvent("password_reset")
MAIL_SENT = CapabilityEvent("mail_sent")
MAIL_HELD_BACK = CapabilityEvent("mail_held_back")
MAIL_FAILED = CapabilityEvent("mail_failed")
RESET_PURPOSE = "reset_password"
VERIFY_PURPOSE = "verify_email"
CHANGE_PURPOSE = "change_email"
ASKED_PURPOSE = "email_change_asked"  # a change of address that waits for its link
UNDO_DELETION_PURPOSE = "undo_deletion"
UNDO_PURPOSE = HOLDS_ADDRESS
PENDING_PURPOSE = "pending"  # a browser that has to prove its address
SIGN_IN_CODE_PURPOSE = "sign_in_code"
REAUTHENTICATION_CODE_PURPOSE = "reauthentication_code"

_SENDER = '"Example <no-reply@example.com>"'


class MailSettings(CapabilitySettings, frozen=True, rename={"sender": "from"}):
    """The table [mail] of authingo.toml. Without `url` there is no mail."""

    url: str | None = None  # it may hold a password, so AUTHINGO_MAIL__URL_FILE may name a file
    sender: str | None = None  # `from` in the file: "Name <address>"
    colour: str = "#0b6b57"  # of buttons
    email_code: bool = False  # whether a code by mail signs in
    templates: str | None = None  # a directory with your own texts, relative to authingo.toml
    to_strangers_per_hour: int = 1000  # mails to addresses that were never proved
    verification: Literal["off", "optional", "required"] = "optional"  # of email addresses

    def __repr__(self) -> str:
        return f"MailSettings(sender={self.sender!r}, …)"

    @property
    def server(self) -> MailServer | None:
        """Where mail is delivered to, or None if mail is off."""
        return None if self.url is None else read_mail_url(self.url)

    @property
    def by_itself(self) -> bool:
        """Whether a process that serves delivers mail."""
        return self.server is not None

    def check(self, settings: Settings) -> None:
        """Refuse what cannot work."""
        if self.server is None:
            return
        if not 1 <= self.to_strangers_per_hour <= 1_000_000:
            raise ConfigError("mail.to_strangers_per_hour: must be from 1 to 1000000")
        require_library(self.server)
        if settings.public_url is None:
            raise ConfigError(
                "mail.url: needs public_url",
                hint="set public_url to the address of your site: the links in mails begin with it",
            )
        if self.sender is None:
            raise ConfigError(
                "mail.from: is missing",
                hint=f"set it to the sender of mails, such as {_SENDER}",
            )
        try:
            read_mailbox(self.sender)
        except ValueError as error:
            raise ConfigError(
                f"mail.from: {error}", hint=f"write a name and an address, such as {_SENDER}"
            ) from None
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", self.colour):
            raise ConfigError("mail.colour: must be a colour such as #0b6b57")
        if self.templates is not None:
            check_templates(Path(settings.directory, self.templates))

    def short_lived_cookies(self) -> Mapping[ShortLived, tuple[str, ...]]:
        """Return the cookies of browsers that wait for a mail, and what each finds."""
        if self.server is None:
            return {}
        return {"pending": (PENDING_PURPOSE,), "ceremony": (SIGN_IN_CODE_PURPOSE,)}


class _InboxSettings(MailSettings, frozen=True, kw_only=True):
    """The table [mail], with an inbox in place of `url`. No file and no variable makes one."""

    inbox: Inbox
    in_background: bool

    @property
    def by_itself(self) -> bool:
        """Whether mail arrives in the inbox before somebody asks for it."""
        return self.in_background

    @property
    def server(self) -> MailServer:
        """The inbox."""
        return MailServer(inbox=self.inbox)


def with_inbox(settings: Settings, inbox: Inbox, *, by_itself: bool = True) -> Settings:
    """Return settings with which mail is on, and goes to an inbox in memory.

    Args:
        settings: of the application.
        inbox: for all its mail.
        by_itself: whether a process that serves delivers mail, or only somebody who asks.

    Raises:
        ConfigError: these settings cannot work. They need `public_url`.
    """
    own = settings.of(MailSettings)
    table = {name: getattr(own, name) for name in MailSettings.__struct_fields__}
    table |= {"url": None, "sender": own.sender or "authingo <no-reply@localhost>"}
    return settings.having(_InboxSettings(**table, inbox=inbox, in_background=by_itself))


def sends_mail(settings: Settings) -> bool:
    """Return whether mail is on."""
    return settings.of(MailSettings).server is not None


def verifies(settings: Settings) -> bool:
    """Return whether users are asked to prove that their address is theirs."""
    return sends_mail(settings) and settings.of(MailSettings).verification != "off"


def requires_verification(settings: Settings) -> bool:
    """Return whether nobody gets a session before the address is verified.

    Raises:
        ConfigError: they are asked to, but mail is off.
    """
    return _with_mail(
        settings, "verification", wanted=settings.of(MailSettings).verification == "required"
    )


def signs_in_by_code(settings: Settings) -> bool:
    """Return whether a code by mail signs in.

    Raises:
        ConfigError: it should, but mail is off.
    """
    return _with_mail(settings, "email_code", wanted=settings.of(MailSettings).email_code)


def _with_mail(settings: Settings, name: str, *, wanted: bool) -> bool:
    """Return whether a setting is on that needs mail.

    The settings are read before `authingo serve` gives a development server its inbox. So this is
    refused where routes are made for a server, and never ignored: without mail, `verification`
    would let everybody in.
    """
    if wanted and not sends_mail(settings):
        raise ConfigError(
            f"mail.{name}: needs mail.url",
            hint="set mail.url to the address of your mail server (docs/mail.md)",
        )
    return wanted


def require_mail(settings: Settings) -> MailServer:
    """Return where mail is delivered to.

    Raises:
        ConfigError: mail is off. It says what to set.
    """
    server = settings.of(MailSettings).server
    if server is None:
        raise ConfigError("mail is off", hint="set mail.url and mail.from (docs/mail.md)")
    return server
