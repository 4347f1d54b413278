"""What is over is deleted; what there is is counted and examined."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authingo.attempts import AttemptLimit, Outcome
from authingo.errors import StoreUnavailable
from authingo.models import Event, NewUser, Statistics
from authingo.stores import Store
from authingo.stores.conformance.world import (
    DEAD,
    EXPIRED,
    LIVES,
    NO_GRACE,
    PAST,
    add_user,
    begin,
    by_token,
    count,
    new_digest,
)

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


async def _counted(store: Store, days: int) -> tuple[datetime, Statistics]:
    """Return the beginning of today and what is counted, both of the same day."""
    while True:
        today = _midnight()
        counted = await store.maintenance.statistics(days=days)
        if today == _midnight():
            return today, counted


def _midnight() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


class MaintenanceConformance:
    """What is over is deleted; what there is is counted and examined."""

    async def test_old_events_and_spent_counts_are_forgotten(self, store: Store) -> None:
        """In batches; what still counts stays."""
        now = datetime.now(UTC)
        for days in (100, 95, 91, 1, 0):
            event = Event(at=now - timedelta(days=days), name="sign_in")
            await store.events.record(Outcome(events=(event,)))
        limit = AttemptLimit(allowed=1, window=timedelta(minutes=5))
        kept = new_digest()
        await count(store, kept, limit)
        for _ in range(3):
            await count(store, new_digest(), replace(limit, window=PAST))
        age = timedelta(days=90)
        assert await store.maintenance.forget_records(2, events_older_than=age) == 2
        assert await store.maintenance.forget_records(2, events_older_than=age) == 1
        assert await store.maintenance.forget_records(2, events_older_than=age) == 0
        assert len(await store.events.page(limit=9)) == 2
        assert (await count(store, kept, limit)).refused_for is not None

    async def test_prune_deletes_only_what_cannot_be_refreshed(self, store: Store) -> None:
        """In batches. A session of which only the session token expired stays."""
        kept = [await begin(store), await begin(store, EXPIRED)]
        for _ in range(5):
            await begin(store, DEAD)
        over = await begin(store, replace(LIVES, absolute=PAST))
        assert await store.maintenance.count_prunable() == 6
        assert await store.maintenance.prune(4) == 4
        assert await store.maintenance.prune(4) == 2
        assert await store.maintenance.prune(4) == 0
        assert await store.maintenance.count_prunable() == 0
        for begun in kept:
            assert await by_token(store, begun.new.key) is not None
        assert await by_token(store, over.new.key) is None

    async def test_a_refreshed_session_is_looked_at_on_another_day(self, store: Store) -> None:
        """Whether its end moved away or came nearer, prune deletes it when it is over."""
        kept = await begin(store, replace(LIVES, refresh=timedelta(seconds=3)))
        over = await begin(store)
        assert await store.sessions.rotate(kept.rotation())
        assert await store.sessions.rotate(over.rotation(DEAD))
        assert await store.maintenance.count_prunable() == 1
        assert await store.maintenance.postpone_pruning(9) == 1
        assert await store.maintenance.postpone_pruning(9) == 0
        assert await store.maintenance.prune(9) == 1
        assert await by_token(store, kept.new.key) is not None

    async def test_prunes_at_once_share_the_work(self, store: Store) -> None:
        """Each session is counted by one of them."""
        for _ in range(30):
            await begin(store, DEAD)
        counts = await asyncio.gather(*(store.maintenance.prune(30) for _ in range(4)))
        assert sum(counts) + await store.maintenance.prune(30) == 30

    async def test_spent_nonces_are_forgotten(self, store: Store) -> None:
        """Those whose grace lasts stay."""
        spent, fresh = await begin(store), await begin(store)
        await store.sessions.rotate(spent.rotation(NO_GRACE))
        rotation = fresh.rotation()
        await store.sessions.rotate(rotation)
        forget, first = store.maintenance.forget_nonces, min(spent.new.id, fresh.new.id)
        last = max(spent.new.id, fresh.new.id)
        found, looked_at = await forget(1, after="")
        assert looked_at == first
        rest, looked_at = await forget(9, after=first)
        assert (found + rest, looked_at) == (1, last)
        assert await forget(9, after=last) == (0, None)
        assert await forget(9, after="") == (0, last)
        match = await store.sessions.by_refresh(
            fresh.new.selector_digest, fresh.new.verifier_digest
        )
        assert match is not None
        assert match.nonce == rotation.nonce

    async def test_an_empty_store_counts_nothing(self, store: Store) -> None:
        """Every day is there all the same."""
        today, counted = await _counted(store, 3)
        assert (counted.users, counted.verified, counted.disabled) == (0, 0, 0)
        assert (counted.refreshable, counted.active) == (0, 0)
        assert [day.date for day in counted.days] == [
            (today - ago * _DAY).date() for ago in (2, 1, 0)
        ]
        assert all(day.events == {} for day in counted.days)

    async def test_users_are_counted_by_what_they_are(self, store: Store) -> None:
        """A disabled user is one of all; a deleted one is not."""
        users = [await add_user(store, f"{number}@example.com") for number in range(4)]
        for user in users[:2]:
            await store.users.set_disabled(user.id, disabled=True)
        await store.users.delete(users[3].id)
        await store.users.add(
            NewUser(email="v@example.com", name="V", password_hash="x", email_verified=True)
        )
        _, counted = await _counted(store, 1)
        assert (counted.users, counted.verified, counted.disabled) == (4, 1, 2)

    async def test_sessions_are_counted_by_what_their_tokens_still_do(self, store: Store) -> None:
        """One that can only be refreshed is not active; one that is over is neither."""
        for lifetimes in (LIVES, LIVES, EXPIRED, DEAD):
            await begin(store, lifetimes)
        _, counted = await _counted(store, 1)
        assert (counted.refreshable, counted.active) == (3, 2)

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
            await store.events.record(Outcome(events=(Event(at=at, name=name),)))
        _, counted = await _counted(store, 30)
        by_date = {day.date: day.events for day in counted.days}
        assert by_date[midnight.date()] == {"sign_in": 1, "sign_up": 1}
        assert by_date[(midnight - _DAY).date()] == {"sign_in": 2, "sign_in_failed": 1}
        assert by_date[(midnight - 2 * _DAY).date()] == {"sign_in": 1}

    async def test_an_examination_finds_nothing_that_fails(self, store: Store) -> None:
        """Nor does a second one, which says the same: nothing was changed."""
        first, second = [await store.maintenance.examine(workers=1) for _ in range(2)]
        assert [(one.name, one.message) for one in first if one.status == "fail"] == []
        assert [one.name for one in first] == [one.name for one in second]
        assert [one.status for one in first if one.name == "schema"] == ["ok"]
        assert all(one.message for one in first)
        assert [one.name for one in first if (one.status == "ok") == bool(one.hint)] == []

    async def test_a_closed_store_cannot_be_examined(self, store: Store) -> None:
        """It says that it is unavailable, as every verb does."""
        await store.close()
        with pytest.raises(StoreUnavailable):
            await store.maintenance.examine(workers=1)
