"""What operators do to the sessions of everybody: find one, end them, prune."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from authingo import arguments, events
from authingo.errors import NoSuchSession
from authingo.models import Session, StoredSession
from authingo.opening import Opening
from authingo.pace import Pace
from authingo.stores import Store

_BATCH = 5000  # rows of one transaction, at most
_URGENT = 0.05  # seconds a batch may take where it must be done soon
_SHORT = 0.1  # of that, to rest in between


def _nobody(_: int) -> None:
    """Hear of progress where nobody asked to."""


class Upkeep(Opening):
    """The use cases about the sessions of everybody."""

    async def revoke_session(self, session: Session | str) -> StoredSession:
        """End a session that can be refreshed, whosever it is (ASVS 5.0 V7.4.5).

        Returns what it was.

        Raises:
            NoSuchSession: there is no such session, or it is over.
        """
        session_id, store = arguments.session_id(session), await self._store()
        found = await store.session(session_id)
        if found is None or not await store.end_sessions(found.user.id, only=session_id):
            raise NoSuchSession
        await _record(store, [found.session])
        return found

    async def revoke_all(
        self, *, batch_size: int = _BATCH, done: Callable[[int], None] = _nobody
    ) -> int:
        """End the sessions of everybody and return how many (ASVS 5.0 V7.4.5).

        In batches, each a short transaction and then its events, so that a million of
        them hold nobody up. It stops when a batch finds fewer than it may take, so a session
        that began meanwhile has ended too, and one that begins later lives.

        Args:
            batch_size: sessions that one transaction ends, at most.
            done: called with the number of each batch.
        """
        arguments.require_count(batch_size=batch_size)
        store = await self._store()

        async def batch(size: int) -> int:
            ended = await store.end_any(size)
            await _record(store, ended)
            return len(ended)

        return await _repeat(batch, Pace(batch_size, seconds=_URGENT, rest=_SHORT), done)

    async def prune(
        self, *, batch_size: int = _BATCH, done: Callable[[int], None] = _nobody
    ) -> int:
        """Delete the sessions that can no longer be refreshed, and return how many.

        Spent nonces and counts, and events older than `events.retention`, go with them.
        It may overlap with itself, on as many machines, and be killed at any moment:
        each batch is a transaction, and leaves what others hold for the next time.

        Args:
            batch_size: rows that one transaction deletes, at most.
            done: called with the number of rows of each batch, of whichever kind.
        """
        arguments.require_count(batch_size=batch_size)
        store, retention = await self._store(), self.settings.events.retention

        async def forget_records(size: int) -> int:
            return await store.forget_records(size, events_older_than=retention)

        pruned = await _repeat(store.prune, Pace(batch_size), done)
        await _repeat(store.forget_nonces, Pace(batch_size), done)
        await _repeat(forget_records, Pace(batch_size), done)
        return pruned


async def _repeat(
    batch: Callable[[int], Awaitable[int]], pace: Pace, done: Callable[[int], None]
) -> int:
    """Work batches off until one is not full, and return how many rows they were."""
    total = 0
    while True:
        size = pace.size
        count = await batch(size)
        total += count
        done(count)
        if count < size:
            return total
        await pace.rest()


async def _record(store: Store, ended: list[Session]) -> None:
    await events.record(
        store,
        *(
            events.happened("session_revoked", user_id=session.user_id, session_id=session.id)
            for session in ended
        ),
    )
