"""A deletion is scheduled, undone or carried out, and never by halves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from authingo.models import User
from authingo.stores import Store
from authingo.stores.conformance.world import (
    SignedInUser,
    a_notice,
    a_session,
    add_user,
    an_event,
    begin,
    by_token,
    credentials_of,
    event_names,
    open_reset,
)
from authingo.stores.secrets import HOLDS_ADDRESS, NewMatter, address_digest
from authingo.tokens import digest

_WEEK = timedelta(days=7)
_PURPOSE = "undo_deletion"


async def _schedule(store: Store, one: SignedInUser, grace: timedelta = _WEEK) -> User | None:
    return await store.deletions.schedule(
        one.user.id,
        caller=one.new.id,
        grace=grace,
        mails=[a_notice(one.user)],
        outcome=an_event("deletion_scheduled"),
    )


async def _hold_address(store: Store, user: User, lifetime: timedelta) -> None:
    held = NewMatter(
        purpose=HOLDS_ADDRESS,
        digest=digest(user.id.encode()),
        lifetime=lifetime,
        user_id=user.id,
        bound=False,
        address="old@example.com",
        subject=address_digest("old@example.com"),
    )
    assert await store.secrets.open(held)


class DeletionsConformance:
    """A deletion is scheduled, undone or carried out, and never by halves."""

    async def test_a_scheduled_deletion_ends_what_the_user_has(self, store: Store) -> None:
        """Sessions, secrets and the security version; no session begins meanwhile, of any kind."""
        one = await begin(store)
        token = await open_reset(store, one.user)
        scheduled = await _schedule(store, one)
        assert scheduled is not None
        assert scheduled.delete_at is not None
        assert abs(scheduled.delete_at - datetime.now(UTC) - _WEEK) < timedelta(minutes=5)
        assert await store.users.find(one.user.id) == scheduled
        assert await by_token(store, one.new.key) is None
        assert await store.secrets.find("reset_password", token) is None
        credentials = await credentials_of(store, one.user)
        assert credentials.version == 2
        for version in (None, 2):
            assert (
                await store.sessions.begin(one.user.id, a_session(), version=version, ending=None)
                is None
            )
        assert [mail.user_id for mail in await store.mails.page(limit=9)] == [one.user.id]
        assert await event_names(store) == {"deletion_scheduled"}
        assert await _schedule(store, one) is None, "it is scheduled already"

    async def test_only_a_session_of_the_user_schedules_or_deletes(self, store: Store) -> None:
        """Not one that has ended, nor that of another user, nor of one who is disabled."""
        one, other = await begin(store), await begin(store)
        for user_id, caller in ((one.user.id, other.new.id), ("usr_x", one.new.id)):
            assert await store.deletions.schedule(user_id, caller=caller, grace=_WEEK) is None
            assert not await store.users.delete(user_id, caller=caller)
        await store.sessions.end_by_token(one.new.key)
        assert await _schedule(store, one) is None
        assert not await store.users.delete(one.user.id, caller=one.new.id)
        assert await store.users.find(one.user.id) == one.user
        assert await store.mails.page(limit=9) == []
        assert await store.users.delete(
            other.user.id, caller=other.new.id, outcome=an_event("user_deleted")
        )
        assert await event_names(store) == {"user_deleted"}

    async def test_a_held_address_keeps_the_account(self, store: Store) -> None:
        """So that its owner can still take it back; then the deletion is cancelled too."""
        one = await begin(store)
        await _hold_address(store, one.user, timedelta(days=3))
        assert not await store.users.delete(one.user.id, caller=one.new.id)
        scheduled = await store.deletions.schedule(
            one.user.id, caller=one.new.id, grace=timedelta(0), keep=(HOLDS_ADDRESS,)
        )
        assert scheduled is not None
        assert scheduled.delete_at is not None
        assert scheduled.delete_at - datetime.now(UTC) > timedelta(days=2)
        undone = await store.recovery.undo_email_change(
            HOLDS_ADDRESS, digest(one.user.id.encode()), password_hash="x", added=_WEEK
        )
        assert undone is not None
        assert (undone.user.email, undone.user.delete_at) == ("old@example.com", None)

    async def test_an_undone_deletion_leaves_the_user_as_they_were(self, store: Store) -> None:
        """Of ten at once one wins; and an operator can cancel it too."""
        one = await begin(store)
        scheduled = await _schedule(store, one)
        token = await open_reset(store, one.user, _PURPOSE)
        undone = await asyncio.gather(
            *(
                store.deletions.undo(_PURPOSE, token, outcome=an_event("deletion_undone"))
                for _ in range(10)
            )
        )
        (user,) = filter(None, undone)
        assert scheduled is not None
        assert (user.delete_at, user.email) == (None, one.user.email)
        assert len([e for e in await store.events.page(limit=99) if "undone" in e.name]) == 1
        assert await store.sessions.begin(user.id, a_session(), version=2, ending=None)
        assert await store.deletions.cancel(user.id, outcome=an_event("x")) is None
        assert "x" not in await event_names(store)

    async def test_what_is_due_is_deleted_and_nothing_else(self, store: Store) -> None:
        """Of several at once that carry it out, one does; an undo comes before it or too late."""
        due, later, kept = await begin(store), await begin(store), await begin(store)
        await _schedule(store, due, timedelta(0))
        await _schedule(store, later)
        found = await store.deletions.due(limit=9)
        assert [user.id for user in found] == [due.user.id]
        assert await store.deletions.due(after=due.user.id, limit=9) == []
        for one in (later, kept):
            assert not await store.users.delete(one.user.id, due=True)
        deleted = await asyncio.gather(
            *(store.users.delete(due.user.id, due=True) for _ in range(5))
        )
        assert sorted(deleted) == [False, False, False, False, True]
        assert await store.deletions.due(limit=9) == []
        assert await store.deletions.cancel(due.user.id) is None

    async def test_an_undo_and_the_deletion_at_once_do_not_both_happen(self, store: Store) -> None:
        """Either the user is kept, or gone."""
        for _ in range(5):
            one = await begin(store)
            await _schedule(store, one, timedelta(0))
            token = await open_reset(store, one.user, _PURPOSE)
            undone, deleted = await asyncio.gather(
                store.deletions.undo(_PURPOSE, token),
                store.users.delete(one.user.id, due=True),
            )
            assert (undone is None) is deleted
            assert (await store.users.find(one.user.id) is None) is deleted

    async def test_enabling_cancels_a_deletion_that_is_due(self, store: Store) -> None:
        """Not one that the user still has time to undo: that is not for the operator to forget."""
        one, later = await begin(store), await begin(store)
        passed_on = await store.users.set_disabled(one.user.id, disabled=True, delete=True)
        assert passed_on is not None
        assert passed_on.user.delete_at == passed_on.user.disabled_at is not None
        assert [user.id for user in await store.deletions.due(limit=9)] == [one.user.id]
        enabled = await store.users.set_disabled(one.user.id, disabled=False)
        assert enabled is not None
        assert enabled.user.may_sign_in
        await store.users.set_disabled(one.user.id, disabled=True)
        assert not await store.users.delete(one.user.id, due=True)
        scheduled = await _schedule(store, later)
        assert scheduled is not None
        for disabled in (True, False):
            changed = await store.users.set_disabled(later.user.id, disabled=disabled)
            assert changed is not None
            assert changed.user.delete_at == scheduled.delete_at

    async def test_an_eviction_cancels_it(self, store: Store) -> None:
        """Who signed up with the address of another cannot keep it from its owner."""
        one = await begin(store)
        await _schedule(store, one)
        evicted = await store.recovery.evict(one.user.id)
        assert evicted is not None
        assert (evicted.user.delete_at, evicted.user.email_verified) == (None, True)
        plain = await add_user(store)
        assert plain.delete_at is None
