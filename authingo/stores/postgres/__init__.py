"""The store for production: PostgreSQL through asyncpg.

A verb is one statement wherever that is correct. Where a lock has to be held
before other rows are looked at (a change of password must see the session that a
sign-in has just committed) it is a transaction of several, because a statement
sees the snapshot it began with.
"""

from __future__ import annotations

from authingo.stores.postgres.counts import Counts
from authingo.stores.postgres.examination import Examination
from authingo.stores.postgres.records import Records
from authingo.stores.postgres.sessions import Sessions
from authingo.stores.postgres.upkeep import Upkeep
from authingo.stores.postgres.users import Users


class PostgresStore(Users, Sessions, Upkeep, Records, Counts, Examination):
    """A `Store` on a PostgreSQL server."""

    embedded = False
