"""The embedded store: one SQLite file, on the standard library alone.

One connection, on a thread of its own, does the work, one verb after the other. A second
connection, which only reads, looks sessions up on the event loop's thread. Other processes
(the command line, more workers) have connections of their own. WAL lets readers and a writer
work at the same time. A write takes its lock at BEGIN IMMEDIATE, because a deferred transaction
that turns from reading to writing fails at once instead of waiting. The file is made with mode
0600, and SQLite gives the files beside it the same mode. Commits are flushed to disk before
they are acknowledged (synchronous=FULL, the default).
"""

from __future__ import annotations

from functools import cached_property

from authingo.stores.sqlite.attempts import Attempts
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.credentials import Credentials
from authingo.stores.sqlite.cursors import Cursors
from authingo.stores.sqlite.deletions import Deletions
from authingo.stores.sqlite.devices import Devices
from authingo.stores.sqlite.events import Events
from authingo.stores.sqlite.exports import Exports
from authingo.stores.sqlite.hash_kinds import HashKinds
from authingo.stores.sqlite.mails import Mails
from authingo.stores.sqlite.maintenance import Maintenance
from authingo.stores.sqlite.recovery import Recovery
from authingo.stores.sqlite.secrets import Secrets
from authingo.stores.sqlite.sessions import Sessions
from authingo.stores.sqlite.users import Users


class SQLiteStore(Connection):
    """A `Store` in one file, or in memory if `path` is `:memory:` (for tests)."""

    embedded = True

    @cached_property
    def attempts(self) -> Attempts:
        """See Store."""
        return Attempts(self)

    @cached_property
    def events(self) -> Events:
        """See Store."""
        return Events(self)

    @cached_property
    def hash_kinds(self) -> HashKinds:
        """See Store."""
        return HashKinds(self)

    @cached_property
    def maintenance(self) -> Maintenance:
        """See Store."""
        return Maintenance(self)

    @cached_property
    def recovery(self) -> Recovery:
        """See Store."""
        return Recovery(self)

    @cached_property
    def secrets(self) -> Secrets:
        """See Store."""
        return Secrets(self)

    @cached_property
    def credentials(self) -> Credentials:
        """See Store."""
        return Credentials(self)

    @cached_property
    def mails(self) -> Mails:
        """See Store."""
        return Mails(self)

    @cached_property
    def cursors(self) -> Cursors:
        """See Store."""
        return Cursors(self)

    @cached_property
    def deletions(self) -> Deletions:
        """See Store."""
        return Deletions(self)

    @cached_property
    def exports(self) -> Exports:
        """See Store."""
        return Exports(self)

    @cached_property
    def devices(self) -> Devices:
        """See Store."""
        return Devices(self)

    @cached_property
    def users(self) -> Users:
        """See Store."""
        return Users(self)

    @cached_property
    def sessions(self) -> Sessions:
        """See Store."""
        return Sessions(self)
