"""Sign-ins of one user at the same moment do not wait for each other's device tokens."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from authingo.attempts import DEVICES_KEPT
from authingo.config import Settings
from authingo.stores import open_store
from authingo.stores.conformance.devices import sign_in
from authingo.stores.conformance.world import add_user

pytestmark = pytest.mark.anyio


async def test_a_token_that_another_sign_in_holds_is_crowded_out_by_the_next_one(
    make_settings: Callable[..., Settings], postgres_url: str
) -> None:
    """Two that each crowd out what the other holds would be a deadlock."""
    store = open_store(make_settings(database_url=postgres_url, store={"timeout": "2s"}))
    await store.open(create=False)
    user = await add_user(store)
    for _ in range(DEVICES_KEPT):
        await sign_in(store, user)
    another = await asyncpg.connect(postgres_url)
    async with another.transaction():
        await another.execute("SELECT FROM authingo_secrets FOR UPDATE")
        await sign_in(store, user)
    await another.close()
    await sign_in(store, user)
    assert await store.devices.count(user.id) == DEVICES_KEPT - 1
    await store.close()
