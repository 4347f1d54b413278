"""Record when a session was last used, so that its user recognizes it (ASVS 5.0 V7.5.2).

A session check writes nothing. If the recorded use is more than a minute old, the check notes
the id of the session. A moment later, a task outside of any request writes all noted ids
together. If that fails, these uses are forgotten, and the next use is noted again.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

from authingo.errors import StoreUnavailable
from authingo.loops import is_over
from authingo.models import TokenMatch
from authingo.stores import Store

EVERY = timedelta(minutes=1)  # a recorded use is at most about this much too old
_PAUSE = 2.0  # seconds for which uses are gathered before they are written
_MOST = 1_000  # sessions in one statement; the others are noted at their next use


class LastUse:
    """Gathers uses, and writes them in batches."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._used: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    def note(self, match: TokenMatch) -> None:
        """Note that a session is used now, if the recorded use is old enough. Never waits."""
        session = match.session
        if (
            not match.current
            or session.expires_at - match.active_for - session.last_used_at < EVERY
        ):
            return  # the deadline minus the time that is left is now, by the database's clock
        if len(self._used) < _MOST:
            self._used.add(session.id)
        if is_over(self._writing):
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def close(self) -> None:
        """Write the uses that are not written yet."""
        writing, self._writing = self._writing, None
        if writing is not None and not is_over(writing):
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
        if self._used:
            await self._flush()

    async def _write(self) -> None:
        while self._used:
            await asyncio.sleep(_PAUSE)
            await self._flush()

    async def _flush(self) -> None:
        used, self._used = self._used, set()
        with contextlib.suppress(StoreUnavailable):
            await self._store.sessions.note_use(sorted(used), longer_than=EVERY)
