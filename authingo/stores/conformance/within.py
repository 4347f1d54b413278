"""Hooks inside a transaction: what they write is committed with the change, or neither is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from authingo.errors import Refused
from authingo.models import NewUser, User
from authingo.stores import Store
from authingo.stores.conformance.codes import open_code, sign_in
from authingo.stores.conformance.recovery import plant
from authingo.stores.conformance.world import (
    a_session,
    add_user,
    new_digest,
    open_reset,
    unknown_key,
)
from authingo.stores.secrets import NewMatter
from authingo.stores.within import HookConnection, WithinEvent

_NEW = "$2b$04$another"
_RENAME = "UPDATE authingo_users SET name = $2 WHERE id = $1"
_WAITING, _VERIFY = "waiting", "verify_email"


def _new() -> NewUser:
    return NewUser(email="ada@example.com", name="Ada", password_hash="$2b$04$hash")


async def _add(store: Store) -> object:
    return await store.users.add(_new())


async def _sign_up(store: Store) -> object:
    return await store.users.add_with_session(_new(), a_session(), ending=None)


async def _sign_up_by_link(store: Store) -> object:
    proved, link = new_digest(), new_digest()
    for purpose, digest in ((_WAITING, proved), (_VERIFY, link)):
        matter = NewMatter(purpose=purpose, digest=digest, lifetime=timedelta(hours=1))
        assert await store.secrets.open(matter)
    return await store.recovery.sign_up(
        _VERIFY, link, _new(), a_session(), waiting=_WAITING, proved=proved, ending=None
    )


async def _delete(store: Store) -> object:
    return await store.users.delete((await add_user(store)).id)


async def _reset(store: Store) -> object:
    user = await add_user(store)
    return await store.recovery.reset_password(
        "reset_password", await open_reset(store, user), _NEW
    )


async def _evict(store: Store) -> object:
    user = await add_user(store)
    await plant(store, user)
    return await store.recovery.evict(user.id)


async def _enter_code(store: Store) -> object:
    user = await add_user(store)
    return await sign_in(store, await open_code(store), user, a_session())


WAYS: dict[str, tuple[WithinEvent, Callable[[Store], Awaitable[object]]]] = {
    "add": ("user_created", _add),
    "add with a session": ("user_created", _sign_up),
    "sign up by a link": ("user_created", _sign_up_by_link),
    "delete": ("user_deleted", _delete),
    "reset": ("user_evicted", _reset),
    "evict": ("user_evicted", _evict),
    "enter a code": ("user_evicted", _enter_code),
}
each_way = pytest.mark.parametrize("way", WAYS)


class WithinConformance:
    """Hooks inside a transaction: what they write is committed with the change, or neither is."""

    @each_way
    async def test_a_hook_sees_the_user_and_writes_with_the_change(
        self, store: Store, way: str
    ) -> None:
        """In the transaction of the verb, whichever it is."""
        event, act = WAYS[way]
        seen: list[tuple[User, list[dict[str, Any]]]] = []

        async def hook(user: User, connection: HookConnection) -> None:
            assert await connection.execute(_RENAME, user.id, "renamed") == 1
            select = "SELECT name, email, $1 AS id FROM authingo_users WHERE id = $1"
            seen.append((user, await connection.fetch(select, user.id)))

        store.within.add(event, hook)
        assert await act(store)
        ((user, rows),) = seen
        assert user.email == "ada@example.com"
        assert rows == [{"name": "renamed", "email": user.email, "id": user.id}]
        found = await store.users.find(user.id)
        assert (found and found.name) == (None if event == "user_deleted" else "renamed")

    @each_way
    async def test_nothing_happens_if_a_hook_raises(self, store: Store, way: str) -> None:
        """Its own error comes out, even one that looks like the database's."""
        event, act = WAYS[way]
        errors = [Refused("no_room", "There is no room."), OSError("full"), TimeoutError("slow")]
        states: list[object] = []

        async def hook(user: User, connection: HookConnection) -> None:
            await connection.execute(_RENAME, user.id, "renamed")
            raise errors[0]

        async def another(_: User, __: HookConnection) -> None:
            raise AssertionError("the hook before has refused")

        store.within.add(event, hook)
        store.within.add(event, another)
        while errors:
            with pytest.raises(type(errors[0])) as raised:
                await (act(store) if len(errors) == 3 else self._again(store, way))
            assert raised.value is errors.pop(0)
            states.append([(one, one.name) for one in await store.users.page(limit=9)])
        if event == "user_created":
            assert states == [[], [], []]
        else:
            assert states[0] == states[1] == states[2] != []

    async def _again(self, store: Store, way: str) -> object:
        """Act once more, on the user who is still there."""
        if way not in {"delete", "evict"}:
            users = await store.users.page(limit=9)
            if not users:
                return await WAYS[way][1](store)
            if way == "reset":
                token = await open_reset(store, users[0])
                return await store.recovery.reset_password("reset_password", token, _NEW)
            return await sign_in(store, await open_code(store), users[0], a_session())
        (user,) = await store.users.page(limit=9)
        return await (
            store.users.delete(user.id) if way == "delete" else store.recovery.evict(user.id)
        )

    async def test_a_statement_that_fails_undoes_all_even_if_it_is_caught(
        self, store: Store
    ) -> None:
        """PostgreSQL takes no more statements then, and would turn the commit into a rollback."""

        async def hook(user: User, connection: HookConnection) -> None:
            try:
                await connection.execute("INSERT INTO no_such_table VALUES ($1)", user.id)
            except Exception as error:  # noqa: BLE001 - each database has its own
                caught.append(error)

        caught: list[Exception] = []
        store.within.add("user_created", hook)
        for act in (_add, _sign_up, _sign_up_by_link):
            with pytest.raises(Exception, match="no_such_table") as raised:
                await act(store)
            assert raised.value is caught.pop()
        assert await store.users.page(limit=9) == []

    async def test_a_hook_may_answer_a_statement_that_fails(self, store: Store) -> None:
        """It catches the driver's own error."""

        async def hook(user: User, connection: HookConnection) -> None:
            try:
                await connection.execute("INSERT INTO authingo_users (id) VALUES ($1)", user.id)
            except Exception as error:
                raise Refused("taken", "It is taken.") from error

        store.within.add("user_created", hook)
        with pytest.raises(Refused, match="taken"):
            await _sign_up(store)
        assert await store.users.page(limit=9) == []

    async def test_a_hook_can_neither_use_the_store_nor_end_the_transaction(
        self, store: Store
    ) -> None:
        """It would wait for itself; or the user would be stored although the hook refuses."""
        wrong: list[Callable[[HookConnection], Awaitable[object]]] = [
            lambda _: store.ping(),
            lambda _: store.users.page(limit=1),
            lambda _: store.sessions.by_token(unknown_key()),
            lambda connection: connection.execute(" COMMIT"),
            lambda connection: connection.fetch("rollback"),
        ]
        kept: list[HookConnection] = []
        later: list[asyncio.Task[object]] = []
        over = asyncio.Event()

        async def afterwards() -> object:
            await over.wait()
            return await store.users.page(limit=9)

        async def hook(_: User, connection: HookConnection) -> None:
            kept.append(connection)
            for use in wrong:
                with pytest.raises((RuntimeError, ValueError), match="hook"):
                    await use(connection)
            later.append(asyncio.create_task(afterwards()))

        store.within.add("user_created", hook)
        user = await _add(store)
        over.set()
        assert await later[0] == [user]  # once the transaction is over, a task may
        with pytest.raises(RuntimeError, match="returned"):
            await kept[0].execute("DELETE FROM authingo_users")

    async def test_one_hook_per_change_under_a_race(
        self, store: Store, another_store: Store
    ) -> None:
        """Of several sign-ups with one address, one runs its hook to the end."""
        created: list[str] = []

        async def hook(user: User, connection: HookConnection) -> None:
            await connection.execute(_RENAME, user.id, "renamed")
            created.append(user.id)

        for one in (store, another_store):
            one.within.add("user_created", hook)
        done = await asyncio.gather(
            *(_sign_up(one) for one in (store, another_store) * 3), return_exceptions=True
        )
        assert len([one for one in done if not isinstance(one, Exception)]) == 1
        assert [one.id for one in await store.users.page(limit=9)] == created

    async def test_there_are_three_events(self, store: Store) -> None:
        """A hook for another one would never run."""

        async def hook(_: User, __: HookConnection) -> None:
            raise AssertionError("never")

        wrong: Any = "user_updated"
        with pytest.raises(ValueError, match="user_updated"):
            store.within.add(wrong, hook)

    async def test_a_transaction_of_its_own_is_done_completely_or_not_at_all(
        self, store: Store
    ) -> None:
        """It is for the tables of a plugin: with statements, and nothing else of the store."""
        user = await add_user(store)
        error = LookupError("a mistake")

        async def rename(connection: HookConnection) -> str:
            assert await connection.execute(_RENAME, user.id, "renamed") == 1
            with pytest.raises(RuntimeError, match="hook"):
                await store.users.find(user.id)
            (row,) = await connection.fetch(
                "SELECT name FROM authingo_users WHERE id = $1", user.id
            )
            return str(row["name"])

        async def fail(connection: HookConnection) -> None:
            await connection.execute(_RENAME, user.id, "another")
            raise error

        assert await store.transact(rename) == "renamed"
        with pytest.raises(LookupError) as raised:
            await store.transact(fail)
        assert raised.value is error
        found = await store.users.find(user.id)
        assert found is not None
        assert found.name == "renamed"
