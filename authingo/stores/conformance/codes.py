"""A session begins with a code exactly once, and only for a user who is as they were."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from authingo.attempts import NewDevice, Outcome
from authingo.models import NewSession, StartedSession, TokenKey, User
from authingo.passwords import NO_PASSWORD
from authingo.stores import Store
from authingo.stores.conformance.recovery import plant
from authingo.stores.conformance.world import (
    a_session,
    add_user,
    an_event,
    by_token,
    credentials_of,
    event_names,
    new_digest,
)
from authingo.stores.secrets import NewMatter

_CODE = "sign_in_code"


async def open_code(store: Store) -> bytes:
    """Open a matter that belongs to nobody, and return its digest."""
    digest = new_digest()
    new = NewMatter(purpose=_CODE, digest=digest, lifetime=timedelta(minutes=10))
    assert await store.secrets.open(new)
    return digest


async def sign_in(
    store: Store,
    digest: bytes,
    user: User,
    session: NewSession,
    *,
    version: int = 1,
    ending: TokenKey | None = None,
) -> StartedSession | None:
    """Sign in with a code; the device of the session is recognized from then on."""
    device = NewDevice(digest=new_digest(), browser=new_digest())
    return await store.recovery.sign_in_by_code(
        _CODE,
        digest,
        user.id,
        session,
        version=version,
        ending=ending,
        outcome=Outcome(events=an_event("in").events, device=device),
        eviction=an_event("out"),
    )


class CodesConformance:
    """A session begins with a code exactly once, and only for a user who is as they were."""

    async def test_a_code_begins_a_session(self, store: Store) -> None:
        """Of a verified user, who keeps everything but the session that ends."""
        user, before, new = await add_user(store), a_session(), a_session()
        await store.users.verify_email(user.id)
        planted = await plant(store, user)
        assert await store.sessions.begin(user.id, before, version=1, ending=None)
        started = await sign_in(store, await open_code(store), user, new, ending=before.key)
        assert started is not None
        assert (started.user.id, started.session.id, started.events) == (user.id, new.id, ())
        assert await by_token(store, new.key) is not None
        assert await by_token(store, before.key) is None
        assert await by_token(store, planted.session.key) is not None
        assert await store.devices.count(user.id) == 2
        after = await credentials_of(store, user)
        assert (after.password_hash, after.version) == ("$2b$04$hash", 1)
        assert await event_names(store) == {"in"}

    async def test_a_code_of_an_unverified_address_evicts_whoever_signed_up_with_it(
        self, store: Store
    ) -> None:
        """The new session is the only thing in the account."""
        user, new = await add_user(store, name="Mallory"), a_session()
        planted = await plant(store, user)
        started = await sign_in(
            store,
            await open_code(store),
            user,
            new,
            ending=planted.session.key,
        )
        assert started is not None
        assert [one.name for one in started.events] == ["out"]
        assert (started.user.name, started.user.email_verified) == ("ada", True)
        assert await by_token(store, planted.session.key) is None
        assert not await store.secrets.forget("reset_password", planted.secret)
        assert await store.credentials.of_user(user.id) == []
        assert await store.sessions.count_refreshable(user_id=user.id) == 1
        assert await by_token(store, new.key) is not None
        assert await store.devices.count(user.id) == 1
        after = await credentials_of(store, user)
        assert (after.password_hash, after.version) == (NO_PASSWORD, 2)
        assert await event_names(store) == {"in", "out"}

    @pytest.mark.parametrize("change", ["password", "disabled", "deleted", "spent", "unknown"])
    async def test_what_has_changed_begins_nothing(self, store: Store, change: str) -> None:
        """And spends nothing, and evicts nobody."""
        user, digest, new = await add_user(store), await open_code(store), a_session()
        if change == "password":
            await store.users.set_password(user.id, "$2b$04$new")
        elif change == "disabled":
            await store.users.set_disabled(user.id, disabled=True)
        elif change == "deleted":
            await store.users.delete(user.id)
        elif change == "spent":
            assert await store.secrets.spend(_CODE, digest)
        spent = new_digest() if change == "unknown" else digest
        assert await sign_in(store, spent, user, new) is None
        assert await by_token(store, new.key) is None
        assert await event_names(store) == set()
        assert (await store.secrets.find(_CODE, digest) is None) == (change == "spent")
        if found := await store.users.find(user.id):
            assert not found.email_verified

    @pytest.mark.parametrize("verified", [False, True])
    async def test_of_two_tries_at_once_one_signs_in(
        self, store: Store, another_store: Store | None, verified: bool
    ) -> None:
        """With one code. An account that changes hands does so once."""
        for number in range(5):
            user = await add_user(store, f"ada-{number}@example.com")
            if verified:
                await store.users.verify_email(user.id)
            digest = await open_code(store)
            results = await asyncio.gather(
                *(
                    sign_in(one, digest, user, a_session())
                    for one in (store, another_store or store, store)
                )
            )
            assert sum(one is not None for one in results) == 1
            assert await store.sessions.count_refreshable(user_id=user.id) == 1

    @pytest.mark.parametrize("change", ["password", "eviction", "disabling"])
    async def test_a_code_that_races_a_change_leaves_no_session(
        self, store: Store, another_store: Store | None, change: str
    ) -> None:
        """Whichever is first: the session ends with the change, or does not begin.

        Where the code comes first and the account changes hands by it, an eviction finds a
        verified address, and the session stays.
        """
        other = another_store or store
        changes: dict[str, Callable[[str], Awaitable[object]]] = {
            "password": lambda user_id: other.users.set_password(user_id, "$2b$04$new"),
            "eviction": other.recovery.evict,
            "disabling": lambda user_id: other.users.set_disabled(user_id, disabled=True),
        }
        for number in range(10):
            user = await add_user(store, f"ada-{number}@example.com")
            digest, session = await open_code(store), a_session()
            started, changed = await asyncio.gather(
                sign_in(store, digest, user, session), changes[change](user.id)
            )
            stays = change == "eviction" and started is not None
            assert (changed is None) == stays
            assert (await by_token(store, session.key) is not None) == stays
