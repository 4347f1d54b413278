"""Operations on the sessions of all users, for operators: find one, end them, prune."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from authingo import arguments, events, hash_kinds, sessions
from authingo.core import Core
from authingo.deletion import Deletion
from authingo.errors import NoSuchSession
from authingo.models import Session, StoredSession
from authingo.pace import IsAlone, Pace, repeat, soon
from authingo.stores import Store

BATCH = 5000  # rows that one transaction changes at most
# How many times as many while nobody else uses the database. Sessions have random digests in an
# index, so SQLite writes nearly as many pages for a tenth of the rows.
_ALONE = 10


class Maintenance:
    """The use cases about the sessions of all users."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def revoke_session(self, session: Session | str) -> StoredSession:
        """See Auth."""
        session_id, store = arguments.session_id(session), await self._core.opened()
        found = await store.sessions.find(session_id)
        if found is None or not await sessions.revoke(store, found.user.id, only=session_id):
            raise NoSuchSession
        return found

    async def revoke_all(self, *, batch_size: int, done: Callable[[int], None] | None) -> int:
        """See Auth."""
        arguments.require_count(batch_size=batch_size)
        store = await self._core.opened()

        async def batch(size: int) -> int:
            ended = await store.sessions.end_any(size)
            await _record(store, ended)
            return len(ended)

        return await repeat(batch, soon(batch_size), done)

    async def prune(
        self, *, batch_size: int, done: Callable[[int], None] | None, is_alone: IsAlone | None
    ) -> int:
        """See Auth."""
        arguments.require_count(batch_size=batch_size)
        store, retention = await self._core.opened(), self._core.settings.events.retention

        async def forget_records(size: int) -> int:
            return await store.maintenance.forget_records(size, events_older_than=retention)

        looked_at = ""

        async def forget_nonces(size: int) -> int:
            nonlocal looked_at
            spent, last = await store.maintenance.forget_nonces(size, after=looked_at)
            looked_at = last or looked_at
            if done is not None:
                done(spent)
            return size if last else 0

        def pace() -> Pace:
            return Pace(batch_size, is_alone=is_alone, most_alone=_ALONE * batch_size)

        await repeat(store.maintenance.postpone_pruning, pace())
        pruned = await repeat(store.maintenance.prune, pace(), done)
        await repeat(forget_nonces, pace())
        await repeat(forget_records, pace(), done)
        await hash_kinds.recount(store, is_alone=is_alone)
        await self._core.capability(Deletion).carry_out()
        return pruned


async def _record(store: Store, ended: list[Session]) -> None:
    """Record that these sessions were revoked: one event for each user."""
    count, last = Counter(one.user_id for one in ended), {one.user_id: one.id for one in ended}
    await events.record(
        store, *(sessions.revoked(user_id, last[user_id], count[user_id]) for user_id in count)
    )
