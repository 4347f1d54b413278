"""No verb about a secret or a credential reads a whole table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from authingo.config import Settings
from authingo.models import User
from authingo.stores import Store, open_store
from authingo.stores.conformance.credentials import add_credential
from authingo.stores.conformance.secrets import draw_token, open_matter
from authingo.stores.conformance.world import add_user, new_digest
from authingo.stores.secrets import Matter, NewMatter
from tests.database import run_script
from tests.stores.plans import Verb, reading_whole_tables

_ROWS = 3000
_STEPS = 1500  # of SQLite's virtual machine: a scan takes some for each row

VERBS: dict[str, Callable[[Store, User, Matter], Awaitable[object]]] = {
    "open": lambda store, user, _: open_matter(store, user),
    "open with a token": lambda store, user, _: _open_with_token(store, user),
    "draw": lambda store, _, matter: draw_token(store, matter),
    "find": lambda store, _, matter: store.secrets.find(matter.purpose, matter.digest),
    "about": lambda store, _, matter: store.secrets.open_about(matter.purpose, new_digest()),
    "try": lambda store, _, matter: store.secrets.count_try(matter.purpose, matter.digest, most=9),
    "put": lambda store, _, matter: store.secrets.put(matter.purpose, matter.digest, b"{}"),
    "forget": lambda store, _, matter: store.secrets.forget(matter.purpose, new_digest()),
    "spend": lambda store, _, matter: store.secrets.spend(matter.purpose, matter.digest),
    "forget all": lambda store, user, _: store.secrets.forget_of(user.id, but=("undo",)),
    "add": lambda store, user, _: add_credential(store, user),
    "list": lambda store, user, _: store.credentials.of_user(user.id, "passkey"),
    "use": lambda store, user, _: _use(store, user),
    "remove all": lambda store, user, _: store.credentials.remove_all(user.id, kind="passkey"),
}


async def _open_with_token(store: Store, user: User) -> object:
    digest, lifetime = new_digest(), timedelta(hours=1)
    new = NewMatter(purpose="reset_password", digest=digest, lifetime=lifetime, user_id=user.id)
    return await store.secrets.open(new, token=new_digest())


async def _use(store: Store, user: User) -> object:
    """Find the first credential of a user, use it, and remove it."""
    credential = (await store.credentials.of_user(user.id))[0]
    assert await store.credentials.find(credential.kind, credential.subject)
    assert await store.credentials.use(user.id, credential.id, counter=0)
    return await store.credentials.remove(user.id, credential.id, grow_version=True)


def _fill(url: str) -> None:
    """Add thousands of users with a secret and a credential each."""
    if url.startswith("sqlite"):
        numbers = (
            f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {_ROWS})"
        )
        drawn, now, later = "randomblob(32)", "0", "9000000000000000"
    else:
        numbers = f"WITH n (i) AS (SELECT generate_series(1, {_ROWS}))"
        drawn, now, later = (
            "sha256(random()::text::bytea)",
            "now()",
            "now() + interval '1 day'",
        )
    run_script(
        url,
        f"{numbers} INSERT INTO authingo_users (id, email, name, password_hash, created_at,"
        f"  updated_at) SELECT 'usr_' || i, i || '@example.com', 'Ada', 'x', {now}, {now} FROM n;"
        f"{numbers} INSERT INTO authingo_secrets (digest, purpose, user_id, subject, matter,"
        f"  created_at, expires_at) SELECT {drawn}, 'reset_password', 'usr_' || i, {drawn},"
        f"  {drawn}, {now}, {later} FROM n;"
        f"{numbers} INSERT INTO authingo_credentials (id, kind, subject, user_id, created_at)"
        f" SELECT 'cred_' || i, 'passkey', {drawn}, 'usr_' || i, {now} FROM n;"
        "ANALYZE",
    )


@pytest.mark.anyio
async def test_every_verb_goes_by_an_index(database_url: str) -> None:
    store = open_store(Settings(database_url=database_url))
    await store.open(create=False)
    user = await add_user(store)
    matter = await open_matter(store, user, lifetime=timedelta(hours=1))
    await store.close()
    _fill(database_url)
    verbs: dict[str, Verb] = {
        name: lambda store, verb=verb: verb(store, user, matter)  # type: ignore[misc]
        for name, verb in VERBS.items()
    }
    tables = "authingo_secrets", "authingo_credentials"
    assert await reading_whole_tables(database_url, verbs, *tables, most_steps=_STEPS) == []
