"""What the tests of the suite begin with: users, sessions, lifetimes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from authingo.attempts import AttemptLimit, Counter, CountingRule, CountResult, Outcome
from authingo.ids import new_id
from authingo.models import (
    Credentials,
    Event,
    Lifetimes,
    NewSession,
    NewUser,
    Rotation,
    TokenKey,
    TokenMatch,
    User,
    WrongSecret,
)
from authingo.stores import Store
from authingo.stores.mails import NewMail
from authingo.stores.secrets import NewMatter
from authingo.stores.sessions import Replacement
from authingo.stores.users import UserEdit

LIVES = Lifetimes(
    session=timedelta(minutes=15),
    refresh=timedelta(days=30),
    absolute=timedelta(days=90),
    grace=timedelta(seconds=10),
)
PAST = timedelta(seconds=-1)
EXPIRED = replace(LIVES, session=PAST)
DEAD = replace(LIVES, session=PAST, refresh=PAST)
NO_GRACE = replace(LIVES, grace=timedelta(0))


def new_digest() -> bytes:
    """Draw what stands for a token."""
    return secrets.token_bytes(32)


def a_session(lifetimes: Lifetimes = LIVES) -> NewSession:
    """Return a session about to begin."""
    return NewSession(
        token_digest=new_digest(),
        selector_digest=new_digest(),
        verifier_digest=new_digest(),
        lifetimes=lifetimes,
    )


@dataclass(frozen=True)
class SignedInUser:
    """A user with one session, and how to rotate it."""

    user: User
    new: NewSession

    def rotation(self, lifetimes: Lifetimes = LIVES, verifier: bytes | None = None) -> Rotation:
        """Return the next rotation, or one by another verifier."""
        return Rotation(
            selector_digest=self.new.selector_digest,
            verifier_digest=verifier or self.new.verifier_digest,
            new_token_digest=new_digest(),
            new_verifier_digest=new_digest(),
            nonce=secrets.token_bytes(32),
            lifetimes=lifetimes,
        )

    def key_after(self, change: Rotation | Replacement) -> TokenKey:
        """Return the key of the session token that a change gives to the session."""
        return TokenKey(self.new.id, change.new_token_digest)


async def by_token(store: Store, token: TokenKey) -> TokenMatch | None:
    """Find the session of a token with the right secret."""
    match = await store.sessions.by_token(token)
    assert not isinstance(match, WrongSecret)
    return match


def unknown_key() -> TokenKey:
    """Return what stands for a token of a session that there is not."""
    return TokenKey(new_id("ses_"), new_digest())


async def add_user(store: Store, email: str = "ada@example.com", name: str = "Ada") -> User:
    """Add a user."""
    return await store.users.add(NewUser(email=email, name=name, password_hash="$2b$04$hash"))


def renamed_to(name: str) -> Callable[[User], UserEdit]:
    """Return an edit of a user."""
    return lambda _: UserEdit(name=name)


async def begin(store: Store, lifetimes: Lifetimes = LIVES) -> SignedInUser:
    """Add a user with one session."""
    number = secrets.token_hex(4)
    user = await add_user(store, f"user-{number}@example.com")
    new = a_session(lifetimes)
    assert await store.sessions.begin(user.id, new, version=1, ending=None)
    return SignedInUser(user, new)


async def credentials_of(store: Store, user: User) -> Credentials:
    """Read the credentials of a user who is there."""
    found = await store.users.by_email(user.email)
    assert found is not None
    return found


async def open_reset(store: Store, user: User, purpose: str = "reset_password") -> bytes:
    """Open a matter of a user, draw a token for it, and return the token's digest."""
    matter, token = new_digest(), new_digest()
    new = NewMatter(purpose=purpose, digest=matter, lifetime=timedelta(hours=1), user_id=user.id)
    assert await store.secrets.open(new)
    assert await store.secrets.draw(purpose, matter, token)
    return token


def a_notice(user: User) -> NewMail:
    """Return a mail to a user."""
    return NewMail(
        kind="password_changed",
        address=user.email,
        user_id=user.id,
        lifetime=timedelta(days=1),
    )


def an_event(name: str) -> Outcome:
    """Return what to record."""
    return Outcome(events=(Event(at=datetime.now(UTC), name=name),))


async def event_names(store: Store) -> set[str]:
    """Return the names of all events."""
    return {one.name for one in await store.events.page(limit=99)}


async def count(store: Store, key: bytes, limit: AttemptLimit) -> CountResult:
    """Count an attempt under one key."""
    (result,) = (await store.attempts.count(None, [a_rule((key, limit))])).results
    return result


def a_rule(
    *counted: tuple[bytes, AttemptLimit], device: bytes | None = None, network: str | None = None
) -> CountingRule:
    """Return a rule that counts under these keys."""
    counters = tuple(Counter(key, limit) for key, limit in counted)
    return CountingRule(counters=counters, device=device, network=network)
