"""No verb reads a whole table of SQLite, also once ANALYZE has told it what is in there."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from authingo.attempts import Outcome
from authingo.events import happened
from authingo.models import NewSession, TokenKey, User
from authingo.stores.conformance.reauthentication import replacing
from authingo.stores.conformance.world import SignedInUser, a_session, add_user
from authingo.stores.sqlite import SQLiteStore
from tests.many_sessions import give_sessions
from tests.stores.plans import steps
from tests.stores.watching import LIVES

_SESSIONS = 3000
_STEPS = 3000  # of SQLite's virtual machine: a scan takes some for each row


@pytest.fixture
async def store(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[SQLiteStore]:
    """A store with so many sessions that were never refreshed, analyzed."""
    file = tmp_path / "authingo.db"
    file.write_bytes(sqlite_template.read_bytes())
    store = SQLiteStore(file, timeout=LIVES.grace)
    await store.open(create=False)
    user = await add_user(store, "many@example.com")
    assert await store.sessions.begin(user.id, a_session(), version=1, ending=None)
    await store.events.record(Outcome(events=(happened("sign_in", user_id=user.id),)))
    await store.close()
    with sqlite3.connect(file) as connection:
        for table, drawn in (
            ("users", {"id": "'usr_' || i", "email": "i || '@example.com'"}),
            (
                "sessions",
                {"id": "'ses_' || i", "user_id": "'usr_' || i"}
                | dict.fromkeys(("secret_digest", "selector_digest"), "randomblob(32)"),
            ),
            ("events", {"id": "'evt_' || i", "user_id": "'usr_' || i", "number": "number + i"}),
        ):
            rows = connection.execute(f"PRAGMA table_info(authingo_{table})").fetchall()
            chosen = ", ".join(drawn.get(row[1], row[1]) for row in rows)
            connection.execute(
                f"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {_SESSIONS})"
                f" INSERT INTO authingo_{table} SELECT {chosen} FROM authingo_{table}, n"
            )
        connection.execute("ANALYZE")
    connection.close()
    await store.open(create=False)
    yield store
    await store.close()


@pytest.mark.anyio
async def test_what_every_visit_needs_goes_by_an_index(store: SQLiteStore) -> None:
    user = await add_user(store)

    async def sign_in(new: NewSession) -> object:
        return await store.sessions.begin(
            user.id, new, version=1, ending=TokenKey(None, secrets.token_bytes(32))
        )

    for _ in range(2):  # the first one of each looks at the schema too
        first, second = a_session(), a_session()
        rotation = replace(
            SignedInUser(user, first).rotation(), new_token_digest=secrets.token_bytes(32)
        )
        verbs: dict[str, Callable[[], Awaitable[object]]] = {
            "begin": lambda first=first: sign_in(first),  # type: ignore[misc]
            "begin another": lambda second=second: sign_in(second),  # type: ignore[misc]
            "rotate": lambda rotation=rotation: store.sessions.rotate(rotation),  # type: ignore[misc]
            "reauthenticate": lambda second=second: store.sessions.reauthenticate(  # type: ignore[misc]
                user.id, replacing(second.key), version=1
            ),
            "end by the token before": lambda first=first: store.sessions.end_by_token(  # type: ignore[misc]
                first.key
            ),
            "end": lambda second=second: store.sessions.end_by_token(second.key),  # type: ignore[misc]
            "list": lambda: store.sessions.of_user(user.id, limit=100),
            "end all": lambda: store.sessions.end_of_user(user.id, batch_size=100),
        }
        taken = {name: await steps(store, verb) for name, verb in verbs.items()}
    assert {name: count for name, count in taken.items() if count > _STEPS} == {}


@pytest.mark.anyio
async def test_a_session_too_many_costs_as_much_as_the_user_has(store: SQLiteStore) -> None:
    """A hundred of them; of thousands only some are looked at."""
    taken = {}
    for count in (100, 1000, 3000):
        user = await add_user(store, f"capped-{count}@example.com")
        give_sessions(f"sqlite:///{store.path}", user.id, count)

        async def sign_in(user: User = user) -> object:
            begun = await store.sessions.begin(user.id, a_session(), version=1, ending=None)
            return begun and begun.eviction

        taken[count] = await steps(store, sign_in)
    assert taken[100] < 2 * _STEPS
    assert taken[3000] < 1.1 * taken[1000]


@pytest.mark.anyio
@pytest.mark.parametrize("newest", [False, True])
async def test_a_page_of_a_list_reads_no_more_than_its_rows(
    store: SQLiteStore, newest: bool
) -> None:
    """From the middle of the table, in either order."""
    user = await add_user(store)
    users, sessions = f"usr_{_SESSIONS // 2}", f"ses_{_SESSIONS // 2}"
    for _ in range(2):  # the first one of each looks at the schema too
        verbs: dict[str, Callable[[], Awaitable[object]]] = {
            "users": lambda: store.users.page(after=users, limit=9, newest=newest),
            "sessions": lambda: store.sessions.page(after=sessions, limit=9, newest=newest),
            "sessions of one": lambda: store.sessions.page(user_id=user.id, limit=9, newest=newest),
            "events of one": lambda: store.events.page(user_id=user.id, limit=9, newest=newest),
        }
        taken = {name: await steps(store, verb) for name, verb in verbs.items()}
    assert {name: count for name, count in taken.items() if count > _STEPS} == {}
