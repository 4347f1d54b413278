"""How attempts are counted, which browsers are recognized, and what is recorded with a result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from authingo.models import Credentials, Event, User

_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptLimit:
    """How often something may be tried under one key.

    There may be `allowed` attempts in a `window` that begins with the first. If `first_wait` is
    None, no more are allowed until the window ends. Otherwise one more is allowed after each wait;
    the waits double from `first_wait` to `longest_wait`, and the count is kept for `memory` after
    the last attempt. No limit is permanent.
    """

    allowed: int
    window: timedelta
    first_wait: timedelta | None = None
    longest_wait: timedelta = timedelta(minutes=15)
    memory: timedelta = timedelta(days=1)

    def wait_after(self, count: int) -> timedelta | None:
        """Return the wait after this many attempts, which must be `allowed` or more."""
        if self.first_wait is None:
            return None
        doublings: int = 2 ** min(count - self.allowed, 20)
        return min(self.first_wait * doublings, self.longest_wait)


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of an attempt: the SHA-256 of what it counts, and its limit."""

    key: bytes
    limit: AttemptLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class CountingRule:
    """How to count an attempt: counters, and the condition under which they are used.

    `device`: the account recognizes the browser by a device token with this SHA-256.
    `network`: the account has a session that can be refreshed and was last used from this
    IPv4 address or IPv6 network. Without either, there is no condition.
    """

    counters: tuple[Counter, ...]
    device: bytes | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True)
class CountResult:
    """How often something was tried under one key.

    `count` includes this attempt if it was counted. `refused_for`: how long this key does not
    allow another attempt; None if it allows this one.
    """

    count: int
    refused_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CountedAttempt:
    """An attempt that was counted by every counter of a rule, or by none.

    `account`: the account that it is about, if there is one. `rule`: the first one whose
    condition is met. `results`: one for each counter of that rule, in the same order; if any
    refuses, none has counted.
    """

    account: Credentials | None
    rule: CountingRule
    results: tuple[CountResult, ...]


DEVICE_LIFE = timedelta(days=365)  # how long a browser is recognized after its last sign-in
REPLACED_DEVICE_LIFE = timedelta(hours=1)  # not zero, because the answer with the next may be lost
DEVICES_KEPT = 20  # tokens of one user; those that expire last are kept


@dataclass(frozen=True, slots=True, repr=False)
class NewDevice:
    """A browser that is recognized from now on: SHA-256 digests only.

    `digest` is the digest of its device token. `browser` is the digest of the part of the token
    that stays the same from sign-in to sign-in. `presented` are the digests of the tokens that
    came with the request. The store finds the tokens to replace by `browser` and `presented`.
    """

    digest: bytes
    browser: bytes
    presented: tuple[bytes, ...] = ()
    lifetime: timedelta = DEVICE_LIFE


@dataclass(frozen=True, slots=True, repr=False)
class DeviceMatch:
    """What the store knows of a device token: the user whose account recognizes the browser by it.

    `active_for` is how much longer it does so, by the database's clock. If it is zero or less, it
    no longer does. It is at most REPLACED_DEVICE_LIFE if another sign-in has replaced the token.
    """

    user: User
    expires_at: datetime
    active_for: timedelta

    @property
    def active(self) -> bool:
        """Whether the account recognizes the browser now."""
        return self.active_for > _ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What to record about an attempt, together with its result.

    `events` happened. The counts under the keys in `forget` end, and each counter in
    `give_back` counts one attempt less. If a session begins, `device` is recognized from now on.
    `forget_browser` is the `NewDevice.browser` of a browser that is no longer recognized.
    """

    events: tuple[Event, ...] = ()
    forget: tuple[bytes, ...] = ()
    give_back: tuple[Counter, ...] = ()
    device: NewDevice | None = None
    forget_browser: bytes | None = None


NOTHING = Outcome()
