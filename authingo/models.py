"""The things authingo knows: users, sessions, and what passes between core and store.

What every check makes and no program keeps is a msgspec.Struct: a frozen dataclass
takes ten times as long to make. What programs hand on is a dataclass, which FastAPI
and others can write as JSON.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

_ZERO = timedelta(0)
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"  # base32hex: sorts as its bits do
_AFTER_PREFIX = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)  # other programs may insert rows


def new_id(prefix: str, at: datetime | None = None) -> str:
    """Make an identifier such as `usr_06fh2m…`: 48 bits of milliseconds, then 80 random bits.

    Ids sort by creation time, so that a primary key grows at its end and a list
    can be paged by it. They are public; nothing is opened by knowing one. `at`: of
    what was created elsewhere, then and not now; before 1970 counts as 1970.
    """
    milliseconds = time.time_ns() // 1_000_000 if at is None else int(at.timestamp() * 1000)
    return _id(prefix, max(milliseconds, 0), secrets.randbits(80))


def first_id(prefix: str, at: datetime) -> str:
    """Return the id that no id made from this moment on sorts before."""
    return _id(prefix, int(at.timestamp() * 1000), 0)


def _id(prefix: str, milliseconds: int, rest: int) -> str:
    bits = milliseconds << 80 | rest
    return prefix + "".join(_ALPHABET[bits >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str, prefix: str) -> bool:
    """Tell whether a text can be an identifier with this prefix, such as `usr_`."""
    return text.startswith(prefix) and bool(_AFTER_PREFIX.fullmatch(text, len(prefix)))


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with an account. `disabled_at` is set while they may not sign in."""

    id: str
    email: str
    name: str
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """Who is asking, as far as it can be believed: the address, and what a browser calls itself.

    `shared`: the address is that of a proxy nobody said to trust, so it stands
    for everybody behind it.
    """

    ip: str | None = None
    user_agent: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in on one device.

    `expires_at` ends the current session token, `refresh_expires_at` the chance
    to renew it; `last_used_at` is the last check, to a minute; the sign-in or the
    last refresh came from `ip` and `user_agent`.
    """

    id: str
    user_id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    refresh_expires_at: datetime
    ip: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """The two secrets of a session, as they go into cookies. Its repr shows neither."""

    session: str
    refresh: str

    def __repr__(self) -> str:
        return "Tokens(…)"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user, their session, and the tokens that now open it."""

    user: User
    session: Session
    tokens: Tokens


class Resumed(msgspec.Struct, frozen=True):
    """The user and the session that a live session token stands for.

    `reply` is a place for the HTTP face's prepared answer, and no part of the value.
    """

    user: User
    session: Session
    reply: Any = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Resumed):
            return NotImplemented
        return (self.user, self.session) == (other.user, other.session)

    def __hash__(self) -> int:
        return hash((self.user, self.session))

    def __repr__(self) -> str:
        return f"Resumed(user={self.user!r}, session={self.session!r})"


@dataclass(frozen=True, slots=True)
class Altered:
    """A user after a change that ends their sessions.

    `ended` counts those that could still have been refreshed.
    """

    user: User
    ended: int


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as an operator finds it, and whose it is. `live`: it can still be refreshed."""

    user: User
    session: Session
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long what lives, from the moment it is issued."""

    session: timedelta
    refresh: timedelta
    absolute: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewUser:
    """A user about to be stored. Email and name are normalized, the password is hashed."""

    email: str
    name: str
    password_hash: str
    email_verified: bool = False
    id: str = field(default_factory=lambda: new_id("usr_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session about to be stored: SHA-256 digests only, and its lifetimes."""

    token_digest: bytes
    selector_digest: bytes
    verifier_digest: bytes
    lifetimes: Lifetimes
    client: Client = Client()
    id: str = field(default_factory=lambda: new_id("ses_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One rotation about to be stored: what is presented, what follows it, and the nonce."""

    selector_digest: bytes
    verifier_digest: bytes
    new_token_digest: bytes
    new_verifier_digest: bytes
    nonce: bytes
    lifetimes: Lifetimes
    client: Client = Client()


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """A user with what is needed to check a password. `version` grows with each new password."""

    user: User
    password_hash: str
    version: int


class TokenMatch(msgspec.Struct, frozen=True):
    """What the store knows of a session token.

    `current` is false for the token that the last rotation replaced. `live_for`
    tells how long it opens the session from now on, by the database's clock: a
    current one until it expires, a replaced one for the grace. Zero or less: it
    does not.
    """

    resumed: Resumed
    current: bool
    live_for: timedelta

    @property
    def user(self) -> User:
        """Whose session it is."""
        return self.resumed.user

    @property
    def session(self) -> Session:
        """The session."""
        return self.resumed.session

    @property
    def live(self) -> bool:
        """Whether it opens the session now."""
        return self.live_for > _ZERO


@dataclass(frozen=True, slots=True, repr=False)
class RefreshMatch:
    """What the store knows of a refresh token whose selector it has.

    `current`: the verifier is the one that may rotate. `live`: the session can
    still be refreshed, by the database's clock. `nonce`: set only when the
    verifier is the immediate predecessor and the grace lasts.
    """

    user: User
    session: Session
    current: bool
    live: bool
    nonce: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimit:
    """How often something may be tried under one key.

    `allowed` attempts in a `window` that begins with the first. Then either none
    until the window ends (`first_wait` is None), or one after each wait, which
    doubles from `first_wait` to `longest_wait`; such a count is remembered for
    `memory` after the last attempt. Nothing is refused for good.
    """

    allowed: int
    window: timedelta
    first_wait: timedelta | None = None
    longest_wait: timedelta = timedelta(minutes=15)
    memory: timedelta = timedelta(days=1)

    def wait_after(self, count: int) -> timedelta | None:
        """Return the wait after this many attempts, `allowed` or more."""
        if self.first_wait is None:
            return None
        doublings: int = 2 ** min(count - self.allowed, 20)
        return min(self.first_wait * doublings, self.longest_wait)


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether an attempt may go on. `refused_for`: it may not, try again then.

    `last`: it may, and it used up what was allowed.
    """

    refused_for: timedelta | None
    last: bool


# The SHA-256 of what is counted, and how often it may be tried.
Counted = tuple[bytes, AttemptLimit]


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt that was counted, and the account it is about, if there is one.

    `taken` has an answer for each key, up to the first that refused. `at_home`:
    one refused, and the account has a live session that was last used from the
    address that asks.
    """

    account: Credentials | None
    taken: tuple[Taken, ...]
    at_home: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, by ids: never a token, a password or an email.

    `count`: of how many, where it is about many.
    """

    at: datetime
    name: str
    user_id: str | None = None
    session_id: str | None = None
    ip: str | None = None
    count: int | None = None
    id: str = field(default_factory=lambda: new_id("evt_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is left in the records of something that was tried.

    Its events; the counts that begin anew, because it was no guess; and those that
    it takes itself off again.
    """

    events: tuple[Event, ...] = ()
    forget: tuple[bytes, ...] = ()
    give_back: tuple[Counted, ...] = ()


NOTHING = Outcome()


@dataclass(frozen=True, slots=True)
class Day:
    """How many events of each name were recorded on a day of UTC. Absent: none."""

    date: date
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What there is, and what happened on the last days, the oldest first.

    `refreshable` sessions are those that are not over; of these, `live` have a
    session token that has not expired.
    """

    users: int
    verified: int
    disabled: int
    refreshable: int
    live: int
    days: tuple[Day, ...]
