"""Measure how long the verbs of a store take, all of them in one place."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any

from authingo.stores import Store

Timer = Callable[[float], None]  # gets seconds

_TOPICS = frozenset(name for name, value in vars(Store).items() if isinstance(value, property))


class TimedStore:
    """A store, whose topics are replaced by timed ones. All else is the store's own."""

    def __init__(self, store: Store, timer: Callable[[str], Timer]) -> None:
        """Make a timer of the name of a verb, such as sessions.rotate, when it is first called."""
        self._store = store
        self._timer = timer

    def __getattr__(self, name: str) -> Any:
        """Return what the store has under this name; a topic is made only once."""
        found = getattr(self._store, name)
        if name in _TOPICS:
            found = _TimedTopic(found, name, self._timer)
            setattr(self, name, found)
        return found


class _TimedTopic:
    """The verbs of a topic. One that a verb of the same topic calls is a part of that verb."""

    def __init__(self, topic: object, name: str, timer: Callable[[str], Timer]) -> None:
        self._topic = topic
        self._name = name
        self._timer = timer

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._topic, name)
        if iscoroutinefunction(found):
            found = _timed(found, self._timer(f"{self._name}.{name}"))
            setattr(self, name, found)
        return found


def _timed(verb: Callable[..., Any], took: Timer) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> Any:
        began = perf_counter()
        try:
            return await verb(*arguments, **named)
        finally:
            took(perf_counter() - began)

    return call
