"""Cursors: no event is missed, whenever it is committed, and one process reads at a time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from authingo.attempts import Outcome
from authingo.models import Event, NewUser, User
from authingo.stores import Store
from authingo.stores.conformance.world import PAST, add_user, an_event
from authingo.stores.cursors import Lease, LeaseOver
from authingo.stores.within import HookConnection

LEASE = timedelta(minutes=1)
_NAMES = ["made", "other"]


async def take(store: Store, name: str = "mails", *, lease: timedelta = LEASE) -> Lease:
    """Take a cursor that nobody else has."""
    taken = await store.cursors.take(name, lease=lease)
    assert taken is not None
    return taken


async def read_all(store: Store, lease: Lease) -> list[str]:
    """Read to the end, and return the names of the events."""
    found: list[str] = []
    while event := await store.cursors.read(lease, _NAMES, renew=LEASE):
        found.append(event.name)
        await store.cursors.move(lease, event)
    return found


class CursorsConformance:
    """Cursors: no event is missed, whenever it is committed, and one process reads at a time."""

    async def test_a_cursor_reads_each_event_since_it_was_made(self, store: Store) -> None:
        """In order, only those asked for, and again until it is moved."""
        await store.events.record(an_event("made"))
        lease = await take(store)
        assert await store.cursors.read(lease, _NAMES, renew=LEASE) is None
        for name in ("made", "unwanted", "other", "made"):
            await store.events.record(an_event(name))
        first = await store.cursors.read(lease, _NAMES, renew=LEASE)
        assert first is not None
        assert first == await store.cursors.read(lease, _NAMES, renew=LEASE)
        assert await read_all(store, lease) == ["made", "other", "made"]
        assert await read_all(store, lease) == []

    async def test_an_event_that_is_committed_late_is_not_missed(
        self, store: Store, another_store: Store
    ) -> None:
        """Not even if one that began later was committed and read before."""
        began, goes_on = asyncio.Event(), asyncio.Event()

        async def hook(_: User, connection: HookConnection) -> None:
            await connection.execute("UPDATE authingo_users SET name = name")
            began.set()
            await goes_on.wait()

        another_store.within.add("user_created", hook)
        lease = await take(store)
        new = NewUser(email="ada@example.com", name="Ada", password_hash="$2b$04$hash")
        slow = asyncio.create_task(another_store.users.add(new, outcome=an_event("made")))
        await began.wait()
        quick = asyncio.create_task(store.events.record(an_event("other")))
        await asyncio.wait({quick}, timeout=0.05)  # SQLite lets it wait for the first
        read = asyncio.create_task(read_all(store, lease))
        await asyncio.wait({read}, timeout=0.05)
        goes_on.set()
        await asyncio.gather(slow, quick)
        assert sorted([*await read, *await read_all(store, lease)]) == ["made", "other"]

    async def test_one_process_has_a_cursor_at_a_time(
        self, store: Store, another_store: Store
    ) -> None:
        """Another one may take it when the lease is over or was given back."""
        lease = await take(store)
        assert await another_store.cursors.take("mails", lease=LEASE) is None
        assert await another_store.cursors.take("other", lease=LEASE)
        await store.cursors.release(lease)
        again = await take(another_store)
        await store.cursors.release(lease)  # is over, so this gives nothing back
        assert await store.cursors.take("mails", lease=LEASE) is None
        await another_store.cursors.release(again)
        taken = await asyncio.gather(
            *(one.cursors.take("mails", lease=LEASE) for one in (store, another_store) * 3)
        )
        assert len([one for one in taken if one]) == 1

    async def test_who_has_lost_the_lease_moves_nothing(
        self, store: Store, another_store: Store
    ) -> None:
        """Such as a process that was frozen for longer than its lease."""
        lost = await take(store, lease=PAST)
        await store.events.record(an_event("made"))
        event = await store.cursors.read(lost, _NAMES, renew=PAST)
        assert event is not None
        lease = await take(another_store)
        with pytest.raises(LeaseOver):
            await store.cursors.move(lost, event)
        with pytest.raises(LeaseOver):
            await store.cursors.read(lost, _NAMES, renew=LEASE)
        assert await read_all(another_store, lease) == ["made"]

    async def test_pruning_keeps_what_is_unread(self, store: Store) -> None:
        """And nothing else, whatever was read of other names."""
        lease, old = await take(store), datetime.now(UTC) - timedelta(days=400)
        for name in ("made", "made"):
            await store.events.record(Outcome(events=(Event(at=old, name=name),)))
        event = await store.cursors.read(lease, _NAMES, renew=LEASE)
        assert event is not None
        await store.cursors.move(lease, event)
        year = timedelta(days=365)
        assert await store.maintenance.forget_records(99, events_older_than=year) == 1
        assert await read_all(store, lease) == ["made"]
        assert await store.maintenance.forget_records(99, events_older_than=year) == 1
        assert await store.events.page(limit=9) == []
        await store.events.record(an_event("made"))  # with a number that was not used before
        assert await read_all(store, lease) == ["made"]

    async def test_cursors_are_listed_with_the_time_of_their_last_move(self, store: Store) -> None:
        """A cursor that is at the end counts as moved."""
        before = datetime.now(UTC) - timedelta(minutes=1)
        for name in ("second", "first"):
            await take(store, name)
        listed = await store.cursors.list()
        assert [one.name for one in listed] == ["first", "second"]
        assert all(one.moved_at > before for one in listed)

    async def test_adding_and_deleting_a_user_records_it_in_the_same_transaction(
        self, store: Store
    ) -> None:
        """So that a durable hook hears of each, whatever is killed."""
        lease = await take(store)
        user = await add_user(store)
        new = NewUser(email="grace@example.com", name="Grace", password_hash="$2b$04$hash")
        await store.users.add(new, outcome=an_event("made"))
        assert await store.users.delete(user.id, outcome=an_event("other"))
        assert not await store.users.delete(user.id, outcome=an_event("other"))
        assert await read_all(store, lease) == ["made", "other"]
