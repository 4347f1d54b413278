"""Device tokens, by which accounts recognize browsers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache

from authingo.attempts import DEVICES_KEPT, REPLACED_DEVICE_LIFE, DeviceMatch, NewDevice
from authingo.stores.rows import USER
from authingo.stores.sqlite import rows
from authingo.stores.sqlite.connection import Connection


class Devices:
    """See authingo.stores.devices.Devices."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, digests: Sequence[bytes]) -> dict[bytes, DeviceMatch]:
        """See Devices."""
        named = {f"digest_{number}": digest for number, digest in enumerate(digests)}
        found = await self._connection.all(_find(len(digests)), **named)
        at = rows.now()
        return {
            row["digest"]: DeviceMatch(
                rows.read.user(row),
                rows.moment(row["expires_at"]),
                rows.span(row["expires_at"] - at),
            )
            for row in found
        }

    async def count(self, user_id: str) -> int:
        """See Devices."""
        replaced_until = rows.later(rows.now(), REPLACED_DEVICE_LIFE)
        row = await self._connection.one(_COUNT, user_id=user_id, replaced_until=replaced_until)
        return int(row["count"])


@cache
def _find(count: int) -> str:
    named = ", ".join(f":digest_{number}" for number in range(count))
    return f"""
    SELECT {USER}, s.digest, s.expires_at
    FROM authingo_secrets s JOIN authingo_users u ON u.id = s.user_id
    WHERE s.purpose = 'device' AND s.digest IN ({named})
    """


_COUNT = """
SELECT count(*) AS count FROM authingo_secrets
WHERE purpose = 'device' AND user_id = :user_id AND expires_at > :replaced_until
"""


# In the caller's transaction


def recognize(connection: sqlite3.Connection, user_id: str, new: NewDevice) -> None:
    """Store the token of a browser that has just signed in.

    The token of this browser that is being replaced stays valid for a while.
    """
    at = rows.now()
    parameters = {
        "user_id": user_id,
        "browser": new.browser,
        "digest": new.digest,
        "now": at,
        "replaced_until": rows.later(at, REPLACED_DEVICE_LIFE),
        "ends": rows.later(at, new.lifetime),
    }
    connection.execute(_END_REPLACED, parameters)
    connection.execute(_REPLACE, parameters)
    connection.executemany(
        _REPLACE_PRESENTED, [{**parameters, "digest": digest} for digest in new.presented]
    )
    connection.execute(_CROWD_OUT, parameters)
    connection.execute(_INSERT, parameters)


_END_REPLACED = """
DELETE FROM authingo_secrets
WHERE purpose = 'device' AND user_id = :user_id AND subject = :browser
    AND expires_at <= :replaced_until
"""
_REPLACE = """
UPDATE authingo_secrets SET expires_at = :replaced_until
WHERE purpose = 'device' AND user_id = :user_id AND subject = :browser
"""
_REPLACE_PRESENTED = """
UPDATE authingo_secrets SET expires_at = min(expires_at, :replaced_until)
WHERE purpose = 'device' AND user_id = :user_id AND digest = :digest
"""
_CROWD_OUT = f"""
DELETE FROM authingo_secrets WHERE digest IN (
    SELECT digest FROM authingo_secrets
    WHERE purpose = 'device' AND user_id = :user_id AND subject <> :browser
    ORDER BY expires_at DESC LIMIT -1 OFFSET {DEVICES_KEPT - 2})
"""
_INSERT = """
INSERT INTO authingo_secrets (digest, purpose, user_id, subject, created_at, expires_at)
VALUES (:digest, 'device', :user_id, :browser, :now, :ends)
"""


def forget_browser(connection: sqlite3.Connection, browser: bytes) -> None:
    """Delete the device tokens of a browser."""
    connection.execute(
        "DELETE FROM authingo_secrets WHERE purpose = 'device' AND subject = :browser",
        {"browser": browser},
    )


def forget_all(connection: sqlite3.Connection, user_id: str) -> None:
    """Delete all device tokens of a user."""
    connection.execute(
        "DELETE FROM authingo_secrets WHERE purpose = 'device' AND user_id = :user_id",
        {"user_id": user_id},
    )
