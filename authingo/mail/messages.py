"""What mails say: templates, filled in, as text and as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the mails of an application have in common.

    Args:
        name: of the application; mails call it `$app`.
        public_url: mails name its host.
        colour: of the button, as `#rrggbb`.
        templates: a directory of templates that replace those of authingo.
    """

    name: str
    public_url: str
    colour: str = "#1d4ed8"
    templates: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a mail says."""

    subject: str
    text: str
    html: str


def render(kind: str, values: Mapping[str, str], *, look: Look, language: str) -> Message:
    """Fill in the template of a kind of mail."""
    raise NotImplementedError(kind, values, look, language)


def compose(message: Message, *, sender: str, recipient: str, message_id: str) -> EmailMessage:
    """Make the mail that is sent."""
    raise NotImplementedError(message, sender, recipient, message_id)
