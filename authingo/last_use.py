"""When a session was last used, for its user to recognize it (ASVS 5.0 V7.5.2).

A check writes nothing. It leaves the id of a session whose last use is a while ago,
and a moment later all of them are written together, off every request. A use that
cannot be written is forgotten: the next one is noted again.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

from authingo.errors import StoreUnavailable
from authingo.loops import is_over
from authingo.models import TokenMatch
from authingo.stores import Store

EVERY = timedelta(minutes=1)  # how exactly it is known
_PAUSE = 2.0  # seconds in which uses are gathered
_MOST = 1_000  # in one statement; who is left out is noted at the next use


class LastUse:
    """Gathers uses, and writes them in batches."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._used: set[str] = set()
        self._writing: asyncio.Task[None] | None = None

    def note(self, match: TokenMatch) -> None:
        """Note that a session is used now, if that is news. Never waits."""
        session = match.session
        if not match.current or session.expires_at - match.live_for - session.last_used_at < EVERY:
            return  # by the database's clock: its deadline less what is left of it is now
        if len(self._used) < _MOST:
            self._used.add(session.id)
        if is_over(self._writing):
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def close(self) -> None:
        """Write what is left."""
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
            await self._store.note_use(sorted(used), longer_than=EVERY)
