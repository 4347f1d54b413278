"""What the owner of an address may change happens completely, or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from authingo.attempts import NewDevice, Outcome
from authingo.models import NewSession, NewUser, User
from authingo.passwords import NO_PASSWORD
from authingo.stores import Store
from authingo.stores.conformance.world import (
    a_notice,
    a_session,
    add_user,
    an_event,
    by_token,
    credentials_of,
    event_names,
    new_digest,
    open_reset,
)
from authingo.stores.credentials import NewCredential

_RESET, _UNDO = "reset_password", "undo"
_NEW = "$2b$04$another"


@dataclass(frozen=True)
class Planted:
    """What somebody added to an account."""

    session: NewSession
    secret: bytes


async def plant(store: Store, user: User) -> Planted:
    """Add a session, a recognized browser, a secret and a passkey to an account."""
    session = a_session()
    device = NewDevice(digest=new_digest(), browser=new_digest())
    assert await store.sessions.begin(
        user.id, session, version=1, ending=None, outcome=Outcome(device=device)
    )
    passkey = NewCredential(kind="passkey", subject=new_digest(), user_id=user.id)
    assert await store.credentials.add(passkey, grow_version=False)
    return Planted(session, await open_reset(store, user))


async def require_nothing_planted(store: Store, user: User, planted: Planted) -> None:
    """Require that nothing is left of what `plant` added."""
    assert (user.name, user.email_verified) == ("ada", True)
    assert await by_token(store, planted.session.key) is None
    assert await store.devices.count(user.id) == 0
    assert not await store.secrets.forget(_RESET, planted.secret)
    assert await store.credentials.of_user(user.id) == []


class RecoveryConformance:
    """What the owner of an address may change happens completely, or not at all."""

    async def test_a_reset_stores_the_password_and_ends_what_was_there(self, store: Store) -> None:
        """Sessions and secrets, except those of the purposes to keep. The email is verified."""
        user, other = await add_user(store), await add_user(store, "grace@example.com")
        await store.users.verify_email(user.id)
        sessions = {one.id: a_session() for one in (user, other)}
        for user_id, session in sessions.items():
            assert await store.sessions.begin(user_id, session, version=1, ending=None)
        token, second = await open_reset(store, user), await open_reset(store, user)
        undo, of_other = await open_reset(store, user, _UNDO), await open_reset(store, other)

        changed = await store.recovery.reset_password(
            _RESET, token, _NEW, keep=(_UNDO,), mails=[a_notice(user)]
        )

        assert changed is not None
        assert (changed.user.id, changed.ended, changed.evicted) == (user.id, 1, False)
        assert (changed.user.name, changed.user.email_verified) == ("Ada", True)
        after = await credentials_of(store, changed.user)
        assert (after.password_hash, after.version) == (_NEW, 2)
        assert await by_token(store, sessions[user.id].key) is None
        assert await by_token(store, sessions[other.id].key) is not None
        assert await store.secrets.find(_RESET, second) is None
        assert await store.secrets.find(_RESET, of_other) is not None
        assert await store.secrets.forget(_UNDO, undo), "its row is still there"
        assert [one.kind for one in await store.mails.page(limit=9)] == ["password_changed"]

    async def test_who_proves_an_unverified_address_evicts_whoever_signed_up_with_it(
        self, store: Store
    ) -> None:
        """Nothing that they added survives (CWE-1390, "classic-federated merge" and its kind)."""
        user = await add_user(store, "ada@example.com", name="Mallory")
        planted = await plant(store, user)
        reset, undo = await open_reset(store, user), await open_reset(store, user, _UNDO)
        changed = await store.recovery.reset_password(
            _RESET, reset, _NEW, keep=(_UNDO,), outcome=an_event("reset"), eviction=an_event("out")
        )
        assert changed is not None
        assert (changed.evicted, changed.ended) == (True, 1)
        await require_nothing_planted(store, changed.user, planted)
        assert not await store.secrets.forget(_UNDO, undo), "it is kept for owners only"
        assert (await credentials_of(store, user)).password_hash == _NEW
        assert await event_names(store) == {"reset", "out"}

    async def test_a_reset_of_a_verified_address_evicts_nobody(self, store: Store) -> None:
        """It records what is for an eviction only there."""
        user = await add_user(store)
        await store.users.verify_email(user.id)
        changed = await store.recovery.reset_password(
            _RESET,
            await open_reset(store, user),
            _NEW,
            outcome=an_event("reset"),
            eviction=an_event("out"),
        )
        assert changed is not None
        assert not changed.evicted
        assert await event_names(store) == {"reset"}

    async def test_an_eviction_hands_the_account_to_the_owner_of_the_address(
        self, store: Store
    ) -> None:
        """They have no password yet. Other users keep what they have."""
        user = await add_user(store, "ada@example.com", name="Mallory")
        other = await add_user(store, "grace@example.com")
        planted, kept = await plant(store, user), await plant(store, other)
        changed = await store.recovery.evict(
            user.id, mails=[a_notice(user)], eviction=an_event("out")
        )
        assert changed is not None
        assert (changed.evicted, changed.ended) == (True, 1)
        await require_nothing_planted(store, changed.user, planted)
        after = await credentials_of(store, user)
        assert (after.password_hash, after.version) == (NO_PASSWORD, 2)
        assert await event_names(store) == {"out"}
        assert len(await store.mails.page(limit=9)) == 1
        assert await by_token(store, kept.session.key) is not None
        assert await store.secrets.find(_RESET, kept.secret) is not None
        assert len(await store.credentials.of_user(other.id)) == 1

    async def test_nobody_is_evicted_from_an_account_that_nobody_could_get_into(
        self, store: Store
    ) -> None:
        """The name that an operator gave it stays, and the address is verified."""
        for email in ("ada@example.com", "grace@example.com"):
            new = NewUser(email=email, name="Countess", password_hash=NO_PASSWORD)
            user = await store.users.add(new)
            if email.startswith("ada"):
                assert await store.recovery.evict(user.id, eviction=an_event("out")) is None
            else:
                reset = await open_reset(store, user)
                changed = await store.recovery.reset_password(
                    _RESET, reset, _NEW, eviction=an_event("out")
                )
                assert changed is not None
                assert not changed.evicted
                assert (await credentials_of(store, user)).password_hash == _NEW
            found = await store.users.find(user.id)
            assert found is not None
            assert (found.name, found.email_verified) == ("Countess", True)
        assert await event_names(store) == set()

    async def test_a_session_or_a_credential_is_enough_to_evict(self, store: Store) -> None:
        """A program may let people in who have no password."""
        for kind in ("session", "passkey"):
            email = f"{kind}@example.com"
            new = NewUser(email=email, name="Mallory", password_hash=NO_PASSWORD)
            user = await store.users.add(new)
            if kind == "session":
                assert await store.sessions.begin(user.id, a_session(), version=1, ending=None)
            else:
                passkey = NewCredential(kind=kind, subject=new_digest(), user_id=user.id)
                assert await store.credentials.add(passkey, grow_version=False)
            changed = await store.recovery.evict(user.id)
            assert changed is not None
            assert (changed.user.name, changed.evicted) == (kind, True)

    async def test_nobody_is_evicted_from_a_verified_address(self, store: Store) -> None:
        """Nor from an account that does not exist."""
        user = await add_user(store)
        planted = await plant(store, user)
        await store.users.verify_email(user.id)
        for user_id in (user.id, "usr_unknown"):
            evicted = await store.recovery.evict(
                user_id, mails=[a_notice(user)], eviction=an_event("out")
            )
            assert evicted is None
        assert await by_token(store, planted.session.key) is not None
        assert (await credentials_of(store, user)).version == 1
        assert await event_names(store) == set()
        assert await store.mails.page(limit=9) == []

    async def test_of_two_evictions_at_once_one_happens(
        self, store: Store, another_store: Store | None
    ) -> None:
        """So nothing is removed that the owner has added since."""
        user = await add_user(store)
        results = await asyncio.gather(
            *(one.recovery.evict(user.id) for one in (store, another_store or store))
        )
        assert sum(one is not None for one in results) == 1
        assert (await credentials_of(store, user)).version == 2

    async def test_a_sign_in_that_races_an_eviction_leaves_no_session(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Whichever is first: the session ends with the eviction, or does not begin."""
        other = another_store or store
        for round_ in range(10):
            user = await add_user(store, f"ada-{round_}@example.com")
            session = a_session()
            await asyncio.gather(
                store.recovery.evict(user.id),
                other.sessions.begin(user.id, session, version=1, ending=None),
            )
            assert await by_token(store, session.key) is None

    async def test_of_two_resets_at_once_one_happens(
        self, store: Store, another_store: Store | None
    ) -> None:
        """With one token, and with two tokens of the same user."""
        user, other = await add_user(store), another_store or store
        for number in (1, 2):
            drawn = [await open_reset(store, user) for _ in range(number)]
            results = await asyncio.gather(
                store.recovery.reset_password(_RESET, drawn[0], _NEW, mails=[a_notice(user)]),
                other.recovery.reset_password(_RESET, drawn[-1], _NEW, mails=[a_notice(user)]),
            )
            assert sum(one is not None for one in results) == 1
        assert len(await store.mails.page(limit=9)) == 2

    async def test_a_reset_that_does_not_stand_changes_nothing(self, store: Store) -> None:
        """An unknown one, one of another purpose, a spent one, one from before a new password."""
        user = await add_user(store)
        spent, old = await open_reset(store, user), await open_reset(store, user)
        undo = await open_reset(store, user, _UNDO)
        assert await store.secrets.spend(_RESET, spent)
        assert await store.users.set_password(user.id, "$2b$04$newer")
        fresh = await open_reset(store, user)
        assert await store.users.set_disabled(user.id, disabled=True)
        assert await store.users.set_disabled(user.id, disabled=False)
        for digest in (new_digest(), undo, spent, old, fresh):
            assert (
                await store.recovery.reset_password(_RESET, digest, _NEW, mails=[a_notice(user)])
                is None
            )
        assert (await credentials_of(store, user)).password_hash == "$2b$04$newer"
        assert await store.mails.page(limit=9) == []

    async def test_a_sign_in_that_races_a_reset_leaves_no_session(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Whichever is first: the session ends with the reset, or does not begin."""
        user, other = await add_user(store), another_store or store
        for round_ in range(10):
            version = (await credentials_of(store, user)).version
            token = await open_reset(store, user)
            session = a_session()
            await asyncio.gather(
                store.recovery.reset_password(_RESET, token, f"{_NEW}{round_}"),
                other.sessions.begin(user.id, session, version=version, ending=None),
            )
            assert await by_token(store, session.key) is None
