"""What is shown: the metrics, their names and labels, made from what was counted.

No label has an identifier in it: not of a user, a session or an address, nor anything else that a
client sent. So there are as many series as there are routes, errors, limits and verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from authingo.metrics.cells import NOW, Key, Numbers, Shared
from authingo.metrics.histograms import BOUNDS, COLUMNS

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `samples`: the values of its labels, and a number, or those of a histogram."""

    name: str  # without the "_total" of a counter in Prometheus
    kind: Kind
    says: str
    labels: tuple[str, ...]
    samples: Callable[[Numbers], Iterator[tuple[tuple[str, ...], tuple[float, ...]]]]


Sample = tuple[tuple[str, ...], tuple[float, ...]]


def added_up(files: Iterable[Shared]) -> Numbers:
    """Add the numbers of all processes. Current values count only for those that run."""
    sums: dict[Key, tuple[float, ...]] = {}
    for file in files:
        for key, numbers in file.numbers.items():
            if key[0] == NOW and not file.is_owned:
                continue
            before = sums.get(key, (0.0,) * len(numbers))
            if len(before) == len(numbers):
                sums[key] = tuple(map(sum, zip(before, numbers, strict=True)))
    return sums


def _under(name: str) -> Callable[[Numbers], Iterator[Sample]]:
    """Return what finds the samples that are counted under a name as they are shown."""

    def find(counted: Numbers) -> Iterator[Sample]:
        return ((key[1:], numbers) for key, numbers in counted.items() if key[0] == name)

    return find


def _now(name: str) -> Callable[[Numbers], Iterator[Sample]]:
    return lambda counted: (((), counted[key]) for key in [(NOW, name)] if key in counted)


def _requests(counted: Numbers) -> Iterator[Sample]:
    """Yield the requests; those that were answered from memory are counted apart."""
    sums = {key: numbers[0] for key, numbers in _under("request")(counted)}
    session = ("GET", "/session", "ok")
    sums[session] = sums.get(session, 0.0) + _count(counted, "answered_from_memory")
    return ((key, (number,)) for key, number in sums.items())


def _checks(counted: Numbers) -> Iterator[Sample]:
    memory = _count(counted, "recalled") + _count(counted, "answered_from_memory")
    yield ("memory",), (memory,)
    yield ("store",), (_calls(counted, "sessions.by_token"),)


def _mails(counted: Numbers) -> Iterator[Sample]:
    yield ("sent",), (_count(counted, "event", "mail_sent"),)
    yield ("failed",), (_count(counted, "event", "mail_failed"),)
    yield ("put_off",), (_calls(counted, "mails.try_again"),)


def _count(counted: Numbers, *key: str) -> float:
    return counted.get(key, (0.0,))[0]


def _calls(counted: Numbers, verb: str) -> float:
    return sum(counted.get(("store", verb), (0.0,) * COLUMNS)[: len(BOUNDS) + 1])


FAMILIES = (
    Family(
        "authingo_requests",
        "counter",
        "Requests below base_path, by the route and the outcome: ok, or the code of the error.",
        ("method", "route", "outcome"),
        _requests,
    ),
    Family(
        "authingo_session_checks",
        "counter",
        "Session checks that were answered from memory, or asked the store.",
        ("source",),
        _checks,
    ),
    Family(
        "authingo_refusals",
        "counter",
        "Attempts that a limit has refused.",
        ("limit",),
        _under("refused"),
    ),
    Family(
        "authingo_events",
        "counter",
        "Events, such as sign_in_failed.",
        ("event",),
        _under("event"),
    ),
    Family(
        "authingo_mails",
        "counter",
        "Mails: delivered, given up, or put off to be tried again.",
        ("outcome",),
        _mails,
    ),
    Family(
        "authingo_hashing_wait_seconds",
        "histogram",
        "How long a request waited for a thread to hash a password.",
        (),
        _under("hashing_wait"),
    ),
    Family(
        "authingo_hashing_refusals",
        "counter",
        "Requests that were answered with busy, because the hashing queue was full.",
        (),
        _under("hashing_refused"),
    ),
    Family(
        "authingo_hashing_waiting",
        "gauge",
        "Requests that wait for a thread to hash a password.",
        (),
        _now("hashing_waiting"),
    ),
    Family(
        "authingo_hashing_busy_threads",
        "gauge",
        "Threads that hash a password.",
        (),
        _now("hashing_busy"),
    ),
    Family(
        "authingo_hashing_threads",
        "gauge",
        "Threads that there are for hashing.",
        (),
        _now("hashing_threads"),
    ),
    Family(
        "authingo_store_seconds",
        "histogram",
        "How long a verb of the store took, its wait for a connection included.",
        ("verb",),
        _under("store"),
    ),
    Family(
        "authingo_listening_processes",
        "gauge",
        "Processes that hear of revocations, and so may answer session checks from memory.",
        (),
        _now("listening"),
    ),
    Family(
        "authingo_processes",
        "gauge",
        "Processes that serve.",
        (),
        _now("processes"),
    ),
)
