"""No verb about one user reads a whole table of PostgreSQL, whatever plan it settles on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from authingo.config import Settings
from authingo.models import TokenKey, User
from authingo.stores import Store, open_store
from authingo.stores.conformance.reauthentication import replacing
from authingo.stores.conformance.world import a_session, add_user, new_digest, unknown_key
from tests.database import execute, run_script
from tests.many_sessions import give_sessions
from tests.stores.plans import scans

_USERS = 150
_SESSIONS = 100  # of each


async def _reauthenticate(store: Store, user: User) -> object:
    new = a_session()
    await store.sessions.begin(user.id, new, version=1, ending=None)
    return await store.sessions.reauthenticate(user.id, replacing(new.key), version=1)


async def _check_and_sign_out(store: Store, _: User) -> object:
    """With a token that no session has, of either form."""
    for key in (unknown_key(), TokenKey(None, new_digest())):
        assert await store.sessions.by_token(key) is None
        assert await store.sessions.end_by_token(key) is None
    return True


VERBS: dict[str, Callable[[Store, User], Awaitable[object]]] = {
    "begin one too many": lambda store, user: store.sessions.begin(
        user.id, a_session(), version=None, ending=unknown_key()
    ),
    "list": lambda store, user: store.sessions.of_user(user.id, limit=100),
    "count": lambda store, user: store.sessions.count_refreshable(user_id=user.id),
    "end surplus": lambda store, user: store.sessions.end_surplus(user.id, keep=90, batch_size=50),
    "end": lambda store, user: store.sessions.end_of_user(user.id, batch_size=50),
    "reauthenticate": _reauthenticate,
    "check and sign out": _check_and_sign_out,
    "set password": lambda store, user: store.users.set_password(user.id, "new hash"),
    "delete": lambda store, user: store.users.delete(user.id),
}

IN_STEPS = ["begin one too many", "end surplus", "end"]  # for whoever has a quarter of all


@pytest.mark.anyio
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_what_is_about_one_user_goes_by_an_index(postgres_url: str, plan: str) -> None:
    """Of many users with a hundred sessions each, and one with far more."""
    store = open_store(Settings(database_url=postgres_url))
    await store.open(create=False)
    users = [await add_user(store, f"user-{number}@example.com") for number in range(_USERS)]
    await store.close()
    for user in users:
        give_sessions(postgres_url, user.id, 5000 if user is users[-1] else 1)
    run_script(
        postgres_url,
        # One of each is there: the others are made of it.
        "INSERT INTO authingo_sessions (id, user_id, secret_digest, selector_digest,"
        "  verifier_digest, created_at, last_used_at, expires_at, refresh_expires_at,"
        "  absolute_expires_at)"
        " SELECT id || '-' || i, user_id, sha256(secret_digest || i::text::bytea),"
        "  sha256(selector_digest || i::text::bytea), verifier_digest, created_at,"
        "  last_used_at, expires_at, refresh_expires_at, absolute_expires_at"
        f" FROM authingo_sessions, generate_series(2, {_SESSIONS}) AS n (i)"
        f" WHERE user_id <> '{users[-1].id}'",
    )
    run_script(postgres_url, "ANALYZE")
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    execute(postgres_url, f"ALTER DATABASE {name} SET plan_cache_mode = {plan}")
    before = scans(postgres_url, "authingo_sessions")
    for user, verbs in ((users[0], list(VERBS)), (users[-1], IN_STEPS)):
        for verb in verbs:
            await store.open(create=False)
            assert await VERBS[verb](store, user), verb
            await store.close()  # so that the server counts what this connection did
            assert scans(postgres_url, "authingo_sessions") == before, (verb, user.email)
