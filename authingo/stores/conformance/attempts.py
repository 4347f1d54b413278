"""Attempts are counted as each limit says, under all of their keys or under none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authingo.attempts import AttemptLimit, Counter, CountResult, Outcome
from authingo.errors import EmailTaken
from authingo.models import Client, Event, NewUser
from authingo.stores import Store
from authingo.stores.conformance.world import (
    DEAD,
    LIVES,
    PAST,
    a_rule,
    a_session,
    add_user,
    begin,
    count,
    new_digest,
)

_WINDOW = timedelta(minutes=5)


class AttemptsConformance:
    """Attempts are counted as each limit says, under all of their keys or under none."""

    async def test_attempts_are_allowed_as_often_as_the_limit_says(self, store: Store) -> None:
        """However many come at once; then the window has to end. Each key has its own count."""
        limit = AttemptLimit(allowed=5, window=_WINDOW)
        key = new_digest()
        results = await asyncio.gather(*(count(store, key, limit) for _ in range(100)))
        allowed = [one.count for one in results if one.refused_for is None]
        assert sorted(allowed) == [1, 2, 3, 4, 5]
        refused = await count(store, key, limit)
        assert refused.refused_for is not None
        assert timedelta(minutes=4) < refused.refused_for <= _WINDOW
        assert (await count(store, new_digest(), limit)) == CountResult(1)
        await store.events.record(Outcome(forget=(key,)))
        assert (await count(store, key, limit)) == CountResult(1)

    async def test_an_attempt_that_was_not_made_is_given_back(self, store: Store) -> None:
        """Also the last one, and more than there are."""
        limit = AttemptLimit(allowed=1, window=_WINDOW)
        counter = Counter(new_digest(), limit)
        for _ in range(3):
            assert (await count(store, counter.key, limit)).refused_for is None
            assert (await count(store, counter.key, limit)).refused_for is not None
            await store.events.record(Outcome(give_back=(counter,)))
        await store.events.record(Outcome(give_back=(counter,)))
        await store.events.record(Outcome(give_back=(Counter(new_digest(), limit),)))
        assert (await count(store, counter.key, limit)).refused_for is None

    async def test_waits_double_up_to_the_longest(self, store: Store) -> None:
        """With one attempt after each."""
        limit = AttemptLimit(
            allowed=2,
            window=_WINDOW,
            first_wait=timedelta(minutes=1),
            longest_wait=timedelta(minutes=3),
        )
        over = replace(limit, first_wait=PAST, longest_wait=PAST)
        waits = []
        for before in range(1, 5):
            key = new_digest()
            for _ in range(before):  # whose waits are over as soon as they begin
                assert (await count(store, key, over)).refused_for is None
            assert (await count(store, key, limit)).count == before + 1
            refused = (await count(store, key, limit)).refused_for
            assert refused is not None
            waits.append(round(refused.total_seconds() / 60))
        assert waits == [1, 2, 3, 3]

    async def test_a_window_that_is_over_begins_again(self, store: Store) -> None:
        """With a count of one."""
        key, ended = new_digest(), AttemptLimit(allowed=1, window=PAST)
        for _ in range(3):
            assert await count(store, key, ended) == CountResult(1)

    async def test_an_attempt_is_counted_under_all_of_its_keys_or_under_none(
        self, store: Store
    ) -> None:
        """However many come at once, in whichever order they name the keys."""
        limits = [AttemptLimit(allowed=allowed, window=_WINDOW) for allowed in (9, 3, 5)]
        counted = [(new_digest(), limit) for limit in limits]
        orders = (counted, counted[::-1], [counted[1], counted[0], counted[2]])
        attempts = await asyncio.gather(
            *(store.attempts.count(None, [a_rule(*orders[n % 3])]) for n in range(60))
        )
        made = [one for one in attempts if not any(r.refused_for for r in one.results)]
        assert len(made) == 3
        for attempt in attempts:
            if attempt not in made:
                refusing = [
                    counter.key
                    for counter, result in zip(attempt.rule.counters, attempt.results, strict=True)
                    if result.refused_for
                ]
                assert refusing == [counted[1][0]]
        for (key, limit), expected in zip(counted, (4, None, 4), strict=True):
            result = await count(store, key, limit)
            assert (None if result.refused_for else result.count) == expected

    async def test_what_is_refused_writes_nothing(self, store: Store) -> None:
        """Not even a count of none, which would fill the table."""
        full, limit = new_digest(), AttemptLimit(allowed=1, window=_WINDOW)
        await count(store, full, limit)
        others = [(new_digest(), limit) for _ in range(3)]
        attempt = await store.attempts.count(None, [a_rule(*others, (full, limit))])
        assert [one.count for one in attempt.results] == [0, 0, 0, 1]
        assert [one.refused_for is None for one in attempt.results] == [True, True, True, False]
        assert await store.maintenance.forget_records(10, events_older_than=timedelta(0)) == 0
        for key, _ in others:
            assert await count(store, key, limit) == CountResult(1)

    async def test_the_account_is_found_with_the_count(self, store: Store) -> None:
        """Also where nothing is counted."""
        user = await add_user(store)
        rule = a_rule((new_digest(), AttemptLimit(allowed=5, window=_WINDOW)))
        for rules in ([rule], [a_rule()]):
            found = await store.attempts.count(user.email, rules)
            assert found.account is not None
            assert (found.account.user.id, found.rule) == (user.id, rules[0])
            for email in ("nobody@example.com", None):
                assert (await store.attempts.count(email, rules)).account is None

    async def test_a_network_is_known_by_a_session(self, store: Store) -> None:
        """While that can be refreshed, for its own account only, and as a network."""
        begun, other = await begin(store), await begin(store)
        used = ((LIVES, "192.0.2.7"), (DEAD, "192.0.2.8"), (LIVES, "2001:db8:0:1::7"))
        for lifetimes, ip in (*used, (LIVES, "no address")):
            new = replace(a_session(lifetimes), client=Client(ip))
            await store.sessions.begin(begun.user.id, new, version=1, ending=None)
        cases = [
            (True, begun.user.email, "192.0.2.7"),
            (False, begun.user.email, "192.0.2.8"),
            (False, begun.user.email, "192.0.2.0/24"),
            (True, begun.user.email, "2001:db8:0:1::/64"),
            (False, begun.user.email, "2001:db8:0:2::/64"),
            (False, other.user.email, "192.0.2.7"),
            (False, "nobody@example.com", "192.0.2.7"),
            (False, "nobody@example.com", "2001:db8:0:1::/64"),
        ]
        limit, anybody = AttemptLimit(allowed=1, window=_WINDOW), new_digest()
        for expected, email, network in cases:
            known = a_rule((new_digest(), limit), network=network)
            rules = [known, a_rule((new_digest(), limit))]
            attempt = await store.attempts.count(email, rules)
            assert attempt.rule is rules[0 if expected else 1], (email, network)
        await count(store, anybody, limit)
        rules = [a_rule((anybody, limit), network="192.0.2.7"), a_rule((new_digest(), limit))]
        refused = await store.attempts.count(begun.user.email, rules)
        assert refused.rule is rules[0], "a rule that refuses is not passed over for the next"
        assert refused.results[0].refused_for is not None

    async def test_an_outcome_is_recorded_with_what_it_is_about_or_not_at_all(
        self, store: Store
    ) -> None:
        """Sign-ins and sign-ups that do not happen leave nothing."""
        user = await add_user(store)
        limit = AttemptLimit(allowed=1, window=_WINDOW)
        forgotten, given_back = new_digest(), new_digest()
        for key in (forgotten, given_back):
            await count(store, key, limit)
        event = Event(at=datetime.now(UTC), name="sign_in", user_id=user.id)
        outcome = Outcome(
            events=(event,), forget=(forgotten,), give_back=(Counter(given_back, limit),)
        )
        again = NewUser(email=user.email, name="Eve", password_hash="x")
        with pytest.raises(EmailTaken):
            await store.users.add_with_session(again, a_session(), ending=None, outcome=outcome)
        failed = store.sessions.begin(user.id, a_session(), version=7, ending=None, outcome=outcome)
        assert await failed is None
        assert await store.events.page(limit=9) == []
        for key in (forgotten, given_back):
            assert (await count(store, key, limit)).refused_for is not None
        await store.sessions.begin(user.id, a_session(), version=1, ending=None, outcome=outcome)
        assert [one.id for one in await store.events.page(limit=9)] == [event.id]
        for key in (forgotten, given_back):
            assert (await count(store, key, limit)).refused_for is None

    async def test_outcomes_and_attempts_at_once_wait_for_none_of_each_other(
        self, store: Store
    ) -> None:
        """Each locks its counts in the same order, so that a deadlock cannot be."""
        limit = AttemptLimit(allowed=1000, window=_WINDOW)
        counters = tuple(Counter(new_digest(), limit) for _ in range(6))
        user = await add_user(store)

        async def one(number: int) -> None:
            order = counters[:: 1 if number % 2 else -1]
            rule = a_rule(*((counter.key, limit) for counter in order))
            await store.attempts.count(None, [rule])
            left = Outcome(give_back=order[:3], forget=tuple(c.key for c in order[3:]))
            new = a_session()
            assert await store.sessions.begin(user.id, new, version=1, ending=None, outcome=left)

        await asyncio.gather(*(one(number) for number in range(40)))
