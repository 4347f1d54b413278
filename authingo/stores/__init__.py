"""Where users and sessions are kept: the protocol of a store, and `open_store`.

A verb is a method of a store. It is one atomic statement or one transaction, and its docstring
says what happens when there is nothing to act on. The deadline of a token or session is stored
when it is issued, and compared with the database's clock: it is valid while now < deadline. A
store is given digests only, never tokens.

Every verb raises StoreUnavailable (or a subclass), within `timeout`, when the database is down,
slow, locked, full, read-only, out of connections or has the wrong schema. Nothing that was
acknowledged before is lost.

If you write a third adapter, implement this protocol and run `authingo.stores.conformance`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from authingo.config import kind_of, read_postgres_url, sqlite_path
from authingo.stores.attempts import Attempts
from authingo.stores.credentials import Credentials as UserCredentials
from authingo.stores.cursors import Cursors
from authingo.stores.deletions import Deletions
from authingo.stores.devices import Devices
from authingo.stores.events import Events
from authingo.stores.exports import Exports
from authingo.stores.hash_kinds import HashKinds
from authingo.stores.mails import Mails
from authingo.stores.maintenance import Maintenance
from authingo.stores.migrations import sources
from authingo.stores.recovery import Recovery
from authingo.stores.rows import ReadsProfiles
from authingo.stores.secrets import Secrets
from authingo.stores.sessions import Sessions
from authingo.stores.users import Users
from authingo.stores.within import HookConnection, Within

if TYPE_CHECKING:
    from authingo.config import Settings
    from authingo.stores.migrations import SchemaStatus

T = TypeVar("T")


class RevocationListener(Protocol):
    """What a store notifies when sessions change or end. It calls in the event loop's thread."""

    def drop(self, user_id: str) -> None:
        """Forget this user's sessions: all that is remembered of them may be outdated."""

    def drop_all(self) -> None:
        """Forget every session: all that is remembered may be outdated."""


class Freshness:
    """Until when `Store.is_notified` is known to be true, so that it need not be called.

    `until` is in seconds, by authingo.clock. At first it is in the past. When it is in the past,
    call `Store.is_notified`. A check from memory reads this attribute first, because the call
    takes several times as long.
    """

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0.0


class Store(Protocol):
    """What a storage adapter does."""

    embedded: bool
    """Whether the database is this program's own file, which a server migrates when it opens it.

    Only `authingo migrate` migrates a database server.
    """

    within: Within
    """The hooks that the verbs run in their transactions. There are none at first.

    `users.add`, `users.add_with_session` and `recovery.sign_up` run those for "user_created" at
    the end of their transaction; `users.delete` those for "user_deleted" before it deletes; and
    every verb that evicts those for "user_evicted" at its end. All that a verb does, its hooks
    included, has to be done within `timeout`. What `HookFailed` carries is raised.
    """
    profiles: ReadsProfiles | None
    """What reads the column `profile`; None if users have none. It is set before `open`."""

    @property
    def users(self) -> Users:
        """Users, with the hashes of their passwords."""

    @property
    def sessions(self) -> Sessions:
        """Sessions, of one user or of all users."""

    @property
    def attempts(self) -> Attempts:
        """Counts of attempts, such as sign-ins."""

    @property
    def events(self) -> Events:
        """Events, and what else is recorded about an attempt."""

    @property
    def cursors(self) -> Cursors:
        """How far durable hooks have read the events."""

    @property
    def hash_kinds(self) -> HashKinds:
        """The kinds of password hashes that users have."""

    @property
    def maintenance(self) -> Maintenance:
        """What operators and cron jobs do."""

    @property
    def secrets(self) -> Secrets:
        """Single-use secrets: matters and their tokens."""

    @property
    def recovery(self) -> Recovery:
        """Changes of an account that spend a single-use secret."""

    @property
    def deletions(self) -> Deletions:
        """Accounts that their users want deleted, after a while."""

    @property
    def exports(self) -> Exports:
        """What is stored about one user, for that user."""

    @property
    def devices(self) -> Devices:
        """Device tokens, by which accounts recognize browsers."""

    @property
    def credentials(self) -> UserCredentials:
        """What users can sign in with besides a password."""

    @property
    def mails(self) -> Mails:
        """The outbox: mails that wait to be delivered."""

    async def open(self, *, create: bool) -> None:
        """Get ready; doing so twice is harmless. A database server need not be up yet.

        Args:
            create: make an embedded database, empty, if it does not exist.

        Raises:
            NoDatabase: an embedded database does not exist, and `create` is false.
        """

    async def close(self) -> None:
        """Close every connection. The store can be opened again."""

    async def ping(self) -> None:
        """Check that the database answers; raise as every verb does."""

    # Revocations

    def watch(self, revoked: RevocationListener) -> Freshness:
        """Notify `revoked`, while the store is open, of all that changes the answer to a check.

        That is every session that ends or whose tokens are replaced, and every user who changes,
        even if another program or a hand-written statement did it. One rotation is left out: that
        by which no answer changes that was read before it and is not older than the session's
        `TokenMatch.remembered` allows. A change by one of this
        store's own verbs is passed on before the verb returns, or at the latest by the next
        call of `is_notified`. There may be several watchers; each is notified.

        Returns:
            The store's Freshness, which it keeps up to date.
        """

    def is_notified(self) -> bool:
        """Return whether all changes have been passed on, so that memory can be relied on.

        "All" may leave out changes of the last moments; the adapter states how many seconds.
        Call it in the event loop before each answer from memory, unless `Freshness.until` is
        still to come. It never waits. If it returns False, do not rely on anything in memory.
        An adapter that cannot listen for changes always returns False.
        """

    # Statements of a plugin

    async def transact(self, work: Callable[[HookConnection], Awaitable[T]]) -> T:
        """Run a function in a transaction of its own, and return what it returns.

        It is for the tables of a plugin. What the function raises undoes the transaction, and comes
        out. It has `timeout`, and can use nothing of the store but the connection it is given.
        """

    # Schema

    async def schema(self) -> SchemaStatus:
        """Return which migrations are applied. A database without authingo's tables is at 0.

        So is an embedded database that does not exist yet, if the store is not open. This
        method does not make it.
        """

    async def migrate(self) -> list[str]:
        """Apply the pending migrations, each in a transaction under a lock; return their names."""


def open_store(settings: Settings) -> Store:
    """Make the store that `database_url` names. It connects when opened or first used."""
    url = settings.database_url
    if kind_of("database_url", url) == "sqlite":
        from authingo.stores.sqlite import SQLiteStore  # noqa: PLC0415 - only what is used

        path = sqlite_path("database_url", url)
        embedded = SQLiteStore(
            path if path == ":memory:" else Path(settings.directory, path),
            timeout=settings.store.timeout,
        )
        embedded.plugins = sources(settings.plugins, "sqlite")
        return embedded
    from authingo.stores.postgres import PostgresStore  # noqa: PLC0415 - asyncpg takes 100 ms

    listen_url = settings.listen_url
    store = PostgresStore(
        read_postgres_url("database_url", url),
        timeout=settings.store.timeout,
        pool_size=settings.store.pool_size,
        listen_url=read_postgres_url("listen_url", listen_url) if listen_url else None,
    )
    store.plugins = sources(settings.plugins, "postgres")
    return store
