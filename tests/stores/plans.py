"""Find the verbs that read a whole table, on either database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from authingo.config import Settings
from authingo.stores import Store, open_store
from authingo.stores.sqlite import SQLiteStore
from tests.database import execute

Verb = Callable[[Store], Awaitable[object]]

_COUNTED = 50  # steps of SQLite's virtual machine, at a time


async def reading_whole_tables(
    url: str, verbs: Mapping[str, Verb], *tables: str, most_steps: int
) -> list[str]:
    """Call each verb in this order, and return the names of those that read a whole table.

    PostgreSQL counts how often it did so. For SQLite, it is a verb that takes `most_steps` or
    more of its virtual machine: a scan takes some for each row.
    """
    store = open_store(Settings(database_url=url))
    if isinstance(store, SQLiteStore):
        return await _of_sqlite(store, verbs, most_steps)
    database = url.partition("?")[0].rpartition("/")[2]
    execute(url, f"ALTER DATABASE {database} SET plan_cache_mode = force_generic_plan")
    found = []
    for name, verb in verbs.items():
        before = scans(url, *tables)
        await store.open(create=False)
        await verb(store)
        await store.close()  # so that the server counts what this connection did
        if scans(url, *tables) != before:
            found.append(name)
    return found


async def _of_sqlite(store: SQLiteStore, verbs: Mapping[str, Verb], most_steps: int) -> list[str]:
    await store.open(create=False)
    await store.ping()  # so that the first verb does not look at the schema
    taken = {name: await steps(store, partial(verb, store)) for name, verb in verbs.items()}
    await store.close()
    return [name for name, count in taken.items() if count >= most_steps]


def scans(url: str, *tables: str) -> int:
    """Return how often PostgreSQL read these tables from the beginning to the end."""
    names = ", ".join(f"'{table}'" for table in tables)
    ((count,),) = execute(
        url, f"SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ({names})"
    )
    return int(count)


async def steps(store: SQLiteStore, work: Callable[[], Awaitable[object]]) -> int:
    """Count what SQLite does for it, in steps of its virtual machine."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += _COUNTED
        return 0

    connection = store._connection
    assert connection is not None
    connection.set_progress_handler(count, _COUNTED)
    try:
        assert await work() is not None
    finally:
        connection.set_progress_handler(None, 0)
    return counted
