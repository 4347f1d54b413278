"""Sessions begin and are found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from authingo.models import TokenKey, WrongSecret
from authingo.stores import Store
from authingo.stores.conformance.world import (
    EXPIRED,
    LIVES,
    a_session,
    add_user,
    begin,
    by_token,
    new_digest,
    unknown_key,
)
from authingo.stores.sessions import Replacement


class SessionsConformance:
    """Sessions begin and are found."""

    async def test_deadlines_are_stored_when_issued(self, store: Store) -> None:
        """From the moment of the sign-in, none after the end of the whole session."""
        begun = await begin(store, replace(LIVES, absolute=timedelta(days=7)))
        match = await by_token(store, begun.new.key)
        assert match is not None
        session = match.session
        assert (match.user, match.current, match.active) == (begun.user, True, True)
        assert (session.id, session.user_id) == (begun.new.id, begun.user.id)
        assert session.last_used_at == session.created_at
        assert session.expires_at - session.created_at == timedelta(minutes=15)
        assert session.refresh_expires_at - session.created_at == timedelta(days=7)

    async def test_an_unknown_token_is_none(self, store: Store) -> None:
        """A digest that is nowhere finds nothing, and ends nothing."""
        assert await by_token(store, unknown_key()) is None
        assert await store.sessions.by_refresh(new_digest(), new_digest()) is None
        assert await store.sessions.end_by_token(unknown_key()) is None
        assert await store.sessions.end_reused(new_digest(), new_digest()) is False

    async def test_an_id_with_another_secret_proves_nothing(self, store: Store) -> None:
        """Ids are public. It shows no user, ends nothing, and nothing can be renewed with it."""
        begun, other = await begin(store), await begin(store)
        await store.sessions.rotate(begun.rotation())
        secrets = (new_digest(), other.new.token_digest, begun.new.verifier_digest, b"")
        for key in (TokenKey(begun.new.id, secret) for secret in secrets):
            assert isinstance(await store.sessions.by_token(key), WrongSecret)
            assert await store.sessions.end_by_token(key) is None
            assert await store.sessions.begin(other.user.id, a_session(), version=1, ending=key)
            replacement = Replacement(
                token=key,
                new_token_digest=new_digest(),
                lifetime=LIVES.session,
                methods=("password",),
            )
            assert (
                await store.sessions.reauthenticate(begun.user.id, replacement, version=1) is None
            )
        assert await store.sessions.by_token(TokenKey(None, begun.new.token_digest)) is None
        await store.users.set_disabled(other.user.id, disabled=True)
        assert await store.sessions.by_token(TokenKey(other.new.id, new_digest())) is None
        alive = await by_token(store, begun.new.key)
        assert alive is not None
        assert (alive.current, alive.active) == (False, True)

    async def test_a_session_says_how_long_it_may_be_remembered(self, store: Store) -> None:
        """As was promised when its token was made."""
        begun = await begin(store)
        match = await by_token(store, begun.new.key)
        assert match is not None
        assert match.remembered is None
        rotation = begun.rotation(replace(LIVES, remembered=timedelta(seconds=7)))
        await store.sessions.rotate(rotation)
        for key in (begun.new.key, begun.key_after(rotation)):
            match = await by_token(store, key)
            assert match is not None
            assert match.remembered == timedelta(seconds=7)

    async def test_an_expired_token_is_found_but_not_active(self, store: Store) -> None:
        """So that the client is told to refresh."""
        begun = await begin(store, EXPIRED)
        match = await by_token(store, begun.new.key)
        assert match is not None
        assert not match.active

    async def test_a_session_begins_only_under_the_verified_password(self, store: Store) -> None:
        """With another version, or without the user, nothing is stored and nothing ended."""
        begun = await begin(store)
        for user_id, version in ((begun.user.id, 2), ("usr_nobody", None)):
            new, ending = a_session(), begun.new.key
            assert (
                await store.sessions.begin(user_id, new, version=version, ending=ending)
            ) is None
            assert await by_token(store, new.key) is None
        assert await by_token(store, begun.new.key) is not None
        anyhow = await store.sessions.begin(begun.user.id, a_session(), version=None, ending=None)
        assert anyhow is not None

    async def test_a_new_session_ends_the_one_that_came_along(self, store: Store) -> None:
        """By its current or its previous token, whoever's it was."""
        begun = await begin(store)
        await store.sessions.rotate(begun.rotation())
        other = await add_user(store)
        new = a_session()
        await store.sessions.begin(other.id, new, version=1, ending=begun.new.key)
        assert await store.sessions.by_refresh(begun.new.selector_digest, b"") is None
        assert await by_token(store, new.key) is not None
