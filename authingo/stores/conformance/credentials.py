"""A credential belongs to one user, and its counter only grows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from authingo.models import User
from authingo.stores import Store
from authingo.stores.conformance.world import add_user, credentials_of, new_digest
from authingo.stores.credentials import Credential, CredentialMatch, NewCredential

_PASSKEY = "passkey"


async def add_credential(
    store: Store, user: User, *, kind: str = _PASSKEY, counter: int = 0
) -> Credential:
    """Give a user another credential."""
    new = NewCredential(kind=kind, subject=new_digest(), user_id=user.id, counter=counter)
    added = await store.credentials.add(new, grow_version=False)
    assert added is not None
    return added


async def version_of(store: Store, user: User) -> int:
    """Return a user's security version."""
    return (await credentials_of(store, user)).version


class CredentialsConformance:
    """A credential belongs to one user, and its counter only grows."""

    async def test_a_credential_is_found_as_it_was_added(self, store: Store) -> None:
        """By kind and subject, with its user and the security version."""
        user = await add_user(store)
        new = NewCredential(
            kind=_PASSKEY,
            subject=new_digest(),
            user_id=user.id,
            label="Phone",
            data=b"\x00key",
            counter=7,
        )
        added = await store.credentials.add(new, grow_version=False)
        assert added is not None
        assert abs(added.created_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert added == Credential(
            id=new.id,
            kind=new.kind,
            subject=new.subject,
            user_id=user.id,
            label=new.label,
            data=new.data,
            counter=7,
            created_at=added.created_at,
            last_used_at=None,
        )
        found = await store.credentials.find(_PASSKEY, new.subject)
        assert found == CredentialMatch(added, user, version=1)
        assert await store.credentials.find("totp", new.subject) is None
        assert await store.credentials.find(_PASSKEY, new_digest()) is None

    async def test_a_disabled_user_is_found_as_such(self, store: Store) -> None:
        """It is not for the store to say who may sign in."""
        user = await add_user(store)
        credential = await add_credential(store, user)
        await store.users.set_disabled(user.id, disabled=True)
        found = await store.credentials.find(_PASSKEY, credential.subject)
        assert found is not None
        assert found.user.disabled_at is not None
        assert found.version == 2

    async def test_a_subject_is_added_once_for_its_kind(self, store: Store) -> None:
        """It stays with its user, and the security version of the other does not grow."""
        ada, bob = await add_user(store), await add_user(store, "bob@example.com")
        first = await add_credential(store, ada)
        for user in (ada, bob):
            again = NewCredential(kind=_PASSKEY, subject=first.subject, user_id=user.id)
            assert await store.credentials.add(again, grow_version=True) is None
            assert await version_of(store, user) == 1
        found = await store.credentials.find(_PASSKEY, first.subject)
        assert found is not None
        assert found.user == ada
        other_kind = NewCredential(kind="identity", subject=first.subject, user_id=bob.id)
        assert await store.credentials.add(other_kind, grow_version=False) is not None

    async def test_of_many_who_add_a_subject_at_once_one_wins(
        self, store: Store, another_store: Store | None
    ) -> None:
        """For whichever user."""
        users = [await add_user(store), await add_user(store, "bob@example.com")]
        subject, stores = new_digest(), [store, another_store or store]
        added = await asyncio.gather(
            *(
                stores[n // 2 % 2].credentials.add(
                    NewCredential(kind=_PASSKEY, subject=subject, user_id=users[n % 2].id),
                    grow_version=True,
                )
                for n in range(8)
            )
        )
        (winner,) = [one for one in added if one is not None]
        versions = {user.id: await version_of(store, user) for user in users}
        assert versions == {user.id: 2 if user.id == winner.user_id else 1 for user in users}

    async def test_nothing_is_added_to_a_user_who_is_not_as_expected(self, store: Store) -> None:
        """Unknown, of another security version, or disabled."""
        user = await add_user(store)

        async def adds(user_id: str, version: int | None) -> bool:
            new = NewCredential(kind=_PASSKEY, subject=new_digest(), user_id=user_id)
            added = await store.credentials.add(new, version=version, grow_version=True)
            return added is not None

        assert await adds(user.id, 1)
        assert not await adds(user.id, 1), "the version has grown"
        assert await adds(user.id, 2)
        assert not await adds("usr_nobody", None)
        await store.users.set_disabled(user.id, disabled=True)
        assert not await adds(user.id, None)
        assert len(await store.credentials.of_user(user.id)) == 2

    async def test_the_credentials_of_a_user_are_listed(self, store: Store) -> None:
        """Of one kind or all, in the order they were added; not those of others."""
        user, other = await add_user(store), await add_user(store, "bob@example.com")
        await add_credential(store, other)
        added = [await add_credential(store, user, kind=kind) for kind in ("b", "a", "b")]
        assert await store.credentials.of_user(user.id) == added
        assert await store.credentials.of_user(user.id, "b") == [added[0], added[2]]
        assert await store.credentials.of_user(user.id, "c") == []

    async def test_a_counter_only_grows(self, store: Store) -> None:
        """A use with one that does not is reported, and changes nothing."""
        user = await add_user(store)
        credential = await add_credential(store, user, counter=5)
        for counter in (5, 4, 0, -1):
            used = await store.credentials.use(user.id, credential.id, counter=counter)
            assert used is not None
            assert not used.accepted
            assert used.credential == credential
        used = await store.credentials.use(user.id, credential.id, counter=2**32)
        assert used is not None
        assert used.accepted
        assert used.credential.counter == 2**32
        assert used.credential.last_used_at is not None
        assert await store.credentials.of_user(user.id) == [used.credential]

    async def test_a_credential_that_does_not_count_is_used_with_zero(self, store: Store) -> None:
        """As often as its user likes. Once it counts, it goes on counting."""
        user = await add_user(store)
        credential = await add_credential(store, user)
        for counter, expected in ((0, True), (0, True), (-1, False), (1, True), (0, False)):
            used = await store.credentials.use(user.id, credential.id, counter=counter)
            assert used is not None
            assert used.accepted is expected

    async def test_of_many_uses_at_once_with_one_counter_one_is_accepted(
        self, store: Store, another_store: Store | None
    ) -> None:
        """A code is accepted once."""
        user = await add_user(store)
        credential, stores = await add_credential(store, user), [store, another_store or store]
        used = await asyncio.gather(
            *(stores[n % 2].credentials.use(user.id, credential.id, counter=9) for n in range(8))
        )
        assert [one.accepted for one in used if one is not None].count(True) == 1

    @pytest.mark.parametrize("grow_version", [False, True])
    async def test_a_credential_is_removed_once(
        self, store: Store, another_store: Store | None, grow_version: bool
    ) -> None:
        """Of many at once, one gets it, and the security version grows once, if at all."""
        user, stores = await add_user(store), [store, another_store or store]
        credential, kept = await add_credential(store, user), await add_credential(store, user)
        removed = await asyncio.gather(
            *(
                stores[n % 2].credentials.remove(user.id, credential.id, grow_version=grow_version)
                for n in range(6)
            )
        )
        assert [one for one in removed if one is not None] == [credential]
        assert await version_of(store, user) == (2 if grow_version else 1)
        assert await store.credentials.find(_PASSKEY, credential.subject) is None
        assert await store.credentials.of_user(user.id) == [kept]

    async def test_nobody_uses_or_removes_what_is_somebody_elses(self, store: Store) -> None:
        """An id opens nothing."""
        ada, bob = await add_user(store), await add_user(store, "bob@example.com")
        credential = await add_credential(store, ada)
        assert await store.credentials.use(bob.id, credential.id, counter=9) is None
        assert await store.credentials.remove(bob.id, credential.id, grow_version=True) is None
        assert await store.credentials.use(ada.id, "cred_nothing", counter=9) is None
        assert await version_of(store, bob) == 1
        assert await store.credentials.of_user(ada.id) == [credential]

    async def test_all_credentials_are_removed(self, store: Store) -> None:
        """Of one kind, or of every kind; those of others stay."""
        user, other = await add_user(store), await add_user(store, "bob@example.com")
        kept = await add_credential(store, other, kind="b")
        for kind in ("a", "a", "b"):
            await add_credential(store, user, kind=kind)
        assert await store.credentials.remove_all(user.id, kind="a") == 2
        assert await store.credentials.remove_all(user.id) == 1
        assert await store.credentials.remove_all(user.id) == 0
        assert await store.credentials.of_user(other.id) == [kept]

    async def test_credentials_go_with_their_user(self, store: Store) -> None:
        """The subject can be added for another user then."""
        ada, bob = await add_user(store), await add_user(store, "bob@example.com")
        credential = await add_credential(store, ada)
        assert await store.users.delete(ada.id)
        assert await store.credentials.find(_PASSKEY, credential.subject) is None
        again = NewCredential(kind=_PASSKEY, subject=credential.subject, user_id=bob.id)
        assert await store.credentials.add(again, grow_version=False) is not None
