"""Statements of a hook in PostgreSQL, in the transaction of a verb."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import asyncpg

from authingo.errors import StoreUnavailable
from authingo.stores.postgres.failures import named

T = TypeVar("T")

# Classes of SQLSTATE for which the statement itself is to blame: its data, a constraint, its syntax
# or names, a RAISE in a function (PostgreSQL, appendix A).
_OF_STATEMENT = {"21", "22", "23", "42", "P0"}


class HookStatements:
    """See authingo.stores.within.Statements."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def execute(self, statement: str, parameters: Sequence[object]) -> int:
        """See Statements."""
        status = await _answer(self._connection.execute(statement, *parameters))
        count = status.rpartition(" ")[2]  # "INSERT 0 1"
        return int(count) if count.isdigit() else 0

    async def fetch(self, statement: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
        """See Statements."""
        found = await _answer(self._connection.fetch(statement, *parameters))
        return [dict(row) for row in found]


async def _answer(asked: Awaitable[T]) -> T:
    """Return the answer, or raise what the hook can do something about as it is."""
    try:
        return await asked
    except asyncpg.PostgresError as error:
        if (error.sqlstate or "")[:2] in _OF_STATEMENT:
            raise
        raise StoreUnavailable(f"PostgreSQL failed: {named(error)}") from None
    except OSError:
        raise StoreUnavailable("the connection to PostgreSQL broke") from None
