"""A PostgreSQL whose OpenSSL is in FIPS mode and has no MD5."""

from __future__ import annotations

import asyncpg
import pytest

from tests.database import execute, run_script
from tests.postgres import PostgresServer
from tests.stores.watching import Scene

pytestmark = pytest.mark.anyio

# Found before the one of PostgreSQL, which cannot be taken away from a superuser.
FIPS = """
CREATE FUNCTION public.md5(text) RETURNS text LANGUAGE plpgsql
AS $$ BEGIN RAISE 'could not compute MD5 hash: unsupported'; END $$;
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
END $$
"""


async def test_it_is_migrated_examined_and_heard(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    run_script(url, FIPS)
    with pytest.raises(asyncpg.RaiseError):
        execute(url, "SELECT md5('text')")
    scene = await Scene.begin(url)
    try:
        await scene.listen()
        await scene.store.users.delete(scene.ada.id)
        assert await scene.heard() == {scene.ada.id}
        findings = {
            one.name: one.status for one in await scene.store.maintenance.examine(workers=1)
        }
        assert findings["schema"] == "ok"
    finally:
        await scene.store.close()
        postgres.drop_database(url)
