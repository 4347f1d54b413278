"""What the SQL adapters share about single-use secrets: columns, conditions, reading a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from authingo.stores.secrets import HOLDS_ADDRESS, Matter

MATTER = (
    "m.digest, m.purpose, m.user_id, m.address, m.security_version, m.subject, m.data, m.tries,"
    " m.expires_at"
)

# The digest of the matter that a digest stands for: its own, or that of one of its tokens.
MATTER_OF = (
    "(SELECT coalesce(p.matter, p.digest) FROM authingo_secrets p"
    " WHERE p.digest = :digest AND p.purpose = :purpose)"
)

# Whether the user of the matter m is still as it requires.
SAME_USER = (
    "u.id = m.user_id AND u.disabled_at IS NULL AND (m.security_version IS NULL"
    " OR m.security_version = u.password_version AND m.address = u.email)"
)


def stands(now: str) -> str:
    """Return the condition that the matter m stands. `now` is how the database says it."""
    return (
        f"m.matter IS NULL AND m.expires_at > {now} AND (m.user_id IS NULL"
        f" OR EXISTS (SELECT 1 FROM authingo_users u WHERE {SAME_USER}))"
    )


def is_held(now: str) -> str:
    """Return the condition that another user may want an address back. See HOLDS_ADDRESS."""
    return (
        f"EXISTS (SELECT 1 FROM authingo_secrets h WHERE h.subject = :held"
        f" AND h.purpose = '{HOLDS_ADDRESS}' AND h.expires_at > {now} AND h.user_id <> :user_id)"
    )


def read_matter(row: Any, time: Callable[[Any], datetime]) -> Matter:
    """Read a row of MATTER, by the names of its columns."""
    return Matter(
        digest=row["digest"],
        purpose=row["purpose"],
        user_id=row["user_id"],
        address=row["address"],
        version=row["security_version"],
        subject=row["subject"],
        data=row["data"],
        tries=row["tries"],
        expires_at=time(row["expires_at"]),
    )
