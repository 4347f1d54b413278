"""Judgements that the adapters' examinations share: the same facts, on every database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from authingo.errors import SchemaUnsupported
from authingo.findings import Finding, fail, ok, warn
from authingo.stores.migrations import SchemaStatus

LOOKED_AT = 10_000  # expired sessions that are counted; a message says "at least" if there are more
_NAMED = 3  # how many objects of the schema a message names
_A_DAY = timedelta(days=1)

# The objects of a schema by their labels, such as "trigger authingo_users_deleted on
# authingo_users", each with a detail that differs if the object was altered.
Objects = Mapping[str, str]


def unsupported(error: SchemaUnsupported) -> Finding:
    """Judge a schema that this program cannot work with."""
    return fail("schema", error.message, error.hint or "run the authingo that made it")


def schema(status: SchemaStatus, expected: Objects, found: Objects) -> Finding:
    """Judge whether migrations are pending, and whether all that they made is still there.

    The record of migrations says what was applied, not what is there now. If an operator
    drops a trigger, the record does not show it, and caches no longer hear of revocations.
    Objects that an operator added, such as an index, are no problem.
    """
    if status.pending:
        names = ", ".join(step.name for step in status.pending)
        return fail(
            "schema",
            f"at {status.current} of {status.latest}; pending: {names}",
            "run `authingo migrate`",
        )
    if status.current > status.latest:
        return ok("schema", f"at {status.current}, newer than this program, which can work with it")
    missing = [label for label in expected if label not in found]
    altered = [label for label in expected if found.get(label, expected[label]) != expected[label]]
    if not missing and not altered:
        return ok("schema", f"current ({status.current}) and as the migrations made it")
    slow_at_worst = all(
        label.startswith("index ") and not expected[label].startswith("unique")
        for label in missing + altered
    )
    message = "; ".join(
        f"{what}: {_some(labels)}"
        for what, labels in (("missing", missing), ("altered", altered))
        if labels
    )
    if slow_at_worst:
        return warn("schema", message, "create it again, as `authingo migrate --sql` would")
    return fail(
        "schema",
        message,
        "put it back as authingo's migrations have it, or restore a back-up; until then "
        "sessions may not end when they are revoked",
    )


def pruning(waiting: int, oldest: timedelta | None) -> Finding:
    """Judge whether expired sessions are pruned regularly.

    Args:
        waiting: how many expired sessions are still there, `LOOKED_AT` at most.
        oldest: how long ago the first of them expired.
    """
    some = f"at least {waiting:,}" if waiting >= LOOKED_AT else f"{waiting:,}"
    counted = f"{some} expired session{'' if waiting == 1 else 's'}"
    if oldest is None or oldest <= _A_DAY:
        return ok("pruning", f"{counted} to prune" if waiting else "nothing waits to be pruned")
    return warn(
        "pruning",
        f"{counted} to prune, the oldest for {oldest.days} days: nothing seems to prune them",
        "run `authingo sessions prune` hourly, by cron or a systemd timer",
    )


def clock(difference: timedelta, uncertain: timedelta) -> Finding:
    """Judge the database's clock against this machine's.

    Deadlines are set and compared by the database's clock alone, so a difference signs no user
    out. But it puts the events and logs of several machines out of order (ASVS 5.0 V16.2.2).
    """
    seconds = difference.total_seconds()
    within = f"within {max(uncertain.total_seconds(), 0.001) * 1000:.0f} ms"
    if abs(seconds) <= 1 + uncertain.total_seconds():
        return ok("clock", f"the database's clock is this machine's, {within}")
    return warn(
        "clock",
        f"the database's clock is {abs(seconds):,.1f} s {'ahead of' if seconds > 0 else 'behind'}"
        " this machine's",
        "synchronize both by NTP: events are stamped by one and deadlines by the other",
    )


def _some(labels: list[str]) -> str:
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return ", ".join(labels[:_NAMED]) + more
