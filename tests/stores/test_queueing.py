"""A mail is added in the transaction of what it reports, and no worker waits for another."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import timedelta

import asyncpg
import pytest

from authingo.stores.conformance.mails import add_mail
from authingo.stores.mails import NewMail
from authingo.stores.postgres import PostgresStore
from authingo.stores.postgres import mails as postgres_mails
from authingo.stores.sqlite import SQLiteStore
from authingo.stores.sqlite import mails as sqlite_mails
from tests.stores.watching import Scene

pytestmark = pytest.mark.anyio

_HOUR = timedelta(hours=1)


class Failed(Exception):
    """What the mail would have reported did not work."""


@pytest.mark.parametrize("fails", [False, True])
async def test_a_mail_is_queued_only_if_its_transaction_succeeds(scene: Scene, fails: bool) -> None:
    store = scene.store
    new = NewMail(kind="password_changed", address=scene.ada.email, lifetime=_HOUR)
    with contextlib.suppress(Failed):
        if isinstance(store, PostgresStore):
            async with store.transaction() as connection:
                await postgres_mails.queue(connection, [new])
                if fails:
                    raise Failed
        else:
            assert isinstance(store, SQLiteStore)

            def queue(connection: sqlite3.Connection) -> None:
                sqlite_mails.queue(connection, [new])
                if fails:
                    raise Failed

            await store.write(queue)
    assert [mail.id for mail in await store.mails.page(limit=9)] == ([] if fails else [new.id])


async def test_a_worker_passes_over_mails_that_another_is_taking(
    postgres_scene: Scene, postgres_url: str
) -> None:
    """It would wait here until the store's timeout."""
    mails = postgres_scene.store.mails
    first, second = await add_mail(postgres_scene.store), await add_mail(postgres_scene.store)
    taking = await asyncpg.connect(postgres_url)
    async with taking.transaction():
        await taking.execute("SELECT FROM authingo_mails WHERE id = $1 FOR UPDATE", first)
        assert [mail.id for mail in await mails.take(limit=9, lease=_HOUR)] == [second]
    assert [mail.id for mail in await mails.take(limit=9, lease=_HOUR)] == [first]
    await taking.close()
