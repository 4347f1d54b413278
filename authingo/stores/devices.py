"""Device tokens, by which accounts recognize browsers that have signed in before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from authingo.attempts import DeviceMatch


class Devices(Protocol):
    """The device tokens of a store. The verbs that begin a session store them."""

    async def find(self, digests: Sequence[bytes]) -> dict[bytes, DeviceMatch]:
        """Find device tokens by digest, expired ones too. Changes nothing.

        Unknown tokens are left out.
        """

    async def count(self, user_id: str) -> int:
        """Count the browsers that an account recognizes.

        A token that ends within REPLACED_DEVICE_LIFE is not counted, because it was replaced.
        """
