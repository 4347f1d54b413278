"""The sessions of everybody are found, listed, counted and ended."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from authingo.models import Client, StoredSession
from authingo.stores import Store
from authingo.stores.conformance.world import DEAD, EXPIRED, a_session, begin, by_token


class EverybodyConformance:
    """The sessions of everybody are found, listed, counted and ended."""

    async def test_a_session_is_found_by_its_id(self, store: Store) -> None:
        """Of any user, refreshable or not. A session whose token expired is still refreshable."""
        refreshable, over = await begin(store, EXPIRED), await begin(store, DEAD)
        for begun, expected in ((refreshable, True), (over, False)):
            found = await store.sessions.find(begun.new.id)
            assert isinstance(found, StoredSession)
            assert (found.user, found.session.id) == (begun.user, begun.new.id)
            assert found.refreshable is expected
        assert await store.sessions.find("ses_unknown") is None

    async def test_all_sessions_are_listed_in_pages(self, store: Store) -> None:
        """In the order of their ids, each once: all, one user's, refreshable, expired."""
        begun = [await begin(store, DEAD if number % 2 else EXPIRED) for number in range(6)]
        first = begun[0].user
        phone = replace(a_session(), client=Client("192.0.2.7", "Phone"))
        assert await store.sessions.begin(first.id, phone, version=1, ending=None)
        in_order = sorted([*(one.new.id for one in begun), phone.id])
        dead = sorted(one.new.id for one in begun[1::2])
        page = await store.sessions.page(limit=4)
        rest = await store.sessions.page(limit=4, after=page[-1].session.id)
        assert [one.session.id for one in (*page, *rest)] == in_order
        newest = await store.sessions.page(limit=4, newest=True)
        older = await store.sessions.page(limit=4, newest=True, after=newest[-1].session.id)
        assert [one.session.id for one in (*newest, *older)] == in_order[::-1]
        for refreshable, expected in (
            (False, dead),
            (True, [i for i in in_order if i not in dead]),
        ):
            listed = await store.sessions.page(refreshable=refreshable, limit=9)
            assert [one.session.id for one in listed] == expected
            assert {one.refreshable for one in listed} == {refreshable}
        own = await store.sessions.page(user_id=first.id, limit=9)
        assert [one.session.id for one in own] == sorted([begun[0].new.id, phone.id])
        assert {one.user for one in own} == {first}
        (last,) = [one.session for one in own if one.session.id == phone.id]
        assert (last.ip, last.user_agent) == ("192.0.2.7", "Phone")
        assert await store.sessions.page(user_id=begun[1].user.id, refreshable=True, limit=9) == []
        assert await store.sessions.page(user_id="usr_nobody", limit=9) == []

    async def test_all_refreshable_sessions_are_counted_and_ended(self, store: Store) -> None:
        """In batches; what is over is left to `prune`."""
        begun = [await begin(store) for _ in range(5)]
        over = await begin(store, DEAD)
        assert await store.sessions.count_refreshable() == 5
        batches = [await store.sessions.end_any(3) for _ in range(3)]
        assert [len(batch) for batch in batches] == [3, 2, 0]
        ended = {session.id: session.user_id for batch in batches for session in batch}
        assert ended == {one.new.id: one.user.id for one in begun}
        assert await store.sessions.count_refreshable() == 0
        for one in begun:
            assert await by_token(store, one.new.key) is None
        assert await store.sessions.find(over.new.id) is not None

    async def test_an_end_of_all_that_races_rotations_leaves_nothing_alive(
        self, store: Store
    ) -> None:
        """A session that a refresh has in hand ends as well, and is not left for later."""
        for _ in range(20):
            begun = [await begin(store) for _ in range(8)]
            turning = [store.sessions.rotate(one.rotation()) for one in begun]
            await asyncio.gather(*turning[:4], store.sessions.end_any(100), *turning[4:])
            assert await store.sessions.count_refreshable() == 0

    async def test_ends_of_all_at_once_share_the_work(self, store: Store) -> None:
        """Each session is ended, and told of, by one of them."""
        begun = [await begin(store) for _ in range(20)]
        batches = await asyncio.gather(*(store.sessions.end_any(100) for _ in range(4)))
        ended = sorted(session.id for batch in batches for session in batch)
        assert ended == sorted(one.new.id for one in begun)
