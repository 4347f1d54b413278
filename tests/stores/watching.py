"""A store that is watched, and the people whose sessions end."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from authingo import clock
from authingo.config import Settings
from authingo.models import Lifetimes, NewSession, NewUser, User
from authingo.stores import Store, open_store
from tests.database import execute

LIVES = Settings().sessions.lifetimes
EXPIRED = replace(LIVES, session=timedelta(seconds=-1))
DEAD = replace(EXPIRED, refresh=timedelta(seconds=-1))
PATIENCE = 20.0  # seconds for what should take milliseconds
_NO_CLIENT = "nobody"


@dataclass
class Told:
    """Writes down what a store tells."""

    whom: list[str] = field(default_factory=list)

    def drop(self, user_id: str) -> None:
        self.whom.append(user_id)

    def drop_all(self) -> None:
        self.whom.append("*")


async def until(holds: Callable[[], object], what: str = "it never came") -> None:
    """Wait for something that nothing tells of."""
    deadline = clock.now() + PATIENCE
    while not holds():
        assert clock.now() < deadline, what
        await asyncio.sleep(0.005)


async def next_turn() -> None:
    """What was found out in this turn of the event loop is true of this turn."""
    await asyncio.sleep(0)


def new_session(lifetimes: Lifetimes = LIVES) -> NewSession:
    return NewSession(
        token_digest=secrets.token_bytes(32),
        selector_digest=secrets.token_bytes(32),
        verifier_digest=secrets.token_bytes(32),
        lifetimes=lifetimes,
    )


@contextlib.asynccontextmanager
async def another(url: str) -> AsyncIterator[Store]:
    store = open_store(Settings(database_url=url))
    await store.open(create=False)
    try:
        yield store
    finally:
        await store.close()


@dataclass
class Scene:
    """Ada and Bob have a session each, and somebody watches."""

    store: Store
    url: str
    told: Told
    ada: User
    bob: User
    session: NewSession

    @classmethod
    async def begin(cls, url: str) -> Scene:
        store = open_store(Settings(database_url=url))
        await store.open(create=True)
        await store.migrate()
        ada, bob = [
            await store.users.add(
                NewUser(email=f"{name.lower()}@example.com", name=name, password_hash="old")
            )
            for name in ("Ada", "Bob")
        ]
        session = new_session()
        for user, new in ((ada, session), (bob, new_session())):
            await store.sessions.begin(user.id, new, version=1, ending=None)
        told = Told()
        store.watch(told)
        return cls(store, url, told, ada, bob, session)

    async def listen(self) -> None:
        await until(self.store.is_notified, "the store never heard")
        self.told.whom.clear()

    def only_ada(self) -> set[str]:
        """What is told of a change that is about her: one file has one epoch."""
        return {"*"} if self.store.embedded else {self.ada.id}

    async def heard(self) -> set[str]:
        """Tell of whom was heard up to now. A notice of our own comes after all the others."""
        await next_turn()
        if self.store.embedded:
            assert self.store.is_notified()
        else:
            execute(self.url, f"SELECT pg_notify('authingo', '{_NO_CLIENT}')")
            await until(lambda: _NO_CLIENT in self.told.whom)
        heard = set(self.told.whom) - {_NO_CLIENT}
        self.told.whom.clear()
        return heard
