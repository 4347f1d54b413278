"""Everybody who watches gets every revocation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from authingo import clock
from authingo.models import (
    NewUser,
    User,
)
from authingo.stores import Freshness, Store
from authingo.stores.conformance.reauthentication import reauthenticate, replacing
from authingo.stores.conformance.world import (
    SignedInUser,
    a_session,
    begin,
    credentials_of,
    new_digest,
)

_HEARS_WITHIN = 2.0  # seconds from the first question; an adapter that does not then cannot
_TOLD_WITHIN = 5.0  # seconds from what another program did; the bound an adapter states is less


@dataclass
class Told:
    """Writes down of whom a store told."""

    whom: set[str] = field(default_factory=set)

    def drop(self, user_id: str) -> None:
        """See RevocationListener."""
        self.whom.add(user_id)

    def drop_all(self) -> None:
        """See RevocationListener."""
        self.whom.add("*")

    def of(self, user: User) -> bool:
        """Tell whether it told of this user."""
        return bool(self.whom & {user.id, "*"})


def _vouches(store: Store, freshness: Freshness) -> bool:
    """Tell whether a cache would answer from memory now."""
    return clock.now() < freshness.until or store.is_notified()


def _heard_or_deaf(store: Store, freshness: Freshness, told: Told, user: User) -> bool:
    """Asked in this order: the question may be what makes it tell."""
    return not _vouches(store, freshness) or told.of(user)


async def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Ask again and again until it holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def _change_password(store: Store, begun: SignedInUser) -> object:
    verified = await credentials_of(store, begun.user)
    return await store.users.change_password(
        verified, "new hash", caller=begun.new.id, session=a_session()
    )


async def _sign_up_over(store: Store, begun: SignedInUser) -> object:
    new = NewUser(email=f"{begun.new.id}@example.com", name="New", password_hash="x")
    return await store.users.add_with_session(new, a_session(), ending=begun.new.key)


async def _sign_in_over(store: Store, begun: SignedInUser) -> object:
    other = await begin(store)
    return await store.sessions.begin(other.user.id, a_session(), version=1, ending=begun.new.key)


async def _sign_in_once_more(store: Store, begun: SignedInUser) -> object:
    new = replace(a_session(), most=1)
    return await store.sessions.begin(begun.user.id, new, version=1, ending=None)


_REVOKING: dict[str, Callable[[Store, SignedInUser], Awaitable[object]]] = {
    "rotate": lambda store, begun: store.sessions.rotate(begun.rotation()),
    "reauthenticate": lambda store, begun: reauthenticate(store, begun, replacing(begun.new.key)),
    "end_by_token": lambda store, begun: store.sessions.end_by_token(begun.new.key),
    "end_reused": lambda store, begun: store.sessions.end_reused(
        begun.new.selector_digest, new_digest()
    ),
    "end_of_user": lambda store, begun: store.sessions.end_of_user(begun.user.id, batch_size=100),
    "change_password": _change_password,
    "set_password": lambda store, begun: store.users.set_password(begun.user.id, "new hash"),
    "set_disabled": lambda store, begun: store.users.set_disabled(begun.user.id, disabled=True),
    "verify_email": lambda store, begun: store.users.verify_email(begun.user.id),
    "end_any": lambda store, _: store.sessions.end_any(1000),
    "delete": lambda store, begun: store.users.delete(begun.user.id),
    "add_with_session": _sign_up_over,
    "begin": _sign_in_over,
    "begin of too many": _sign_in_once_more,
    "end_surplus": lambda store, begun: store.sessions.end_surplus(
        begun.user.id, keep=0, batch_size=9
    ),
}


class RevocationsConformance:
    """Everybody who watches gets every revocation."""

    async def test_what_its_verbs_revoke_is_told_before_they_return(self, store: Store) -> None:
        """By the next `is_notified` at the latest. A store that cannot listen has to say so."""
        freshness = store.watch(told := Told())
        for name, verb in _REVOKING.items():
            begun = await begin(store)
            if not await _within(_HEARS_WITHIN, store.is_notified):
                return
            told.whom.clear()
            assert await verb(store, begun)
            assert _heard_or_deaf(store, freshness, told, begun.user), name

    async def test_what_another_program_revokes_is_told(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Soon, or the store no longer says that it is notified."""
        if another_store is None:
            pytest.skip("there is no other store on this database")
        freshness = store.watch(told := Told())
        for name, verb in _REVOKING.items():
            begun = await begin(store)
            if not await _within(_HEARS_WITHIN, store.is_notified):
                return
            told.whom.clear()
            assert await verb(another_store, begun)
            known = partial(_heard_or_deaf, store, freshness, told, begun.user)
            assert await _within(_TOLD_WITHIN, known), name

    async def test_all_who_watch_are_told(self, store: Store) -> None:
        """A program may have several caches on one store."""
        begun, first, second = await begin(store), Told(), Told()
        watching = [(store.watch(told), told) for told in (first, second)]
        if not await _within(_HEARS_WITHIN, store.is_notified):
            return
        first.whom.clear()
        second.whom.clear()
        await store.sessions.end_of_user(begun.user.id, batch_size=100)
        for freshness, told in watching:
            assert _heard_or_deaf(store, freshness, told, begun.user)

    async def test_what_is_revoked_while_it_is_closed_is_not_missed(
        self, store: Store, another_store: Store | None
    ) -> None:
        """A closed store does not hear; once it does again, all of it was told."""
        begun = await begin(store)
        freshness = store.watch(told := Told())
        heard = await _within(_HEARS_WITHIN, store.is_notified)
        await store.close()
        assert not _vouches(store, freshness)
        if another_store is not None:
            told.whom.clear()
            assert await another_store.sessions.end_of_user(begun.user.id, batch_size=100)
        await store.open(create=False)
        await store.ping()
        if heard and another_store is not None and await _within(_HEARS_WITHIN, store.is_notified):
            assert told.of(begun.user)

    async def test_a_store_that_nobody_watches_does_not_hear(self, store: Store) -> None:
        """There is nobody to tell."""
        await store.ping()
        assert not store.is_notified()
