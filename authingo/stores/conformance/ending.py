"""Sessions end: by sign-out, by a new password, with their user."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from authingo.models import (
    AttemptLimit,
    Client,
    Resumed,
)
from authingo.stores import Store
from authingo.stores.conformance.world import (
    DEAD,
    EXPIRED,
    LIVES,
    NO_GRACE,
    a_session,
    begin,
    credentials_of,
    new_digest,
)


class EndingConformance:
    """Sessions end: by sign-out, by a new password, with their user."""

    async def test_a_session_ends_by_its_current_or_its_previous_token(self, store: Store) -> None:
        """Expired or not."""
        for lifetimes in (LIVES, EXPIRED, NO_GRACE):
            begun = await begin(store, lifetimes)
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
            begun = await begin(store)
            rotation = begun.rotation()
            await asyncio.gather(store.rotate(rotation), store.end_session(begun.new.token_digest))
            assert await store.session_and_user(rotation.new_token_digest) is None
            assert await store.session_and_user(begun.new.token_digest) is None

    async def test_a_new_password_ends_every_session_but_the_new_one(self, store: Store) -> None:
        """And of other users none."""
        begun, bystander = await begin(store), await begin(store)
        second, new = a_session(), a_session()
        await store.begin_session(begun.user.id, second, version=1, ending=None)
        changed = await store.change_password(
            await credentials_of(store, begun.user), "new hash", caller=begun.new.id, session=new
        )
        assert changed is not None
        assert changed.session.id == new.id
        found = await credentials_of(store, begun.user)
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
        begun, other = await begin(store), await begin(store)
        verified = await credentials_of(store, begun.user)
        stale = replace(verified, version=7)
        for credentials, caller in ((stale, begun.new.id), (verified, other.new.id)):
            refused = await store.change_password(
                credentials, "new hash", caller=caller, session=a_session()
            )
            assert refused is None
        assert await credentials_of(store, begun.user) == verified
        assert await store.session_and_user(begun.new.token_digest) is not None

    async def test_a_sign_in_that_races_a_new_password_leaves_no_old_session(
        self, store: Store
    ) -> None:
        """Either it comes first and is ended, or it comes too late and fails."""
        for _ in range(50):
            begun = await begin(store)
            verified = await credentials_of(store, begun.user)
            racing = [a_session() for _ in range(4)]
            await asyncio.gather(
                *(
                    store.begin_session(begun.user.id, new, version=1, ending=None)
                    for new in racing[:2]
                ),
                store.change_password(verified, "new", caller=begun.new.id, session=a_session()),
                *(
                    store.begin_session(begun.user.id, new, version=1, ending=None)
                    for new in racing[2:]
                ),
            )
            for new in racing:
                assert await store.session_and_user(new.token_digest) is None

    async def test_whoever_is_disabled_or_deleted_is_out(self, store: Store) -> None:
        """At once, with every session; enabling brings nothing back but the account."""
        begun, bystander = await begin(store), await begin(store)
        disabled = await store.set_disabled(begun.user.id, disabled=True)
        assert disabled is not None
        assert disabled.user.disabled_at is not None
        assert disabled.ended == 1
        assert await store.begin_session(begun.user.id, a_session(), version=1, ending=None) is None
        again = await store.set_disabled(begun.user.id, disabled=True)
        assert again is not None
        assert again.user.disabled_at == disabled.user.disabled_at, "since when is not forgotten"
        enabled = await store.set_disabled(begun.user.id, disabled=False)
        assert enabled is not None
        assert enabled.user.disabled_at is None
        assert await store.session_and_user(begun.new.token_digest) is None
        new = a_session()
        assert await store.begin_session(begun.user.id, new, version=1, ending=None)
        assert await store.delete_user(begun.user.id) is True
        assert await store.delete_user(begun.user.id) is False
        assert await store.session_and_user(new.token_digest) is None
        assert await store.credentials(begun.user.email) is None
        assert await store.set_disabled(begun.user.id, disabled=True) is None
        assert await store.session_and_user(bystander.new.token_digest) is not None

    async def test_a_password_that_is_set_ends_every_session(self, store: Store) -> None:
        """And makes a sign-in that checked the old one fail."""
        begun = await begin(store)
        await store.begin_session(begun.user.id, a_session(DEAD), version=1, ending=None)
        changed = await store.set_password(begun.user.id, "another")
        assert changed is not None
        assert changed.ended == 1, "what was over is not counted"
        found = await credentials_of(store, begun.user)
        assert (found.user, found.password_hash, found.version) == (changed.user, "another", 2)
        assert await store.session_and_user(begun.new.token_digest) is None
        assert await store.begin_session(begun.user.id, a_session(), version=1, ending=None) is None
        assert await store.set_password("usr_nobody", "another") is None

    async def test_a_sign_in_that_races_a_disabling_leaves_no_session(self, store: Store) -> None:
        """Nor one that races a deletion."""
        for turn in range(30):
            begun = await begin(store)
            racing = [a_session() for _ in range(4)]
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
        begun, other = await begin(store), await begin(store)
        phone = replace(a_session(), client=Client("192.0.2.7", "Phone"))
        await store.begin_session(begun.user.id, phone, version=1, ending=None)
        await store.begin_session(begun.user.id, a_session(DEAD), version=1, ending=None)
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
        second = a_session()
        await store.begin_session(begun.user.id, second, version=1, ending=None)
        assert await store.end_sessions(begun.user.id, but=second.id) == [begun.new.id]
        assert await store.end_sessions(begun.user.id) == [second.id]
        assert await store.session_and_user(other.new.token_digest) is not None

    async def test_a_use_is_noted_once_in_a_while(self, store: Store) -> None:
        """Of several at once, without touching anything that a check answers."""
        first, second = await begin(store), await begin(store)
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
        begun, other = await begin(store), await begin(store)
        for lifetimes, ip in ((LIVES, "192.0.2.7"), (DEAD, "192.0.2.8")):
            new = replace(a_session(lifetimes), client=Client(ip))
            await store.begin_session(begun.user.id, new, version=1, ending=None)
        full, once = new_digest(), AttemptLimit(allowed=1, window=timedelta(minutes=5))
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
