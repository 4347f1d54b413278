"""The use cases of invitations, which a program gets by `auth.capability(Invitations)`."""

from __future__ import annotations

import secrets

from authingo import arguments, events
from authingo.core import Core
from authingo.errors import NotFound
from authingo.models import User
from authingo.stores.secrets import NewMatter
from authingo.stores.within import HookConnection
from authingo.tokens import digest
from authingo_invitations.settings import ACCEPTED, INVITED, PURPOSE, InvitationSettings


class Invitations:
    """Invite people, and let each of them accept once."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lifetime = core.settings.of(InvitationSettings).lifetime

    async def invite(self, user: User) -> str:
        """Return the token of a new invitation. The store keeps its digest only."""
        token, store = secrets.token_urlsafe(32), await self._core.opened()
        await store.secrets.open(
            NewMatter(
                purpose=PURPOSE,
                digest=digest(token.encode()),
                lifetime=self._lifetime,
                user_id=user.id,
            )
        )
        await events.record(store, events.happened(INVITED, user_id=user.id))
        return token

    async def accept(self, token: str, *, name: str) -> None:
        """Spend an invitation, and keep the name of the guest.

        Raises:
            NotFound: there is no such invitation, or it was accepted before.
        """
        arguments.require_text(token=token, name=name)
        store = await self._core.opened()
        matter = await store.secrets.spend(PURPOSE, digest(token.encode()))
        if matter is None:
            raise NotFound("There is no such invitation.")
        await events.record(store, events.happened(ACCEPTED, user_id=matter.user_id))

        async def keep(connection: HookConnection) -> None:
            await connection.execute(
                "INSERT INTO authingo_invitations_guests VALUES ($1, $2)", matter.user_id, name
            )

        await store.transact(keep)

    async def guests(self, user: User) -> list[str]:
        """Return the names of those who have accepted invitations of a user, in their order."""
        store = await self._core.opened()
        select = "SELECT name FROM authingo_invitations_guests WHERE user_id = $1 ORDER BY name"
        rows = await store.transact(lambda connection: connection.fetch(select, user.id))
        return [row["name"] for row in rows]
