"""What the SQL adapters share: the columns they read, and how a row becomes models."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Protocol

from authingo import roles
from authingo.models import (
    Credentials,
    Day,
    HashKind,
    Session,
    StartedSession,
    StoredProfile,
    StoredSession,
    TokenKey,
    User,
    UserAndSession,
)
from authingo.stores.event_rows import COLUMNS, read_event

USER_COLUMNS = (
    *("id", "email", "name", "email_verified", "created_at", "updated_at", "disabled_at"),
    *("roles", "profile", "delete_at"),
)
SESSION_COLUMNS = (
    *("id", "user_id", "created_at", "last_used_at", "expires_at", "refresh_expires_at"),
    *("ip", "user_agent", "authenticated_at", "methods"),
)
USER = ", ".join(f"u.{column}" for column in USER_COLUMNS)
CREDENTIALS = f"{USER}, u.password_hash, u.password_version"
USER_AS_OWNER = ", ".join(
    f"u.{column} AS owner_{column}" for column in USER_COLUMNS
)  # beside another row
SESSION = ", ".join(f"s.{column}" for column in SESSION_COLUMNS)
_HASH_KINDS = "SELECT k.family, k.pattern, k.sample, k.work FROM authingo_hash_kinds k"
_UNUSED = " WHERE NOT EXISTS (SELECT 1 FROM authingo_users u WHERE u.password_hash LIKE k.pattern)"
MAY_SIGN_IN = "u.disabled_at IS NULL AND u.delete_at IS NULL"  # the condition that u may
FIRST, LAST = "", "\U0010ffff"  # texts that sort before and behind every id
_SESSION_ID = len(USER_COLUMNS)  # its place in a row that begins with USER, SESSION
_BOTH = len(USER_COLUMNS) + len(SESSION_COLUMNS)
EVICTED_AT_ONCE = 500  # sessions that one sign-in ends at most, so that others do not wait long
_PROFILE = USER_COLUMNS.index("profile")
_user_columns: Callable[[Any], tuple[Any, ...]] = itemgetter(*USER_COLUMNS)
_KEPT = 10_000  # sessions, some two kilobytes each
KEPT_BYTES = 16 * 1024 * 1024  # of profiles as stored; in memory each takes a few times that


def as_it_is(value: Any) -> datetime:
    """Return a time that the driver has already made a datetime."""
    return value  # type: ignore[no-any-return]  # a driver's row is untyped


class ReadsProfiles(Protocol):
    """Reads the column `profile`; see `authingo.profile.Profiles`."""

    def read(self, text: str | None) -> StoredProfile:
        """Read what is stored. Never fails."""

    def imported(self, values: Mapping[str, object]) -> str | None:
        """Return what to store of the profile of a user who is imported.

        Raises:
            InvalidInput: it does not fit.
        """

    def evicted(self, text: str | None) -> str | None:
        """Return what stays when the owner of the address takes the account over."""


class HasProfiles(Protocol):
    """A store, which may have been given what reads profiles."""

    profiles: ReadsProfiles | None


def row_class(base: type[Any], profiles: ReadsProfiles | None) -> type[Any]:
    """Return the class of a store's rows: each knows what reads its column `profile`.

    So no function that reads a user has to be given it. Without a profile it is the driver's own.
    """
    if profiles is None:
        return base
    return type(base.__name__, (base,), {"__slots__": (), "profiles": profiles})


def profiles_of(row: Any) -> ReadsProfiles | None:
    """Return what reads the column `profile` of a row."""
    found: ReadsProfiles | None = getattr(row, "profiles", None)
    return found


def evicted_profile(row: Any) -> str | None:
    """Return what stays of the column `profile` when the owner of the address takes over.

    A program that does not know the model cannot tell what the user has written, so nothing stays.
    """
    profiles = profiles_of(row)
    return None if profiles is None else profiles.evicted(row["profile"])


class RowReader:
    """Makes users and sessions from rows."""

    def __init__(self, time: Callable[[Any], datetime] = as_it_is) -> None:
        self._time = time

    def user(self, row: Any) -> User:
        """Read the columns of USER."""
        return self._user(_user_columns(row), profiles_of(row))

    def owner(self, row: Any) -> User:
        """Read the columns of USER_AS_OWNER."""
        return self._user([row[f"owner_{column}"] for column in USER_COLUMNS], profiles_of(row))

    def credentials(self, row: Any) -> Credentials:
        """Read the columns of CREDENTIALS."""
        return Credentials(self.user(row), row["password_hash"], row["password_version"])

    def session(self, row: Any) -> Session:
        """Read the columns of SESSION."""
        return self._session([row[column] for column in SESSION_COLUMNS])

    def stored_session(self, row: Any) -> StoredSession:
        """Read the columns of USER_AS_OWNER and SESSION, and `refreshable`."""
        return StoredSession(
            self.owner(row), self.session(row), refreshable=bool(row["refreshable"])
        )

    def user_and_session(
        self, values: Sequence[Any], profiles: ReadsProfiles | None
    ) -> UserAndSession:
        """Read the values of USER, SESSION in that order."""
        user, session = values[: len(USER_COLUMNS)], values[len(USER_COLUMNS) :]
        return UserAndSession(self._user(user, profiles), self._session(session))

    def _user(self, values: Sequence[Any], profiles: ReadsProfiles | None) -> User:
        id_, email, name, email_verified, created_at, updated_at, disabled_at = values[:7]
        stored, profile, delete_at = values[7:]
        user: User = User(
            id=id_,
            email=email,
            name=name,
            email_verified=bool(email_verified),
            created_at=self._time(created_at),
            updated_at=self._time(updated_at),
            disabled_at=None if disabled_at is None else self._time(disabled_at),
            roles=roles.read(stored),
            delete_at=None if delete_at is None else self._time(delete_at),
        )
        return user if profiles is None else user.having(profiles.read(profile))

    def _session(self, values: Sequence[Any]) -> Session:
        id_, user_id, created_at, last_used_at, expires_at, refresh_expires_at = values[:6]
        ip, user_agent, authenticated_at, methods = values[6:]
        return Session(
            id=id_,
            user_id=user_id,
            created_at=self._time(created_at),
            last_used_at=self._time(last_used_at),
            expires_at=self._time(expires_at),
            refresh_expires_at=self._time(refresh_expires_at),
            authenticated_at=self._time(
                created_at if authenticated_at is None else authenticated_at
            ),
            methods=read_methods(methods),
            ip=ip,
            user_agent=user_agent,
        )


class RowModels:
    """Keeps the models that were made from the row of each session, until the row changes.

    Each check still reads the row, because only so does it know that the session is valid. But
    it reads the same row again and again, and making models and an answer from a row takes
    longer than reading it. Columns are read by position because that is measurably quicker.
    """

    def __init__(self, read: RowReader, store: HasProfiles) -> None:
        self._read = read
        self._store = store
        self._bytes = 0  # of the profiles in it
        self._made: dict[str, tuple[Sequence[Any], UserAndSession]] = {}  # by the session's id

    def of(self, row: Sequence[Any]) -> UserAndSession:
        """Read a row that begins with USER, SESSION."""
        columns = row[:_BOTH]
        session_id = row[_SESSION_ID]
        known = self._made.get(session_id)
        if known is not None and known[0] == columns:
            return known[1]
        size = len(columns[_PROFILE] or "")
        if len(self._made) >= _KEPT or self._bytes + size > KEPT_BYTES:
            self._made.clear()
            self._bytes = 0
        self._bytes += size
        user_and_session = self._read.user_and_session(columns, self._store.profiles)
        self._made[session_id] = columns, user_and_session
        return user_and_session


def user_values(user: User) -> dict[str, object]:
    """Return what is stored of a user, by column."""
    values = {name: getattr(user, name) for name in USER_COLUMNS}
    stored = user.stored_profile
    return {**values, "roles": roles.write(user.roles), "profile": stored and stored.text}


def has_token(alias: str) -> str:
    """Return the condition that a session has this token, now or before the last rotation.

    The id in a token finds the session by its primary key, and the digest of the secret is
    compared. A token of the form that earlier versions gave out has no id: it is found by
    `legacy_digest`. That is the digest of the current token until the first rotation, and NULL from
    the second on. The condition is not true if all parameters are NULL.
    """
    return (
        f"{alias}.id = coalesce(:token_session,"
        " (SELECT id FROM authingo_sessions WHERE legacy_digest = :token_legacy))"
        f" AND (coalesce({alias}.secret_digest, {alias}.legacy_digest) = :token_secret"
        f" OR {alias}.previous_secret_digest = :token_secret)"
    )


def token_parameters(token: TokenKey | None) -> dict[str, object]:
    """Return the parameters of `has_token`."""
    session_id, digest = token or (None, None)
    legacy = digest if session_id is None else None
    return {"token_session": session_id, "token_legacy": legacy, "token_secret": digest}


def replacement(token: str) -> str:
    """Return what a rotation or a reauthentication sets: `token` becomes the current one."""
    return f"""
    previous_secret_digest = coalesce(secret_digest, legacy_digest),
    legacy_digest = CASE WHEN secret_digest IS NULL THEN legacy_digest END,
    secret_digest = {token}"""


def is_digest(stored: bytes | None, presented: bytes) -> bool:
    """Compare a stored digest in constant time."""
    return stored is not None and hmac.compare_digest(stored, presented)


def write_methods(methods: Sequence[str]) -> str:
    """Return the methods of an authentication as they are stored: with spaces between them."""
    return " ".join(methods)


def read_methods(stored: str) -> tuple[str, ...]:
    """Read the methods of an authentication."""
    return tuple(stored.split())


def select_hash_kinds(*, unused: bool) -> str:
    """Return the statement that finds kinds of hashes, by family."""
    return f"{_HASH_KINDS}{_UNUSED if unused else ''} ORDER BY k.family"


def read_hash_kind(row: Any) -> HashKind:
    """Read a row of `select_hash_kinds`."""
    return HashKind(
        family=row["family"], pattern=row["pattern"], sample=row["sample"], work=row["work"]
    )


def read_started(row: Any) -> StartedSession:
    """Read the columns of USER_AS_OWNER, SESSION, and of the event of an eviction, if any."""
    read, event = RowReader(), {column: row[f"eviction_{column}"] for column in COLUMNS}
    return StartedSession(
        read.owner(row),
        read.session(row),
        eviction=None if event["id"] is None else read_event(event, as_it_is),
    )


def read_days(rows: Iterable[Sequence[Any]]) -> tuple[Day, ...]:
    """Read rows of day, name and count, ordered by day. A day without events has no name."""
    days: dict[date, dict[str, int]] = {}
    for day, name, count in rows:
        events = days.setdefault(day, {})
        if name is not None:
            events[name] = count
    return tuple(Day(day, events) for day, events in days.items())


def after_which(column: str, parameter: str, *, newest: bool) -> str:
    """Return the condition of a page that begins after an id, in either order.

    It is a single comparison; without an id, pass FIRST or LAST. If the condition said "or no
    id is given", the database would read from the end of the table up to each page.
    """
    return f"{column} {'<' if newest else '>'} {parameter}"


def like_pattern(search: str | None) -> str | None:
    r"""Return the LIKE pattern of texts that contain this one. Its escape is a backslash."""
    if not search:
        return None
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
