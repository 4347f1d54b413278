"""Sessions begin and are found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from authingo.stores import Store
from authingo.stores.conformance.world import EXPIRED, LIVES, a_session, add_user, begin, new_digest


class SessionsConformance:
    """Sessions begin and are found."""

    async def test_deadlines_are_stored_when_issued(self, store: Store) -> None:
        """From the moment of the sign-in, none after the end of the whole session."""
        begun = await begin(store, replace(LIVES, absolute=timedelta(days=7)))
        match = await store.sessions.by_token(begun.new.token_digest)
        assert match is not None
        session = match.session
        assert (match.user, match.current, match.active) == (begun.user, True, True)
        assert (session.id, session.user_id) == (begun.new.id, begun.user.id)
        assert session.last_used_at == session.created_at
        assert session.expires_at - session.created_at == timedelta(minutes=15)
        assert session.refresh_expires_at - session.created_at == timedelta(days=7)

    async def test_an_unknown_token_is_none(self, store: Store) -> None:
        """A digest that is nowhere finds nothing, and ends nothing."""
        assert await store.sessions.by_token(new_digest()) is None
        assert await store.sessions.by_refresh(new_digest(), new_digest()) is None
        assert await store.sessions.end_by_token(new_digest()) is None
        assert await store.sessions.end_reused(new_digest(), new_digest()) is False

    async def test_an_expired_token_is_found_but_not_active(self, store: Store) -> None:
        """So that the client is told to refresh."""
        begun = await begin(store, EXPIRED)
        match = await store.sessions.by_token(begun.new.token_digest)
        assert match is not None
        assert not match.active

    async def test_a_session_begins_only_under_the_verified_password(self, store: Store) -> None:
        """With another version, or without the user, nothing is stored and nothing ended."""
        begun = await begin(store)
        for user_id, version in ((begun.user.id, 2), ("usr_nobody", None)):
            new, ending = a_session(), begun.new.token_digest
            assert (
                await store.sessions.begin(user_id, new, version=version, ending=ending)
            ) is None
            assert await store.sessions.by_token(new.token_digest) is None
        assert await store.sessions.by_token(begun.new.token_digest) is not None
        anyhow = await store.sessions.begin(begun.user.id, a_session(), version=None, ending=None)
        assert anyhow is not None

    async def test_a_new_session_ends_the_one_that_came_along(self, store: Store) -> None:
        """By its current or its previous token, whoever's it was."""
        begun = await begin(store)
        await store.sessions.rotate(begun.rotation())
        other = await add_user(store)
        new = a_session()
        await store.sessions.begin(other.id, new, version=1, ending=begun.new.token_digest)
        assert await store.sessions.by_refresh(begun.new.selector_digest, b"") is None
        assert await store.sessions.by_token(new.token_digest) is not None
