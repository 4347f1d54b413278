"""Sessions end: by sign-out, by a new password, with their user."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from authingo.models import (
    Client,
    UserAndSession,
)
from authingo.stores import Store
from authingo.stores.conformance.world import (
    DEAD,
    EXPIRED,
    LIVES,
    NO_GRACE,
    a_session,
    begin,
    by_token,
    credentials_of,
)


class EndingConformance:
    """Sessions end: by sign-out, by a new password, with their user."""

    async def test_a_session_ends_by_its_current_or_its_previous_token(self, store: Store) -> None:
        """Expired or not."""
        for lifetimes in (LIVES, EXPIRED, NO_GRACE):
            begun = await begin(store, lifetimes)
            rotation = begun.rotation(lifetimes)
            await store.sessions.rotate(rotation)
            ended = await store.sessions.end_by_token(begun.new.key)
            assert isinstance(ended, UserAndSession)
            assert (ended.user, ended.session.id) == (begun.user, begun.new.id)
            assert await by_token(store, begun.key_after(rotation)) is None
            assert await store.sessions.end_by_token(begun.key_after(rotation)) is None

    async def test_an_end_that_races_a_rotation_leaves_nothing_alive(self, store: Store) -> None:
        """A hundred rounds, each in whichever order the database takes them."""
        for _ in range(100):
            begun = await begin(store)
            rotation = begun.rotation()
            await asyncio.gather(
                store.sessions.rotate(rotation), store.sessions.end_by_token(begun.new.key)
            )
            assert await by_token(store, begun.key_after(rotation)) is None
            assert await by_token(store, begun.new.key) is None

    async def test_a_new_password_ends_every_session_but_the_new_one(self, store: Store) -> None:
        """And of other users none."""
        begun, bystander = await begin(store), await begin(store)
        second, new = a_session(), a_session()
        await store.sessions.begin(begun.user.id, second, version=1, ending=None)
        changed = await store.users.change_password(
            await credentials_of(store, begun.user), "new hash", caller=begun.new.id, session=new
        )
        assert changed is not None
        assert changed.session.id == new.id
        found = await credentials_of(store, begun.user)
        assert (found.password_hash, found.version) == ("new hash", 2)
        assert changed.user == found.user
        assert found.user.updated_at >= found.user.created_at
        for gone in (begun.new, second):
            assert await by_token(store, gone.key) is None
        for alive in (new, bystander.new):
            assert await by_token(store, alive.key) is not None

    async def test_a_password_changes_only_for_an_active_session_of_the_verified_one(
        self, store: Store
    ) -> None:
        """Otherwise hash, version and sessions stay as they are."""
        begun, other = await begin(store), await begin(store)
        verified = await credentials_of(store, begun.user)
        stale = replace(verified, version=7)
        for credentials, caller in ((stale, begun.new.id), (verified, other.new.id)):
            refused = await store.users.change_password(
                credentials, "new hash", caller=caller, session=a_session()
            )
            assert refused is None
        assert await credentials_of(store, begun.user) == verified
        assert await by_token(store, begun.new.key) is not None

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
                    store.sessions.begin(begun.user.id, new, version=1, ending=None)
                    for new in racing[:2]
                ),
                store.users.change_password(
                    verified, "new", caller=begun.new.id, session=a_session()
                ),
                *(
                    store.sessions.begin(begun.user.id, new, version=1, ending=None)
                    for new in racing[2:]
                ),
            )
            for new in racing:
                assert await by_token(store, new.key) is None

    async def test_whoever_is_disabled_or_deleted_is_out(self, store: Store) -> None:
        """At once, with every session; enabling brings nothing back but the account."""
        begun, bystander = await begin(store), await begin(store)
        disabled = await store.users.set_disabled(begun.user.id, disabled=True)
        assert disabled is not None
        assert disabled.user.disabled_at is not None
        assert disabled.ended == 1
        assert (
            await store.sessions.begin(begun.user.id, a_session(), version=1, ending=None) is None
        )
        again = await store.users.set_disabled(begun.user.id, disabled=True)
        assert again is not None
        assert again.user.disabled_at == disabled.user.disabled_at, "since when is not forgotten"
        enabled = await store.users.set_disabled(begun.user.id, disabled=False)
        assert enabled is not None
        assert enabled.user.disabled_at is None
        assert await by_token(store, begun.new.key) is None
        new = a_session()
        assert await store.sessions.begin(begun.user.id, new, version=1, ending=None) is None
        assert await store.sessions.begin(begun.user.id, new, version=None, ending=None)
        assert await store.users.delete(begun.user.id) is True
        assert await store.users.delete(begun.user.id) is False
        assert await by_token(store, new.key) is None
        assert await store.users.by_email(begun.user.email) is None
        assert await store.users.set_disabled(begun.user.id, disabled=True) is None
        assert await by_token(store, bystander.new.key) is not None

    async def test_a_password_that_is_set_ends_every_session(self, store: Store) -> None:
        """And makes a sign-in that checked the old one fail."""
        begun = await begin(store)
        await store.sessions.begin(begun.user.id, a_session(DEAD), version=1, ending=None)
        changed = await store.users.set_password(begun.user.id, "another")
        assert changed is not None
        assert changed.ended == 1, "what was over is not counted"
        found = await credentials_of(store, begun.user)
        assert (found.user, found.password_hash, found.version) == (changed.user, "another", 2)
        assert await by_token(store, begun.new.key) is None
        assert (
            await store.sessions.begin(begun.user.id, a_session(), version=1, ending=None) is None
        )
        assert await store.users.set_password("usr_nobody", "another") is None

    async def test_a_sign_in_that_races_a_disabling_leaves_no_session(self, store: Store) -> None:
        """Nor one that races a deletion."""
        for turn in range(30):
            begun = await begin(store)
            racing = [a_session() for _ in range(4)]
            ending = (
                store.users.set_disabled(begun.user.id, disabled=True)
                if turn % 2
                else store.users.delete(begun.user.id)
            )
            beginning = [
                store.sessions.begin(begun.user.id, new, version=1, ending=None) for new in racing
            ]
            await asyncio.gather(*beginning[:2], ending, *beginning[2:], return_exceptions=True)
            for new in (*racing, begun.new):
                assert await store.sessions.by_refresh(new.selector_digest, b"") is None
            assert await store.sessions.of_user(begun.user.id, limit=100) == []

    async def test_sessions_are_listed_and_ended_one_by_one(self, store: Store) -> None:
        """Only those of the user that can be refreshed, with where they were last used from."""
        begun, other = await begin(store), await begin(store)
        phone = replace(a_session(), client=Client("192.0.2.7", "Phone"))
        await store.sessions.begin(begun.user.id, phone, version=1, ending=None)
        await store.sessions.begin(begun.user.id, a_session(DEAD), version=1, ending=None)
        listed = await store.sessions.of_user(begun.user.id, limit=100)
        assert [session.id for session in listed] == [phone.id, begun.new.id]
        assert (listed[0].ip, listed[0].user_agent) == ("192.0.2.7", "Phone")
        moved = replace(begun.rotation(), client=Client("2001:db8::1", "Laptop"))
        rotated = await store.sessions.rotate(moved)
        assert rotated is not None
        assert (await store.sessions.of_user(begun.user.id, limit=100))[0] == rotated.session
        assert (rotated.session.ip, rotated.session.user_agent) == ("2001:db8::1", "Laptop")
        assert (
            await store.sessions.end_of_user(begun.user.id, only=other.new.id, batch_size=100) == []
        )
        assert await store.sessions.end_of_user(begun.user.id, only=phone.id, batch_size=100) == [
            phone.id
        ]
        assert await store.sessions.end_of_user(begun.user.id, only=phone.id, batch_size=100) == []
        assert (
            await store.sessions.end_of_user(begun.user.id, but=begun.new.id, batch_size=100) == []
        )
        second = a_session()
        await store.sessions.begin(begun.user.id, second, version=1, ending=None)
        assert await store.sessions.end_of_user(begun.user.id, but=second.id, batch_size=100) == [
            begun.new.id
        ]
        assert await store.sessions.end_of_user(begun.user.id, batch_size=100) == [second.id]
        assert await by_token(store, other.new.key) is not None

    async def test_a_use_is_noted_once_in_a_while(self, store: Store) -> None:
        """Of several at once, without touching anything that a check answers."""
        first, second = await begin(store), await begin(store)
        (before,) = await store.sessions.of_user(first.user.id, limit=100)
        ids = [first.new.id, second.new.id, "ses_unknown"]
        assert await store.sessions.note_use(ids, longer_than=timedelta(minutes=1)) == 0
        assert await store.sessions.note_use(ids, longer_than=timedelta(0)) == 2
        assert await store.sessions.note_use(ids, longer_than=timedelta(minutes=1)) == 0
        (listed,) = await store.sessions.of_user(first.user.id, limit=100)
        assert listed.last_used_at > before.last_used_at
        assert replace(listed, last_used_at=before.last_used_at) == before
