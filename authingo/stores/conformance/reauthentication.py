"""A reauthentication replaces the session token, and says when and how it was made."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from authingo.models import UserAndSession
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
    credentials_of,
    event_names,
    new_digest,
)
from authingo.stores.sessions import Replacement

_ROUNDS = 20


def replacing(token_digest: bytes, lifetime: timedelta = LIVES.session) -> Replacement:
    """Return the replacement of a token by a new one, after a proof by password and code."""
    return Replacement(
        token_digest=token_digest,
        new_token_digest=new_digest(),
        lifetime=lifetime,
        methods=("password", "totp"),
    )


async def is_active(store: Store, token_digest: bytes) -> bool:
    """Return whether a token is accepted."""
    match = await store.sessions.by_token(token_digest)
    return match is not None and match.active


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
        match = await store.sessions.by_token(unknown.new.token_digest)
        assert match is not None
        assert match.session.methods == ()

    async def test_a_reauthentication_replaces_the_session_token(self, store: Store) -> None:
        """Without a grace. The refresh token stays; the outcome is recorded with it."""
        begun = await begin(store, replace(LIVES, refresh=timedelta(minutes=20)))
        before = await store.sessions.by_token(begun.new.token_digest)
        assert before is not None
        replacement = replacing(begun.new.token_digest)
        renewed = await store.sessions.reauthenticate(
            begun.user.id, replacement, version=1, outcome=an_event("proved")
        )
        assert renewed is not None
        assert await event_names(store) == {"proved"}
        new = await store.sessions.by_token(replacement.new_token_digest)
        old = await store.sessions.by_token(begun.new.token_digest)
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
        assert await is_active(store, replacement.new_token_digest), "a rotation has a grace"

    async def test_how_long_ago_is_by_the_clock_of_the_database(self, store: Store) -> None:
        """It grows from look to look, like the age of the session."""
        begun = await begin(store)
        first = await store.sessions.by_token(begun.new.token_digest)
        second = await store.sessions.by_token(begun.new.token_digest)
        assert first is not None
        assert second is not None
        assert timedelta(0) <= first.authenticated_for <= second.authenticated_for
        for one in (first, second):
            assert one.authenticated_for + one.active_for == LIVES.session

    async def test_the_new_token_does_not_outlive_the_session(self, store: Store) -> None:
        """It is valid for as long as the session can be refreshed, at most."""
        begun = await begin(store, replace(LIVES, absolute=timedelta(minutes=5)))
        renewed = await reauthenticate(store, begun, replacing(begun.new.token_digest))
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
        replacement = replacing(begun.new.token_digest)
        assert await reauthenticate(store, begun, replacement) is not None
        assert await store.sessions.by_token(begun.new.token_digest) is None
        assert not await is_active(store, rotation.new_token_digest)
        for token in (begun.new.token_digest, rotation.new_token_digest):
            assert await reauthenticate(store, begun, replacing(token)) is None
        assert await is_active(store, replacement.new_token_digest)
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
            assert await reauthenticate(store, one, replacing(one.new.token_digest)) is None
        for token in (new_digest(), other.new.token_digest, begun.new.selector_digest):
            assert await reauthenticate(store, begun, replacing(token)) is None
        late = await begin(store)
        await store.sessions.rotate(late.rotation(NO_GRACE))
        assert await reauthenticate(store, late, replacing(late.new.token_digest)) is None
        first = replacing(begun.new.token_digest)
        assert await reauthenticate(store, begun, first) is not None
        assert await reauthenticate(store, begun, replacing(begun.new.token_digest)) is None
        assert await is_active(store, first.new_token_digest)
        assert await is_active(store, other.new.token_digest)

    async def test_a_proof_counts_only_for_the_account_that_was_checked(self, store: Store) -> None:
        """With another security version or a disabled user nothing happens, nor is recorded."""
        begun = await begin(store)
        replacement = replacing(begun.new.token_digest)
        refused = await store.sessions.reauthenticate(
            begun.user.id, replacement, version=2, outcome=an_event("proved")
        )
        assert refused is None
        assert await event_names(store) == set()
        match = await store.sessions.by_token(begun.new.token_digest)
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
            tokens = [begun.new.token_digest] * 2
            if turn % 2:
                await store.sessions.rotate(rotation)
                tokens = [rotation.new_token_digest, tokens[turn // 2 % 2]]
            both = [replacing(token) for token in tokens]
            results = await asyncio.gather(
                *(
                    reauthenticate(one, begun, replacement)
                    for one, replacement in zip((store, other), both, strict=True)
                )
            )
            won = [result is not None for result in results]
            assert sorted(won) == [False, True]
            alive = [await is_active(store, one.new_token_digest) for one in both]
            assert alive == won

    async def test_a_reauthentication_that_races_a_rotation_leaves_one_way_on(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Both happen. The new token is accepted, and so is the next refresh."""
        other = another_store or store
        for _ in range(_ROUNDS):
            begun = await begin(store)
            rotation, replacement = begun.rotation(), replacing(begun.new.token_digest)
            rotated, renewed = await asyncio.gather(
                store.sessions.rotate(rotation), reauthenticate(other, begun, replacement)
            )
            assert rotated is not None
            assert renewed is not None
            assert await is_active(store, replacement.new_token_digest)
            assert not await is_active(store, begun.new.token_digest)
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
            replacement = replacing(begun.new.token_digest)
            verified = await credentials_of(store, begun.user)
            ends = (
                store.sessions.end_by_token(begun.new.token_digest),
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
            for token in (begun.new.token_digest, replacement.new_token_digest):
                assert await store.sessions.by_token(token) is None
