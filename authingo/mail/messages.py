"""What mails say: templates, filled in, as text and as HTML."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import BaseHeader
from email.message import EmailMessage, MIMEPart
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from authingo.mail import headers, html_parts, wording
from authingo.mail.mailboxes import Mailbox, read_address, read_mailbox
from authingo.mail.outcomes import one_line

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}", re.ASCII)
_LINK = re.compile(r"https?://[!-~]+", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_LONGEST_LINE = 998  # bytes (RFC 5322 §2.1.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the mails of an application have in common.

    Args:
        name: of the application; templates call it `$app`.
        public_url: templates call its host `$host`.
        colour: of the button, as `#rrggbb`.
        templates: a directory of templates that replace those of authingo.
    """

    name: str
    public_url: str
    colour: str = "#0b6b57"
    templates: Path | None = None

    def __post_init__(self) -> None:
        if not _COLOUR.fullmatch(self.colour):
            raise ValueError("colour must be like #0b6b57")

    @property
    def host(self) -> str:
        """The host of the application, as in a browser's address bar."""
        return urlsplit(self.public_url).netloc

    @property
    def on_colour(self) -> str:
        """White or black, whichever can be read on the colour (WCAG 2.2, 1.4.3: 4.5 to 1)."""
        shares = [int(self.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares
        )
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        return "#ffffff" if 1.05 / (luminance + 0.05) >= 4.5 else "#000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a mail says."""

    subject: str
    text: str
    html: str


def render(kind: str, values: Mapping[str, str], *, look: Look, language: str) -> Message:
    """Fill in the template of a kind of mail.

    Args:
        kind: such as "reset_password".
        values: for the text. The subject gets none of them: a stranger could choose what stands
            in a list of mails, above everything that explains it.
        look: of the application.
        language: an Accept-Language header.

    Raises:
        ConfigError: a template is not one, or asks for a value that there is not.
        ValueError: the value of `link` is not an http or https URL.
    """
    if not _LINK.fullmatch(values.get("link", "https://x")):
        raise ValueError("link must be an http or https URL")
    template = wording.find(kind, language=language, templates=look.templates)
    common = {"app": one_line(look.name), "host": look.host}
    known = {name: one_line(value) for name, value in values.items()} | common
    subject = one_line(wording.filled(Template(template.subject), common, template.file))
    shown = {name: escape(value) for name, value in known.items()}
    colours = {"colour": look.colour, "on_colour": look.on_colour}

    def fill(piece: str) -> str:
        return wording.filled(Template(piece), shown | colours, template.file)

    return Message(
        subject=subject,
        text=wording.filled(Template(template.body), known, template.file),
        html=wording.layout(language=language, templates=look.templates).substitute(
            {name: escape(value) for name, value in common.items()},
            **colours,
            subject=escape(subject),
            language=template.language,
            body=html_parts.body(template.body, fill),
        ),
    )


def compose(message: Message, *, sender: str, recipient: str, message_id: str) -> EmailMessage:
    """Make the mail that is sent.

    Args:
        message: what it says.
        sender: the setting `mail.from`: an address, or `Name <address>`.
        recipient: an address.
        message_id: the part before the @: the same for every try to deliver it, so that a mailbox
            may recognize that it has the mail already.

    Raises:
        ValueError: sender, recipient or message_id is not one.
    """
    if not _ID.fullmatch(message_id):
        raise ValueError("message_id must be letters, digits, _ and -")
    own, to = read_mailbox(sender), read_address(recipient)
    mail = EmailMessage(headers.POLICY)
    mail["From"] = _from(own)
    mail["To"] = to.header
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message_id}@{own.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # so that no automatic answer comes (RFC 3834 §5)
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = f'multipart/alternative; boundary="{_new_boundary()}"'
    mail.set_payload(
        [
            _part(message.text, "plain", _encoding(message.text)),
            _part(message.html, "html", "quoted-printable"),
        ]
    )
    return mail


@lru_cache(maxsize=8)  # one sender for all mails
def _from(sender: Mailbox) -> BaseHeader:
    made: BaseHeader = headers.POLICY.header_factory("From", sender.header)
    return made


def _new_boundary() -> str:
    """Draw what separates the parts, so that nobody can write it into one (CWE-93).

    The library would draw it too, but then parses the header once more.
    """
    return f"==={secrets.token_hex(16)}=="


def _part(text: str, subtype: str, encoding: str) -> MIMEPart:
    part = MIMEPart(headers.POLICY)
    part.set_content(text, subtype=subtype, cte=encoding)
    return part


def _encoding(text: str) -> str:
    """Leave a text as it is where SMTP allows that, so that the link in an .eml file works."""
    short = all(len(line) < _LONGEST_LINE for line in text.split("\n"))
    return "7bit" if short and text.isascii() else "quoted-printable"
