"""A store is opened, migrated and closed."""

from __future__ import annotations

import asyncio

import pytest

from authingo.errors import StoreUnavailable
from authingo.stores import Store
from authingo.stores.conformance.world import add_user, credentials_of


class OpeningConformance:
    """A store is opened, migrated and closed."""

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
            await store.users.by_email(user.email)
        await store.open(create=False)
        assert (await credentials_of(store, user)).user == user
        await store.ping()
