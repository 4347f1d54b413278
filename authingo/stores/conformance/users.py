"""Users are stored, found and listed as they are."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authingo.errors import EmailTaken
from authingo.models import NewUser, User
from authingo.stores import Store
from authingo.stores.conformance.world import (
    a_notice,
    a_session,
    add_user,
    begin,
    by_token,
    credentials_of,
    open_reset,
    renamed_to,
)
from authingo.stores.mails import NewMail


class UsersConformance:
    """Users are stored, found and listed as they are."""

    async def test_a_stored_user_comes_back_as_it_was(self, store: Store) -> None:
        """By email and by id, with hash and password version 1."""
        new = NewUser(
            email="ada@example.com", name="Ada ☃", password_hash="$2b$04$x", email_verified=True
        )
        user = await store.users.add(new)
        assert (user.id, user.email, user.name, user.email_verified) == (
            new.id,
            new.email,
            new.name,
            True,
        )
        assert user.disabled_at is None
        assert user.created_at == user.updated_at
        assert abs(user.created_at - datetime.now(UTC)) < timedelta(minutes=5)
        found = await store.users.by_email("ada@example.com")
        assert found is not None
        assert (found.user, found.password_hash, found.version) == (user, "$2b$04$x", 1)
        assert await store.users.find(user.id) == user

    async def test_a_mail_to_a_new_user_is_queued_with_them_or_not_at_all(
        self, store: Store
    ) -> None:
        """Of two at once with one email, one is stored, with one mail."""

        async def add() -> User:
            new = NewUser(email="ada@example.com", name="Ada", password_hash="x")
            return await store.users.add(new, mails=[invitation_of(new)])

        results = await asyncio.gather(add(), add(), return_exceptions=True)
        assert sorted(type(one).__name__ for one in results) == ["EmailTaken", "User"]
        (user,) = (one for one in results if isinstance(one, User))
        assert [one.user_id for one in await store.mails.page(limit=9)] == [user.id]

    async def test_an_absent_user_is_none(self, store: Store) -> None:
        """No error, no user."""
        assert await store.users.by_email("nobody@example.com") is None
        assert await store.users.find("usr_nobody") is None
        assert await store.users.verify_email("usr_nobody") is None

    async def test_an_email_is_taken_once(self, store: Store) -> None:
        """Of ten at once one is stored, nine are told, and no session is left by the others."""
        sessions = [a_session() for _ in range(10)]
        results = await asyncio.gather(
            *(
                store.users.add_with_session(
                    NewUser(email="ada@example.com", name="Ada", password_hash="x"),
                    session,
                    ending=None,
                )
                for session in sessions
            ),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in results) == ["EmailTaken"] * 9 + [
            "StartedSession"
        ]
        alive = [await by_token(store, session.key) for session in sessions]
        assert sum(match is not None for match in alive) == 1
        with pytest.raises(EmailTaken):
            await add_user(store)

    async def test_emails_are_found_by_ids(self, store: Store) -> None:
        """Also of none, and without those that are not there."""
        users = [await add_user(store, f"user{number}@example.com") for number in range(3)]
        wanted = {user.id: user.email for user in users[:2]}
        assert await store.users.emails([*wanted, "usr_nobody", *wanted]) == wanted
        assert await store.users.emails([]) == {}

    async def test_users_are_listed_in_pages(self, store: Store) -> None:
        """In the order of their ids, each once."""
        users = [await add_user(store, f"user{number}@example.com") for number in range(5)]
        in_order = sorted(users, key=lambda user: user.id)
        first = await store.users.page(limit=3)
        assert first == in_order[:3]
        assert await store.users.page(limit=3, after=first[-1].id) == in_order[3:]
        newest = await store.users.page(limit=3, newest=True)
        assert newest == in_order[::-1][:3]
        assert (
            await store.users.page(limit=9, newest=True, after=newest[-1].id)
            == (in_order[::-1][3:])
        )

    async def test_a_search_finds_parts_of_email_and_name(self, store: Store) -> None:
        """In either case of ASCII letters; signs that mean something to LIKE mean themselves."""
        ada = await add_user(store, "ada@example.com", "Ada Lovelace")
        odd = await add_user(store, "odd@example.org", "50%_\\off")
        assert await store.users.page(search="LOVE", limit=9) == [ada]
        assert await store.users.page(search="example.ORG", limit=9) == [odd]
        assert await store.users.page(search="%_\\", limit=9) == [odd]
        assert await store.users.page(search="a%a", limit=9) == []

    async def test_a_hash_is_replaced_only_where_it_still_stands(self, store: Store) -> None:
        """The password version stays: sessions and sign-ins under way go on."""
        user = await add_user(store)
        await store.users.replace_hash(user.id, old="another", new="stronger")
        assert (await credentials_of(store, user)).password_hash == "$2b$04$hash"
        await store.users.replace_hash(user.id, old="$2b$04$hash", new="stronger")
        found = await credentials_of(store, user)
        assert (found.password_hash, found.version) == ("stronger", 1)

    async def test_an_email_is_verified_once(self, store: Store) -> None:
        """A session goes on; a user who is verified stays as they are."""
        begun, bystander = await begin(store), await add_user(store)
        verified = await store.users.verify_email(begun.user.id)
        assert verified is not None
        assert verified.email_verified
        assert verified.updated_at > begun.user.updated_at
        assert await store.users.verify_email(begun.user.id) == verified
        match = await by_token(store, begun.new.key)
        assert match is not None
        assert match.user == verified
        assert await store.users.find(bystander.id) == bystander

    async def test_another_email_ends_sessions_and_sign_ins_under_way(self, store: Store) -> None:
        """Of that user and of nobody else; it is verified only where that is said."""
        begun, bystander = await begin(store), await begin(store)
        await store.users.verify_email(begun.user.id)
        for email, verified in (("new@example.com", False), ("newer@example.com", True)):
            version = (await credentials_of(store, await _read(store, begun.user.id))).version
            first, second = a_session(), a_session()
            assert await store.sessions.begin(begun.user.id, first, version=version, ending=None)
            changed = await store.users.update(begun.user.id, email=email, verified=verified)
            assert changed is not None
            assert changed.user == await store.users.find(begun.user.id)
            assert (changed.user.email, changed.user.email_verified) == (email, verified)
            assert changed.user.name == begun.user.name
            assert changed.ended == (2 if email == "new@example.com" else 1)
            assert await by_token(store, first.key) is None
            late = await store.sessions.begin(begun.user.id, second, version=version, ending=None)
            assert late is None, "its password was checked under the old email"
        assert await store.users.by_email(begun.user.email) is None
        assert await by_token(store, bystander.new.key) is not None
        assert await store.users.find(bystander.user.id) == bystander.user

    async def test_another_email_ends_secrets_and_tells_both_addresses(self, store: Store) -> None:
        """Secrets of the purposes to keep stay, and so do those of other users."""
        user, other = await add_user(store), await add_user(store, "grace@example.com")
        reset, undo = await open_reset(store, user), await open_reset(store, user, "undo")
        of_other = await open_reset(store, other)
        changed = await store.users.update(
            user.id,
            email="new@example.com",
            verified=False,
            keep=("undo",),
            mails=[a_notice(user), a_notice(replace(user, email="new@example.com"))],
        )
        assert changed is not None
        assert not await store.secrets.forget("reset_password", reset)
        assert await store.secrets.forget("undo", undo), "its row is still there"
        assert await store.secrets.find("reset_password", of_other) is not None
        queued = [one.address for one in await store.mails.page(limit=9)]
        assert queued == ["ada@example.com", "new@example.com"]

    async def test_what_does_not_change_an_email_ends_no_secret_and_tells_nobody(
        self, store: Store
    ) -> None:
        """A new name, the email that the user has, or one that is taken."""
        user, other = await add_user(store), await add_user(store, "grace@example.com")
        reset = await open_reset(store, user)
        for email in (None, user.email, other.email):
            with contextlib.suppress(EmailTaken):
                await store.users.update(
                    user.id,
                    edit=renamed_to("Countess"),
                    email=email,
                    verified=True,
                    mails=[a_notice(user)],
                )
        assert await store.secrets.find("reset_password", reset) is not None
        assert await store.mails.page(limit=9) == []

    async def test_another_name_ends_nothing(self, store: Store) -> None:
        """Nor does the email that they have."""
        begun = await begin(store)
        verified = await store.users.verify_email(begun.user.id)
        assert verified is not None
        changed = await store.users.update(
            begun.user.id, edit=renamed_to("Countess"), email=begun.user.email, verified=False
        )
        assert changed is not None
        assert (changed.user.name, changed.user.email_verified) == ("Countess", True)
        assert changed.user.updated_at > verified.updated_at
        assert changed.ended == 0
        match = await by_token(store, begun.new.key)
        assert match is not None
        assert match.user == changed.user
        assert (await credentials_of(store, changed.user)).version == 1

    async def test_an_email_is_not_taken_from_another_user(self, store: Store) -> None:
        """Nothing changes then; of several who want a free one at once, one gets it."""
        begun, other = await begin(store), await add_user(store, "other@example.com")
        with pytest.raises(EmailTaken):
            await store.users.update(
                begun.user.id, edit=renamed_to("X"), email="other@example.com", verified=True
            )
        assert await store.users.find(begun.user.id) == begun.user
        assert await by_token(store, begun.new.key) is not None
        assert (
            await store.users.update(
                "usr_nobody", edit=renamed_to("X"), email="other@example.com", verified=True
            )
            is None
        )
        users = [begun.user, other, await add_user(store, "third@example.com")]
        results = await asyncio.gather(
            *(
                store.users.update(user.id, email="free@example.com", verified=False)
                for user in users
            ),
            return_exceptions=True,
        )
        assert sorted(type(one).__name__ for one in results) == ["ChangedUser", *["EmailTaken"] * 2]


def invitation_of(new: NewUser) -> NewMail:
    """Return a mail to a user who is about to be added."""
    return NewMail(kind="invitation", address=new.email, user_id=new.id, lifetime=timedelta(days=7))


async def _read(store: Store, user_id: str) -> User:
    found = await store.users.find(user_id)
    assert found is not None
    return found
