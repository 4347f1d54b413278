"""The embedded store: one SQLite file, on the standard library alone.

One connection on one thread does the work, in turn; sessions are looked up inline
by another one that only reads. Other processes (the command line, more workers)
have their own. WAL lets readers and a writer work at
once; a write takes its lock at BEGIN IMMEDIATE, because a deferred transaction
that turns from reading to writing fails at once instead of waiting. The file is
made with mode 0600, and SQLite gives its companions the same. Commits are
flushed to disk before they are acknowledged (synchronous=FULL, the default).
"""

from __future__ import annotations

from authingo.stores.sqlite.counts import Counts
from authingo.stores.sqlite.examination import Examination
from authingo.stores.sqlite.records import Records
from authingo.stores.sqlite.sessions import Sessions
from authingo.stores.sqlite.upkeep import Upkeep
from authingo.stores.sqlite.users import Users


class SQLiteStore(Users, Sessions, Upkeep, Records, Counts, Examination):
    """A `Store` in one file, or in memory where `path` is `:memory:` (for tests)."""

    embedded = True
