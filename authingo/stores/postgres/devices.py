"""Device tokens in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from authingo.attempts import REPLACED_DEVICE_LIFE, DeviceMatch
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.rows import USER, RowReader

_read = RowReader()
_FIND = f"""
SELECT {USER}, s.digest, s.expires_at, s.expires_at - now() AS active_for
FROM authingo_secrets s JOIN authingo_users u ON u.id = s.user_id
WHERE s.purpose = 'device' AND s.digest = ANY(:digests::bytea[])
"""
_COUNT = """
SELECT count(*) AS count FROM authingo_secrets
WHERE purpose = 'device' AND user_id = :user_id AND expires_at > now() + :replaced::interval
"""
_FORGET_ALL = "DELETE FROM authingo_secrets WHERE purpose = 'device' AND user_id = :user_id"


class Devices:
    """See authingo.stores.devices.Devices. The module `statements` stores device tokens."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def find(self, digests: Sequence[bytes]) -> dict[bytes, DeviceMatch]:
        """See Devices."""
        found = await self._connections.all(*numbered(_FIND, digests=list(digests)))
        return {
            row["digest"]: DeviceMatch(_read.user(row), row["expires_at"], row["active_for"])
            for row in found
        }

    async def count(self, user_id: str) -> int:
        """See Devices."""
        row = await self._connections.one(
            *numbered(_COUNT, user_id=user_id, replaced=REPLACED_DEVICE_LIFE)
        )
        return int(row["count"])


async def forget_all(connection: Any, user_id: str) -> None:
    """Delete all device tokens of a user, in the caller's transaction."""
    await connection.execute(*numbered(_FORGET_ALL, user_id=user_id))
