"""Looking after a store: delete what has expired, count what there is, examine the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from authingo.findings import Finding
from authingo.models import Statistics


class Maintenance(Protocol):
    """What operators and cron jobs do with a store."""

    async def count_prunable(self) -> int:
        """Count the sessions that `prune` would delete."""

    async def prune(self, batch_size: int) -> int:
        """Delete at most `batch_size` sessions that can no longer be refreshed; return how many.

        Rows that another transaction has locked are left for the next time. Each call is one
        short transaction.
        """

    async def forget_nonces(self, batch_size: int) -> int:
        """Set at most `batch_size` rotation nonces to NULL, if their grace is over.

        Returns how many.
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
