"""Everything that is stored about a user, for that user: which columns, and which not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

MOST = 10_000  # rows of a table, the latest, so that an export fits into memory


@dataclass(frozen=True, slots=True)
class Part:
    """A table of which the user gets the rows about them.

    Args:
        name: in the export.
        columns: that are exported.
        left_out: the other columns, and why.
        condition: which rows, besides those of the user.
        order: the column by which the latest are chosen.
    """

    name: str
    columns: tuple[str, ...]
    left_out: Mapping[str, str]
    condition: str = "true"
    order: str = "id"


_THEIRS = "is the user's own id, which the export has"
_FINDS = "would help to find or forge a secret"
_INTERNAL = "is how authingo does its work, and says nothing about the user"
_OPENS = "opens something, or helps to guess what does"

# `authingo_users` is exported as `authingo.wire.user_json` shows it.
USER_LEFT_OUT = {
    "password_hash": _OPENS,
    "password_version": _INTERNAL,
    "disabled_at": "is not set while a user can ask; `Auth.export_user` has it",
    "delete_at": "is not set while a user can ask; `Auth.export_user` has it",
}
PARTS: Mapping[str, Part] = {
    "authingo_sessions": Part(
        "sessions",
        (
            *("id", "created_at", "last_used_at", "expires_at", "refresh_expires_at"),
            *("absolute_expires_at", "authenticated_at", "methods", "ip", "user_agent"),
        ),
        {
            "user_id": _THEIRS,
            **dict.fromkeys(
                (
                    *("secret_digest", "legacy_digest", "selector_digest", "verifier_digest"),
                    *("previous_secret_digest", "previous_verifier_digest", "rotation_nonce"),
                ),
                _FINDS,
            ),
            "grace_expires_at": _INTERNAL,
            "previous_token_ended": _INTERNAL,
            "remembered_for": _INTERNAL,
            "prune_on": _INTERNAL,
        },
    ),
    "authingo_credentials": Part(
        "credentials",
        ("id", "kind", "label", "created_at", "last_used_at"),
        {"user_id": _THEIRS, "subject": _FINDS, "data": _OPENS, "counter": _INTERNAL},
    ),
    "authingo_secrets": Part(
        "secrets",
        ("purpose", "address", "created_at", "expires_at"),
        {
            "user_id": _THEIRS,
            "digest": _FINDS,
            "matter": _FINDS,
            "subject": _FINDS,
            "data": "may have the hash of a code, and goes with the secret after hours",
            "security_version": _INTERNAL,
            "tries": _INTERNAL,
        },
        condition="matter IS NULL",  # a token has nothing that its matter has not
        order="created_at",
    ),
    "authingo_mails": Part(
        "mails",
        ("id", "kind", "address", "language", "created_at", "due_at", "failed_at"),
        {
            "user_id": _THEIRS,
            "facts": "has digests, and of the user only what the events have too",
            **dict.fromkeys(
                ("deadline", "due", "error", "leased_until", "lifetime", "tries", "uncertain"),
                _INTERNAL,
            ),
        },
    ),
    "authingo_events": Part(
        "events",
        ("id", "at", "name", "session_id", "ip", "count"),
        # In which order hooks get them: `xid` in PostgreSQL, `number` in SQLite.
        {"user_id": _THEIRS, "xid": _INTERNAL, "number": _INTERNAL},
    ),
}
# Tables that have no row about a user whom somebody could name.
OTHER_TABLES = {
    "authingo_cursors": "how far durable hooks have got",
    "authingo_attempts": "counts under digests, for some hours",
    "authingo_hash_kinds": "samples of hashes that belong to no user",
    "authingo_migrations": _INTERNAL,
    "authingo_epoch": _INTERNAL,
}

Rows = list[dict[str, Any]]


class Exports(Protocol):
    """What a store knows about one user."""

    async def of_user(self, user_id: str) -> dict[str, Rows]:
        """Return the rows about a user, by the name of each of PARTS; the latest first.

        Times are datetimes. There are MOST of each at most.
        """


def select(table: str, part: Part) -> str:
    """Return the statement that reads a part."""
    return (
        f"SELECT {', '.join(part.columns)} FROM {table}"
        f" WHERE user_id = :user_id AND {part.condition} ORDER BY {part.order} DESC LIMIT {MOST}"
    )


def read(part: Part, rows: list[Any], time: Callable[[Any], datetime]) -> Rows:
    """Read the rows of a part. `time` reads a stored time."""
    return [
        {
            name: time(row[name]) if row[name] is not None and _is_time(name) else row[name]
            for name in part.columns
        }
        for row in rows
    ]


def _is_time(column: str) -> bool:
    return column == "at" or column.endswith("_at")
