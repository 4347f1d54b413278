"""Where addresses have to be verified: nobody gets a session before theirs is."""

from __future__ import annotations

from datetime import timedelta

from authingo.core import Core
from authingo.errors import EmailNotVerified
from authingo.mail.asked import count_request
from authingo.mail.notices import verification_mail
from authingo.mail.queue import Queue
from authingo.mail.settings import PENDING_PURPOSE, requires_verification
from authingo.models import Client, NewUser, User
from authingo.stores.secrets import NewMatter
from authingo.tokens import BrowserToken

_WAITING = timedelta(hours=24)


async def require_verified(
    core: Core, user: User | NewUser, version: int | None, client: Client
) -> None:
    """Refuse a user whose address is not verified, such as one that an operator created.

    They get a mail with a link, which this browser may open without the password, because it was
    just right.

    Raises:
        EmailNotVerified: the error has the value of the cookie `pending`. It has none for a
            program that calls `Auth.sign_up`: `SignUps.request` is for that.
        TooManyRequests: the network asked for too many mails.
    """
    if user.email_verified or not requires_verification(core.settings):
        return
    if isinstance(user, NewUser):
        raise EmailNotVerified(
            "mail.verification is required: sign up by authingo.mail.sign_ups.SignUps.request"
        )
    store, browser = await core.opened(), BrowserToken.generate()
    await count_request(core, None, client)
    await store.secrets.open(
        NewMatter(
            purpose=PENDING_PURPOSE,
            digest=browser.digest,
            lifetime=_WAITING,
            user_id=user.id,
            version=version,
        )
    )
    await core.capability(Queue).add(verification_mail(user, client))
    raise EmailNotVerified(pending=str(browser))
