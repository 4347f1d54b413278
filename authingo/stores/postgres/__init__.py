"""The store for production: PostgreSQL through asyncpg.

A verb is one statement wherever that is correct. Some verbs must hold a lock before they look
at other rows: a change of password must see the session that a sign-in has just committed.
Such a verb is a transaction of several statements, because each statement sees only what was
committed before it began.
"""

from __future__ import annotations

from functools import cached_property

from authingo.stores.postgres.attempts import Attempts
from authingo.stores.postgres.connections import Connections
from authingo.stores.postgres.credentials import Credentials
from authingo.stores.postgres.cursors import Cursors
from authingo.stores.postgres.deletions import Deletions
from authingo.stores.postgres.devices import Devices
from authingo.stores.postgres.events import Events
from authingo.stores.postgres.exports import Exports
from authingo.stores.postgres.hash_kinds import HashKinds
from authingo.stores.postgres.mails import Mails
from authingo.stores.postgres.maintenance import Maintenance
from authingo.stores.postgres.recovery import Recovery
from authingo.stores.postgres.secrets import Secrets
from authingo.stores.postgres.sessions import Sessions
from authingo.stores.postgres.users import Users


class PostgresStore(Connections):
    """A `Store` on a PostgreSQL server."""

    embedded = False

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
