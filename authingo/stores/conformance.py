"""What every store must do: run it against an adapter of your own.

    from authingo.stores.conformance import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        async def store(self) -> AsyncIterator[Store]:
            store = MyStore(...)       # empty
            await store.open(create=True)
            await store.migrate()
            yield store
            await store.close()

        @pytest.fixture
        async def another_store(self, store: Store) -> AsyncIterator[Store]:
            ...                        # the same database, opened once more

The tests are coroutines run by the pytest plugin of anyio, which comes with
Starlette. Time is never waited for: what has expired is issued with a negative
lifetime.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from authingo.errors import EmailTaken, StoreUnavailable
from authingo.models import (
    AttemptLimit,
    Client,
    Credentials,
    Event,
    Lifetimes,
    NewSession,
    NewUser,
    Outcome,
    Resumed,
    Rotation,
    Taken,
    User,
)
from authingo.stores import Store

_LIVES = Lifetimes(
    session=timedelta(minutes=15),
    refresh=timedelta(days=30),
    absolute=timedelta(days=90),
    grace=timedelta(seconds=10),
)
_PAST = timedelta(seconds=-1)
_EXPIRED = replace(_LIVES, session=_PAST)
_DEAD = replace(_LIVES, session=_PAST, refresh=_PAST)
_NO_GRACE = replace(_LIVES, grace=timedelta(0))
_HEARS_WITHIN = 2.0  # seconds from the first question; an adapter that does not then cannot
_TOLD_WITHIN = 5.0  # seconds from what another program did; the bound an adapter states is less


def _digest() -> bytes:
    return secrets.token_bytes(32)


def _session(lifetimes: Lifetimes = _LIVES) -> NewSession:
    return NewSession(
        token_digest=_digest(),
        selector_digest=_digest(),
        verifier_digest=_digest(),
        lifetimes=lifetimes,
    )


@dataclass(frozen=True)
class _Begun:
    """A user with one session, and how to rotate it."""

    user: User
    new: NewSession

    def rotation(self, lifetimes: Lifetimes = _LIVES, verifier: bytes | None = None) -> Rotation:
        return Rotation(
            selector_digest=self.new.selector_digest,
            verifier_digest=verifier or self.new.verifier_digest,
            new_token_digest=_digest(),
            new_verifier_digest=_digest(),
            nonce=secrets.token_bytes(32),
            lifetimes=lifetimes,
        )


async def _add_user(store: Store, email: str = "ada@example.com", name: str = "Ada") -> User:
    return await store.add_user(NewUser(email=email, name=name, password_hash="$2b$04$hash"))


async def _begin(store: Store, lifetimes: Lifetimes = _LIVES) -> _Begun:
    number = secrets.token_hex(4)
    user = await _add_user(store, f"user-{number}@example.com")
    new = _session(lifetimes)
    assert await store.begin_session(user.id, new, version=1, ending=None)
    return _Begun(user, new)


@dataclass
class _Told:
    """Writes down of whom a store told."""

    whom: set[str] = field(default_factory=set)

    def drop(self, user_id: str) -> None:
        self.whom.add(user_id)

    def drop_all(self) -> None:
        self.whom.add("*")

    def of(self, user: User) -> bool:
        return bool(self.whom & {user.id, "*"})


def _heard_or_deaf(store: Store, told: _Told, user: User) -> bool:
    """Asked in this order: the question may be what makes it tell."""
    return not store.hears() or told.of(user)


async def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Ask again and again until it holds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not holds():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def _change_password(store: Store, begun: _Begun) -> object:
    verified = await _credentials(store, begun.user)
    return await store.change_password(
        verified, "new hash", caller=begun.new.id, session=_session()
    )


async def _sign_up_over(store: Store, begun: _Begun) -> object:
    new = NewUser(email=f"{begun.new.id}@example.com", name="New", password_hash="x")
    return await store.add_user_with_session(new, _session(), ending=begun.new.token_digest)


async def _sign_in_over(store: Store, begun: _Begun) -> object:
    other = await _begin(store)
    return await store.begin_session(
        other.user.id, _session(), version=1, ending=begun.new.token_digest
    )


_REVOKING: dict[str, Callable[[Store, _Begun], Awaitable[object]]] = {
    "rotate": lambda store, begun: store.rotate(begun.rotation()),
    "end_session": lambda store, begun: store.end_session(begun.new.token_digest),
    "end_reused": lambda store, begun: store.end_reused(begun.new.selector_digest, _digest()),
    "end_sessions": lambda store, begun: store.end_sessions(begun.user.id),
    "change_password": _change_password,
    "set_password": lambda store, begun: store.set_password(begun.user.id, "new hash"),
    "set_disabled": lambda store, begun: store.set_disabled(begun.user.id, disabled=True),
    "delete_user": lambda store, begun: store.delete_user(begun.user.id),
    "add_user_with_session": _sign_up_over,
    "begin_session": _sign_in_over,
}


async def _credentials(store: Store, user: User) -> Credentials:
    found = await store.credentials(user.email)
    assert found is not None
    return found


@pytest.mark.anyio
class StoreConformance:
    """Subclass it with a fixture `store`: an open, migrated, empty store."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Stores are for asyncio."""
        return "asyncio"

    @pytest.fixture
    def another_store(self) -> Store | None:
        """Override it with another open store on the database of `store`, where that can be."""
        return None

    # Users

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

    async def test_an_absent_user_is_none(self, store: Store) -> None:
        """No error, no user."""
        assert await store.credentials("nobody@example.com") is None

    async def test_an_email_is_taken_once(self, store: Store) -> None:
        """Of ten at once one is stored, nine are told, and no session is left by the others."""
        sessions = [_session() for _ in range(10)]
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
            await _add_user(store)

    async def test_users_are_listed_in_pages(self, store: Store) -> None:
        """In the order of their ids, each once."""
        users = [await _add_user(store, f"user{number}@example.com") for number in range(5)]
        in_order = sorted(users, key=lambda user: user.id)
        first = await store.list_users(limit=3)
        assert first == in_order[:3]
        assert await store.list_users(limit=3, after=first[-1].id) == in_order[3:]

    async def test_a_search_finds_parts_of_email_and_name(self, store: Store) -> None:
        """In either case of ASCII letters; signs that mean something to LIKE mean themselves."""
        ada = await _add_user(store, "ada@example.com", "Ada Lovelace")
        odd = await _add_user(store, "odd@example.org", "50%_\\off")
        assert await store.list_users(search="LOVE", limit=9) == [ada]
        assert await store.list_users(search="example.ORG", limit=9) == [odd]
        assert await store.list_users(search="%_\\", limit=9) == [odd]
        assert await store.list_users(search="a%a", limit=9) == []

    async def test_a_hash_is_replaced_only_where_it_still_stands(self, store: Store) -> None:
        """The password version stays: sessions and sign-ins under way go on."""
        user = await _add_user(store)
        await store.replace_hash(user.id, old="another", new="stronger")
        assert (await _credentials(store, user)).password_hash == "$2b$04$hash"
        await store.replace_hash(user.id, old="$2b$04$hash", new="stronger")
        found = await _credentials(store, user)
        assert (found.password_hash, found.version) == ("stronger", 1)

    # Sessions

    async def test_deadlines_are_stored_when_issued(self, store: Store) -> None:
        """From the moment of the sign-in, none after the end of the whole session."""
        begun = await _begin(store, replace(_LIVES, absolute=timedelta(days=7)))
        match = await store.session_and_user(begun.new.token_digest)
        assert match is not None
        session = match.session
        assert (match.user, match.current, match.live) == (begun.user, True, True)
        assert (session.id, session.user_id) == (begun.new.id, begun.user.id)
        assert session.last_used_at == session.created_at
        assert session.expires_at - session.created_at == timedelta(minutes=15)
        assert session.refresh_expires_at - session.created_at == timedelta(days=7)

    async def test_an_unknown_token_is_none(self, store: Store) -> None:
        """A digest that is nowhere finds nothing, and ends nothing."""
        assert await store.session_and_user(_digest()) is None
        assert await store.session_by_refresh(_digest(), _digest()) is None
        assert await store.end_session(_digest()) is None
        assert await store.end_reused(_digest(), _digest()) is False

    async def test_an_expired_token_is_found_but_not_live(self, store: Store) -> None:
        """So that the client is told to refresh."""
        begun = await _begin(store, _EXPIRED)
        match = await store.session_and_user(begun.new.token_digest)
        assert match is not None
        assert not match.live

    async def test_a_session_begins_only_under_the_verified_password(self, store: Store) -> None:
        """With another version, or without the user, nothing is stored and nothing ended."""
        begun = await _begin(store)
        for user_id, version in ((begun.user.id, 2), ("usr_nobody", None)):
            new, ending = _session(), begun.new.token_digest
            assert (await store.begin_session(user_id, new, version=version, ending=ending)) is None
            assert await store.session_and_user(new.token_digest) is None
        assert await store.session_and_user(begun.new.token_digest) is not None
        anyhow = await store.begin_session(begun.user.id, _session(), version=None, ending=None)
        assert anyhow is not None

    async def test_a_new_session_ends_the_one_that_came_along(self, store: Store) -> None:
        """By its current or its previous token, whoever's it was."""
        begun = await _begin(store)
        await store.rotate(begun.rotation())
        other = await _add_user(store)
        new = _session()
        await store.begin_session(other.id, new, version=1, ending=begun.new.token_digest)
        assert await store.session_by_refresh(begun.new.selector_digest, b"") is None
        assert await store.session_and_user(new.token_digest) is not None

    # Rotation

    async def test_a_rotation_replaces_both_tokens(self, store: Store) -> None:
        """The new token is current; the old one is previous and lives for the grace."""
        begun = await _begin(store)
        rotation = begun.rotation()
        rotated = await store.rotate(rotation)
        assert rotated is not None
        assert rotated.user == begun.user
        assert rotated.session.id == begun.new.id
        assert rotated.session.last_used_at >= rotated.session.created_at
        lived = rotated.session.expires_at - rotated.session.last_used_at
        assert lived == timedelta(minutes=15)
        new = await store.session_and_user(rotation.new_token_digest)
        old = await store.session_and_user(begun.new.token_digest)
        assert new is not None
        assert old is not None
        assert (new.current, new.live) == (True, True)
        assert (old.current, old.live) == (False, True)
        assert new.session == old.session == rotated.session

    async def test_a_rotation_never_outlives_the_whole_session(self, store: Store) -> None:
        """The absolute deadline is that of the sign-in, whatever a rotation asks for."""
        begun = await _begin(store, replace(_LIVES, absolute=timedelta(minutes=5)))
        rotated = await store.rotate(begun.rotation())
        assert rotated is not None
        end = rotated.session.created_at + timedelta(minutes=5)
        assert rotated.session.expires_at == rotated.session.refresh_expires_at == end

    async def test_the_predecessor_is_answered_within_the_grace(self, store: Store) -> None:
        """It gets the nonce that was stored; with the grace over, it gets none."""
        begun = await _begin(store)
        rotation = begun.rotation()
        await store.rotate(rotation)
        match = await store.session_by_refresh(begun.new.selector_digest, begun.new.verifier_digest)
        assert match is not None
        assert (match.current, match.live, match.nonce) == (False, True, rotation.nonce)
        again = begun.rotation(_NO_GRACE, verifier=rotation.new_verifier_digest)
        await store.rotate(again)
        match = await store.session_by_refresh(
            begun.new.selector_digest, rotation.new_verifier_digest
        )
        assert match is not None
        assert (match.current, match.nonce) == (False, None)
        late = await store.session_and_user(rotation.new_token_digest)
        assert late is not None
        assert (late.current, late.live) == (False, False)

    async def test_only_the_immediate_predecessor_is_answered(self, store: Store) -> None:
        """The one before it is a stranger."""
        begun = await _begin(store)
        rotation = begun.rotation()
        await store.rotate(rotation)
        await store.rotate(begun.rotation(verifier=rotation.new_verifier_digest))
        match = await store.session_by_refresh(begun.new.selector_digest, begun.new.verifier_digest)
        assert match is not None
        assert match.nonce is None
        assert await store.session_and_user(begun.new.token_digest) is None

    async def test_what_cannot_rotate_changes_nothing(self, store: Store) -> None:
        """A wrong verifier, or a session that can no longer be refreshed."""
        begun = await _begin(store)
        assert await store.rotate(begun.rotation(verifier=_digest())) is None
        match = await store.session_by_refresh(begun.new.selector_digest, begun.new.verifier_digest)
        assert match is not None
        assert (match.current, match.live) == (True, True)
        dead = await _begin(store, _DEAD)
        assert await store.rotate(dead.rotation()) is None
        over = await store.session_by_refresh(dead.new.selector_digest, dead.new.verifier_digest)
        assert over is not None
        assert not over.live

    async def test_of_fifty_rotations_at_once_one_happens(self, store: Store) -> None:
        """The others find the one nonce that was stored."""
        begun = await _begin(store)
        rotations = [begun.rotation() for _ in range(50)]
        results = await asyncio.gather(*(store.rotate(rotation) for rotation in rotations))
        won = [
            rotation
            for rotation, result in zip(rotations, results, strict=True)
            if result is not None
        ]
        assert len(won) == 1
        match = await store.session_by_refresh(begun.new.selector_digest, begun.new.verifier_digest)
        assert match is not None
        assert match.nonce == won[0].nonce

    async def test_reuse_ends_the_session(self, store: Store) -> None:
        """Unless the verifier is current, or the predecessor in its grace, or the session over."""
        begun = await _begin(store)
        selector = begun.new.selector_digest
        assert await store.end_reused(selector, begun.new.verifier_digest) is False
        rotation = begun.rotation()
        await store.rotate(rotation)
        assert await store.end_reused(selector, begun.new.verifier_digest) is False
        assert await store.end_reused(selector, _digest()) is True
        assert await store.end_reused(selector, _digest()) is False
        assert await store.session_and_user(rotation.new_token_digest) is None
        dead = await _begin(store, _DEAD)
        assert await store.end_reused(dead.new.selector_digest, _digest()) is False

    async def test_the_predecessor_after_the_grace_is_reuse(self, store: Store) -> None:
        """Also where there never was a rotation with a grace."""
        begun = await _begin(store)
        await store.rotate(begun.rotation(_NO_GRACE))
        assert await store.end_reused(begun.new.selector_digest, begun.new.verifier_digest)

    # Ending

    async def test_a_session_ends_by_its_current_or_its_previous_token(self, store: Store) -> None:
        """Expired or not."""
        for lifetimes in (_LIVES, _EXPIRED, _NO_GRACE):
            begun = await _begin(store, lifetimes)
            rotation = begun.rotation(lifetimes)
            await store.rotate(rotation)
            ended = await store.end_session(begun.new.token_digest)
            assert isinstance(ended, Resumed)
            assert (ended.user, ended.session.id) == (begun.user, begun.new.id)
            assert await store.session_and_user(rotation.new_token_digest) is None
            assert await store.end_session(rotation.new_token_digest) is None

    async def test_an_end_that_races_a_rotation_leaves_nothing_alive(self, store: Store) -> None:
        """A hundred rounds, each in whichever order the database takes them."""
        for _ in range(100):
            begun = await _begin(store)
            rotation = begun.rotation()
            await asyncio.gather(store.rotate(rotation), store.end_session(begun.new.token_digest))
            assert await store.session_and_user(rotation.new_token_digest) is None
            assert await store.session_and_user(begun.new.token_digest) is None

    async def test_a_new_password_ends_every_session_but_the_new_one(self, store: Store) -> None:
        """And of other users none."""
        begun, bystander = await _begin(store), await _begin(store)
        second, new = _session(), _session()
        await store.begin_session(begun.user.id, second, version=1, ending=None)
        changed = await store.change_password(
            await _credentials(store, begun.user), "new hash", caller=begun.new.id, session=new
        )
        assert changed is not None
        assert changed.session.id == new.id
        found = await _credentials(store, begun.user)
        assert (found.password_hash, found.version) == ("new hash", 2)
        assert changed.user == found.user
        assert found.user.updated_at >= found.user.created_at
        for gone in (begun.new, second):
            assert await store.session_and_user(gone.token_digest) is None
        for alive in (new, bystander.new):
            assert await store.session_and_user(alive.token_digest) is not None

    async def test_a_password_changes_only_for_a_live_session_of_the_verified_one(
        self, store: Store
    ) -> None:
        """Otherwise hash, version and sessions stay as they are."""
        begun, other = await _begin(store), await _begin(store)
        verified = await _credentials(store, begun.user)
        stale = replace(verified, version=7)
        for credentials, caller in ((stale, begun.new.id), (verified, other.new.id)):
            refused = await store.change_password(
                credentials, "new hash", caller=caller, session=_session()
            )
            assert refused is None
        assert await _credentials(store, begun.user) == verified
        assert await store.session_and_user(begun.new.token_digest) is not None

    async def test_a_sign_in_that_races_a_new_password_leaves_no_old_session(
        self, store: Store
    ) -> None:
        """Either it comes first and is ended, or it comes too late and fails."""
        for _ in range(50):
            begun = await _begin(store)
            verified = await _credentials(store, begun.user)
            racing = [_session() for _ in range(4)]
            await asyncio.gather(
                *(
                    store.begin_session(begun.user.id, new, version=1, ending=None)
                    for new in racing[:2]
                ),
                store.change_password(verified, "new", caller=begun.new.id, session=_session()),
                *(
                    store.begin_session(begun.user.id, new, version=1, ending=None)
                    for new in racing[2:]
                ),
            )
            for new in racing:
                assert await store.session_and_user(new.token_digest) is None

    async def test_whoever_is_disabled_or_deleted_is_out(self, store: Store) -> None:
        """At once, with every session; enabling brings nothing back but the account."""
        begun, bystander = await _begin(store), await _begin(store)
        disabled = await store.set_disabled(begun.user.id, disabled=True)
        assert disabled is not None
        assert disabled.disabled_at is not None
        assert await store.begin_session(begun.user.id, _session(), version=1, ending=None) is None
        again = await store.set_disabled(begun.user.id, disabled=True)
        assert again is not None
        assert again.disabled_at == disabled.disabled_at, "since when is not forgotten"
        enabled = await store.set_disabled(begun.user.id, disabled=False)
        assert enabled is not None
        assert enabled.disabled_at is None
        assert await store.session_and_user(begun.new.token_digest) is None
        new = _session()
        assert await store.begin_session(begun.user.id, new, version=1, ending=None)
        assert await store.delete_user(begun.user.id) is True
        assert await store.delete_user(begun.user.id) is False
        assert await store.session_and_user(new.token_digest) is None
        assert await store.credentials(begun.user.email) is None
        assert await store.set_disabled(begun.user.id, disabled=True) is None
        assert await store.session_and_user(bystander.new.token_digest) is not None

    async def test_a_password_that_is_set_ends_every_session(self, store: Store) -> None:
        """And makes a sign-in that checked the old one fail."""
        begun = await _begin(store)
        changed = await store.set_password(begun.user.id, "another")
        assert changed is not None
        found = await _credentials(store, begun.user)
        assert (found.user, found.password_hash, found.version) == (changed, "another", 2)
        assert await store.session_and_user(begun.new.token_digest) is None
        assert await store.begin_session(begun.user.id, _session(), version=1, ending=None) is None
        assert await store.set_password("usr_nobody", "another") is None

    async def test_a_sign_in_that_races_a_disabling_leaves_no_session(self, store: Store) -> None:
        """Nor one that races a deletion."""
        for turn in range(30):
            begun = await _begin(store)
            racing = [_session() for _ in range(4)]
            ending = (
                store.set_disabled(begun.user.id, disabled=True)
                if turn % 2
                else store.delete_user(begun.user.id)
            )
            beginning = [
                store.begin_session(begun.user.id, new, version=1, ending=None) for new in racing
            ]
            await asyncio.gather(*beginning[:2], ending, *beginning[2:], return_exceptions=True)
            for new in (*racing, begun.new):
                assert await store.session_by_refresh(new.selector_digest, b"") is None
            assert await store.list_sessions(begun.user.id) == []

    async def test_sessions_are_listed_and_ended_one_by_one(self, store: Store) -> None:
        """Only those of the user that can be refreshed, with where they were last used from."""
        begun, other = await _begin(store), await _begin(store)
        phone = replace(_session(), client=Client("192.0.2.7", "Phone"))
        await store.begin_session(begun.user.id, phone, version=1, ending=None)
        await store.begin_session(begun.user.id, _session(_DEAD), version=1, ending=None)
        listed = await store.list_sessions(begun.user.id)
        assert [session.id for session in listed] == [phone.id, begun.new.id]
        assert (listed[0].ip, listed[0].user_agent) == ("192.0.2.7", "Phone")
        moved = replace(begun.rotation(), client=Client("2001:db8::1", "Laptop"))
        rotated = await store.rotate(moved)
        assert rotated is not None
        assert (await store.list_sessions(begun.user.id))[0] == rotated.session
        assert (rotated.session.ip, rotated.session.user_agent) == ("2001:db8::1", "Laptop")
        assert await store.end_sessions(begun.user.id, only=other.new.id) == []
        assert await store.end_sessions(begun.user.id, only=phone.id) == [phone.id]
        assert await store.end_sessions(begun.user.id, only=phone.id) == []
        assert await store.end_sessions(begun.user.id, but=begun.new.id) == []
        second = _session()
        await store.begin_session(begun.user.id, second, version=1, ending=None)
        assert await store.end_sessions(begun.user.id, but=second.id) == [begun.new.id]
        assert await store.end_sessions(begun.user.id) == [second.id]
        assert await store.session_and_user(other.new.token_digest) is not None

    async def test_a_use_is_noted_once_in_a_while(self, store: Store) -> None:
        """Of several at once, without touching anything that a check answers."""
        first, second = await _begin(store), await _begin(store)
        (before,) = await store.list_sessions(first.user.id)
        ids = [first.new.id, second.new.id, "ses_unknown"]
        assert await store.note_use(ids, longer_than=timedelta(minutes=1)) == 0
        assert await store.note_use(ids, longer_than=timedelta(0)) == 2
        assert await store.note_use(ids, longer_than=timedelta(minutes=1)) == 0
        (listed,) = await store.list_sessions(first.user.id)
        assert listed.last_used_at > before.last_used_at
        assert replace(listed, last_used_at=before.last_used_at) == before

    async def test_a_session_is_known_by_its_address(self, store: Store) -> None:
        """While it can be refreshed, for its own account alone."""
        begun, other = await _begin(store), await _begin(store)
        for lifetimes, ip in ((_LIVES, "192.0.2.7"), (_DEAD, "192.0.2.8")):
            new = replace(_session(lifetimes), client=Client(ip))
            await store.begin_session(begun.user.id, new, version=1, ending=None)
        full, once = _digest(), AttemptLimit(allowed=1, window=timedelta(minutes=5))
        cases: list[tuple[bool, str, str | None]] = [
            (False, begun.user.email, "192.0.2.7"),  # where nothing refuses it does not matter
            (True, begun.user.email, "192.0.2.7"),
            (False, begun.user.email, "192.0.2.8"),
            (False, begun.user.email, None),
            (False, other.user.email, "192.0.2.7"),
            (False, "nobody@example.com", "192.0.2.7"),
        ]
        for expected, email, address in cases:
            attempt = await store.begin_attempt(email, [(full, once)], ip=address)
            assert attempt.at_home is expected

    # Revocations

    async def test_what_its_verbs_revoke_is_told_before_they_return(self, store: Store) -> None:
        """By the next `hears` at the latest. A store that cannot hear says so: that is enough."""
        store.watch(told := _Told())
        for name, verb in _REVOKING.items():
            begun = await _begin(store)
            if not await _within(_HEARS_WITHIN, store.hears):
                return
            told.whom.clear()
            assert await verb(store, begun)
            assert _heard_or_deaf(store, told, begun.user), name

    async def test_what_another_program_revokes_is_told(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Soon, or the store no longer says that it hears."""
        if another_store is None:
            pytest.skip("there is no other store on this database")
        store.watch(told := _Told())
        for name, verb in _REVOKING.items():
            begun = await _begin(store)
            if not await _within(_HEARS_WITHIN, store.hears):
                return
            told.whom.clear()
            assert await verb(another_store, begun)
            known = partial(_heard_or_deaf, store, told, begun.user)
            assert await _within(_TOLD_WITHIN, known), name

    async def test_all_who_watch_are_told(self, store: Store) -> None:
        """A program may have several caches on one store."""
        begun, first, second = await _begin(store), _Told(), _Told()
        store.watch(first)
        store.watch(second)
        if not await _within(_HEARS_WITHIN, store.hears):
            return
        first.whom.clear()
        second.whom.clear()
        await store.end_sessions(begun.user.id)
        for told in (first, second):
            assert _heard_or_deaf(store, told, begun.user)

    async def test_what_is_revoked_while_it_is_closed_is_not_missed(
        self, store: Store, another_store: Store | None
    ) -> None:
        """A closed store does not hear; once it does again, all of it was told."""
        begun = await _begin(store)
        store.watch(told := _Told())
        heard = await _within(_HEARS_WITHIN, store.hears)
        await store.close()
        assert not store.hears()
        if another_store is not None:
            told.whom.clear()
            assert await another_store.end_sessions(begun.user.id)
        await store.open(create=False)
        await store.ping()
        if heard and another_store is not None and await _within(_HEARS_WITHIN, store.hears):
            assert told.of(begun.user)

    async def test_a_store_that_nobody_watches_does_not_hear(self, store: Store) -> None:
        """There is nobody to tell."""
        await store.ping()
        assert not store.hears()

    # Attempts

    async def test_attempts_are_allowed_as_often_as_the_limit_says(self, store: Store) -> None:
        """However many come at once; then the window has to end. Each key has its own count."""
        limit = AttemptLimit(allowed=5, window=timedelta(minutes=5))
        key = _digest()
        taken = await asyncio.gather(*(_take(store, key, limit) for _ in range(100)))
        allowed = [one for one in taken if one.refused_for is None]
        assert [one.last for one in allowed].count(True) == 1
        assert len(allowed) == 5
        refused = await _take(store, key, limit)
        assert refused.refused_for is not None
        assert timedelta(minutes=4) < refused.refused_for <= timedelta(minutes=5)
        assert (await _take(store, _digest(), limit)).refused_for is None
        await store.record(Outcome(forget=(key,)))
        assert (await _take(store, key, limit)).refused_for is None

    async def test_an_attempt_that_was_not_made_is_given_back(self, store: Store) -> None:
        """Also the last one, and more than there are."""
        limit = AttemptLimit(allowed=1, window=timedelta(minutes=5))
        key = _digest()
        for _ in range(3):
            assert (await _take(store, key, limit)).refused_for is None
            assert (await _take(store, key, limit)).refused_for is not None
            await store.record(Outcome(give_back=((key, limit),)))
        await store.record(Outcome(give_back=((key, limit),)))
        await store.record(Outcome(give_back=((_digest(), limit),)))
        assert (await _take(store, key, limit)).refused_for is None

    async def test_waits_double_up_to_the_longest(self, store: Store) -> None:
        """With one attempt after each. A window that is over begins anew."""
        limit = AttemptLimit(
            allowed=2,
            window=timedelta(minutes=5),
            first_wait=timedelta(minutes=1),
            longest_wait=timedelta(minutes=3),
        )
        over = replace(limit, first_wait=_PAST, longest_wait=_PAST)
        waits = []
        for before in range(1, 5):
            key = _digest()
            for _ in range(before):  # whose waits are over as soon as they begin
                assert (await _take(store, key, over)).refused_for is None
            assert (await _take(store, key, limit)).last
            refused = (await _take(store, key, limit)).refused_for
            assert refused is not None
            waits.append(round(refused.total_seconds() / 60))
        assert waits == [1, 2, 3, 3]

    async def test_a_window_that_is_over_begins_anew(self, store: Store) -> None:
        """With a count of one."""
        key, ended = _digest(), AttemptLimit(allowed=1, window=_PAST)
        for _ in range(3):
            taken = await _take(store, key, ended)
            assert (taken.refused_for, taken.last) == (None, True)

    async def test_keys_are_counted_in_turn_up_to_the_first_that_refuses(
        self, store: Store
    ) -> None:
        """With the account, if there is one, however many attempts come at once."""
        user = await _add_user(store)
        counting = [
            (_digest(), AttemptLimit(allowed=allowed, window=timedelta(minutes=5)))
            for allowed in (9, 3, 5)
        ]
        begun = await asyncio.gather(
            *(store.begin_attempt(user.email, counting) for _ in range(20))
        )
        refused_by = [len(one.taken) for one in begun if one.taken[-1].refused_for is not None]
        assert sorted(refused_by) == [1] * 11 + [2] * 6
        assert len(begun) - len(refused_by) == 3
        assert {one.account.user.id for one in begun if one.account} == {user.id}
        left = await store.begin_attempt("nobody@example.com", counting[2:])
        assert left.account is None  # and the third key was counted three times
        assert (await store.begin_attempt(None, counting[2:])).taken[0].last
        assert (await store.begin_attempt(user.email, ())).taken == ()

    async def test_an_outcome_is_recorded_with_what_it_is_about_or_not_at_all(
        self, store: Store
    ) -> None:
        """Sign-ins and sign-ups that do not happen leave nothing."""
        user = await _add_user(store)
        limit = AttemptLimit(allowed=1, window=timedelta(minutes=5))
        forgotten, given_back = _digest(), _digest()
        for key in (forgotten, given_back):
            await _take(store, key, limit)
        event = Event(at=datetime.now(UTC), name="sign_in", user_id=user.id)
        outcome = Outcome(events=(event,), forget=(forgotten,), give_back=((given_back, limit),))
        again = NewUser(email=user.email, name="Eve", password_hash="x")
        with pytest.raises(EmailTaken):
            await store.add_user_with_session(again, _session(), ending=None, outcome=outcome)
        failed = store.begin_session(user.id, _session(), version=7, ending=None, outcome=outcome)
        assert await failed is None
        assert await store.list_events(limit=9) == []
        for key in (forgotten, given_back):
            assert (await _take(store, key, limit)).refused_for is not None
        await store.begin_session(user.id, _session(), version=1, ending=None, outcome=outcome)
        assert [one.id for one in await store.list_events(limit=9)] == [event.id]
        for key in (forgotten, given_back):
            assert (await _take(store, key, limit)).refused_for is None

    # Events

    async def test_events_are_listed_as_they_happened(self, store: Store) -> None:
        """By name and user, in pages, from either end."""
        at = datetime.now(UTC).replace(microsecond=123456)
        events = [
            Event(
                id=f"evt_{number}",
                at=at + timedelta(seconds=number),
                name="sign_in" if number % 2 else "sign_out",
                user_id=f"usr_{number // 3}",
                session_id="ses_1",
                ip="192.0.2.7" if number else None,
            )
            for number in range(6)
        ]
        for event in events:
            await store.record(Outcome(events=(event,)))
        assert await store.list_events(limit=9) == events
        assert await store.list_events(limit=2, after="evt_1") == events[2:4]
        assert await store.list_events(limit=2, newest=True) == [events[5], events[4]]
        assert await store.list_events(limit=9, newest=True, before="evt_2") == [
            events[1],
            events[0],
        ]
        assert await store.list_events(limit=9, name="sign_in") == events[1::2]
        assert await store.list_events(limit=9, user_id="usr_1") == events[3:]

    # Looking after

    async def test_old_events_and_spent_counts_are_forgotten(self, store: Store) -> None:
        """In batches; what still counts stays."""
        now = datetime.now(UTC)
        for days in (100, 95, 91, 1, 0):
            event = Event(at=now - timedelta(days=days), name="sign_in")
            await store.record(Outcome(events=(event,)))
        limit = AttemptLimit(allowed=1, window=timedelta(minutes=5))
        kept = _digest()
        await _take(store, kept, limit)
        for _ in range(3):
            await _take(store, _digest(), replace(limit, window=_PAST))
        age = timedelta(days=90)
        assert await store.forget_records(2, events_older_than=age) == 2
        assert await store.forget_records(2, events_older_than=age) == 1
        assert await store.forget_records(2, events_older_than=age) == 0
        assert len(await store.list_events(limit=9)) == 2
        assert (await _take(store, kept, limit)).refused_for is not None

    async def test_prune_deletes_only_what_cannot_be_refreshed(self, store: Store) -> None:
        """In batches; an expired session token alone is no reason."""
        kept = [await _begin(store), await _begin(store, _EXPIRED)]
        for _ in range(5):
            await _begin(store, _DEAD)
        over = await _begin(store, replace(_LIVES, absolute=_PAST))
        assert await store.count_prunable() == 6
        assert await store.prune(4) == 4
        assert await store.prune(4) == 2
        assert await store.prune(4) == 0
        assert await store.count_prunable() == 0
        for begun in kept:
            assert await store.session_and_user(begun.new.token_digest) is not None
        assert await store.session_and_user(over.new.token_digest) is None

    async def test_prunes_at_once_share_the_work(self, store: Store) -> None:
        """Each session is counted by one of them."""
        for _ in range(30):
            await _begin(store, _DEAD)
        counts = await asyncio.gather(*(store.prune(30) for _ in range(4)))
        assert sum(counts) + await store.prune(30) == 30

    async def test_spent_nonces_are_forgotten(self, store: Store) -> None:
        """Those whose grace lasts stay."""
        spent, fresh = await _begin(store), await _begin(store)
        await store.rotate(spent.rotation(_NO_GRACE))
        rotation = fresh.rotation()
        await store.rotate(rotation)
        assert await store.forget_nonces(10) == 1
        assert await store.forget_nonces(10) == 0
        match = await store.session_by_refresh(fresh.new.selector_digest, fresh.new.verifier_digest)
        assert match is not None
        assert match.nonce == rotation.nonce

    async def test_migrating_again_does_nothing(self, store: Store) -> None:
        """And several at once are harmless."""
        assert await asyncio.gather(*(store.migrate() for _ in range(3))) == [[], [], []]
        status = await store.schema()
        assert (status.current, status.pending) == (status.latest, ())

    async def test_a_closed_store_says_that_it_is_unavailable(self, store: Store) -> None:
        """And works again once opened."""
        user = await _add_user(store)
        await store.close()
        with pytest.raises(StoreUnavailable):
            await store.credentials(user.email)
        await store.open(create=False)
        assert (await _credentials(store, user)).user == user
        await store.ping()


async def _take(store: Store, key: bytes, limit: AttemptLimit) -> Taken:
    """Count an attempt under one key."""
    return (await store.begin_attempt(None, [(key, limit)])).taken[0]
