"""A store that opens itself when it is needed, and is held open while a program runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from authingo import testing_database
from authingo.errors import StoreUnavailable
from authingo.last_use import LastUse
from authingo.loops import is_over
from authingo.stores import Store, open_store

if TYPE_CHECKING:
    from authingo.config import Settings

_log = logging.getLogger("authingo")


class Opening:
    """A store under settings, and its life."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = testing_database.settings_for(settings, own_store=store is not None)
        self.store = store or open_store(self.settings)
        self._last_use = LastUse(self.store)
        self._opened = False
        self._opening: asyncio.Task[None] | None = None
        self._lifespans = 0

    async def open(self, *, create: bool = True) -> None:
        """Open the store, once. Use cases do it by themselves; see `Store.open`."""
        if self._opened:
            return
        opening = self._opening
        if opening is None or is_over(opening):  # one tries; who comes meanwhile shares the outcome
            opening = self._opening = asyncio.create_task(self._open(create=create))
        await asyncio.shield(opening)

    async def _open(self, *, create: bool) -> None:
        await self.store.open(create=create)
        if create and self.store.embedded:
            await self.store.migrate()
        self._opened = True

    async def close(self) -> None:
        """Close the store. Whatever is asked next opens it again."""
        await self._last_use.close()
        self._opened = False
        await self.store.close()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:  # noqa: ARG002
        """Hold the store open: `FastAPI(lifespan=auth.lifespan)`, or inside your own lifespan.

        May be entered several times; the last one out closes. A server comes up without
        its database, or with one that is not migrated: it logs a warning that says what to
        do, answers 503, and goes on as soon as the database is there.
        """
        self._lifespans += 1
        try:
            if self._lifespans == 1:
                await self._start()
            yield
        finally:
            self._lifespans -= 1
            if self._lifespans == 0:
                await self.close()

    async def _start(self) -> None:
        """Open, and say now what would else be noticed at a first request."""
        try:
            await self.open()
            if self.settings.sessions.cache:
                self.store.hears()  # it begins to listen, and logs why where it cannot
            (await self.store.schema()).require_current()
        except StoreUnavailable as error:
            _log.warning("answering 503 for now: %s", error.explained)

    async def ping(self) -> None:
        """Ask the store for an answer."""
        await (await self._store()).ping()

    async def _store(self) -> Store:
        await self.open()
        return self.store
