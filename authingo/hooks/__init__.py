"""Hooks: functions of the application that authingo calls. See docs/hooks.md."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from authingo.hooks.gates import Gate
from authingo.stores import Store
from authingo.stores.within import WithinEvent, WithinHook

G = TypeVar("G", bound=Gate)
W = TypeVar("W", bound=WithinHook)


class Hooks:
    """The hooks of one Auth."""

    def __init__(self) -> None:
        self.gates: list[Gate] = []


class WithHooks:
    """The decorators of Auth that add hooks. Add them before the first request."""

    _hooks: Hooks
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
