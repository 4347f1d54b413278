"""What there is and what happened is counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from authingo.models import Event, NewUser, Outcome, Statistics
from authingo.stores import Store
from authingo.stores.conformance.world import DEAD, EXPIRED, LIVES, add_user, begin

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


async def _counted(store: Store, days: int) -> tuple[datetime, Statistics]:
    """Return the beginning of today and what is counted, both of the same day."""
    while True:
        today = _midnight()
        counted = await store.statistics(days=days)
        if today == _midnight():
            return today, counted


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


class CountsConformance:
    """What there is and what happened is counted."""

    async def test_an_empty_store_counts_nothing(self, store: Store) -> None:
        """Every day is there all the same."""
        today, counted = await _counted(store, 3)
        assert (counted.users, counted.verified, counted.disabled) == (0, 0, 0)
        assert (counted.refreshable, counted.live) == (0, 0)
        assert [day.date for day in counted.days] == [
            (today - ago * _DAY).date() for ago in (2, 1, 0)
        ]
        assert all(day.events == {} for day in counted.days)

    async def test_users_are_counted_by_what_they_are(self, store: Store) -> None:
        """A disabled user is one of all; a deleted one is not."""
        users = [await add_user(store, f"{number}@example.com") for number in range(4)]
        for user in users[:2]:
            await store.set_disabled(user.id, disabled=True)
        await store.delete_user(users[3].id)
        await store.add_user(
            NewUser(email="v@example.com", name="V", password_hash="x", email_verified=True)
        )
        _, counted = await _counted(store, 1)
        assert (counted.users, counted.verified, counted.disabled) == (4, 1, 2)

    async def test_sessions_are_counted_by_what_their_tokens_still_do(self, store: Store) -> None:
        """One that can only be refreshed is not live; one that is over is neither."""
        for lifetimes in (LIVES, LIVES, EXPIRED, DEAD):
            await begin(store, lifetimes)
        _, counted = await _counted(store, 1)
        assert (counted.refreshable, counted.live) == (3, 2)

    async def test_events_are_counted_by_day_and_name(self, store: Store) -> None:
        """A day begins at midnight UTC and ends before the next; older ones do not count."""
        midnight = _midnight()
        for at, name in (
            (midnight, "sign_in"),
            (midnight, "sign_up"),
            (midnight - _MICROSECOND, "sign_in"),
            (midnight - _DAY, "sign_in"),
            (midnight - _DAY, "sign_in_failed"),
            (midnight - _DAY - _MICROSECOND, "sign_in"),
            (midnight - 2 * _DAY - _MICROSECOND, "sign_out"),
        ):
            await store.record(Outcome(events=(Event(at=at, name=name),)))
        _, counted = await _counted(store, 30)
        by_date = {day.date: day.events for day in counted.days}
        assert by_date[midnight.date()] == {"sign_in": 1, "sign_up": 1}
        assert by_date[(midnight - _DAY).date()] == {"sign_in": 2, "sign_in_failed": 1}
        assert by_date[(midnight - 2 * _DAY).date()] == {"sign_in": 1}
