"""Hooks: functions of the application that authingo calls. See docs/hooks.md."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from authingo.events import names
from authingo.hooks.durable import Durable
from authingo.hooks.gates import Gate
from authingo.hooks.listeners import Listener, Listeners
from authingo.models import Event
from authingo.stores import Store
from authingo.stores.within import WithinEvent, WithinHook

G = TypeVar("G", bound=Gate)
W = TypeVar("W", bound=WithinHook)
L = TypeVar("L", bound=Listener)

DELETIONS = "authingo:deletions"  # a cursor; no hook of an application has a name with a colon
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")  # of a cursor


class Hooks:
    """The hooks of one Auth."""

    def __init__(self, plugins: Sequence[str]) -> None:
        self._plugins = plugins
        self.gates: list[Gate] = []
        self.listeners = Listeners()
        self.durable: list[Durable] = []

    def pass_deletions_to(self, finish: Listener) -> None:
        """Let `finish` delete the users whom a process without the hooks wanted to delete.

        The cursor of this tells other processes that there are such hooks.
        """
        if all(one.name != DELETIONS for one in self.durable):
            names = frozenset({"deletion_passed_on"})
            self.durable.append(Durable(name=DELETIONS, names=names, hook=finish))

    def listen(self, events: tuple[str, ...], hook: Listener, durable: str | None) -> None:
        """Add a hook for events. See `WithHooks.on`."""
        if unknown := set(events) - set(names(self._plugins)):
            raise ValueError(f"on: there is no event {', '.join(sorted(unknown))}")
        if not events:
            raise ValueError('on: name the events, such as `@auth.on("sign_up")`')
        if durable is None:
            self.listeners.add(frozenset(events), hook)
            return
        if not _NAME.fullmatch(durable) or any(one.name == durable for one in self.durable):
            raise ValueError(f"on: each durable is another name, which matches {_NAME.pattern}")
        self.durable.append(Durable(name=durable, names=frozenset(events), hook=hook))

    def hear(self, event: Event) -> None:
        """Get an event of what this process has done."""
        self.listeners.hear(event)
        for one in self.durable:
            one.hear(event)


class WithHooks:
    """The decorators of Auth that add hooks. Add them before the first request."""

    _hooks: Hooks
    _finish_deletion: Listener
    store: Store

    def gate(self, hook: G) -> G:
        """Ask a function before anybody signs up, signs in or changes their address: `@auth.gate`.

        It is asked after the last factor and before anything is written, with a `GateAttempt`, and
        raises `Refused` to refuse. All gates together have `store.timeout`. If one fails or takes
        longer, nothing happens, and the answer is a 500 or 503.
        """
        self._hooks.gates.append(_coroutine_function(hook))
        return hook

    def within(self, *events: WithinEvent) -> Callable[[W], W]:
        """Run a function in the transaction that changes a user: `@auth.within("user_created")`.

        It is given the user and a `HookConnection`, and what it writes is committed together with
        the change, or not at all. If it raises `Refused`, that is the answer. Everything in the
        transaction together has `store.timeout`. It cannot call authingo.

        Args:
            events: "user_created" and "user_evicted", with the user as they are then, and
                "user_deleted", before they are deleted.
        """

        def add(hook: W) -> W:
            for event in events:
                self.store.within.add(event, _coroutine_function(hook))
            if "user_deleted" in events:
                self._hooks.pass_deletions_to(self._finish_deletion)
            return hook

        return add

    def on(self, *events: str, durable: str | None = None) -> Callable[[L], L]:
        """Call a function with each `Event` of these names: `@auth.on("sign_up")`.

        It is called after the commit and off the request, and has 20 seconds. If it fails, that is
        logged and harms nobody.

        Args:
            events: names of docs/events.md.
            durable: a name of your choice, to miss no event. Such a hook runs while a server does
                (`lifespan`), in one process at a time, with one event after the other, at least
                once, also for what other processes and the command line did. If it fails, it is
                called again, and the events after it wait.

        Raises:
            ValueError: there is no such event, or another hook has this `durable`.
        """

        def add(hook: L) -> L:
            self._hooks.listen(events, _coroutine_function(hook), durable)
            return hook

        return add


def _coroutine_function(hook: Any) -> Any:
    """Return the hook. One that is not awaited would refuse nothing.

    Raises:
        TypeError: it is no coroutine function.
    """
    called: Callable[..., Any] = hook if inspect.isroutine(hook) else type(hook).__call__
    if not inspect.iscoroutinefunction(called):
        raise TypeError(f"a hook is a function of the form `async def`, not {hook!r}")
    return hook
