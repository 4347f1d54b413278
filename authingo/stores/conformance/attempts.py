"""Attempts are counted as each limit says."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authingo.errors import EmailTaken
from authingo.models import (
    AttemptLimit,
    Event,
    NewUser,
    Outcome,
)
from authingo.stores import Store
from authingo.stores.conformance.world import PAST, a_session, add_user, new_digest, take


class AttemptsConformance:
    """Attempts are counted as each limit says."""

    async def test_attempts_are_allowed_as_often_as_the_limit_says(self, store: Store) -> None:
        """However many come at once; then the window has to end. Each key has its own count."""
        limit = AttemptLimit(allowed=5, window=timedelta(minutes=5))
        key = new_digest()
        taken = await asyncio.gather(*(take(store, key, limit) for _ in range(100)))
        allowed = [one for one in taken if one.refused_for is None]
        assert [one.last for one in allowed].count(True) == 1
        assert len(allowed) == 5
        refused = await take(store, key, limit)
        assert refused.refused_for is not None
        assert timedelta(minutes=4) < refused.refused_for <= timedelta(minutes=5)
        assert (await take(store, new_digest(), limit)).refused_for is None
        await store.record(Outcome(forget=(key,)))
        assert (await take(store, key, limit)).refused_for is None

    async def test_an_attempt_that_was_not_made_is_given_back(self, store: Store) -> None:
        """Also the last one, and more than there are."""
        limit = AttemptLimit(allowed=1, window=timedelta(minutes=5))
        key = new_digest()
        for _ in range(3):
            assert (await take(store, key, limit)).refused_for is None
            assert (await take(store, key, limit)).refused_for is not None
            await store.record(Outcome(give_back=((key, limit),)))
        await store.record(Outcome(give_back=((key, limit),)))
        await store.record(Outcome(give_back=((new_digest(), limit),)))
        assert (await take(store, key, limit)).refused_for is None

    async def test_waits_double_up_to_the_longest(self, store: Store) -> None:
        """With one attempt after each. A window that is over begins anew."""
        limit = AttemptLimit(
            allowed=2,
            window=timedelta(minutes=5),
            first_wait=timedelta(minutes=1),
            longest_wait=timedelta(minutes=3),
        )
        over = replace(limit, first_wait=PAST, longest_wait=PAST)
        waits = []
        for before in range(1, 5):
            key = new_digest()
            for _ in range(before):  # whose waits are over as soon as they begin
                assert (await take(store, key, over)).refused_for is None
            assert (await take(store, key, limit)).last
            refused = (await take(store, key, limit)).refused_for
            assert refused is not None
            waits.append(round(refused.total_seconds() / 60))
        assert waits == [1, 2, 3, 3]

    async def test_a_window_that_is_over_begins_anew(self, store: Store) -> None:
        """With a count of one."""
        key, ended = new_digest(), AttemptLimit(allowed=1, window=PAST)
        for _ in range(3):
            taken = await take(store, key, ended)
            assert (taken.refused_for, taken.last) == (None, True)

    async def test_keys_are_counted_in_turn_up_to_the_first_that_refuses(
        self, store: Store
    ) -> None:
        """With the account, if there is one, however many attempts come at once."""
        user = await add_user(store)
        counting = [
            (new_digest(), AttemptLimit(allowed=allowed, window=timedelta(minutes=5)))
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
        user = await add_user(store)
        limit = AttemptLimit(allowed=1, window=timedelta(minutes=5))
        forgotten, given_back = new_digest(), new_digest()
        for key in (forgotten, given_back):
            await take(store, key, limit)
        event = Event(at=datetime.now(UTC), name="sign_in", user_id=user.id)
        outcome = Outcome(events=(event,), forget=(forgotten,), give_back=((given_back, limit),))
        again = NewUser(email=user.email, name="Eve", password_hash="x")
        with pytest.raises(EmailTaken):
            await store.add_user_with_session(again, a_session(), ending=None, outcome=outcome)
        failed = store.begin_session(user.id, a_session(), version=7, ending=None, outcome=outcome)
        assert await failed is None
        assert await store.list_events(limit=9) == []
        for key in (forgotten, given_back):
            assert (await take(store, key, limit)).refused_for is not None
        await store.begin_session(user.id, a_session(), version=1, ending=None, outcome=outcome)
        assert [one.id for one in await store.list_events(limit=9)] == [event.id]
        for key in (forgotten, given_back):
            assert (await take(store, key, limit)).refused_for is None
