"""Rotation happens once, is repeated within the grace, and reuse is theft."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from authingo.models import Client, WrongSecret
from authingo.stores import Store
from authingo.stores.conformance.world import DEAD, LIVES, NO_GRACE, begin, by_token, new_digest


class RotationConformance:
    """Rotation happens once, is repeated within the grace, and reuse is theft."""

    async def test_a_rotation_replaces_both_tokens(self, store: Store) -> None:
        """The new token is current; the old one is previous and lives for the grace."""
        begun = await begin(store)
        rotation = begun.rotation()
        rotated = await store.sessions.rotate(rotation)
        assert rotated is not None
        assert rotated.user == begun.user
        assert rotated.session.id == begun.new.id
        assert rotated.session.last_used_at >= rotated.session.created_at
        lived = rotated.session.expires_at - rotated.session.last_used_at
        assert lived == timedelta(minutes=15)
        new = await by_token(store, begun.key_after(rotation))
        old = await by_token(store, begun.new.key)
        assert new is not None
        assert old is not None
        assert (new.current, new.active) == (True, True)
        assert (old.current, old.active) == (False, True)
        assert new.session == old.session == rotated.session

    async def test_rotations_at_the_same_time_are_made_once_and_not_mixed_up(
        self, store: Store
    ) -> None:
        """Each gets its own session, its own lifetimes and its own client, and no other's."""
        begun = [await begin(store) for _ in range(8)]
        short = replace(LIVES, session=timedelta(minutes=1))
        wanted = [one.rotation(short if n % 2 else LIVES) for n, one in enumerate(begun)]
        wanted = [replace(one, client=Client(ip=f"192.0.2.{n}")) for n, one in enumerate(wanted)]
        again = [one.rotation() for one in begun]
        wrong = [one.rotation(verifier=new_digest()) for one in begun]
        found = await asyncio.gather(*map(store.sessions.rotate, [*wrong, *wanted, *again]))
        assert found[:8] == [None] * 8
        for n, one in enumerate(begun):
            first, second = found[8 + n], found[16 + n]
            assert (first is None) is not (second is None), "one of two with the same verifier"
            made = wanted[n] if first else again[n]
            rotated = first or second
            assert rotated is not None
            assert (rotated.user, rotated.session.id) == (one.user, one.new.id)
            assert rotated.session.ip == made.client.ip
            lived = rotated.session.expires_at - rotated.session.last_used_at
            assert lived == made.lifetimes.session
            current = await by_token(store, one.key_after(made))
            assert current is not None
            assert (current.current, current.session.id) == (True, one.new.id)

    async def test_a_rotation_never_outlives_the_whole_session(self, store: Store) -> None:
        """The absolute deadline is that of the sign-in, whatever a rotation asks for."""
        begun = await begin(store, replace(LIVES, absolute=timedelta(minutes=5)))
        rotated = await store.sessions.rotate(begun.rotation())
        assert rotated is not None
        end = rotated.session.created_at + timedelta(minutes=5)
        assert rotated.session.expires_at == rotated.session.refresh_expires_at == end

    async def test_the_predecessor_is_answered_within_the_grace(self, store: Store) -> None:
        """It gets the nonce that was stored; with the grace over, it gets none."""
        begun = await begin(store)
        rotation = begun.rotation()
        await store.sessions.rotate(rotation)
        match = await store.sessions.by_refresh(
            begun.new.selector_digest, begun.new.verifier_digest
        )
        assert match is not None
        assert (match.current, match.refreshable, match.nonce) == (False, True, rotation.nonce)
        again = begun.rotation(NO_GRACE, verifier=rotation.new_verifier_digest)
        await store.sessions.rotate(again)
        match = await store.sessions.by_refresh(
            begun.new.selector_digest, rotation.new_verifier_digest
        )
        assert match is not None
        assert (match.current, match.nonce) == (False, None)
        late = await by_token(store, begun.key_after(rotation))
        assert late is not None
        assert (late.current, late.active) == (False, False)

    async def test_only_the_immediate_predecessor_is_answered(self, store: Store) -> None:
        """The one before it is a stranger."""
        begun = await begin(store)
        rotation = begun.rotation()
        await store.sessions.rotate(rotation)
        await store.sessions.rotate(begun.rotation(verifier=rotation.new_verifier_digest))
        match = await store.sessions.by_refresh(
            begun.new.selector_digest, begun.new.verifier_digest
        )
        assert match is not None
        assert match.nonce is None
        assert isinstance(await store.sessions.by_token(begun.new.key), WrongSecret)

    async def test_what_cannot_rotate_changes_nothing(self, store: Store) -> None:
        """A wrong verifier, or a session that can no longer be refreshed."""
        begun = await begin(store)
        assert await store.sessions.rotate(begun.rotation(verifier=new_digest())) is None
        match = await store.sessions.by_refresh(
            begun.new.selector_digest, begun.new.verifier_digest
        )
        assert match is not None
        assert (match.current, match.refreshable) == (True, True)
        dead = await begin(store, DEAD)
        assert await store.sessions.rotate(dead.rotation()) is None
        over = await store.sessions.by_refresh(dead.new.selector_digest, dead.new.verifier_digest)
        assert over is not None
        assert not over.refreshable

    async def test_of_fifty_rotations_at_once_one_happens(self, store: Store) -> None:
        """The others find the one nonce that was stored."""
        begun = await begin(store)
        rotations = [begun.rotation() for _ in range(50)]
        results = await asyncio.gather(*(store.sessions.rotate(rotation) for rotation in rotations))
        won = [
            rotation
            for rotation, result in zip(rotations, results, strict=True)
            if result is not None
        ]
        assert len(won) == 1
        match = await store.sessions.by_refresh(
            begun.new.selector_digest, begun.new.verifier_digest
        )
        assert match is not None
        assert match.nonce == won[0].nonce

    async def test_reuse_ends_the_session(self, store: Store) -> None:
        """Unless the verifier is current, or the predecessor in its grace, or the session over."""
        begun = await begin(store)
        selector = begun.new.selector_digest
        assert await store.sessions.end_reused(selector, begun.new.verifier_digest) is False
        rotation = begun.rotation()
        await store.sessions.rotate(rotation)
        assert await store.sessions.end_reused(selector, begun.new.verifier_digest) is False
        assert await store.sessions.end_reused(selector, new_digest()) is True
        assert await store.sessions.end_reused(selector, new_digest()) is False
        assert await by_token(store, begun.key_after(rotation)) is None
        dead = await begin(store, DEAD)
        assert await store.sessions.end_reused(dead.new.selector_digest, new_digest()) is False

    async def test_the_predecessor_after_the_grace_is_reuse(self, store: Store) -> None:
        """Also where there never was a rotation with a grace."""
        begun = await begin(store)
        await store.sessions.rotate(begun.rotation(NO_GRACE))
        assert await store.sessions.end_reused(begun.new.selector_digest, begun.new.verifier_digest)
