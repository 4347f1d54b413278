"""Roles change under a lock, and caches hear of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from authingo.attempts import Outcome
from authingo.errors import InvalidInput
from authingo.ids import new_id
from authingo.models import Event
from authingo.stores import Store
from authingo.stores.conformance.world import a_session, add_user, by_token


class RolesConformance:
    """Roles change under a lock, and caches hear of it."""

    async def test_roles_are_kept_in_order_and_each_once(self, store: Store) -> None:
        """With the user wherever they are read: by id, by session, in a list, in an export."""
        user = await add_user(store)
        assert user.roles == ()
        changed = await store.users.change_roles(user.id, add=["b", "a", "b"], remove=["c"])
        assert changed is not None
        found, is_changed = changed
        assert (found.roles, is_changed) == (("a", "b"), True)
        assert found.updated_at > user.updated_at
        assert await store.users.find(user.id) == found
        session = a_session()
        assert await store.sessions.begin(user.id, session, version=1, ending=None)
        match = await by_token(store, session.key)
        assert match is not None
        assert match.user == found
        assert await store.users.page(limit=9) == [found]
        assert [one.user for one in await store.users.export(limit=9)] == [found]
        assert await store.users.change_roles("usr_nobody", add=["a"], remove=[]) is None

    async def test_a_change_to_what_is_there_already_is_none(self, store: Store) -> None:
        """Nothing is recorded for it, and the user is as before."""
        user = await add_user(store)
        first, again = [
            await store.users.change_roles(user.id, add=["a"], remove=["b"], outcome=_outcome())
            for _ in range(2)
        ]
        assert first is not None
        assert again == (first[0], False)
        assert len(await store.events.page(limit=9)) == 1

    async def test_changes_at_once_all_count(self, store: Store) -> None:
        """Twenty that give one role each; and one in both lists is taken."""
        user = await add_user(store)
        names = [f"role{number:02}" for number in range(20)]
        await asyncio.gather(
            *(store.users.change_roles(user.id, add=[name], remove=[]) for name in names)
        )
        found = await store.users.find(user.id)
        assert found is not None
        assert found.roles == tuple(names)
        changed = await store.users.change_roles(user.id, add=["x", "role00"], remove=names)
        assert changed is not None
        assert changed[0].roles == ("x",)

    async def test_too_many_roles_change_nothing(self, store: Store) -> None:
        """Each session in memory has them all."""
        user = await add_user(store)
        await store.users.change_roles(user.id, add=[f"r{n}" for n in range(32)], remove=[])
        with pytest.raises(InvalidInput):
            await store.users.change_roles(user.id, add=["x"], remove=[], outcome=_outcome())
        swapped = await store.users.change_roles(user.id, add=["x"], remove=["r0"])
        assert swapped is not None
        assert len(swapped[0].roles) == 32
        assert await store.events.page(limit=9) == []

    async def test_a_page_has_the_users_of_a_role(self, store: Store) -> None:
        """A name that is a part of another is not it."""
        users = [await add_user(store, f"user{number}@example.com") for number in range(6)]
        given: tuple[list[str], ...] = (["a"], ["ab", "c"], [], ["b", "a"], ["ba"], ["a"])
        for user, roles in zip(users, given, strict=True):
            await store.users.change_roles(user.id, add=roles, remove=[])

        async def page(role: str, **options: object) -> list[int]:
            found = await store.users.page(role=role, **{"limit": 9, **options})  # type: ignore[arg-type]
            return [[one.id for one in users].index(user.id) for user in found]

        assert await page("a") == [0, 3, 5]
        assert await page("a", newest=True, limit=2) == [5, 3]
        assert await page("a", after=users[0].id) == [3, 5]
        assert await page("a", search="user3") == [3]
        assert await page("c") == [1]
        assert await page("_") == await page("%") == await page("") == []


def _outcome() -> Outcome:
    return Outcome(events=(Event(at=datetime.now(UTC), name="roles_changed", id=new_id("evt_")),))
