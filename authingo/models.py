"""The data types: users, sessions and events, as the core and the store exchange them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from authingo.ids import new_id

if TYPE_CHECKING:  # type checkers have it built in, and know the default that it gives
    from typing_extensions import TypeVar

    P_co = TypeVar("P_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    P_co = TypeVar("P_co", covariant=True)

_ZERO = timedelta(0)
_UNCHANGEABLE = frozenset({str, int, float, bool, type(None), date, datetime})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StoredProfile:
    """The profile of a user as it was read; see `authingo.profile`.

    Args:
        text: as stored: JSON, or None if nothing was ever written.
        value: the object of your model.
        shown: what clients see of it, as JSON. None: what is stored is no profile.
        fits: whether all that is stored fits the model.
        left: the names of what is stored and not in `value`.
    """

    text: str | None
    value: Any
    shown: Mapping[str, object] | None
    fits: bool
    left: frozenset[str] = frozenset()

    def copied(self) -> Any:
        """Return `value` as requests may have it, which share this object.

        Lists and models in it can be changed, and such a change must not reach the next request.
        """
        parts = vars(self.value).values()
        if self.value.__pydantic_private__ or not all(type(one) in _UNCHANGEABLE for one in parts):
            return deepcopy(self.value)
        return self.value


class _WithProfile(Generic[P_co]):
    """What a user has besides the fields.

    It is no field, so that no `dataclasses.asdict` and no response model sends what is
    `ServerOnly` to a client.
    """

    __slots__ = ("_profile",)

    _profile: StoredProfile

    @property
    def stored_profile(self) -> StoredProfile | None:
        """The profile as it was read from the store. None: there is no model for it."""
        return getattr(self, "_profile", None)

    @property
    def profile(self) -> P_co:
        """Your own fields: an object of your model, or None if you have set none.

        Name the model to have it typed, as in `CurrentUser[Profile]` or `User[Profile]`. Each call
        may return an object of its own, so that a change of a list in it counts nowhere else.
        """
        stored = self.stored_profile
        value: P_co = None if stored is None else stored.copied()  # type: ignore[assignment]
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        """Give copies and pickles the profile too. `dataclasses.replace` makes users without."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return _rebuilt, (type(self), values, self.stored_profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class User(_WithProfile[P_co]):
    """A person with an account.

    `disabled_at` is set while they may not sign in. `roles` are in order; see `Auth.change_roles`.
    `delete_at` is set while they may not sign in because they asked to be deleted then.
    """

    id: str
    email: str
    name: str
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None = None
    roles: tuple[str, ...] = ()
    delete_at: datetime | None = None

    @property
    def may_sign_in(self) -> bool:
        """Whether the user is neither disabled nor about to be deleted."""
        return self.disabled_at is None and self.delete_at is None

    @property
    def may_be_taken_over(self) -> bool:
        """Whether a mail may prove the address: also of one who is about to be deleted.

        Somebody who signed up with the address of another person must not keep it from its owner
        by asking for the deletion. The proof evicts them, and cancels that.
        """
        return self.may_sign_in or (self.disabled_at is None and not self.email_verified)

    def having(self, profile: StoredProfile) -> User[P_co]:
        """Give a user that was just read the profile that was read with it."""
        object.__setattr__(self, "_profile", profile)
        return self


def _rebuilt(kind: type[User], values: dict[str, Any], profile: StoredProfile | None) -> User:
    user = kind(**values)
    return user if profile is None else user.having(profile)


@dataclass(frozen=True, slots=True)
class Client:
    """The client of a request, as far as known: its address, and its browser.

    `language` is the Accept-Language header, for mails. `shared`: all clients share the address,
    because it is that of a proxy that is not trusted or passes on no client address. See
    `authingo.http.clients`.
    """

    ip: str | None = None
    user_agent: str | None = None
    shared: bool = False
    language: str | None = None


NO_CLIENT = Client()  # the program itself calls a use case


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in on one device.

    The current session token is valid until `expires_at`, and can be renewed until
    `refresh_expires_at`. `last_used_at` is the time of the last check, accurate to a minute. `ip`
    and `user_agent` are those of the last refresh, or of the sign-in if there was none.

    `authenticated_at` is when the user last proved who they are: at the sign-in, or at a
    reauthentication since. `methods` says how, such as `("password",)`. It is empty if your program
    began the session by `Auth.begin_session`: then authingo has seen no proof.
    """

    id: str
    user_id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    refresh_expires_at: datetime
    authenticated_at: datetime
    methods: tuple[str, ...]
    ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """The secrets of a session, as they go into cookies. Its repr shows none.

    None leaves a cookie as it is. A sign-in gives all three; `device` is the value of the device
    cookie. A refresh gives `session` and `refresh`, but only `refresh` if it repeats an earlier
    one and the session token of that one has been replaced by a reauthentication. A
    reauthentication gives `session`.
    """

    session: str | None = None
    refresh: str | None = None
    device: str | None = None

    def __repr__(self) -> str:
        return "Tokens(…)"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user, their session, and its current tokens."""

    user: User
    session: Session
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class UserAndSession:
    """The user and the session of an active session token."""

    user: User
    session: Session


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A session that was stored, and its user.

    `eviction` is the event of the sessions that ended because the user had too many; None if none
    ended. `taken_over` are the events of the owner of the address taking the account over.
    """

    user: User
    session: Session
    eviction: Event | None = None
    taken_over: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """The events that the store recorded by itself, for the log."""
        return self.taken_over if self.eviction is None else (*self.taken_over, self.eviction)


@dataclass(frozen=True, slots=True)
class ChangedUser:
    """A user after a change that ends their sessions.

    `ended` counts those that could still have been refreshed. `evicted`: what somebody else may
    have added was removed, because the user has only now proved that the address is theirs.
    """

    user: User
    ended: int
    evicted: bool = False


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session with its user, for operators. `refreshable`: it has not expired."""

    user: User
    session: Session
    refreshable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """Lifetimes, counted from the moment something is issued.

    `remembered` is the promise that no process keeps an answer about the session in memory for
    longer. None promises nothing, and then each rotation must be notified.
    """

    session: timedelta
    refresh: timedelta
    absolute: timedelta
    grace: timedelta
    remembered: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewUser:
    """A user about to be stored. Email and name are normalized, the password is hashed."""

    email: str
    name: str
    password_hash: str
    email_verified: bool = False
    profile: str | None = None  # JSON; see `authingo.profile`
    id: str = field(default_factory=lambda: new_id("usr_"))


class TokenKey(NamedTuple):
    """What the store is given of a session token: which session it names, and what it must match.

    `digest` is the SHA-256 of the secret. `session_id` is None for a token of the form that earlier
    versions gave out, which names no session.
    """

    session_id: str | None
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session about to be stored: SHA-256 digests only, and its lifetimes.

    `token_digest` is that of the secret in the session token. `methods` says how the user has
    proved who they are. `most` is how many sessions its user may have, including this one.
    """

    token_digest: bytes
    selector_digest: bytes
    verifier_digest: bytes
    lifetimes: Lifetimes
    methods: tuple[str, ...] = ()
    client: Client = Client()
    most: int = 100
    id: str = field(default_factory=lambda: new_id("ses_"))

    @property
    def key(self) -> TokenKey:
        """What the store is given to find it by its session token."""
        return TokenKey(self.id, self.token_digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One rotation about to be stored: the presented token, its successors, and the nonce."""

    selector_digest: bytes
    verifier_digest: bytes
    new_token_digest: bytes
    new_verifier_digest: bytes
    nonce: bytes
    lifetimes: Lifetimes
    client: Client = Client()


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user with what is needed to check a password.

    `version` is the user's security version (the column `password_version`). It grows when the
    password or the email changes and when the user is disabled. Whatever was issued with an
    earlier version is then no longer accepted, such as a sign-in in progress.
    """

    user: User
    password_hash: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HashKind:
    """The slowest hashes of one family, such as Django's PBKDF2, that users may have.

    Args:
        family: one kind is kept for each family.
        pattern: a pattern for SQL's LIKE that matches all hashes of the same cost.
        sample: such a hash, which belongs to no user.
        work: compares the cost of two kinds of a family.
    """

    family: str
    pattern: str
    sample: str
    work: int

    @property
    def begins(self) -> str:
        """How such hashes begin: the system and the cost."""
        if not self.pattern.startswith("%"):
            return self.pattern.removesuffix("%")
        return self.sample[: self.sample.rindex("$") + 1]


class TokenMatch(NamedTuple):
    """What the store knows of a session token whose secret is right.

    `current` is false for the token that was replaced last. `active_for` is how much longer the
    token is accepted, by the database's clock: a current one until it expires, one that a rotation
    replaced until its grace ends, one that a reauthentication replaced no longer. If it is zero or
    less, the token is not accepted. `authenticated_for` is how long ago the user proved who they
    are, by the same clock. `remembered` is for how long the answer may be kept in memory at most;
    None: the session sets no limit.
    """

    user_and_session: UserAndSession
    current: bool
    active_for: timedelta
    authenticated_for: timedelta
    remembered: timedelta | None = None

    @property
    def user(self) -> User:
        """The user of the session."""
        return self.user_and_session.user

    @property
    def session(self) -> Session:
        """The session."""
        return self.user_and_session.session

    @property
    def active(self) -> bool:
        """Whether the token is accepted now."""
        return self.active_for > _ZERO


class WrongSecret:
    """What the store says of a session token that names a session, but does not belong to it.

    Its secret is neither the current one nor the one before. The token may have been replaced by an
    earlier refresh, or be made up, because ids are public. So this reveals nothing of the session.
    """


@dataclass(frozen=True, slots=True, repr=False)
class RefreshMatch:
    """What the store knows of a refresh token whose selector it has.

    `current`: the verifier is the one that may rotate. `refreshable`: the session has not
    expired, by the database's clock. `nonce`: set only if the last rotation replaced this
    verifier and its grace has not ended. `token_digest` is that of the current session token.
    """

    user: User
    session: Session
    current: bool
    refreshable: bool
    nonce: bytes | None
    token_digest: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. It has ids, but never a token, a password or an email.

    `count` says how many, if the event is about several sessions or users at once.
    """

    at: datetime
    name: str
    user_id: str | None = None
    session_id: str | None = None
    ip: str | None = None
    count: int | None = None
    id: str = field(default_factory=lambda: new_id("evt_"))


def eviction_of(session_ids: Sequence[str], user_id: str, ip: str | None) -> Event | None:
    """Make the event of sessions that ended because their user had too many."""
    if not session_ids:
        return None
    count = len(session_ids)
    return Event(
        at=datetime.now(UTC),
        name="session_evicted",
        user_id=user_id,
        session_id=session_ids[0] if count == 1 else None,
        ip=ip,
        count=count if count > 1 else None,
    )


@dataclass(frozen=True, slots=True)
class Day:
    """How many events of each name were recorded on a day in UTC. Names without any are absent."""

    date: date
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The counts of users and sessions, and the events of the last days, the oldest first.

    `refreshable` sessions are those that have not expired; of these, `active` ones have an active
    session token.
    """

    users: int
    verified: int
    disabled: int
    refreshable: int
    active: int
    days: tuple[Day, ...]
