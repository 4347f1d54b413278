"""What the SQL adapters share about credentials: columns, and reading a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from authingo.stores.credentials import Credential, CredentialMatch
from authingo.stores.rows import USER_AS_OWNER, RowReader

CREDENTIAL = (
    "c.id, c.kind, c.subject, c.user_id, c.label, c.data, c.counter, c.created_at, c.last_used_at"
)
MATCH = f"{USER_AS_OWNER}, u.password_version, {CREDENTIAL}"
GROWS = "(c.counter < :counter OR c.counter = 0 AND :counter = 0)"


def read_credential(row: Any, time: Callable[[Any], datetime]) -> Credential:
    """Read a row of CREDENTIAL, by the names of its columns."""
    used = row["last_used_at"]
    return Credential(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"],
        user_id=row["user_id"],
        label=row["label"],
        data=row["data"],
        counter=row["counter"],
        created_at=time(row["created_at"]),
        last_used_at=None if used is None else time(used),
    )


def read_match(row: Any, read: RowReader, time: Callable[[Any], datetime]) -> CredentialMatch:
    """Read a row of MATCH, by the names of its columns."""
    return CredentialMatch(read_credential(row, time), read.owner(row), row["password_version"])
