"""The cost of the slowest stored hashes, so that every comparison takes as long (ASVS 5.0 V6.3.8).

A hash contains its own cost, and an imported one may cost more than `passwords.bcrypt_cost`.
If the answer for an unknown email came sooner, an attacker could tell from the time which emails
have an account. So the store keeps the slowest kind of each family of hashes that users have,
and every comparison does the work of the slowest of all. How long a kind takes has to be
measured on this machine, so each kind has a sample hash, which belongs to no user.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from authingo import clock, passwords
from authingo.errors import StoreUnavailable
from authingo.models import HashKind
from authingo.pace import IsAlone, Pace
from authingo.passwords import PasswordHasher
from authingo.stores import Store

_EVERY = 60  # seconds between two queries to the store
_PAGE = 5000  # users


class SlowestHashes:
    """Tells a hasher which hashes in the store are the slowest."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._asked_at: float | None = None

    async def learn(self, store: Store) -> None:
        """Ask the store, at most once a minute. If it does not answer, keep what is known.

        If the hashes that this configuration makes are slower than the known ones of their
        family, their kind is recorded, so that it stays known when `passwords.bcrypt_cost` is
        lowered.
        """
        now = clock.now()
        if self._asked_at is not None and now - self._asked_at < _EVERY:
            return
        self._asked_at = now
        with contextlib.suppress(StoreUnavailable):
            kinds = await store.hash_kinds.find()
            self._hasher.slowest = tuple(kind.sample for kind in kinds)
            own = passwords.bcrypt_kind(self._hasher.cost)
            if kinds and own.work > max(
                (kind.work for kind in kinds if kind.family == own.family), default=0
            ):
                await store.hash_kinds.record([own])


def slowest_of_each(hashes: Iterable[str]) -> dict[str, HashKind]:
    """Return the slowest kind of each family, by the name of the family."""
    found: dict[str, HashKind] = {}
    for stored in hashes:
        add_kind(found, stored)
    return found


def add_kind(found: dict[str, HashKind], stored: str) -> None:
    """Add the kind of a hash, if it is the slowest of its family so far."""
    kind = passwords.kind_of(stored)
    if kind and (kind.family not in found or found[kind.family].work < kind.work):
        found[kind.family] = kind


async def recount(store: Store, *, is_alone: IsAlone | None = None) -> None:
    """Find the kinds in the hashes of all users, if none is known or one is no longer used."""
    gone = await store.hash_kinds.find(unused=True)
    if not gone and await store.hash_kinds.find():
        return
    found: dict[str, HashKind] = {}
    pace, after = Pace(_PAGE, is_alone=is_alone), None
    while users := await store.users.export(after=after, limit=pace.size):
        for one in users:
            add_kind(found, one.password_hash)
        after = users[-1].user.id
        await pace.rest()
    await store.hash_kinds.record(list(found.values()), instead_of=gone)
