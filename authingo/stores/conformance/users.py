"""Users are stored, found and listed as they are."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from authingo.errors import EmailTaken
from authingo.models import (
    NewUser,
)
from authingo.stores import Store
from authingo.stores.conformance.world import a_session, add_user, begin, credentials_of


class UsersConformance:
    """Users are stored, found and listed as they are."""

    async def test_a_stored_user_comes_back_as_it_was(self, store: Store) -> None:
        """By email and by id, with hash and password version 1."""
        new = NewUser(
            email="ada@example.com", name="Ada ☃", password_hash="$2b$04$x", email_verified=True
        )
        user = await store.add_user(new)
        assert (user.id, user.email, user.name, user.email_verified) == (
            new.id,
            new.email,
            new.name,
            True,
        )
        assert user.disabled_at is None
        assert user.created_at == user.updated_at
        assert abs(user.created_at - datetime.now(UTC)) < timedelta(minutes=5)
        found = await store.credentials("ada@example.com")
        assert found is not None
        assert (found.user, found.password_hash, found.version) == (user, "$2b$04$x", 1)
        assert await store.user(user.id) == user

    async def test_an_absent_user_is_none(self, store: Store) -> None:
        """No error, no user."""
        assert await store.credentials("nobody@example.com") is None
        assert await store.user("usr_nobody") is None
        assert await store.verify_email("usr_nobody") is None

    async def test_an_email_is_taken_once(self, store: Store) -> None:
        """Of ten at once one is stored, nine are told, and no session is left by the others."""
        sessions = [a_session() for _ in range(10)]
        results = await asyncio.gather(
            *(
                store.add_user_with_session(
                    NewUser(email="ada@example.com", name="Ada", password_hash="x"),
                    session,
                    ending=None,
                )
                for session in sessions
            ),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in results) == ["EmailTaken"] * 9 + [
            "Resumed"
        ]
        alive = [await store.session_and_user(session.token_digest) for session in sessions]
        assert sum(match is not None for match in alive) == 1
        with pytest.raises(EmailTaken):
            await add_user(store)

    async def test_users_are_listed_in_pages(self, store: Store) -> None:
        """In the order of their ids, each once."""
        users = [await add_user(store, f"user{number}@example.com") for number in range(5)]
        in_order = sorted(users, key=lambda user: user.id)
        first = await store.list_users(limit=3)
        assert first == in_order[:3]
        assert await store.list_users(limit=3, after=first[-1].id) == in_order[3:]

    async def test_a_search_finds_parts_of_email_and_name(self, store: Store) -> None:
        """In either case of ASCII letters; signs that mean something to LIKE mean themselves."""
        ada = await add_user(store, "ada@example.com", "Ada Lovelace")
        odd = await add_user(store, "odd@example.org", "50%_\\off")
        assert await store.list_users(search="LOVE", limit=9) == [ada]
        assert await store.list_users(search="example.ORG", limit=9) == [odd]
        assert await store.list_users(search="%_\\", limit=9) == [odd]
        assert await store.list_users(search="a%a", limit=9) == []

    async def test_a_hash_is_replaced_only_where_it_still_stands(self, store: Store) -> None:
        """The password version stays: sessions and sign-ins under way go on."""
        user = await add_user(store)
        await store.replace_hash(user.id, old="another", new="stronger")
        assert (await credentials_of(store, user)).password_hash == "$2b$04$hash"
        await store.replace_hash(user.id, old="$2b$04$hash", new="stronger")
        found = await credentials_of(store, user)
        assert (found.password_hash, found.version) == ("stronger", 1)

    async def test_an_email_is_verified_once(self, store: Store) -> None:
        """A session goes on; whoever is verified stays as they are."""
        begun, bystander = await begin(store), await add_user(store)
        verified = await store.verify_email(begun.user.id)
        assert verified is not None
        assert verified.email_verified
        assert verified.updated_at > begun.user.updated_at
        assert await store.verify_email(begun.user.id) == verified
        match = await store.session_and_user(begun.new.token_digest)
        assert match is not None
        assert match.user == verified
        assert await store.user(bystander.id) == bystander
