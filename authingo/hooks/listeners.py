"""Hooks that get an event after its commit, off the request: `@auth.on`.

They get the events of this process. If it is killed, or has too much to do, they miss some; a hook
that must not miss any is durable, see `authingo.hooks.durable`.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable

from authingo.models import Event

Listener = Callable[[Event], Awaitable[None]]

LONGEST = 20.0  # seconds that a hook may take
_MOST = 1000  # calls at once
_GRACE = 5.0  # seconds for those that run when the program closes its Auth

_log = logging.getLogger("authingo")


class Listeners:
    """The hooks that are not durable, and their calls."""

    def __init__(self) -> None:
        self._hooks: list[tuple[frozenset[str], Listener]] = []
        self._calls: set[asyncio.Task[None]] = set()

    def add(self, names: frozenset[str], hook: Listener) -> None:
        """Add a hook for the events with these names."""
        self._hooks.append((names, hook))

    def hear(self, event: Event) -> None:
        """Call the hooks for an event, each in a task of its own."""
        for names, hook in self._hooks:
            if event.name not in names:
                continue
            if len(self._calls) >= _MOST:
                _log.error("the hooks for %s are too slow: %s is dropped", event.name, event.id)
                continue
            # Without the context of the request: it is over before this ends.
            call = asyncio.create_task(_call(hook, event), context=contextvars.Context())
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def close(self) -> None:
        """Wait for the calls on this event loop for some seconds, then cancel them."""
        loop = asyncio.get_running_loop()
        if calls := {call for call in self._calls if call.get_loop() is loop}:
            _, running = await asyncio.wait(calls, timeout=_GRACE)
            for call in running:
                call.cancel()


async def _call(hook: Listener, event: Event) -> None:
    try:
        async with asyncio.timeout(LONGEST):
            await hook(event)
    except Exception:  # noqa: BLE001 - whatever it is, nobody else is harmed
        _log.exception("a hook for %s failed", event.name)
