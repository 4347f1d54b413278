"""Hooks that miss no event: `@auth.on(…, durable="name")`.

They read the table of events with a cursor, so they also get what other processes and the command
line did. One process at a time has the lease of a cursor. It calls the hook with one event after
the other, and moves the cursor only when the hook has returned. So each event is handled at least
once, whatever is killed: if a process dies in between, another one calls the hook again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from authingo.errors import StoreUnavailable
from authingo.hooks.listeners import LONGEST, Listener
from authingo.models import Event
from authingo.stores import Store
from authingo.stores.cursors import Lease, LeaseOver

LEASE = timedelta(seconds=30)  # longer than a hook may take
_LOOK = 5.0  # seconds between looks for what other processes recorded
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0  # seconds before a hook that failed is called again
_GRACE = 5.0  # seconds for a hook that runs when the server ends

_log = logging.getLogger("authingo")


@dataclass(slots=True, kw_only=True)
class Durable:
    """A durable hook.

    Args:
        name: of its cursor.
        names: of the events that it gets.
        hook: the function.
        woken: set when this process has recorded such an event. Each event loop needs another.
    """

    name: str
    names: frozenset[str]
    hook: Listener
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, event: Event) -> None:
        """Look for an event at once that this process has recorded."""
        if event.name in self.names:
            self.woken.set()


@contextlib.asynccontextmanager
async def reading(store: Store, hooks: Sequence[Durable]) -> AsyncIterator[None]:
    """Read for these hooks while a server runs."""
    closing, tasks = asyncio.Event(), set()
    for one in hooks:
        one.woken = asyncio.Event()
        reader = _Reader(store, one, closing)
        # The cursor is made before the first request, whose events have to come after it.
        tasks.add(asyncio.create_task(reader.run(await reader.take())))
    try:
        yield
    finally:
        closing.set()
        for one in hooks:
            one.woken.set()
        if tasks:
            _, running = await asyncio.wait(tasks, timeout=_GRACE)
            for task in running:
                task.cancel()
            await asyncio.wait(tasks)


class _Reader:
    def __init__(self, store: Store, durable: Durable, closing: asyncio.Event) -> None:
        self._store = store
        self._durable = durable
        self._closing = closing

    async def take(self) -> Lease | None:
        """Take the lease if it is free."""
        try:
            return await self._store.cursors.take(self._durable.name, lease=LEASE)
        except StoreUnavailable as error:
            _log.warning("the hook %s waits: %s", self._durable.name, error.explained)
            return None

    async def run(self, lease: Lease | None) -> None:
        """Read on while the lease lasts, and take it whenever it is free."""
        while not self._closing.is_set():
            try:
                if lease is not None:
                    await self._read_on(lease)
            except LeaseOver:
                _log.warning("another process reads on for the hook %s", self._durable.name)
            except StoreUnavailable as error:
                _log.warning("the hook %s waits: %s", self._durable.name, error.explained)
            await self._wait(_LOOK)
            lease = None if self._closing.is_set() else await self.take()

    async def _read_on(self, lease: Lease) -> None:
        try:
            while not self._closing.is_set():
                self._durable.woken.clear()
                event = await self._next(lease)
                if event is None:
                    await self._wait(_LOOK)
                    continue
                await self._handle(lease, event)
        finally:
            with contextlib.suppress(StoreUnavailable):
                await self._store.cursors.release(lease)

    async def _next(self, lease: Lease) -> Event | None:
        return await self._store.cursors.read(lease, sorted(self._durable.names), renew=LEASE)

    async def _handle(self, lease: Lease, event: Event) -> None:
        """Call the hook until it returns. The events after it wait, so that none is skipped."""
        pause = _FIRST_PAUSE
        while not await self._call(event):
            again = asyncio.get_running_loop().time() + pause
            while (left := again - asyncio.get_running_loop().time()) > 0:
                if self._closing.is_set():
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), min(left, _LOOK))
                await self._next(lease)  # renews the lease
            pause = min(pause * 2, _LONGEST_PAUSE)
        await self._store.cursors.move(lease, event)

    async def _call(self, event: Event) -> bool:
        try:
            async with asyncio.timeout(LONGEST):
                await self._durable.hook(event)
        except Exception:  # noqa: BLE001 - whatever it is, the server goes on
            _log.exception("the hook %s failed, and is called again", self._durable.name)
            return False
        return True

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._durable.woken.wait(), seconds)
