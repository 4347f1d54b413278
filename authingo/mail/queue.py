"""Queue a mail, and wake the sender of this process."""

from __future__ import annotations

import asyncio

from authingo.core import Core
from authingo.loops import OneLoop
from authingo.stores.mails import NewMail


def wake(core: Core) -> None:
    """Say that a mail was queued. See Capability.noticed."""
    core.capability(Queue).wake()


class Queue:
    """The way into the outbox. Senders of other processes find a mail when they look next."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._loop = OneLoop(lambda _: self._begin())
        self._begin()

    def _begin(self) -> None:
        self._added = asyncio.Event()  # belongs to the loop on which it was waited for

    async def add(self, mail: NewMail) -> None:
        """Queue a mail by itself."""
        await (await self._core.opened()).mails.add(mail)
        self.wake()

    def wake(self) -> None:
        """Say that a mail was queued, perhaps in a transaction of another verb."""
        self._loop.enter()
        self._added.set()

    async def wait(self, seconds: float) -> None:
        """Wait until a mail is queued by this process, or until `seconds` have passed."""
        self._loop.enter()
        try:
            async with asyncio.timeout(seconds):
                await self._added.wait()
        except TimeoutError:
            return
        finally:
            self._added.clear()
