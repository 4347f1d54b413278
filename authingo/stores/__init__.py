"""Where users and sessions are kept: the protocol of a store, and `open_store`.

A verb is one atomic statement or one transaction, and says what happens when
there is nothing to act on. Deadlines are stored when issued and judged by the
database's clock: valid means now < deadline. A store sees digests only.

Every verb raises StoreUnavailable (or a child of it) when the database is down,
slow, locked, full, read-only, out of connections or of the wrong schema, within
`timeout`; nothing that was acknowledged is lost by it.

A third adapter implements this protocol and runs `authingo.stores.conformance`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from authingo.config import kind_of, read_postgres_url, sqlite_path
from authingo.findings import Finding
from authingo.models import (
    NOTHING,
    Altered,
    Begun,
    Counted,
    Credentials,
    Event,
    NewSession,
    NewUser,
    Outcome,
    RefreshMatch,
    Resumed,
    Rotation,
    Session,
    Statistics,
    StoredSession,
    TokenMatch,
    User,
)

if TYPE_CHECKING:
    from authingo.config import Settings
    from authingo.stores.migrations import SchemaStatus


class Revoked(Protocol):
    """Who is told by a store, in the thread of the event loop, that sessions changed or ended."""

    def drop(self, user_id: str) -> None:
        """All that is remembered of this user may be outdated."""

    def drop_all(self) -> None:
        """All that is remembered may be outdated."""


class Trust:
    """How long a store vouches, without being asked again, for having told all of it.

    `until`: by authingo.clock, in seconds. Past, as in the beginning: ask `Store.hears`. To
    look here is the least that a check from memory can do; a call costs it several times that.
    """

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until = 0.0


class Store(Protocol):
    """What a storage adapter does."""

    embedded: bool
    """Whether the database is this program's own file, migrated by whoever serves it.

    A database server is migrated by `authingo migrate` alone.
    """

    async def open(self, *, create: bool) -> None:
        """Get ready; doing so twice is harmless. A database server need not be up yet.

        Args:
            create: an embedded database is made, empty, if it is not there.

        Raises:
            NoDatabase: an embedded database is not there and must not be made.
        """

    async def close(self) -> None:
        """Let go of every connection. The store can be opened again."""

    async def ping(self) -> None:
        """Ask the database for an answer; raise as every verb does."""

    # Revocations

    def watch(self, revoked: Revoked) -> Trust:
        """Tell `revoked`, as long as the store is open, of what changes the answer to a check.

        That is every session that ends or is replaced and every user who changes,
        whoever does it, another program and a hand-written statement included;
        what this store's own verbs do is told before they return, or at the latest
        by the next `hears`. Several may watch, and each is told.

        Returns:
            The store's own, which it moves: what `hears` would say until then.
        """

    def hears(self) -> bool:
        """Tell whether all of it was told: up to now, or up to a bound the adapter states.

        Asked in the event loop before an answer from memory, where `Trust` does not
        say it already; it never waits. False: what is remembered proves nothing. An
        adapter that cannot hear always says so.
        """

    # Schema

    async def schema(self) -> SchemaStatus:
        """Return which migrations are applied. An absent schema is version 0.

        So is an embedded database that is not there yet, when the store is not open; none
        is made by looking.
        """

    async def migrate(self) -> list[str]:
        """Apply what is pending, each in a transaction under a lock; return the names."""

    # Users

    async def add_user(self, user: NewUser) -> User:
        """Store a user. Raises EmailTaken where the email is."""

    async def add_user_with_session(
        self,
        user: NewUser,
        session: NewSession,
        *,
        ending: bytes | None,
        outcome: Outcome = NOTHING,
    ) -> Resumed:
        """Store a user and a first session in one transaction; end another session with it.

        Args:
            user: as for `add_user`.
            session: the new session.
            ending: the token digest of a session to end, as `end_session` does.
            outcome: recorded in the same transaction.
        """

    async def credentials(self, email: str) -> Credentials | None:
        """Find a user, disabled or not, by normalized email."""

    async def user(self, user_id: str) -> User | None:
        """Find a user, disabled or not, by id."""

    async def replace_hash(self, user_id: str, *, old: str, new: str) -> None:
        """Store a stronger hash of the same password; nothing happens if `old` is not there now."""

    async def change_password(
        self,
        verified: Credentials,
        new_hash: str,
        *,
        caller: str,
        session: NewSession,
        outcome: Outcome = NOTHING,
    ) -> Resumed | None:
        """Store a new password, end every session of the user, begin a new one: one transaction.

        Nothing happens, and None is returned, unless the password version is the
        one that was verified, the user is enabled, and the session with the id
        `caller` still lives.
        """

    async def set_password(self, user_id: str, new_hash: str) -> Altered | None:
        """Store a new password and end every session of the user. None: no such user."""

    async def set_disabled(self, user_id: str, *, disabled: bool) -> Altered | None:
        """Disable or enable a user, and end every session of theirs. None: no such user."""

    async def update_user(
        self, user_id: str, *, name: str | None, email: str | None, verified: bool
    ) -> Altered | None:
        """Store another name, another normalized email, or both. None: no such user.

        Another email is `verified` or not, moves the password version on, and ends every
        session of the user: one transaction. The email that they have changes none of it.
        Raises EmailTaken where another user has it.
        """

    async def verify_email(self, user_id: str) -> User | None:
        """Mark the email as known to be theirs. Nothing changes if it is. None: no such user."""

    async def delete_user(self, user_id: str) -> bool:
        """Delete a user and every session of theirs; tell whether there was one.

        Raises:
            UserReferenced: a table that is not authingo's forbids it; nothing was done.
        """

    async def list_users(
        self,
        *,
        search: str | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[User]:
        """Return up to `limit` users by id, which is by creation, those after the id `after`.

        `newest`: in the other order, and those before it.
        `search` is a part of an email or a name; ASCII letters match in either case.
        """

    async def emails(self, user_ids: Sequence[str]) -> dict[str, str]:
        """Return the emails of these users by id. Those that are not there are left out."""

    async def import_users(self, users: Sequence[Credentials]) -> set[str]:
        """Store users as they are, ids, times and hashes; return the ids of those stored.

        One transaction. Whose email or id is there already, in the store or earlier in
        the sequence, is left out; nobody who is there is changed. Any number at once
        are harmless.
        """

    async def emails_taken(self, emails: Sequence[str]) -> set[str]:
        """Return those of the normalized emails that users have. Changes nothing."""

    async def export_users(self, *, after: str | None = None, limit: int) -> list[Credentials]:
        """Return up to `limit` users as `list_users` does, with what they sign in with."""

    # Sessions

    async def begin_session(
        self,
        user_id: str,
        session: NewSession,
        *,
        version: int | None,
        ending: bytes | None,
        outcome: Outcome = NOTHING,
    ) -> Resumed | None:
        """Store a session under a share lock on its user, end another, record the outcome.

        Nothing happens, and None is returned, unless the user is enabled and the
        password version is `version` (None: any). So a password that changes
        between the check and this makes the sign-in fail.
        """

    async def session_and_user(self, token_digest: bytes) -> TokenMatch | None:
        """Find a session by its current token, else by the one it replaced. Changes nothing.

        None where neither matches or the user is disabled.
        """

    async def session_by_refresh(
        self, selector_digest: bytes, verifier_digest: bytes
    ) -> RefreshMatch | None:
        """Find a session by selector and judge the verifier. Changes nothing.

        None where the selector is unknown or the user is disabled.
        """

    async def session_end(self, session_id: str) -> datetime | None:
        """Tell when a session ends however often it is refreshed; None where there is none."""

    async def rotate(self, rotation: Rotation) -> Resumed | None:
        """Replace token and verifier if the verifier is current and may still refresh.

        Otherwise nothing happens and None is returned. What was current becomes
        the predecessor, good for the grace; the nonce takes the place of the last.
        """

    async def end_session(self, token_digest: bytes) -> Resumed | None:
        """Delete the session that this token opens or opened last, expired or not.

        Returns what was deleted, or None. A refresh that runs at the same time
        leaves nothing alive.
        """

    async def end_reused(self, selector_digest: bytes, verifier_digest: bytes) -> bool:
        """Delete a refreshable session if the verifier is neither current nor in its grace."""

    async def list_sessions(self, user_id: str) -> list[Session]:
        """Return the sessions of a user that can be refreshed, the last used first."""

    async def end_sessions(
        self, user_id: str, *, only: str | None = None, but: str | None = None
    ) -> list[str]:
        """Delete sessions of a user that can be refreshed; return their ids.

        All of them, or the one with the id `only`, or all but the one with the id `but`.
        """

    async def note_use(self, session_ids: Sequence[str], *, longer_than: timedelta) -> int:
        """Set `last_used_at` of those that were not used for so long; return how many.

        Rows that somebody else holds are left out.
        """

    # Sessions of everybody

    async def session(self, session_id: str) -> StoredSession | None:
        """Find a session, live or not, by id."""

    async def all_sessions(
        self,
        *,
        user_id: str | None = None,
        live: bool | None = None,
        after: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[StoredSession]:
        """Return up to `limit` sessions by id, which is by sign-in, those after the id `after`.

        `newest`: in the other order, and those before it.
        Everybody's, or those of one user; those that can still be refreshed (`live`),
        those that cannot, or both.
        """

    async def count_live(self) -> int:
        """Count the sessions of everybody that can be refreshed."""

    async def end_any(self, batch_size: int) -> list[Session]:
        """Delete at most `batch_size` sessions that can be refreshed, whosever they are.

        Returns what was deleted; less than `batch_size` means that none was left when
        it began. A row that somebody else holds is waited for, not left out: what a
        refresh has in hand must end too. Each call is one short transaction.
        """

    # Attempts and events

    async def begin_attempt(
        self, email: str | None, counting: Sequence[Counted], *, ip: str | None = None
    ) -> Begun:
        """Count an attempt under each key in turn, and find the account: one transaction.

        Of any number at once, by any number of programs, as many are allowed as each
        limit says. A key that refuses is not changed, and those after it are not
        counted. `ip` only matters for `Begun.at_home`.
        """

    async def record(self, outcome: Outcome) -> None:
        """Record an outcome by itself: one transaction. A count that is gone stays gone."""

    async def list_events(
        self,
        *,
        after: str | None = None,
        before: str | None = None,
        name: str | None = None,
        user_id: str | None = None,
        limit: int,
        newest: bool = False,
    ) -> list[Event]:
        """Return up to `limit` events by id, which is by time; `newest`: the last ones first."""

    async def statistics(self, *, days: int) -> Statistics:
        """Count users, sessions, and the events of so many days, today included.

        Days are those of UTC by the database's clock, and each is there, with or
        without events. Only reads, and blocks nobody: three counts, one after the other,
        each within `timeout`.
        """

    # Looking after

    async def count_prunable(self) -> int:
        """Count the sessions that `prune` would delete."""

    async def prune(self, batch_size: int) -> int:
        """Delete at most `batch_size` sessions that can no longer be refreshed; return how many.

        Rows that somebody else holds are left for the next time. Each call is one
        short transaction.
        """

    async def forget_nonces(self, batch_size: int) -> int:
        """Null at most `batch_size` rotation nonces whose grace is over; return how many."""

    async def forget_records(self, batch_size: int, *, events_older_than: timedelta) -> int:
        """Delete at most `batch_size` spent counts, and as many old events.

        Returns the greater number, so that less than `batch_size` means done.
        """

    async def examine(self, *, workers: int) -> list[Finding]:
        """Report on what the store rests on, changing nothing; one finding is named `schema`.

        Works on any schema, an absent one too. Of each there is something to say about
        it is said, whether it is as it must be or not.

        Args:
            workers: processes that will share the database.
        """


def open_store(settings: Settings) -> Store:
    """Make the store that `database_url` names. It connects when opened or first used."""
    url = settings.database_url
    if kind_of("database_url", url) == "sqlite":
        from authingo.stores.sqlite import SQLiteStore  # noqa: PLC0415 - only what is used

        path = sqlite_path("database_url", url)
        return SQLiteStore(
            path if path == ":memory:" else Path(settings.directory, path),
            timeout=settings.store.timeout,
        )
    from authingo.stores.postgres import PostgresStore  # noqa: PLC0415 - asyncpg takes 100 ms

    listen_url = settings.listen_url
    return PostgresStore(
        read_postgres_url("database_url", url),
        timeout=settings.store.timeout,
        pool_size=settings.store.pool_size,
        listen_url=read_postgres_url("listen_url", listen_url) if listen_url else None,
    )
