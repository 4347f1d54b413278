"""Moments and spans of time, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(length: timedelta) -> str:
    """Write a span in the largest unit that fits, such as `14 minutes`. Its sign is left out."""
    seconds = abs(length.total_seconds())
    size, unit = next(((s, u) for s, u in _UNITS if seconds >= s), (1, "second"))
    count = int(seconds / size)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def when(moment: datetime) -> str:
    """Write a moment, and how far away it is."""
    away = moment - datetime.now(UTC)
    distance = f"in {span(away)}" if away > timedelta(0) else f"{span(away)} ago"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({distance})"
