"""Invite somebody: an account without a password, and a mail with a link to choose one.

The link is one to choose a new password, so it leads to the same page and is spent by the same
route. It works for longer, because nobody waits for it, and only as long as the account is as the
operator made it: it ends with any other password or address (NIST SP 800-63B-4 section 3.1.1.1
has no password that somebody else has chosen and must hand over).
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from authingo.accounts import Accounts
from authingo.core import Core
from authingo.mail.links import Content, addressee, draw_link, new_digest
from authingo.mail.queue import Queue
from authingo.mail.settings import RESET_PURPOSE, require_mail
from authingo.models import NewUser, User
from authingo.stores.mails import Mail, NewMail
from authingo.stores.secrets import NewMatter

INVITATION = "invitation"

_DAYS = 7  # that a link works, and that it makes sense to deliver it
_FIRST_VERSION = 1  # the security version of a new user


class _Facts(msgspec.Struct):
    version: int  # the user's security version when the mail was asked for


class UserInvitations:
    """Create users who choose their password by a link in a mail."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def create(self, *, email: str, name: str | None = None, verified: bool = False) -> User:
        """Create a user without a password, and queue the mail, or do neither.

        Args:
            email: any spelling; see `authingo.inputs.normalize_email`.
            name: None stands for the local part of the email.
            verified: whether the email is known to belong to the user. It counts as verified
                anyway once they have chosen a password.

        Raises:
            ConfigError: mail is off.
            InvalidInput: with the fields and what is wrong with each.
            EmailTaken: another user has this email.
        """
        require_mail(self._core.settings)

        def mails(new: NewUser) -> list[NewMail]:
            return [invitation(new.id, new.email, _FIRST_VERSION)]

        user = await self._core.capability(Accounts).create_user(
            email=email, password=None, name=name, verified=verified, mails=mails
        )
        self._core.capability(Queue).wake()
        return user


def invitation(user_id: str, address: str, version: int) -> NewMail:
    """Return the mail to a user who has no password, at this security version."""
    return NewMail(
        kind=INVITATION,
        address=address,
        user_id=user_id,
        lifetime=timedelta(days=_DAYS),
        facts=msgspec.json.encode(_Facts(version)),
    )


async def write_invitation(core: Core, mail: Mail) -> Content | None:
    """Write the mail with the link, or return None where no link is due any more."""
    facts = msgspec.json.decode(mail.facts or b"", type=_Facts)
    user = await addressee(core, mail)
    if user is None:
        return None
    new = NewMatter(
        purpose=RESET_PURPOSE,
        digest=new_digest(),
        lifetime=timedelta(days=_DAYS),
        user_id=user.id,
        version=facts.version,
    )
    link = await draw_link(
        core, new, address=mail.address, page=core.settings.link_to("reset_password")
    )
    return Content({"link": link.url, "days": str(_DAYS)}, link) if link else None
