"""A reauthentication replaces the session token, and says when and how it was made."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from authingo.models import TokenKey, TokenMatch, UserAndSession, WrongSecret
from authingo.stores import Store
from authingo.stores.conformance.world import (
    DEAD,
    EXPIRED,
    LIVES,
    NO_GRACE,
    SignedInUser,
    a_session,
    add_user,
    an_event,
    begin,
    by_token,
    credentials_of,
    event_names,
    new_digest,
    unknown_key,
)
from authingo.stores.sessions import Replacement

_ROUNDS = 20


def replacing(token: TokenKey, lifetime: timedelta = LIVES.session) -> Replacement:
    """Return the replacement of a token by a new one, after a proof by password and code."""
    return Replacement(
        token=token,
        new_token_digest=new_digest(),
        lifetime=lifetime,
        methods=("password", "totp"),
    )


async def is_active(store: Store, token: TokenKey) -> bool:
    """Return whether a token is accepted."""
    match = await store.sessions.by_token(token)
    return isinstance(match, TokenMatch) and match.active


async def reauthenticate(
    store: Store, begun: SignedInUser, replacement: Replacement, *, version: int = 1
) -> UserAndSession | None:
    """Replace a token of this user."""
    return await store.sessions.reauthenticate(begun.user.id, replacement, version=version)


class ReauthenticationConformance:
    """A reauthentication replaces the session token, and says when and how it was made."""

    async def test_a_session_says_when_and_how_its_user_authenticated(self, store: Store) -> None:
        """At the beginning; a rotation changes neither."""
        user = await add_user(store)
        new = replace(a_session(), methods=("password", "totp"))
        started = await store.sessions.begin(user.id, new, version=1, ending=None)
        assert started is not None
        assert started.session.authenticated_at == started.session.created_at
        assert started.session.methods == ("password", "totp")
        begun = SignedInUser(user, new)
        rotated = await store.sessions.rotate(begun.rotation())
        assert rotated is not None
        assert rotated.session.authenticated_at == started.session.created_at
        assert rotated.session.methods == ("password", "totp")
        (listed,) = await store.sessions.of_user(user.id, limit=9)
        assert listed == rotated.session
        unknown = await begin(store)
        match = await by_token(store, unknown.new.key)
        assert match is not None
        assert match.session.methods == ()

    async def test_a_reauthentication_replaces_the_session_token(self, store: Store) -> None:
        """Without a grace. The refresh token stays; the outcome is recorded with it."""
        begun = await begin(store, replace(LIVES, refresh=timedelta(minutes=20)))
        before = await by_token(store, begun.new.key)
        assert before is not None
        replacement = replacing(begun.new.key)
        renewed = await store.sessions.reauthenticate(
            begun.user.id, replacement, version=1, outcome=an_event("proved")
        )
        assert renewed is not None
        assert await event_names(store) == {"proved"}
        new = await by_token(store, begun.key_after(replacement))
        old = await by_token(store, begun.new.key)
        assert new is not None
        assert old is not None
        assert (new.current, new.active) == (True, True)
        assert (old.current, old.active) == (False, False)
        assert new.session == renewed.session
        assert renewed.user == begun.user
        session = renewed.session
        assert session.authenticated_at > before.session.authenticated_at
        assert session.methods == ("password", "totp")
        assert session.last_used_at == session.authenticated_at
        assert session.expires_at == session.authenticated_at + LIVES.session
        assert session.refresh_expires_at == before.session.refresh_expires_at
        assert session.created_at == before.session.created_at
        rotation = begun.rotation()
        assert await store.sessions.rotate(rotation) is not None
        assert await is_active(store, begun.key_after(replacement)), "a rotation has a grace"

    async def test_how_long_ago_is_by_the_clock_of_the_database(self, store: Store) -> None:
        """It grows from look to look, like the age of the session."""
        begun = await begin(store)
        first = await by_token(store, begun.new.key)
        second = await by_token(store, begun.new.key)
        assert first is not None
        assert second is not None
        assert timedelta(0) <= first.authenticated_for <= second.authenticated_for
        for one in (first, second):
            assert one.authenticated_for + one.active_for == LIVES.session

    async def test_the_new_token_does_not_outlive_the_session(self, store: Store) -> None:
        """It is valid for as long as the session can be refreshed, at most."""
        begun = await begin(store, replace(LIVES, absolute=timedelta(minutes=5)))
        renewed = await reauthenticate(store, begun, replacing(begun.new.key))
        assert renewed is not None
        assert renewed.session.expires_at == renewed.session.refresh_expires_at
        assert renewed.session.refresh_expires_at - renewed.session.created_at == timedelta(
            minutes=5
        )

    async def test_a_replaced_token_does_not_come_back_with_the_grace(self, store: Store) -> None:
        """Neither the one that was presented, in its grace, nor the one that was current."""
        begun = await begin(store)
        rotation = begun.rotation()
        await store.sessions.rotate(rotation)
        replacement = replacing(begun.new.key)
        assert await reauthenticate(store, begun, replacement) is not None
        assert isinstance(await store.sessions.by_token(begun.new.key), WrongSecret)
        assert not await is_active(store, begun.key_after(rotation))
        for token in (begun.new.key, begun.key_after(rotation)):
            assert await reauthenticate(store, begun, replacing(token)) is None
        assert await is_active(store, begun.key_after(replacement))
        again = await store.sessions.by_refresh(
            begun.new.selector_digest, begun.new.verifier_digest
        )
        assert again is not None
        assert again.nonce == rotation.nonce, "the refresh token keeps its grace"
        assert again.token_digest == replacement.new_token_digest

    async def test_what_is_not_accepted_cannot_be_replaced(self, store: Store) -> None:
        """Unknown, expired, of another user, after its grace, or replaced before."""
        begun, other = await begin(store), await begin(store)
        expired, dead = await begin(store, EXPIRED), await begin(store, DEAD)
        for one in (expired, dead):
            assert await reauthenticate(store, one, replacing(one.new.key)) is None
        for token in (unknown_key(), TokenKey(begun.new.id, new_digest()), other.new.key):
            assert await reauthenticate(store, begun, replacing(token)) is None
        late = await begin(store)
        await store.sessions.rotate(late.rotation(NO_GRACE))
        assert await reauthenticate(store, late, replacing(late.new.key)) is None
        first = replacing(begun.new.key)
        assert await reauthenticate(store, begun, first) is not None
        assert await reauthenticate(store, begun, replacing(begun.new.key)) is None
        assert await is_active(store, begun.key_after(first))
        assert await is_active(store, other.new.key)

    async def test_a_proof_counts_only_for_the_account_that_was_checked(self, store: Store) -> None:
        """With another security version or a disabled user nothing happens, nor is recorded."""
        begun = await begin(store)
        replacement = replacing(begun.new.key)
        refused = await store.sessions.reauthenticate(
            begun.user.id, replacement, version=2, outcome=an_event("proved")
        )
        assert refused is None
        assert await event_names(store) == set()
        match = await by_token(store, begun.new.key)
        assert match is not None
        assert (match.active, match.session.methods) == (True, ())
        await store.users.set_disabled(begun.user.id, disabled=True)
        for version in (1, 2):
            assert await reauthenticate(store, begun, replacement, version=version) is None

    async def test_of_two_reauthentications_at_once_one_happens(
        self, store: Store, another_store: Store | None
    ) -> None:
        """With the same token, also while a refresh has its grace. The other has to ask again."""
        other = another_store or store
        for turn in range(_ROUNDS):
            begun = await begin(store)
            rotation = begun.rotation()
            tokens = [begun.new.key] * 2
            if turn % 2:
                await store.sessions.rotate(rotation)
                tokens = [begun.key_after(rotation), tokens[turn // 2 % 2]]
            both = [replacing(token) for token in tokens]
            results = await asyncio.gather(
                *(
                    reauthenticate(one, begun, replacement)
                    for one, replacement in zip((store, other), both, strict=True)
                )
            )
            won = [result is not None for result in results]
            assert sorted(won) == [False, True]
            alive = [await is_active(store, begun.key_after(one)) for one in both]
            assert alive == won

    async def test_a_reauthentication_that_races_a_rotation_leaves_one_way_on(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Both happen. The new token is accepted, and so is the next refresh."""
        other = another_store or store
        for _ in range(_ROUNDS):
            begun = await begin(store)
            rotation, replacement = begun.rotation(), replacing(begun.new.key)
            rotated, renewed = await asyncio.gather(
                store.sessions.rotate(rotation), reauthenticate(other, begun, replacement)
            )
            assert rotated is not None
            assert renewed is not None
            assert await is_active(store, begun.key_after(replacement))
            assert not await is_active(store, begun.new.key)
            match = await store.sessions.by_refresh(
                begun.new.selector_digest, rotation.new_verifier_digest
            )
            assert match is not None
            assert match.current
            assert match.session.methods == ("password", "totp")

    async def test_a_reauthentication_that_races_an_end_leaves_nothing_alive(
        self, store: Store, another_store: Store | None
    ) -> None:
        """A sign-out, a new password, a disabling, a deletion: in whichever order they come."""
        other = another_store or store
        for turn in range(_ROUNDS):
            begun = await begin(store)
            replacement = replacing(begun.new.key)
            verified = await credentials_of(store, begun.user)
            ends = (
                store.sessions.end_by_token(begun.new.key),
                store.users.set_password(begun.user.id, "another"),
                store.users.set_disabled(begun.user.id, disabled=True),
                store.users.delete(begun.user.id),
                store.users.change_password(
                    verified, "new", caller=begun.new.id, session=a_session()
                ),
            )
            for number, end in enumerate(ends):
                if number != turn % len(ends):
                    end.close()
            await asyncio.gather(ends[turn % len(ends)], reauthenticate(other, begun, replacement))
            for token in (begun.new.key, begun.key_after(replacement)):
                assert await by_token(store, token) is None
