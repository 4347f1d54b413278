"""What users change about themselves, under a lock."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from authingo.models import User
from authingo.stores import Store
from authingo.stores.conformance.world import add_user, begin, renamed_to


class EditsConformance:
    """`users.update` with an edit."""

    async def test_of_edits_at_once_each_is_given_what_the_last_has_stored(
        self, store: Store
    ) -> None:
        """So that none is lost, whatever the edits change."""
        user = await add_user(store, name="")

        def longer(user: User) -> User:
            return replace(user, name=user.name + "x")

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
        assert await store.sessions.end_by_token(begun.new.token_digest)
        for caller in (begun.new.id, other.new.id, "ses_nobody"):
            late = await store.users.update(begun.user.id, edit=renamed_to("X"), caller=caller)
            assert late is None
        assert await store.users.find(begun.user.id) == changed.user

    async def test_an_edit_that_raises_changes_nothing(self, store: Store) -> None:
        """And the next one is not kept waiting."""
        user = await add_user(store)

        def refuse(user: User) -> User:
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
