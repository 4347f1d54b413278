"""Undo the deletion of an account, with the link of a mail, until it is carried out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from authingo import arguments, events, inputs, policy
from authingo.attempts import Outcome
from authingo.core import Core
from authingo.errors import InvalidInput, InvalidToken
from authingo.mail.links import Content, draw_link, new_digest, token_digest
from authingo.mail.notices import said_when, values_of
from authingo.mail.settings import DELETION_UNDONE, UNDO_DELETION_PURPOSE
from authingo.models import NO_CLIENT, Client, User
from authingo.stores.mails import Mail
from authingo.stores.secrets import NewMatter

_LEAST = timedelta(minutes=1)


class DeletionUndo:
    """Undo the deletion of an account."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def undo(self, *, token: str, email: str, client: Client = NO_CLIENT) -> User:
        """Cancel the deletion of an account, whose user may sign in again.

        The user types the address, so that neither a scanner nor a click by mistake undoes it.

        Args:
            token: of the link.
            email: the address that the mail was sent to.
            client: who asks.

        Raises:
            InvalidToken: the token is unknown, spent or expired, or the account is gone.
            InvalidInput: it is another address. Nothing was spent.
            TooManyRequests: try again later.
        """
        arguments.require_text(token=token, email=email)
        arguments.require_client(client)
        policy.refuse_sizes(token=token, email=email)
        store, key = await self._core.opened(), token_digest(token)
        await self._core.password_check.count_token(store, client, hashes=False)
        matter = await store.secrets.find(UNDO_DELETION_PURPOSE, key)
        if matter is None or matter.user_id is None:
            raise InvalidToken
        if inputs.normalize_email(email) != matter.address:
            raise InvalidInput({"email": "is not the address that the mail was sent to"})
        done = events.happened(DELETION_UNDONE, user_id=matter.user_id, ip=client.ip)
        user = await store.deletions.undo(
            UNDO_DELETION_PURPOSE, key, outcome=Outcome(events=(done,))
        )
        if user is None:
            raise InvalidToken
        events.publish(store, done)
        return user


async def write_undo_deletion(core: Core, mail: Mail) -> Content | None:
    """Write the mail with the link; None if the account is gone, or its deletion is undone."""
    user = await (await core.opened()).users.find(mail.user_id or "")
    if user is None or user.delete_at is None:
        return None
    new = NewMatter(
        purpose=UNDO_DELETION_PURPOSE,
        digest=new_digest(),
        lifetime=max(user.delete_at - datetime.now(UTC), _LEAST),
        user_id=user.id,
    )
    page = core.settings.link_to("undo_deletion")
    link = await draw_link(core, new, address=mail.address, page=page)
    if link is None:
        return None
    until = said_when(user.delete_at)
    return Content({**values_of(mail.facts), "link": link.url, "until": until}, link)
