"""The outbox in PostgreSQL. Workers that take at once pass over each other's mails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

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
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.named import numbered
from authingo.stores.postgres.outcomes import outcome_parameters, record_outcome
from authingo.stores.rows import FIRST, as_it_is


class Mails:
    """See authingo.stores.mails.Mails."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(self, new: NewMail) -> None:
        """See Mails."""
        async with self._connections.connection() as connection:
            await queue(connection, [new])

    async def take(self, *, limit: int, lease: timedelta) -> list[Mail]:
        """See Mails."""
        return await self._mails(_TAKE, limit=limit, lease=lease)

    async def done(self, mail: Mail, *, outcome: Outcome = NOTHING) -> bool:
        """See Mails."""
        return await self._end(_DONE, mail, outcome)

    async def try_again(self, mail: Mail, *, after: timedelta, error: str, uncertain: bool) -> bool:
        """See Mails."""
        statement = numbered(
            _TRY_AGAIN,
            id=mail.id,
            tries=mail.tries,
            due_at=mail.due_at,
            after=after,
            error=shortened(error),
            uncertain=uncertain,
        )
        return await self._connections.count(*statement) > 0

    async def fail(self, mail: Mail, *, error: str, outcome: Outcome = NOTHING) -> bool:
        """See Mails."""
        return await self._end(_FAIL, mail, outcome, error=shortened(error))

    async def next_due(self) -> timedelta | None:
        """See Mails."""
        row = await self._connections.one(_NEXT_DUE)
        return None if row["wait"] is None else max(row["wait"], timedelta(0))

    async def find(self, mail_id: str) -> Mail | None:
        """See Mails."""
        return next(iter(await self._mails(_FIND, id=mail_id)), None)

    async def page(
        self, *, after: str | None = None, failed: bool | None = None, limit: int
    ) -> list[Mail]:
        """See Mails."""
        return await self._mails(
            select_page(_MAIL, failed=failed), after=after or FIRST, limit=limit
        )

    async def retry(self, mail_id: str | None = None) -> int:
        """See Mails."""
        if mail_id is None:
            return await self._connections.count(_RETRY)
        return await self._connections.count(*numbered(_RETRY_ONE, id=mail_id))

    async def counts(self) -> MailCounts:
        """See Mails."""
        row = await self._connections.one(_COUNTS)
        return MailCounts(**row)

    async def _mails(self, statement: str, **parameters: object) -> list[Mail]:
        found = await self._connections.all(*numbered(statement, **parameters))
        return [read_mail(row, as_it_is) for row in found]

    async def _end(
        self, statement: str, mail: Mail, outcome: Outcome, **parameters: object
    ) -> bool:
        """Change a mail for the last time in its try, and record what that means."""
        row = await self._connections.one(
            *numbered(
                statement,
                id=mail.id,
                tries=mail.tries,
                due_at=mail.due_at,
                **parameters,
                **outcome_parameters(outcome),
            )
        )
        return row is not None


async def queue(connection: Any, mails: Sequence[NewMail]) -> None:
    """Add mails in the caller's transaction. See Mails.add."""
    for new in mails:
        await connection.execute(*numbered(_ADD, **mail_parameters(new)))


def add_mail(*, if_there_is: str | None = None) -> str:
    """Return the statement that adds a mail.

    As a part of another one, it does so only if the part with the name `if_there_is` has a row.
    """
    condition = f"WHERE EXISTS (SELECT FROM {if_there_is})" if if_there_is else ""
    return f"""
INSERT INTO authingo_mails
    (id, kind, address, user_id, language, facts, due, lifetime, deadline)
SELECT :mail_id, :kind, :address, :mailed_user, :language, :facts::bytea, :due::boolean,
    :lifetime::interval, now() + :lifetime::interval {condition}
"""


def mail_parameters(new: NewMail) -> dict[str, object]:
    """Return the parameters of `add_mail`."""
    row = new_row(new)
    own = {"mail_id": row.pop("id"), "mailed_user": row.pop("user_id")}
    return {**row, **own, "lifetime": new.lifetime}


_MAIL = mail_columns("now()")
_ADD = add_mail()
_TAKE = f"""
WITH taken AS (
    UPDATE authingo_mails SET tries = tries + 1, leased_until = now() + :lease::interval
    WHERE id = ANY(ARRAY(
        SELECT id FROM authingo_mails
        WHERE failed_at IS NULL AND due_at <= now()
          AND (leased_until IS NULL OR leased_until <= now())
        ORDER BY due_at, id LIMIT :limit FOR UPDATE SKIP LOCKED))
    RETURNING {_MAIL}
)
SELECT * FROM taken ORDER BY due_at, id
"""


def _ending(change: str) -> str:
    return f"""
    WITH ended AS ({change} WHERE {IS_MY_TRY} RETURNING id)
    {record_outcome(if_there_is="ended")} SELECT id FROM ended
    """


_DONE = _ending("DELETE FROM authingo_mails")
_TRY_AGAIN = f"""
UPDATE authingo_mails SET due_at = now() + :after::interval, leased_until = NULL,
    error = :error::text, uncertain = uncertain + :uncertain::boolean::integer
WHERE {IS_MY_TRY}
"""
_FAIL = _ending(
    "UPDATE authingo_mails SET failed_at = now(), leased_until = NULL, error = :error::text"
)
# Few mails are leased at any time. Each part reads one row of its index.
_NEXT_DUE = """
SELECT least(
    (SELECT due_at FROM authingo_mails WHERE failed_at IS NULL AND leased_until IS NULL
     ORDER BY due_at LIMIT 1),
    (SELECT min(leased_until) FROM authingo_mails WHERE leased_until IS NOT NULL)
) - now() AS wait
"""
_FIND = f"SELECT {_MAIL} FROM authingo_mails WHERE id = :id"
_RETRY = """
UPDATE authingo_mails SET failed_at = NULL, due_at = now(), deadline = now() + lifetime,
    tries = 0, uncertain = 0
WHERE failed_at IS NOT NULL
"""
_RETRY_ONE = f"{_RETRY} AND id = :id"
_COUNTS = """
SELECT (SELECT count(*) FROM authingo_mails WHERE failed_at IS NULL) AS queued,
    (SELECT count(*) FROM authingo_mails WHERE failed_at IS NOT NULL) AS failed,
    now() - (SELECT deadline - lifetime FROM authingo_mails WHERE failed_at IS NULL
             ORDER BY id LIMIT 1) AS waits
"""
