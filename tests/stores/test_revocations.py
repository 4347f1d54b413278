"""What makes a remembered session go, whoever does it, and what leaves it in peace."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authingo.attempts import AttemptLimit, Counter, CountingRule, Outcome
from authingo.models import Event, NewSession, NewUser, Rotation
from authingo.stores.conformance.reauthentication import replacing
from authingo.stores.conformance.world import unknown_key
from tests.database import execute, run_script
from tests.stores.watching import (
    DEAD,
    EXPIRED,
    LIVES,
    Scene,
    Told,
    another,
    new_session,
    next_turn,
)

pytestmark = pytest.mark.anyio

ADAS = "WHERE user_id = '{ada}'"
CHANGES = {
    "a session deleted": f"DELETE FROM authingo_sessions {ADAS}",
    "another id": f"UPDATE authingo_sessions SET id = 'ses_2' {ADAS}",
    "another token": f"UPDATE authingo_sessions SET secret_digest = selector_digest {ADAS}",
    "another token without an id": "UPDATE authingo_sessions"
    f" SET legacy_digest = selector_digest {ADAS}",
    "no promise": f"UPDATE authingo_sessions SET remembered_for = NULL {ADAS}",
    "another previous token": "UPDATE authingo_sessions"
    f" SET previous_secret_digest = selector_digest {ADAS}",
    "another end of grace": f"UPDATE authingo_sessions SET grace_expires_at = expires_at {ADAS}",
    "an end of the previous token": "UPDATE authingo_sessions"
    f" SET previous_token_ended = NOT previous_token_ended {ADAS}",
    "another authentication": f"UPDATE authingo_sessions SET authenticated_at = expires_at {ADAS}",
    "other methods": f"UPDATE authingo_sessions SET methods = 'totp' {ADAS}",
    "the session token over": f"UPDATE authingo_sessions SET expires_at = created_at {ADAS}",
    "the session over": f"UPDATE authingo_sessions SET refresh_expires_at = created_at {ADAS}",
    "another beginning": f"UPDATE authingo_sessions SET created_at = expires_at {ADAS}",
    "another owner": f"UPDATE authingo_sessions SET user_id = '{{bob}}' {ADAS}",
    "another name": "UPDATE authingo_users SET name = 'Eve' WHERE id = '{ada}'",
    "another email": "UPDATE authingo_users SET email = 'eve@example.com' WHERE id = '{ada}'",
    "verified": "UPDATE authingo_users SET email_verified = NOT email_verified WHERE id = '{ada}'",
    "another creation": "UPDATE authingo_users SET created_at ="
    " (SELECT max(expires_at) FROM authingo_sessions) WHERE id = '{ada}'",
    "another update": "UPDATE authingo_users SET updated_at ="
    " (SELECT max(expires_at) FROM authingo_sessions) WHERE id = '{ada}'",
    "disabled": "UPDATE authingo_users SET disabled_at = created_at WHERE id = '{ada}'",
    "other roles": "UPDATE authingo_users SET roles = 'admin' WHERE id = '{ada}'",
    "to be deleted": "UPDATE authingo_users SET delete_at = created_at WHERE id = '{ada}'",
    "deleted with all they had": "DELETE FROM authingo_users WHERE id = '{ada}'",
}
CHANGES_ON_SQLITE = {
    "disabled since 1970": "UPDATE authingo_users SET disabled_at = 0 WHERE id = '{ada}'",
    "deleted without foreign keys": "PRAGMA foreign_keys=OFF;"
    " DELETE FROM authingo_users WHERE id = '{ada}'",
    "another id without foreign keys": "PRAGMA foreign_keys=OFF;"
    " UPDATE authingo_users SET id = 'usr_2' WHERE id = '{ada}'",
    "a session replaced": "INSERT OR REPLACE INTO authingo_sessions (id, user_id, secret_digest,"
    " selector_digest, verifier_digest, created_at, last_used_at, expires_at, refresh_expires_at,"
    " absolute_expires_at) SELECT id, user_id, randomblob(32), selector_digest, verifier_digest,"
    f" 1, 2, 3, 4, 5 FROM authingo_sessions {ADAS}",
    "a selector taken over": "INSERT OR REPLACE INTO authingo_sessions (id, user_id, secret_digest,"
    " selector_digest, verifier_digest, created_at, last_used_at, expires_at, refresh_expires_at,"
    " absolute_expires_at) SELECT 'ses_2', '{bob}', x'01', selector_digest, verifier_digest,"
    f" 1, 2, 3, 4, 5 FROM authingo_sessions {ADAS}",
    "a user replaced": "INSERT OR REPLACE INTO authingo_users (id, email, name, password_hash,"
    " created_at, updated_at) VALUES ('usr_2', 'ada@example.com', 'Eve', 'x', 1, 1)",
    "everything deleted": "DELETE FROM authingo_sessions",
    "the epoch moved by hand": "UPDATE authingo_epoch SET epoch = randomblob(16)",
    "a table rebuilt": "VACUUM",
}
CHANGES_ON_POSTGRES = {
    "merged": "MERGE INTO authingo_sessions s USING authingo_users u"
    " ON u.id = s.user_id AND u.id = '{ada}' WHEN MATCHED THEN DELETE",
    "upserted": "INSERT INTO authingo_users (id, email, name, password_hash)"
    " VALUES ('usr_2', 'ada@example.com', 'Eve', 'x')"
    " ON CONFLICT (email) DO UPDATE SET name = excluded.name",
    "deleted in a common table expression": f"WITH gone AS (DELETE FROM authingo_sessions {ADAS}"
    " RETURNING id) SELECT count(*) FROM gone",
    "as a replica, which leaves ordinary triggers out": "SET session_replication_role = replica;"
    f" DELETE FROM authingo_sessions {ADAS}",
    "a user, as a replica, which takes no sessions along": "SET session_replication_role = replica;"
    " DELETE FROM authingo_users WHERE id = '{ada}'",
    "another id of a user, as a replica": "SET session_replication_role = replica;"
    " UPDATE authingo_users SET id = 'usr_2' WHERE id = '{ada}'",
    "from another search path": "SET search_path = pg_catalog;"
    " DELETE FROM public.authingo_sessions WHERE user_id = '{ada}'",
    "from a savepoint that is kept": "BEGIN; SAVEPOINT s;"
    f" DELETE FROM authingo_sessions {ADAS}; RELEASE s; COMMIT",
}
EVERYTHING_ON_POSTGRES = {
    "sessions": "TRUNCATE authingo_sessions",
    "users and what hangs on them": "TRUNCATE authingo_users CASCADE",
}
PEACEFUL = {
    "last use": f"UPDATE authingo_sessions SET last_used_at = expires_at {ADAS}",
    "where from": f"UPDATE authingo_sessions SET ip = '192.0.2.7', user_agent = 'Phone' {ADAS}",
    "nothing new": "UPDATE authingo_users SET name = name, email = email WHERE id = '{ada}'",
    "no session meant": "DELETE FROM authingo_sessions WHERE user_id = 'usr_nobody'",
    "another hash": "UPDATE authingo_users SET password_hash = 'x' WHERE id = '{ada}'",
    "a spent nonce": f"UPDATE authingo_sessions SET rotation_nonce = NULL {ADAS}",
}


# What its own verbs do


async def _change_password(scene: Scene) -> object:
    verified = await scene.store.users.by_email(scene.ada.email)
    assert verified is not None
    return await scene.store.users.change_password(
        verified, "new", caller=scene.session.id, session=new_session()
    )


def _rotation(session: NewSession) -> Rotation:
    return Rotation(
        selector_digest=session.selector_digest,
        verifier_digest=session.verifier_digest,
        new_token_digest=secrets.token_bytes(32),
        new_verifier_digest=secrets.token_bytes(32),
        nonce=secrets.token_bytes(32),
        lifetimes=LIVES,
    )


async def _rotate_twice(scene: Scene) -> object:
    """The second one ends the grace of the first token."""
    first = _rotation(scene.session)
    assert await scene.store.sessions.rotate(first)
    second = replace(_rotation(scene.session), verifier_digest=first.new_verifier_digest)
    return await scene.store.sessions.rotate(second)


Verb = Callable[[Scene], Awaitable[object]]
VERBS: dict[str, Verb] = {
    "end_by_token": lambda s: s.store.sessions.end_by_token(s.session.key),
    "end_of_user": lambda s: s.store.sessions.end_of_user(s.ada.id, batch_size=100),
    "end_of_user only": lambda s: s.store.sessions.end_of_user(
        s.ada.id, only=s.session.id, batch_size=100
    ),
    "end_reused": lambda s: s.store.sessions.end_reused(s.session.selector_digest, b"another"),
    "rotate without a grace": lambda s: s.store.sessions.rotate(
        replace(_rotation(s.session), lifetimes=replace(LIVES, grace=timedelta(0)))
    ),
    "rotate twice": _rotate_twice,
    "reauthenticate": lambda s: s.store.sessions.reauthenticate(
        s.ada.id, replacing(s.session.key), version=1
    ),
    "change_password": _change_password,
    "set_password": lambda s: s.store.users.set_password(s.ada.id, "new"),
    "disable": lambda s: s.store.users.set_disabled(s.ada.id, disabled=True),
    "enable": lambda s: s.store.users.set_disabled(s.ada.id, disabled=False),
    "change_roles": lambda s: s.store.users.change_roles(s.ada.id, add=["admin"], remove=[]),
    "verify_email": lambda s: s.store.users.verify_email(s.ada.id),
    "delete": lambda s: s.store.users.delete(s.ada.id),
    "begin": lambda s: s.store.sessions.begin(
        s.bob.id, new_session(), version=1, ending=s.session.key
    ),
    "begin of too many": lambda s: s.store.sessions.begin(
        s.ada.id, replace(new_session(), most=1), version=1, ending=None
    ),
    "end_surplus": lambda s: s.store.sessions.end_surplus(s.ada.id, keep=0, batch_size=9),
    "add_with_session": lambda s: s.store.users.add_with_session(
        NewUser(email="eve@example.com", name="Eve", password_hash="x"),
        new_session(),
        ending=s.session.key,
    ),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
async def test_what_its_own_verbs_do_is_told_before_they_return(scene: Scene, verb: Verb) -> None:
    """On PostgreSQL even before anything listens; on SQLite when it is next asked."""
    if scene.store.embedded:
        await scene.listen()
    assert await verb(scene)
    if scene.store.embedded:
        await next_turn()
        assert scene.store.is_notified()
    assert set(scene.told.whom) == scene.only_ada()


async def test_an_end_of_all_is_told_before_it_returns(scene: Scene) -> None:
    if scene.store.embedded:
        await scene.listen()
    assert len(await scene.store.sessions.end_any(100)) == 2
    if scene.store.embedded:
        await next_turn()
        assert scene.store.is_notified()
    assert scene.told.whom == ["*"]


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
async def test_what_another_program_does_is_heard(scene: Scene, verb: Verb) -> None:
    await scene.listen()
    async with another(scene.url) as elsewhere:
        assert await verb(replace(scene, store=elsewhere))
    assert await scene.heard() == scene.only_ada()


async def test_all_who_watch_are_told(scene: Scene) -> None:
    """Several Auths may share a store; each has a cache."""
    second = Told()
    scene.store.watch(second)
    await scene.listen()
    second.whom.clear()
    await scene.store.sessions.end_of_user(scene.ada.id, batch_size=100)
    await next_turn()
    assert scene.store.is_notified()
    assert set(scene.told.whom) == set(second.whom) == scene.only_ada()
    await scene.heard()
    second.whom.clear()
    execute(scene.url, "DELETE FROM authingo_users")
    assert scene.bob.id in (heard := await scene.heard()) or heard == {"*"}
    assert heard == set(second.whom) - {"nobody"}


async def test_every_commit_of_many_at_once_is_heard(scene: Scene) -> None:
    """Ten programs' worth of endings; after each, whoever looks finds it told."""
    sessions = [new_session() for _ in range(50)]
    for session in sessions:
        await scene.store.sessions.begin(scene.bob.id, session, version=1, ending=None)
    await scene.listen()
    async with another(scene.url) as elsewhere:
        await asyncio.gather(*(elsewhere.sessions.end_by_token(one.key) for one in sessions))
    heard = await scene.heard()
    assert heard == ({"*"} if scene.store.embedded else {scene.bob.id})


# What a hand does


async def by_hand(scene: Scene, statement: str) -> set[str]:
    await scene.listen()
    run_script(scene.url, statement.format(ada=scene.ada.id, bob=scene.bob.id))
    return await scene.heard()


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
async def test_what_a_hand_changes_is_heard(scene: Scene, statement: str) -> None:
    """And nobody else is named for it."""
    assert await by_hand(scene, statement) == scene.only_ada()


async def test_a_statement_about_several_names_them_all(scene: Scene) -> None:
    heard = await by_hand(scene, "DELETE FROM authingo_sessions")
    assert heard == ({"*"} if scene.store.embedded else {scene.ada.id, scene.bob.id})


@pytest.mark.parametrize("statement", CHANGES_ON_SQLITE.values(), ids=CHANGES_ON_SQLITE)
async def test_what_a_hand_changes_in_a_file_is_heard(sqlite_scene: Scene, statement: str) -> None:
    assert await by_hand(sqlite_scene, statement) == {"*"}


@pytest.mark.parametrize("statement", CHANGES_ON_POSTGRES.values(), ids=CHANGES_ON_POSTGRES)
async def test_however_a_hand_does_it(postgres_scene: Scene, statement: str) -> None:
    assert await by_hand(postgres_scene, statement) == {postgres_scene.ada.id}


@pytest.mark.parametrize("statement", EVERYTHING_ON_POSTGRES.values(), ids=EVERYTHING_ON_POSTGRES)
async def test_emptied_tables_are_heard(postgres_scene: Scene, statement: str) -> None:
    assert await by_hand(postgres_scene, statement) == {"*"}


async def test_ids_that_are_none_of_ours_are_heard(postgres_scene: Scene) -> None:
    """Somebody may have brought their own: they can be mistaken for several, or for another."""
    for user_id in ("a b", "!0123456789abcdef", "*", "Ada's", "x" * 9000, "", "ü"):
        quoted = user_id.replace("'", "''")
        statement = f"INSERT INTO authingo_users VALUES ('{quoted}', '{quoted[:9]}', '', true, '')"
        run_script(postgres_scene.url, statement)
        delete = f"DELETE FROM authingo_users WHERE id = '{quoted}'"
        assert await by_hand(postgres_scene, delete) in ({user_id}, {"*"})


# What nobody needs to hear


@pytest.mark.parametrize("statement", PEACEFUL.values(), ids=PEACEFUL)
async def test_what_changes_no_answer_is_not_told(scene: Scene, statement: str) -> None:
    assert await by_hand(scene, statement) == set()


async def test_what_is_undone_is_not_told(scene: Scene) -> None:
    undone = f"BEGIN; DELETE FROM authingo_sessions {ADAS}; ROLLBACK"
    assert await by_hand(scene, undone) == set()


async def test_verbs_that_end_nothing_are_not_told(scene: Scene) -> None:
    """New people and sessions, stronger hashes, pruning, counting, recording."""
    store, limit = scene.store, AttemptLimit(allowed=1, window=timedelta(minutes=5))
    for lives in (EXPIRED, DEAD, DEAD):
        await store.sessions.begin(scene.ada.id, new_session(lives), version=1, ending=None)
    old = new_session()
    await store.sessions.begin(scene.ada.id, old, version=1, ending=None)
    await store.sessions.rotate(
        replace(_rotation(old), lifetimes=replace(LIVES, grace=timedelta(0)))
    )
    await scene.listen()
    await store.users.replace_hash(scene.ada.id, old="old", new="stronger")
    eve = NewUser(email="eve@example.com", name="Eve", password_hash="x")
    await store.users.add_with_session(eve, new_session(), ending=None)
    await store.sessions.begin(scene.ada.id, new_session(), version=1, ending=None)
    await store.sessions.begin(scene.bob.id, new_session(), version=1, ending=unknown_key())
    assert await store.maintenance.prune(10) == 2
    spent, _ = await store.maintenance.forget_nonces(10, after="")
    assert spent == 1
    event = Event(at=datetime.now(UTC), name="sign_in")
    await store.events.record(Outcome(events=(event,)))
    await store.attempts.count(None, [CountingRule(counters=(Counter(b"key", limit),))])
    assert await store.sessions.end_by_token(unknown_key()) is None
    assert await scene.heard() == set()


async def test_what_has_expired_is_not_told(scene: Scene) -> None:
    """Nobody can have remembered it."""
    execute(scene.url, "DELETE FROM authingo_sessions")
    expired = new_session(EXPIRED)
    await scene.store.sessions.begin(scene.ada.id, expired, version=1, ending=None)
    assert await by_hand(scene, f"UPDATE authingo_sessions SET created_at = expires_at {ADAS}") == (
        set()
    )
    assert await by_hand(scene, f"DELETE FROM authingo_sessions {ADAS}") == set()
