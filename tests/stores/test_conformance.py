"""Both adapters pass the public suite."""

from collections.abc import AsyncIterator

import pytest

from authingo.config import Settings
from authingo.stores import Store, open_store
from authingo.stores.conformance import StoreConformance


class TestStores(StoreConformance):
    @pytest.fixture
    async def store(self, database_url: str) -> AsyncIterator[Store]:
        store = open_store(Settings(database_url=database_url))
        await store.open(create=True)
        await store.migrate()
        yield store
        await store.close()
