"""Users get what is stored about them (GDPR articles 15 and 20).

It says where they were and from which addresses, so it needs a recent authentication, and one
account gets it once an hour: reading all of it takes longer than any other request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from authingo import arguments, events
from authingo.core import Core
from authingo.errors import NoSuchUser
from authingo.models import Client, User
from authingo.reauthentication import Reauthentication
from authingo.wire import timestamp, user_json


class Export:
    """The use cases about what is stored of a user. See Auth."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def request(self, session_token: str | None, *, client: Client) -> dict[str, object]:
        """See Auth.request_export."""
        arguments.require_client(client)
        caller = await Reauthentication(self._core).require_recent(session_token)
        store, limits, user_id = await self._core.opened(), self._core.limits, caller.user.id
        counted = await store.attempts.count(None, limits.export(user_id))
        limits.require_allowed(limits.attempt(counted, client))
        exported = await self.of_user(user_id, for_operator=False)
        done = events.happened(
            "user_exported", user_id=user_id, session_id=caller.session.id, ip=client.ip
        )
        await events.record(store, done)
        return exported

    async def of_user(self, user: User | str, *, for_operator: bool = True) -> dict[str, object]:
        """See Auth. Times that are not set while a user can ask are for operators only."""
        user_id, store = arguments.user_id(user), await self._core.opened()
        found = await store.users.find(user_id)
        if found is None:
            raise NoSuchUser
        parts = await store.exports.of_user(user_id)
        shown = {name: [_shown(row) for row in rows] for name, rows in parts.items()}
        times = {"disabled_at": found.disabled_at, "delete_at": found.delete_at}
        return {"user": user_json(found) | (_shown(times) if for_operator else {}), **shown}


def _shown(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row as JSON."""
    return {
        name: timestamp(value) if isinstance(value, datetime) else value
        for name, value in row.items()
    }
