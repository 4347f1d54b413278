"""The sessions of everybody are found, listed, counted and ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from authingo.models import Client, StoredSession
from authingo.stores import Store
from authingo.stores.conformance.world import DEAD, EXPIRED, a_session, begin


class EverybodyConformance:
    """The sessions of everybody are found, listed, counted and ended."""

    async def test_a_session_is_found_by_its_id(self, store: Store) -> None:
        """Whosever it is, live or over; an expired session token alone is no end."""
        live, over = await begin(store, EXPIRED), await begin(store, DEAD)
        for begun, expected in ((live, True), (over, False)):
            found = await store.session(begun.new.id)
            assert isinstance(found, StoredSession)
            assert (found.user, found.session.id) == (begun.user, begun.new.id)
            assert found.live is expected
        assert await store.session("ses_unknown") is None

    async def test_all_sessions_are_listed_in_pages(self, store: Store) -> None:
        """In the order of their ids, each once: all, one user's, the live ones, the others."""
        begun = [await begin(store, DEAD if number % 2 else EXPIRED) for number in range(6)]
        first = begun[0].user
        phone = replace(a_session(), client=Client("192.0.2.7", "Phone"))
        assert await store.begin_session(first.id, phone, version=1, ending=None)
        in_order = sorted([*(one.new.id for one in begun), phone.id])
        dead = sorted(one.new.id for one in begun[1::2])
        page = await store.all_sessions(limit=4)
        rest = await store.all_sessions(limit=4, after=page[-1].session.id)
        assert [one.session.id for one in (*page, *rest)] == in_order
        newest = await store.all_sessions(limit=4, newest=True)
        older = await store.all_sessions(limit=4, newest=True, after=newest[-1].session.id)
        assert [one.session.id for one in (*newest, *older)] == in_order[::-1]
        for live, expected in ((False, dead), (True, [i for i in in_order if i not in dead])):
            listed = await store.all_sessions(live=live, limit=9)
            assert [one.session.id for one in listed] == expected
            assert {one.live for one in listed} == {live}
        own = await store.all_sessions(user_id=first.id, limit=9)
        assert [one.session.id for one in own] == sorted([begun[0].new.id, phone.id])
        assert {one.user for one in own} == {first}
        (last,) = [one.session for one in own if one.session.id == phone.id]
        assert (last.ip, last.user_agent) == ("192.0.2.7", "Phone")
        assert await store.all_sessions(user_id=begun[1].user.id, live=True, limit=9) == []
        assert await store.all_sessions(user_id="usr_nobody", limit=9) == []

    async def test_all_live_sessions_are_counted_and_ended(self, store: Store) -> None:
        """In batches; what is over is left to `prune`."""
        begun = [await begin(store) for _ in range(5)]
        over = await begin(store, DEAD)
        assert await store.count_live() == 5
        batches = [await store.end_any(3) for _ in range(3)]
        assert [len(batch) for batch in batches] == [3, 2, 0]
        ended = {session.id: session.user_id for batch in batches for session in batch}
        assert ended == {one.new.id: one.user.id for one in begun}
        assert await store.count_live() == 0
        for one in begun:
            assert await store.session_and_user(one.new.token_digest) is None
        assert await store.session(over.new.id) is not None

    async def test_an_end_of_all_that_races_rotations_leaves_nothing_alive(
        self, store: Store
    ) -> None:
        """A session that a refresh has in hand ends as well, and is not left for later."""
        for _ in range(20):
            begun = [await begin(store) for _ in range(8)]
            turning = [store.rotate(one.rotation()) for one in begun]
            await asyncio.gather(*turning[:4], store.end_any(100), *turning[4:])
            assert await store.count_live() == 0

    async def test_ends_of_all_at_once_share_the_work(self, store: Store) -> None:
        """Each session is ended, and told of, by one of them."""
        begun = [await begin(store) for _ in range(20)]
        batches = await asyncio.gather(*(store.end_any(100) for _ in range(4)))
        ended = sorted(session.id for batch in batches for session in batch)
        assert ended == sorted(one.new.id for one in begun)
