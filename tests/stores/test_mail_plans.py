"""Few rows are read of an outbox in which many mails wait, also where none of them is due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from authingo.config import Settings
from authingo.stores import Store, open_store
from authingo.stores.conformance.mails import add_failed, add_mail, take_one
from tests.database import run_script
from tests.stores.plans import Verb, reading_whole_tables

_ROWS = 20_000
_STEPS = 2000  # of SQLite's virtual machine: a scan takes some for each row
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


async def _adds(store: Store) -> object:
    return await store.mails.find(await add_mail(store))


async def _put_off(store: Store) -> object:
    mail = await take_one(store)
    return await store.mails.try_again(mail, after=_HOUR, error="451", uncertain=False)


async def _done(store: Store) -> object:
    return await store.mails.done(await take_one(store))


WORKER: dict[str, Verb] = {
    "add": _adds,
    "next": lambda store: store.mails.next_due(),
    "take": lambda store: store.mails.take(limit=5, lease=_HOUR),
    "next after some": lambda store: store.mails.next_due(),
    "put off": _put_off,
    "done": _done,
}
OPERATOR: dict[str, Verb] = {
    "page": lambda store: store.mails.page(after="mail_1", limit=9),
    "page of queued": lambda store: store.mails.page(failed=False, limit=9),
    "page of failed": lambda store: store.mails.page(failed=True, limit=9),
    "prune": lambda store: store.maintenance.forget_records(9, events_older_than=_DAY),
    "retry": lambda store: store.mails.retry("mail_nowhere"),
    "retry all": lambda store: store.mails.retry(),
}


async def _begin(url: str, *, due_in: timedelta) -> None:
    """Queue thousands of mails that are due at a time, and one that has failed."""
    store = open_store(Settings(database_url=url))
    await store.open(create=False)
    await add_failed(store)
    await add_mail(store)
    mail = await take_one(store)
    await store.mails.try_again(mail, after=due_in, error="451", uncertain=False)
    if url.startswith("sqlite"):
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        numbers = f"{numbers} WHERE i < {_ROWS})"
    else:
        numbers = f"WITH n (i) AS (SELECT generate_series(1, {_ROWS}))"
    columns = "kind, address, language, due, lifetime, created_at, due_at, deadline"
    run_script(
        url,
        f"{numbers} INSERT INTO authingo_mails (id, {columns})"
        f" SELECT 'mail_' || i, {columns} FROM authingo_mails, n WHERE failed_at IS NULL;"
        "ANALYZE",
    )
    await store.close()


async def _reading_the_outbox(url: str, verbs: dict[str, Verb]) -> list[str]:
    return await reading_whole_tables(url, verbs, "authingo_mails", most_steps=_STEPS)


@pytest.mark.anyio
async def test_a_worker_reads_few_of_many_mails_that_are_due(database_url: str) -> None:
    await _begin(database_url, due_in=-_HOUR)
    assert await _reading_the_outbox(database_url, WORKER) == []


@pytest.mark.anyio
async def test_a_worker_reads_few_of_many_mails_that_are_not_due(database_url: str) -> None:
    """Those that are due are behind them by their ids."""
    await _begin(database_url, due_in=_HOUR)
    store = open_store(Settings(database_url=database_url))
    await store.open(create=False)
    for _ in range(9):
        await add_mail(store)
    await store.close()
    assert await _reading_the_outbox(database_url, WORKER) == []


@pytest.mark.anyio
async def test_an_operator_reads_few_of_many_mails(database_url: str) -> None:
    await _begin(database_url, due_in=_HOUR)
    assert await _reading_the_outbox(database_url, OPERATOR) == []


@pytest.mark.anyio
async def test_sqlite_counts_mails_without_reading_them(sqlite_url: str) -> None:
    """PostgreSQL has to read an index, or the whole table, which takes some ten milliseconds."""
    await _begin(sqlite_url, due_in=_HOUR)
    assert (
        await _reading_the_outbox(sqlite_url, {"count": lambda store: store.mails.counts()}) == []
    )
