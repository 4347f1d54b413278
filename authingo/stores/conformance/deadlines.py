"""When a session ends at the latest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from authingo.stores import Store
from authingo.stores.conformance.world import LIVES, begin, by_token


class DeadlinesConformance:
    """When a session ends at the latest."""

    async def test_the_end_of_a_session_stays_where_it_was_issued(self, store: Store) -> None:
        """Whatever the lifetimes are when it is refreshed; of no session there is none."""
        begun = await begin(store, replace(LIVES, absolute=timedelta(days=40)))
        match = await by_token(store, begun.new.key)
        assert match is not None
        end = match.session.created_at + timedelta(days=40)
        assert await store.sessions.absolute_deadline(match.session.id) == end
        assert await store.sessions.rotate(
            begun.rotation(replace(LIVES, absolute=timedelta(days=400)))
        )
        assert await store.sessions.absolute_deadline(match.session.id) == end
        assert await store.sessions.absolute_deadline("ses_nowhere") is None
