"""Users come from elsewhere as they are, once, and leave as they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from authingo.ids import new_id
from authingo.models import Credentials, User
from authingo.stores import Store
from authingo.stores.conformance.world import add_user

_THEN = datetime(2019, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)


def _users(count: int, *, first: int = 0) -> list[Credentials]:
    return [_user(number) for number in range(first, first + count)]


def _user(number: int) -> Credentials:
    at = _THEN + timedelta(days=number)
    user = User(
        id=new_id("usr_", at),
        email=f"user{number}@example.com",
        name=f"☃ {number}",
        email_verified=number % 2 == 0,
        created_at=at,
        updated_at=at + timedelta(hours=1),
        disabled_at=at + timedelta(hours=2) if number % 3 == 0 else None,
        delete_at=at + timedelta(days=9) if number % 2 else None,
        roles=("admin", "editor")[: number % 3],
    )
    return Credentials(user, f"hash {number}", number + 1)


class ImportsConformance:
    """Users come from elsewhere as they are, once, and leave as they are."""

    async def test_imported_users_are_exported_as_they_were(self, store: Store) -> None:
        """Ids, times to the microsecond, hashes and versions; by creation, in pages."""
        users = _users(5)
        assert await store.users.import_many(users[::-1]) == {one.user.id for one in users}
        first = await store.users.export(limit=3)
        last = await store.users.export(after=first[-1].user.id, limit=3)
        for found, expected in zip([*first, *last], users, strict=True):
            assert found.user == expected.user
            assert found.password_hash == expected.password_hash
            assert found.version == expected.version

    async def test_who_is_there_is_left_as_they_are(self, store: Store) -> None:
        """By email, by id, and by an email or an id earlier in the same sequence."""
        old = await add_user(store, "user1@example.com")
        same_id = replace(_user(9), user=replace(_user(9).user, id=old.id))
        twice = replace(_user(2), password_hash="another")
        three = _users(3)
        # The one before them with their id or their email is not stored, so they are.
        not_stored = [
            replace(_user(6), user=replace(_user(6).user, id=old.id)),
            replace(_user(7), user=replace(_user(7).user, email=old.email)),
        ]
        stored_after = [
            _user(6),
            replace(_user(7), user=replace(_user(7).user, id=not_stored[1].user.id)),
        ]
        id_twice = replace(_user(8), user=replace(_user(8).user, id=three[2].user.id))
        users = [*three, twice, same_id, id_twice, *not_stored, *stored_after]
        stored = await store.users.import_many(users)
        ids = [one.user.id for one in (users[0], users[2], *stored_after)]
        assert sorted(stored) == sorted(ids)
        found = await store.users.by_email("user1@example.com")
        assert found is not None
        assert (found.user, found.password_hash) == (old, "$2b$04$hash")
        second = await store.users.by_email("user2@example.com")
        assert second is not None
        assert second.password_hash == "hash 2"
        assert await store.users.import_many(users) == set(), "again is as if nothing had happened"
        assert await store.users.import_many([]) == set()

    async def test_imports_at_once_store_each_user_once(
        self, store: Store, another_store: Store | None
    ) -> None:
        """In whatever order each has them, and none of them fails."""
        users = _users(2000)
        other = another_store or store
        stored = await asyncio.gather(
            *(
                (store, other)[turn % 2].users.import_many(
                    [replace(one, user=replace(one.user, id=new_id("usr_"))) for one in order]
                )
                for turn, order in enumerate([users, users[::-1]] * 4)
            )
        )
        assert sum(len(ids) for ids in stored) == 2000
        assert len(await store.users.export(limit=3000)) == 2000

    async def test_the_emails_that_are_taken_are_told(self, store: Store) -> None:
        """And no others."""
        await store.users.import_many(_users(3))
        asked = ["user1@example.com", "nobody@example.com", "user2@example.com"]
        assert await store.users.emails_taken(asked) == {"user1@example.com", "user2@example.com"}
        assert await store.users.emails_taken([]) == set()
