"""What users change about themselves, under a lock."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from pydantic import BaseModel

from authingo.attempts import NOTHING
from authingo.models import NewUser, User
from authingo.profile import Profiles
from authingo.profile_models import ClientWritable
from authingo.stores import Store
from authingo.stores.conformance.world import add_user, begin, by_token, renamed_to
from authingo.stores.users import UserEdit


class _Profile(BaseModel, frozen=True):
    theme: Annotated[str, ClientWritable] = "light"
    nickname: Annotated[str, ClientWritable] = ""
    plan: str = "free"


_PROFILES = Profiles(_Profile)


@contextlib.asynccontextmanager
async def with_profiles(store: Store) -> AsyncIterator[Store]:
    """Open the store again, so that it reads profiles."""
    await store.close()
    store.profiles = _PROFILES
    await store.open(create=False)
    yield store


class EditsConformance:
    """`users.update` with an edit."""

    async def test_of_edits_at_once_each_is_given_what_the_last_has_stored(
        self, store: Store
    ) -> None:
        """So that none is lost, whatever the edits change."""
        user = await add_user(store, name="")

        def longer(user: User) -> UserEdit:
            return UserEdit(name=user.name + "x")

        await asyncio.gather(*(store.users.update(user.id, edit=longer) for _ in range(8)))
        found = await store.users.find(user.id)
        assert found is not None
        assert found.name == "x" * 8

    async def test_a_session_that_has_ended_edits_nothing(self, store: Store) -> None:
        """Nor does that of another user."""
        begun, other = await begin(store), await begin(store)
        changed = await store.users.update(
            begun.user.id, edit=renamed_to("Countess"), caller=begun.new.id
        )
        assert changed is not None
        assert await store.sessions.end_by_token(begun.new.key)
        for caller in (begun.new.id, other.new.id, "ses_nobody"):
            late = await store.users.update(begun.user.id, edit=renamed_to("X"), caller=caller)
            assert late is None
        assert await store.users.find(begun.user.id) == changed.user

    async def test_an_edit_that_raises_changes_nothing(self, store: Store) -> None:
        """And the next one is not kept waiting."""
        user = await add_user(store)

        def refuse(user: User) -> UserEdit:
            raise LookupError(user.name)

        with pytest.raises(LookupError, match="Ada"):
            await store.users.update(user.id, edit=refuse, email="new@example.com")
        assert await store.users.find(user.id) == user
        assert await store.users.update(user.id, edit=renamed_to("Countess"))

    async def test_an_edit_that_changes_nothing_is_not_written(self, store: Store) -> None:
        """So that no session has to be read again."""
        user = await add_user(store)
        changed = await store.users.update(user.id, edit=renamed_to(user.name), email=user.email)
        assert changed is not None
        assert changed.user == user == await store.users.find(user.id)

    async def test_a_profile_is_read_wherever_a_user_is(self, store: Store) -> None:
        """And what was stored with the user, too."""
        text = '{"theme":"dark"}'
        async with with_profiles(store):
            new = NewUser(email="a@example.com", name="A", password_hash="$2b$", profile=text)
            begun = await begin(store)
            edited = await store.users.update(begun.user.id, edit=lambda _: UserEdit(profile=text))
            assert edited is not None
            match = await by_token(store, begun.new.key)
            assert match is not None
            found = await store.users.by_email(begun.user.email)
            assert found is not None
            listed = await store.users.page(limit=9)
            users = [await store.users.add(new), edited.user, match.user, found.user, *listed]
            assert [one.profile for one in users] == [_Profile(theme="dark")] * 5
            assert (await add_user(store)).profile == _Profile()

    async def test_edits_of_different_fields_at_once_all_survive(self, store: Store) -> None:
        """Each is given the profile as the one before has stored it."""

        async def change(user: User, **changes: str) -> None:
            def edit(user: User) -> UserEdit:
                stored = user.stored_profile
                return UserEdit(profile=_PROFILES.changed(stored.text if stored else None, changes))

            assert await store.users.update(user.id, edit=edit)

        async with with_profiles(store):
            user = await add_user(store)
            for _ in range(5):
                await asyncio.gather(
                    change(user, theme="dark"),
                    change(user, nickname="x"),
                    change(user, plan="pro"),
                )
                found = await store.users.find(user.id)
                assert found is not None
                assert found.profile == _Profile(theme="dark", nickname="x", plan="pro")
                user = await add_user(store, f"{user.id}@example.com")

    async def test_an_eviction_leaves_no_profile_that_the_user_wrote(self, store: Store) -> None:
        """Not even where the store does not know which part that is."""
        text = json.dumps({"theme": "dark", "plan": "pro"})
        blind = await self._evicted(store, text)
        assert blind.stored_profile is None
        async with with_profiles(store):
            assert (await self._evicted(store, text)).profile == _Profile(plan="pro")
            found = await store.users.find(blind.id)
            assert found is not None
            assert found.profile == _Profile()

    async def _evicted(self, store: Store, text: str) -> User:
        begun = await begin(store)
        assert await store.users.update(begun.user.id, edit=lambda _: UserEdit(profile=text))
        changed = await store.recovery.evict(begun.user.id, eviction=NOTHING)
        assert changed is not None
        return changed.user
