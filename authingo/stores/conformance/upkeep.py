"""What is spent is pruned; the schema is migrated; a closed store says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authingo.errors import StoreUnavailable
from authingo.models import (
    AttemptLimit,
    Event,
    Outcome,
)
from authingo.stores import Store
from authingo.stores.conformance.world import (
    DEAD,
    EXPIRED,
    LIVES,
    NO_GRACE,
    PAST,
    add_user,
    begin,
    credentials_of,
    new_digest,
    take,
)


class UpkeepConformance:
    """What is spent is pruned; the schema is migrated; a closed store says so."""

    async def test_old_events_and_spent_counts_are_forgotten(self, store: Store) -> None:
        """In batches; what still counts stays."""
        now = datetime.now(UTC)
        for days in (100, 95, 91, 1, 0):
            event = Event(at=now - timedelta(days=days), name="sign_in")
            await store.record(Outcome(events=(event,)))
        limit = AttemptLimit(allowed=1, window=timedelta(minutes=5))
        kept = new_digest()
        await take(store, kept, limit)
        for _ in range(3):
            await take(store, new_digest(), replace(limit, window=PAST))
        age = timedelta(days=90)
        assert await store.forget_records(2, events_older_than=age) == 2
        assert await store.forget_records(2, events_older_than=age) == 1
        assert await store.forget_records(2, events_older_than=age) == 0
        assert len(await store.list_events(limit=9)) == 2
        assert (await take(store, kept, limit)).refused_for is not None

    async def test_prune_deletes_only_what_cannot_be_refreshed(self, store: Store) -> None:
        """In batches; an expired session token alone is no reason."""
        kept = [await begin(store), await begin(store, EXPIRED)]
        for _ in range(5):
            await begin(store, DEAD)
        over = await begin(store, replace(LIVES, absolute=PAST))
        assert await store.count_prunable() == 6
        assert await store.prune(4) == 4
        assert await store.prune(4) == 2
        assert await store.prune(4) == 0
        assert await store.count_prunable() == 0
        for begun in kept:
            assert await store.session_and_user(begun.new.token_digest) is not None
        assert await store.session_and_user(over.new.token_digest) is None

    async def test_prunes_at_once_share_the_work(self, store: Store) -> None:
        """Each session is counted by one of them."""
        for _ in range(30):
            await begin(store, DEAD)
        counts = await asyncio.gather(*(store.prune(30) for _ in range(4)))
        assert sum(counts) + await store.prune(30) == 30

    async def test_spent_nonces_are_forgotten(self, store: Store) -> None:
        """Those whose grace lasts stay."""
        spent, fresh = await begin(store), await begin(store)
        await store.rotate(spent.rotation(NO_GRACE))
        rotation = fresh.rotation()
        await store.rotate(rotation)
        assert await store.forget_nonces(10) == 1
        assert await store.forget_nonces(10) == 0
        match = await store.session_by_refresh(fresh.new.selector_digest, fresh.new.verifier_digest)
        assert match is not None
        assert match.nonce == rotation.nonce

    async def test_migrating_again_does_nothing(self, store: Store) -> None:
        """And several at once are harmless."""
        assert await asyncio.gather(*(store.migrate() for _ in range(3))) == [[], [], []]
        status = await store.schema()
        assert (status.current, status.pending) == (status.latest, ())

    async def test_a_closed_store_says_that_it_is_unavailable(self, store: Store) -> None:
        """And works again once opened."""
        user = await add_user(store)
        await store.close()
        with pytest.raises(StoreUnavailable):
            await store.credentials(user.email)
        await store.open(create=False)
        assert (await credentials_of(store, user)).user == user
        await store.ping()
