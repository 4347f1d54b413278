"""Two users with a session each, on either database, and somebody who watches."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.stores.watching import Scene


@pytest.fixture
async def scene(database_url: str) -> AsyncIterator[Scene]:
    scene = await Scene.begin(database_url)
    yield scene
    await scene.store.close()


@pytest.fixture
async def postgres_scene(scene: Scene) -> Scene:
    if scene.store.embedded:
        pytest.skip("about PostgreSQL")
    return scene


@pytest.fixture
async def sqlite_scene(scene: Scene) -> Scene:
    if not scene.store.embedded:
        pytest.skip("about SQLite")
    return scene
