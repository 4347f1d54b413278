"""What the SQL adapters share about the outbox: columns, conditions, reading a row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from authingo.stores.mails import LONGEST_ERROR, LONGEST_LANGUAGE, Mail, NewMail

_MAIL = (
    "id, kind, address, user_id, language, facts, due, created_at, due_at,"
    " deadline, tries, uncertain, failed_at, error"
)

# Whether the try of the worker that calls is not over. A number of tries does not suffice: it
# begins at 0 once more when a failed mail is queued again, but `due_at` is later then.
IS_MY_TRY = "id = :id AND tries = :tries AND due_at = :due_at AND leased_until IS NOT NULL"

_WHICH = {None: "", False: " AND failed_at IS NULL", True: " AND failed_at IS NOT NULL"}


def mail_columns(now: str) -> str:
    """Return the columns that `read_mail` reads. `now` is how the database says it."""
    return f"{_MAIL}, deadline <= {now} AS late"


def select_page(columns: str, *, failed: bool | None) -> str:
    """Return the statement that finds a page of mails."""
    return (
        f"SELECT {columns} FROM authingo_mails WHERE id > :after{_WHICH[failed]}"
        " ORDER BY id LIMIT :limit"
    )


def new_row(new: NewMail) -> dict[str, object]:
    """Return the values of a mail about to be added, by the names of their columns."""
    return {
        "id": new.id,
        "kind": new.kind,
        "address": new.address,
        "user_id": new.user_id,
        "language": new.language[:LONGEST_LANGUAGE],
        "facts": new.facts,
        "due": new.due,
    }


def shortened(error: str) -> str:
    """Return as much of the reason of a failure as is kept."""
    return error[:LONGEST_ERROR]


def read_mail(row: Any, time: Callable[[Any], datetime]) -> Mail:
    """Read a row of `mail_columns`, by the names of its columns."""
    failed = row["failed_at"]
    return Mail(
        id=row["id"],
        kind=row["kind"],
        address=row["address"],
        user_id=row["user_id"],
        language=row["language"],
        facts=row["facts"],
        due=bool(row["due"]),
        created_at=time(row["created_at"]),
        due_at=time(row["due_at"]),
        deadline=time(row["deadline"]),
        late=bool(row["late"]),
        tries=row["tries"],
        uncertain=row["uncertain"],
        failed_at=None if failed is None else time(failed),
        error=row["error"],
    )
