"""Notices to the owner of an account after a change. They have no link that changes anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from authingo.config import Settings
from authingo.core import Core
from authingo.mail.links import Content
from authingo.mail.settings import UNDO_DELETION_PURPOSE, VERIFY_PURPOSE, sends_mail, verifies
from authingo.models import Client, NewUser, User
from authingo.stores.mails import Mail, NewMail

EMAIL_CHANGED = "email_changed"
PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the kind of a mail, as in `Core.notices`
SIGNED_UP = "signed_up"
DELETION_SCHEDULED = "deletion_scheduled"
USER_DELETED = "user_deleted"

_WORTH_VERIFYING = timedelta(days=1)  # then a user who wants it has asked again
_WORTH_SENDING = timedelta(days=7)  # a warning is worth something even after days


class _Facts(msgspec.Struct):
    at: datetime
    ip: str | None


def notice(kind: str, user_id: str, address: str, client: Client) -> NewMail:
    """Return the notice of something that a client does now.

    The address is that of the user before the change. A notice is delivered even if the user has
    been deleted meanwhile.
    """
    return NewMail(
        kind=kind,
        address=address,
        user_id=user_id,
        lifetime=_WORTH_SENDING,
        language=client.language or "",
        facts=msgspec.json.encode(_Facts(at=datetime.now(UTC), ip=seen_address(client))),
    )


def notices(settings: Settings, kind: str, user: User | NewUser, client: Client) -> list[NewMail]:
    """Return the mails to a user about something that a client does now; none if mail is off."""
    if kind == SIGNED_UP:
        return [verification_mail(user, client)] if verifies(settings) else []
    if kind == DELETION_SCHEDULED:  # the mail has a link that undoes it, so it has its own kind
        kind = UNDO_DELETION_PURPOSE
    return [notice(kind, user.id, user.email, client)] if sends_mail(settings) else []


def verification_mail(user: User | NewUser, client: Client) -> NewMail:
    """Return the mail that asks a user to verify the address."""
    return NewMail(
        kind=VERIFY_PURPOSE,
        address=user.email,
        user_id=user.id,
        lifetime=_WORTH_VERIFYING,
        language=client.language or "",
    )


def seen_address(client: Client) -> str | None:
    """Return the address that a mail may name.

    It is not one that all clients share, such as that of a proxy: the owner would think that it
    is the address of the person who did something.
    """
    return None if client.shared else client.ip


def said_when(at: datetime) -> str:
    """Say when something happened."""
    return f"{at:%d %B %Y, %H:%M} UTC"


def said_where(ip: str | None, *, otherwise: str) -> str:
    """Say where something came from."""
    return ip or otherwise


async def write_notice(_: Core, mail: Mail) -> Content | None:
    """Write a notice."""
    return Content(values_of(mail.facts))


def values_of(facts: bytes | None) -> dict[str, str]:
    """Return when something happened, and from where, of the facts of its notice."""
    known = msgspec.json.decode(facts or b"", type=_Facts)
    return {
        "when": said_when(known.at),
        "where": said_where(known.ip, otherwise="an operator, or an address that is not known"),
    }
