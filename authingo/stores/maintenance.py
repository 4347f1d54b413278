"""Looking after a store: delete what has expired, count what there is, examine the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from authingo.findings import Finding
from authingo.models import Statistics


class Maintenance(Protocol):
    """What operators and cron jobs do with a store."""

    async def others(self) -> list[str] | None:
        """Name the other programs that have this database open. Empty: nobody has.

        Everything that is connected counts, busy or not: a server that is idle now may have to
        answer the next moment. A name says which program it may be, for people, and may be empty.
        None means that it cannot be found out. PostgreSQL counts other connections of this very
        process too, SQLite does not: call it from a process that does not serve.
        """

    async def count_prunable(self) -> int:
        """Count the sessions that `prune` would delete."""

    async def prune(self, batch_size: int) -> int:
        """Delete at most `batch_size` sessions that can no longer be refreshed; return how many.

        Rows that another transaction has locked are left for the next time. Each call is one
        short transaction.
        """

    async def postpone_pruning(self, batch_size: int) -> int:
        """Put off the day on which `prune` looks at a session again, for at most `batch_size`.

        A rotation leaves that day as it is, because it is indexed, and an indexed column makes each
        write dearer. So when the day has come, a session that was refreshed meanwhile gets the day
        of its present deadline. Days are those of UTC.

        Returns how many; fewer than `batch_size` mean that no more are due. Rows that another
        transaction has locked are left for the next time.
        """

    async def forget_nonces(self, batch_size: int, *, after: str) -> tuple[int, str | None]:
        """Look at the `batch_size` sessions behind the id `after`, and set spent nonces to NULL.

        A rotation nonce is spent when its grace is over. No index finds it, because each rotation
        would have to write it; so the caller goes through all sessions. Rows that another
        transaction has locked are left for the next time.

        Returns how many nonces were spent, and the id of the last session that was looked at. It is
        None if there are no sessions behind `after`.
        """

    async def forget_records(self, batch_size: int, *, events_older_than: timedelta) -> int:
        """Delete expired secrets, expired counts, old events, and mails that failed long ago.

        Deletes at most `batch_size` of each. Mails are kept for FAILED_KEPT. Events that a durable
        hook has not read yet are kept, unless it is ABANDONED (`authingo.stores.cursors`).

        Returns the greatest of the four numbers: if it is less than `batch_size`, all is done.
        """

    async def statistics(self, *, days: int) -> Statistics:
        """Count users, sessions, and the events of the last `days` days, today included.

        The days are those of UTC by the database's clock. Days without events are included.
        This only reads, and blocks no other request: it makes three counts, one after the
        other, each within `timeout`.
        """

    async def examine(self, *, workers: int) -> list[Finding]:
        """Report whether the database is as authingo needs it, changing nothing.

        Works on any schema, and without one. There is a finding for everything that was
        examined, whether it is as it must be or not. One finding is named `schema`.

        Args:
            workers: how many processes will share the database.
        """
