"""The sessions of a user are limited, and many of them are listed and ended in steps."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from authingo.models import Client, NewSession
from authingo.stores import Store
from authingo.stores.conformance.world import (
    DEAD,
    SignedInUser,
    a_session,
    add_user,
    begin,
    by_token,
)

_ONCE = timedelta(0)


async def _begin_more(
    store: Store, begun: SignedInUser, count: int, *, most: int
) -> list[NewSession]:
    """Begin more sessions of a user, one after the other."""
    more = [replace(a_session(), most=most) for _ in range(count)]
    for new in more:
        assert await store.sessions.begin(begun.user.id, new, version=1, ending=None)
    return more


async def _ids(store: Store, begun: SignedInUser) -> set[str]:
    """Return the ids of all sessions of a user that can be refreshed."""
    return {one.id for one in await store.sessions.of_user(begun.user.id, limit=1000)}


class BoundsConformance:
    """The sessions of a user are limited, and many of them are listed and ended in steps."""

    async def test_the_session_unused_longest_ends_when_there_are_too_many(
        self, store: Store
    ) -> None:
        """With an event, for its user only; neither a refresh nor a use makes a victim."""
        begun, bystander = await begin(store), await begin(store)
        second, third = await _begin_more(store, begun, 2, most=3)
        assert await store.sessions.rotate(begun.rotation())
        fourth = replace(a_session(), most=3, client=Client("192.0.2.7"))
        started = await store.sessions.begin(begun.user.id, fourth, version=1, ending=None)
        assert started is not None
        assert await _ids(store, begun) == {begun.new.id, third.id, fourth.id}
        assert await by_token(store, second.key) is None
        event = started.eviction
        assert event is not None
        assert (event.name, event.user_id, event.session_id, event.ip, event.count) == (
            "session_evicted",
            begun.user.id,
            second.id,
            "192.0.2.7",
            None,
        )
        assert (await store.events.page(name="session_evicted", limit=9)) == [event]
        assert await store.sessions.note_use([begun.new.id, third.id], longer_than=_ONCE) == 2
        (fifth,) = await _begin_more(store, begun, 1, most=3)
        assert await _ids(store, begun) == {begun.new.id, third.id, fifth.id}
        assert await _ids(store, bystander) == {bystander.new.id}

    async def test_up_to_the_bound_nothing_ends(self, store: Store) -> None:
        """The session that came along is not counted: it ends anyway."""
        begun = await begin(store)
        (second,) = await _begin_more(store, begun, 1, most=2)
        new = replace(a_session(), most=2)
        started = await store.sessions.begin(begun.user.id, new, version=1, ending=second.key)
        assert started is not None
        assert started.eviction is None
        assert await _ids(store, begun) == {begun.new.id, new.id}
        assert await store.events.page(name="session_evicted", limit=9) == []

    async def test_what_is_over_makes_room_first(self, store: Store) -> None:
        """Even if it was used last. Nobody is notified, because it had ended before."""
        begun = await begin(store)
        for _ in range(3):
            dead = replace(a_session(DEAD), most=9)
            assert await store.sessions.begin(begun.user.id, dead, version=1, ending=None)
        new = replace(a_session(), most=2)
        started = await store.sessions.begin(begun.user.id, new, version=1, ending=None)
        assert started is not None
        assert started.eviction is None
        assert await _ids(store, begun) == {begun.new.id, new.id}
        assert len(await store.sessions.page(user_id=begun.user.id, limit=9)) == 2

    async def test_after_many_sign_ins_at_once_the_next_one_restores_the_bound(
        self, store: Store
    ) -> None:
        """Each of these saw no more than there were when it began."""
        begun = await begin(store)
        at_once = [replace(a_session(), most=3) for _ in range(20)]
        started = await asyncio.gather(
            *(store.sessions.begin(begun.user.id, new, version=1, ending=None) for new in at_once)
        )
        assert None not in started
        (last,) = await _begin_more(store, begun, 1, most=3)
        left = await _ids(store, begun)
        assert len(left) == 3
        assert last.id in left

    async def test_a_user_who_has_far_more_comes_down_to_the_bound(self, store: Store) -> None:
        """An adapter may take several steps, of which each says how many it ended."""
        begun = await begin(store)
        await _begin_more(store, begun, 40, most=100)
        for _ in range(40):
            new = replace(a_session(), most=3)
            assert await store.sessions.begin(begun.user.id, new, version=1, ending=None)
            if len(await _ids(store, begun)) == 3:
                break
        assert len(await _ids(store, begun)) == 3
        events = await store.events.page(name="session_evicted", limit=99)
        assert sum(event.count or 1 for event in events) >= 39

    async def test_a_refresh_that_races_an_eviction_keeps_its_session(self, store: Store) -> None:
        """Or is refused because it came too late: what was acknowledged is not undone."""
        for _ in range(50):
            begun = await begin(store)
            await _begin_more(store, begun, 1, most=2)
            new = replace(a_session(), most=2)
            rotated, started = await asyncio.gather(
                store.sessions.rotate(begun.rotation()),
                store.sessions.begin(begun.user.id, new, version=1, ending=None),
            )
            assert started is not None
            assert (begun.new.id in await _ids(store, begun)) is (rotated is not None)

    async def test_a_list_of_sessions_is_of_those_used_last(self, store: Store) -> None:
        """As many as are asked for; how many there are is counted."""
        begun = await begin(store)
        more = await _begin_more(store, begun, 4, most=9)
        await store.sessions.begin(begun.user.id, a_session(DEAD), version=1, ending=None)
        listed = await store.sessions.of_user(begun.user.id, limit=3)
        assert [one.id for one in listed] == [new.id for new in reversed(more[1:])]
        assert await store.sessions.count_refreshable(user_id=begun.user.id) == 5
        assert await store.sessions.count_refreshable(user_id="usr_nobody") == 0

    async def test_sessions_of_a_user_are_ended_in_steps(self, store: Store) -> None:
        """The last one finds fewer than it may take."""
        begun = await begin(store)
        more = {new.id for new in await _begin_more(store, begun, 6, most=9)}
        ended = [
            await store.sessions.end_of_user(begun.user.id, but=begun.new.id, batch_size=4)
            for _ in range(3)
        ]
        assert [len(step) for step in ended] == [4, 2, 0]
        assert {one for step in ended for one in step} == more
        assert await _ids(store, begun) == {begun.new.id}

    async def test_surplus_is_ended_in_steps(self, store: Store) -> None:
        """Those that are over first, then those unused longest, and never the one that asks."""
        begun = await begin(store)
        more = await _begin_more(store, begun, 5, most=9)
        dead = replace(a_session(DEAD), most=9)
        assert await store.sessions.begin(begun.user.id, dead, version=1, ending=None)
        keep, but = 2, begun.new.id
        first = await store.sessions.end_surplus(begun.user.id, keep=keep, but=but, batch_size=2)
        second = await store.sessions.end_surplus(begun.user.id, keep=keep, but=but, batch_size=2)
        third = await store.sessions.end_surplus(begun.user.id, keep=keep, but=but, batch_size=2)
        assert [len(first), len(second), len(third)] == [2, 2, 0]
        expected = {dead.id: False} | {new.id: True for new in more[:3]}
        assert {**first, **second} == expected
        assert await _ids(store, begun) == {begun.new.id, more[3].id, more[4].id}
        other = await add_user(store)
        assert await store.sessions.end_surplus(other.id, keep=keep, batch_size=2) == {}
