"""The metrics for Prometheus: as a collector, as an ASGI application, and on a port."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, cast
from wsgiref.simple_server import WSGIServer

from authingo.asgi import Receive, Scope, Send
from authingo.metrics.cells import Cells, Numbers, Shared, read_all
from authingo.metrics.families import FAMILIES, Family, added_up
from authingo.metrics.histograms import BOUNDS
from authingo.metrics.settings import Address

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric


class Exposition:
    """All metrics of all processes. See Auth.metrics."""

    def __init__(self, cells: Cells, directory: Path | None) -> None:
        """Show what this process has counted, or what all have that share the directory."""
        self._cells = cells
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer every HTTP request with the metrics."""
        from prometheus_client import make_asgi_app  # noqa: PLC0415 - an extra

        await make_asgi_app(self.registry())(scope, receive, send)

    def collect(self) -> Iterator[Metric]:
        """Yield each metric: this is a collector for a registry of prometheus_client."""
        if self._directory is not None and self._cells.is_shared:
            counted = added_up(read_all(self._directory))
        else:
            counted = added_up([Shared(self._cells.own(), is_owned=True)])
        return (_metric(family, counted) for family in FAMILIES)

    def registry(self) -> CollectorRegistry:
        """Return a registry with these metrics only."""
        from prometheus_client import CollectorRegistry  # noqa: PLC0415 - an extra

        registry = CollectorRegistry()
        registry.register(cast("Any", self))  # a Collector by its methods
        return registry

    def serve(self, address: Address) -> Server:
        """Serve the metrics on a port, from a thread.

        Raises:
            OSError: the port is not available.
        """
        from prometheus_client import start_http_server  # noqa: PLC0415 - an extra

        return Server(*start_http_server(address.port, address.host, self.registry()))


class Server:
    """A server for Prometheus that runs."""

    def __init__(self, server: WSGIServer, thread: Thread) -> None:
        self._server = server
        self._thread = thread

    def close(self) -> None:
        """Stop it, and wait for that: half a second at most."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _metric(family: Family, counted: Numbers) -> Metric:
    from prometheus_client import core  # noqa: PLC0415 - an extra

    made: Any = {
        "counter": core.CounterMetricFamily,
        "gauge": core.GaugeMetricFamily,
        "histogram": core.HistogramMetricFamily,
    }[family.kind](family.name, family.says, labels=family.labels)
    for labels, numbers in family.samples(counted):
        if family.kind == "histogram":
            *buckets, total = numbers
            made.add_metric(labels, _cumulative(buckets), total)
        else:
            made.add_metric(labels, numbers[0])
    metric: Metric = made
    return metric


def _cumulative(buckets: list[float]) -> list[tuple[str, float]]:
    """Return the bounds with the number of those at or below each, as Prometheus wants them."""
    bounds = [*map(str, BOUNDS), "+Inf"]
    return list(zip(bounds, accumulate(buckets), strict=True))
