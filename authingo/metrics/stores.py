"""Measure how long the verbs of a store take, all of them in one place."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Any

from authingo.metrics.cells import Row
from authingo.metrics.histograms import observe
from authingo.stores import Store

Histogram = Callable[[str], Row]  # of a verb, such as sessions.rotate

_TOPICS = frozenset(name for name, value in vars(Store).items() if isinstance(value, property))


class TimedStore:
    """A store, whose topics are replaced by timed ones. All else is the store's own."""

    def __init__(self, store: Store, histogram: Histogram) -> None:
        self._store = store
        self._histogram = histogram

    def __getattr__(self, name: str) -> Any:
        """Return what the store has under this name; a topic is made only once."""
        found = getattr(self._store, name)
        if name in _TOPICS:
            found = _TimedTopic(found, name, self._histogram)
            setattr(self, name, found)
        return found


class _TimedTopic:
    """The verbs of a topic. One that a verb of the same topic calls is a part of that verb."""

    def __init__(self, topic: object, name: str, histogram: Histogram) -> None:
        self._topic = topic
        self._name = name
        self._histogram = histogram

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._topic, name)
        if iscoroutinefunction(found):
            found = _timed(found, self._histogram(f"{self._name}.{name}"))
            setattr(self, name, found)
        return found


def _timed(verb: Callable[..., Any], row: Row) -> Callable[..., Any]:
    async def call(*arguments: Any, **named: Any) -> Any:
        began = perf_counter()
        try:
            return await verb(*arguments, **named)
        finally:
            observe(row, perf_counter() - began)

    return call
