"""The outbox in SQLite. A transaction holds the one write lock from its beginning."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

from authingo.attempts import NOTHING, Outcome
from authingo.stores.mail_rows import (
    IS_MY_TRY,
    mail_columns,
    new_row,
    read_mail,
    select_page,
    shortened,
)
from authingo.stores.mails import Mail, MailCounts, NewMail
from authingo.stores.rows import FIRST
from authingo.stores.sqlite import outcomes, rows
from authingo.stores.sqlite.connection import Connection


class Mails:
    """See authingo.stores.mails.Mails."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, new: NewMail) -> None:
        """See Mails."""
        await self._connection.write(lambda connection: queue(connection, [new]))

    async def take(self, *, limit: int, lease: timedelta) -> list[Mail]:
        """See Mails."""

        def work(connection: sqlite3.Connection) -> list[Mail]:
            at = rows.now()
            parameters = {"now": at, "leased_until": rows.later(at, lease), "limit": limit}
            taken = connection.execute(_TAKE, parameters).fetchall()
            mails = [read_mail(row, rows.moment) for row in taken]
            return sorted(mails, key=lambda mail: (mail.due_at, mail.id))

        return await self._connection.write(work)

    async def done(self, mail: Mail, *, outcome: Outcome = NOTHING) -> bool:
        """See Mails."""
        return await self._change(_DONE, mail, outcome)

    async def try_again(self, mail: Mail, *, after: timedelta, error: str, uncertain: bool) -> bool:
        """See Mails."""
        due_again = rows.later(rows.now(), after)
        return await self._change(
            _TRY_AGAIN, mail, due_again=due_again, error=shortened(error), uncertain=uncertain
        )

    async def fail(self, mail: Mail, *, error: str, outcome: Outcome = NOTHING) -> bool:
        """See Mails."""
        return await self._change(_FAIL, mail, outcome, now=rows.now(), error=shortened(error))

    async def next_due(self) -> timedelta | None:
        """See Mails."""
        row = await self._connection.one(_NEXT_DUE)
        return None if row["at"] is None else rows.span(max(row["at"] - rows.now(), 0))

    async def find(self, mail_id: str) -> Mail | None:
        """See Mails."""
        row = await self._connection.one(_FIND, id=mail_id, now=rows.now())
        return read_mail(row, rows.moment) if row else None

    async def page(
        self, *, after: str | None = None, failed: bool | None = None, limit: int
    ) -> list[Mail]:
        """See Mails."""
        found = await self._connection.all(
            select_page(_MAIL, failed=failed), after=after or FIRST, limit=limit, now=rows.now()
        )
        return [read_mail(row, rows.moment) for row in found]

    async def retry(self, mail_id: str | None = None) -> int:
        """See Mails."""
        if mail_id is None:
            return await self._connection.count(_RETRY, now=rows.now())
        return await self._connection.count(_RETRY_ONE, now=rows.now(), id=mail_id)

    async def counts(self) -> MailCounts:
        """See Mails."""
        row = await self._connection.one(_COUNTS)
        queued, since = row["mails"] - row["failed"], row["since"]
        waits = None if since is None else rows.span(rows.now() - since)
        return MailCounts(queued=queued, failed=row["failed"], waits=waits)

    async def _change(
        self, statement: str, mail: Mail, outcome: Outcome = NOTHING, **parameters: object
    ) -> bool:
        """Change a mail in the try that took it, and record what that means.

        Returns whether that try is not over.
        """
        of_try = {
            "id": mail.id,
            "tries": mail.tries,
            "due_at": rows.microseconds(mail.due_at),
        }

        def work(connection: sqlite3.Connection) -> bool:
            if connection.execute(statement, {**of_try, **parameters}).rowcount == 0:
                return False
            outcomes.record(connection, outcome)
            return True

        return await self._connection.write(work)


def queue(connection: sqlite3.Connection, mails: Sequence[NewMail]) -> None:
    """Add mails in the caller's transaction. See Mails.add."""
    at = rows.now()
    for new in mails:
        lifetime, deadline = rows.later(0, new.lifetime), rows.later(at, new.lifetime)
        connection.execute(
            _ADD, {"now": at, "lifetime": lifetime, "deadline": deadline, **new_row(new)}
        )


_MAIL = mail_columns(":now")
_ADD = """
INSERT INTO authingo_mails
    (id, kind, address, user_id, language, facts, due, lifetime, created_at, due_at, deadline)
VALUES (:id, :kind, :address, :user_id, :language, :facts, :due, :lifetime, :now, :now, :deadline)
"""
_TAKE = f"""
UPDATE authingo_mails SET tries = tries + 1, leased_until = :leased_until
WHERE rowid IN (
    SELECT rowid FROM authingo_mails
    WHERE failed_at IS NULL AND due_at <= :now AND (leased_until IS NULL OR leased_until <= :now)
    ORDER BY due_at, id LIMIT :limit)
RETURNING {_MAIL}
"""
_DONE = f"DELETE FROM authingo_mails WHERE {IS_MY_TRY}"
_TRY_AGAIN = f"""
UPDATE authingo_mails SET due_at = :due_again, leased_until = NULL, error = :error,
    uncertain = uncertain + :uncertain
WHERE {IS_MY_TRY}
"""
_FAIL = f"""
UPDATE authingo_mails SET failed_at = :now, leased_until = NULL, error = :error
WHERE {IS_MY_TRY}
"""
# Few mails are leased at any time. Each part reads one row of its index.
_NEXT_DUE = """
SELECT min(at) AS at FROM (
    SELECT min(leased_until) AS at FROM authingo_mails WHERE leased_until IS NOT NULL
    UNION ALL
    SELECT * FROM (
        SELECT due_at FROM authingo_mails WHERE failed_at IS NULL AND leased_until IS NULL
        ORDER BY due_at LIMIT 1))
"""
_FIND = f"SELECT {_MAIL} FROM authingo_mails WHERE id = :id"
_RETRY = """
UPDATE authingo_mails SET failed_at = NULL, due_at = :now, deadline = :now + lifetime,
    tries = 0, uncertain = 0
WHERE failed_at IS NOT NULL
"""
_RETRY_ONE = f"{_RETRY} AND id = :id"
# All mails are counted, because SQLite counts a whole table without reading its rows.
_COUNTS = """
SELECT (SELECT count(*) FROM authingo_mails) AS mails,
    (SELECT count(*) FROM authingo_mails WHERE failed_at IS NOT NULL) AS failed,
    (SELECT deadline - lifetime FROM authingo_mails WHERE failed_at IS NULL
     ORDER BY id LIMIT 1) AS since
"""
