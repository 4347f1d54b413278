"""Which kinds of password hashes users have, so that every sign-in takes as long as the slowest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from authingo.models import HashKind


class HashKinds(Protocol):
    """The kinds of hashes that a store knows of, one of each family: the slowest."""

    async def find(self, *, unused: bool = False) -> list[HashKind]:
        """Return the recorded kinds, by family; with `unused`, only those that no user has."""

    async def record(
        self, kinds: Sequence[HashKind], *, instead_of: Sequence[HashKind] = ()
    ) -> None:
        """Record kinds, except where a slower one of the family is known.

        One transaction. Those of `instead_of` are deleted before, unless the family has
        another one by now.
        """
