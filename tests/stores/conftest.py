"""Two users with a session each, and somebody who watches: on either database, or on one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.stores.watching import Scene


@contextlib.asynccontextmanager
async def _begun(url: str) -> AsyncIterator[Scene]:
    scene = await Scene.begin(url)
    yield scene
    await scene.store.close()


@pytest.fixture
async def scene(database_url: str) -> AsyncIterator[Scene]:
    async with _begun(database_url) as scene:
        yield scene


@pytest.fixture
async def postgres_scene(postgres_url: str) -> AsyncIterator[Scene]:
    async with _begun(postgres_url) as scene:
        yield scene


@pytest.fixture
async def sqlite_scene(sqlite_url: str) -> AsyncIterator[Scene]:
    async with _begun(sqlite_url) as scene:
        yield scene
