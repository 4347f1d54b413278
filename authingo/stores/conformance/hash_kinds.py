"""The slowest kind of hash of each family is known for as long as a user has one."""

from __future__ import annotations

from dataclasses import replace

from authingo.models import HashKind
from authingo.stores import Store
from authingo.stores.conformance.world import add_user

_DEAR = HashKind(family="a", pattern="a$100$%", sample="a$100$0", work=100)
_DEARER = replace(_DEAR, pattern="a$200$%", sample="a$200$0", work=200)
_OTHER = HashKind(family="b", pattern="%b$_$%", sample="b$1$0", work=1)


class HashKindsConformance:
    """The slowest kind of hash of each family is known for as long as a user has one."""

    async def test_the_slowest_of_each_family_is_kept(self, store: Store) -> None:
        """In whatever order they come."""
        assert await store.hash_kinds.find() == []
        await store.hash_kinds.record([_OTHER, _DEAR])
        assert await store.hash_kinds.find() == [_DEAR, _OTHER]
        await store.hash_kinds.record([_DEARER])
        await store.hash_kinds.record([_DEAR])
        assert await store.hash_kinds.find() == [_DEARER, _OTHER]

    async def test_an_import_records_the_kinds_of_its_hashes(self, store: Store) -> None:
        """Also again, when the users are there already."""
        await store.users.import_many([], kinds=[_DEAR])
        await store.users.import_many([], kinds=[_OTHER, _DEARER])
        await store.users.import_many([], kinds=[_DEAR, _OTHER])
        assert await store.hash_kinds.find() == [_DEARER, _OTHER]

    async def test_a_kind_that_nobody_has_is_found(self, store: Store) -> None:
        """By its pattern."""
        await store.hash_kinds.record([_DEAR, _OTHER])
        assert await store.hash_kinds.find(unused=True) == [_DEAR, _OTHER]
        ada = await add_user(store, "ada@example.com")
        await store.users.set_password(ada.id, "a$100$salt$key")
        assert await store.hash_kinds.find(unused=True) == [_OTHER]
        await store.users.set_password(ada.id, "tag$b$2$salt$key")
        assert await store.hash_kinds.find(unused=True) == [_DEAR]

    async def test_a_kind_takes_the_place_of_a_slower_one(self, store: Store) -> None:
        """But not of one that another has recorded meanwhile."""
        await store.hash_kinds.record([_DEARER, _OTHER])
        await store.hash_kinds.record([_DEAR], instead_of=[_DEARER, _OTHER])
        assert await store.hash_kinds.find() == [_DEAR]
        await store.hash_kinds.record([_DEARER])
        await store.hash_kinds.record([], instead_of=[_DEAR])
        assert await store.hash_kinds.find() == [_DEARER]
