"""The metrics for OpenTelemetry, by the meter provider that the program has.

Each process reports what it has counted itself; the attributes of its resource tell the processes
apart. The API has no histogram that can be observed, so each has two counters, of calls and of
seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from authingo.metrics.cells import Cells, Shared
from authingo.metrics.families import FAMILIES, Family, added_up

Callback = Callable[[CallbackOptions], Iterable[Observation]]


def observe(cells: Cells) -> None:
    """Let the meter provider of this program ask for the metrics, as often as it likes."""
    meter = get_meter("authingo")
    for family in FAMILIES:
        name = family.name.replace("authingo_", "authingo.").removesuffix("_seconds")
        if family.kind == "histogram":
            calls = [_callback(cells, family, lambda numbers: sum(numbers[:-1]))]
            meter.create_observable_counter(f"{name}.calls", calls, "1", family.says)
            seconds = [_callback(cells, family, lambda numbers: numbers[-1])]
            meter.create_observable_counter(f"{name}.time", seconds, "s", family.says)
            continue
        make = (
            meter.create_observable_gauge
            if family.kind == "gauge"
            else meter.create_observable_counter
        )
        make(name, [_callback(cells, family, lambda numbers: numbers[0])], "1", family.says)


def _callback(
    cells: Cells, family: Family, number: Callable[[tuple[float, ...]], float]
) -> Callback:
    def ask(_: CallbackOptions) -> Iterable[Observation]:
        counted = added_up([Shared(cells.own(), is_owned=True)])
        for labels, numbers in family.samples(counted):
            attributes = dict(zip(family.labels, labels, strict=True))
            yield Observation(number(numbers), attributes)

    return ask
