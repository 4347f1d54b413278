"""What the parts of authingo report while they work, for figures about a program.

`Measures` ignores all of it, and hands back unchanged what could be counted, so that a program
without metrics pays nothing for them. A capability puts its own in its place
(`Capability.measures`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from authingo.asgi import Receive, Scope, Send
from authingo.cache import Remembered
from authingo.capabilities import capabilities, load
from authingo.errors import ConfigError
from authingo.hashing_queue import HashingQueue
from authingo.models import Event
from authingo.stores import Store

if TYPE_CHECKING:
    from authingo.config import Settings

Recall = Callable[[bytes | None], Remembered | None]  # SessionCache.recall
Hear = Callable[[Event], None]
Named = Callable[[str, str], tuple[str, str]]  # Routes.named


class Exposed(Protocol):
    """Metrics, as an ASGI application and as a collector for a registry of prometheus_client."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer every HTTP request with the metrics."""

    def collect(self) -> Iterator[Any]:
        """Yield each metric."""


class Measures:
    """Ignores everything."""

    on = False  # whether `answered` is of any use

    def timed(self, store: Store) -> Store:
        """Return the store, or one that measures how long each verb of it takes."""
        return store

    def recalled(self, recall: Recall) -> Recall:
        """Return what looks into memory, for guards and for programs."""
        return recall

    def answering(self, recall: Recall) -> Recall:
        """Return what looks into memory to answer a request at once.

        Args:
            recall: from `recalled`. What is returned counts in its place, not in addition.
        """
        return recall

    def queue(self, threads: int) -> HashingQueue:
        """Return a queue for this many hashing threads."""
        return HashingQueue(threads)

    def heard(self, hear: Hear) -> Hear:
        """Return what gets each event of what this process does."""
        return hear

    def answered(self, method: str, path: str, outcome: str, named: Named) -> None:
        """Get the answer to a request.

        Args:
            method: as the client sent it.
            path: likewise.
            outcome: "ok", or the code of the error.
            named: returns the method and the path that were declared. Only those may be shown.
        """

    def refused(self, limit: str) -> None:
        """Get the name of a limit that has refused an attempt."""

    def exposition(self, settings: Settings) -> Exposed:  # noqa: ARG002 - for others
        """Return what shows the metrics.

        Raises:
            ConfigError: they are off, or the library for it is missing.
        """
        raise ConfigError("metrics are off", hint="set metrics.enabled = true (docs/metrics.md)")


def measures_of(settings: Settings) -> Measures:
    """Return what measures under these settings."""
    for one in capabilities(settings.plugins):
        if one.measures:
            found: Measures | None = load(one.measures)(settings)
            if found is not None:
                return found
    return Measures()
