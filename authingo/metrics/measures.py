"""What is counted, and where each count comes from."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, cast

from authingo.cache import Remembered
from authingo.errors import Busy
from authingo.hashing_queue import HashingQueue
from authingo.measuring import Hear, Measures, Named, Recall
from authingo.metrics.cells import NOW, Cells, Row
from authingo.metrics.histograms import COLUMNS, observe
from authingo.metrics.prometheus import Exposition
from authingo.metrics.settings import MetricsSettings, require_prometheus
from authingo.metrics.stores import TimedStore
from authingo.models import Event
from authingo.stores import Store

if TYPE_CHECKING:
    from authingo.config import Settings
    from authingo.core import Core


class Measured(Measures):
    """Counts, in `cells`."""

    on = True

    def __init__(self) -> None:
        self.cells = Cells()
        self._requests: dict[tuple[str, str, str], Row] = {}  # quicker than to ask `cells`
        self._recall: Recall | None = None
        self._queue: HashingQueue | None = None
        self._is_observed = False

    def timed(self, store: Store) -> Store:
        """See Measures."""
        return cast("Store", TimedStore(store, self._histogram))

    def _histogram(self, verb: str) -> Row:
        return self.cells.row("store", verb, count=COLUMNS)

    def recalled(self, recall: Recall) -> Recall:
        """See Measures."""
        self._recall = recall
        return _counting(recall, self.cells.row("recalled"))

    def answering(self, recall: Recall) -> Recall:
        """See Measures."""
        return _counting(self._recall or recall, self.cells.row("answered_from_memory"))

    def queue(self, threads: int) -> HashingQueue:
        """See Measures."""
        self._queue = _Queue(threads, self.cells)
        return self._queue

    def heard(self, hear: Hear) -> Hear:
        """See Measures."""

        def count(event: Event) -> None:
            self.cells.row("event", event.name).add()
            hear(event)

        return count

    def answered(self, method: str, path: str, outcome: str, named: Named) -> None:
        """See Measures."""
        row = self._requests.get((method, path, outcome))
        if row is None:
            declared = named(path, method)
            row = self.cells.row("request", *declared, outcome)
            if declared == (method, path):  # nothing that a client could make up
                self._requests[method, path, outcome] = row
        row.values[row.at] += 1.0

    def refused(self, limit: str) -> None:
        """See Measures."""
        self.cells.row("refused", limit.replace(" ", "_").replace("-", "_")).add()

    def exposition(self, settings: Settings) -> Exposition:
        """See Measures."""
        require_prometheus("auth.metrics")
        return Exposition(self.cells, settings.of(MetricsSettings).shared_directory(settings))

    def observe(self) -> None:
        """Show the metrics to the meter provider of the program."""
        if not self._is_observed:
            from authingo.metrics.telemetry import observe  # noqa: PLC0415 - a library

            self._is_observed = True
            observe(self.cells)

    def look(self, core: Core) -> None:
        """Note the current values. Call it in the event loop, once a second."""
        self._now("processes", 1)
        if core.settings.sessions.cache:
            self._now("listening", core.store.is_notified())
        if self._queue is not None:
            self._now("hashing_threads", self._queue.threads)
            self._now("hashing_busy", self._queue.busy)
            self._now("hashing_waiting", self._queue.waiting)

    def _now(self, name: str, value: float) -> None:
        self.cells.row(NOW, name).set(value)


def _counting(recall: Recall, row: Row) -> Recall:
    """Count what is found in memory.

    This is the only thing that metrics add to a session check, so it calls nothing: 0.1 µs.
    """

    def counted(token: bytes | None) -> Remembered | None:
        found = recall(token)
        if found is not None:
            row.values[row.at] += 1.0
        return found

    return counted


class _Queue(HashingQueue):
    """Measures how long requests wait for a thread, and counts those that get none."""

    def __init__(self, threads: int, cells: Cells) -> None:
        super().__init__(threads)
        self._waited = cells.row("hashing_wait", count=COLUMNS)
        self._refused = cells.row("hashing_refused")

    async def take_thread(self, network: str | None) -> None:
        """See HashingQueue."""
        began = perf_counter()
        await super().take_thread(network)
        observe(self._waited, perf_counter() - began)

    def refusal(self) -> Busy:
        """See HashingQueue."""
        self._refused.add()
        return super().refusal()
