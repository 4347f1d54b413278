"""A refresh notifies nobody, and still nobody is answered from memory by a token that has ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from authingo import clock
from authingo.cache import SessionCache, encode
from authingo.errors import SessionExpired
from authingo.last_use import LastUse
from authingo.models import Rotation, TokenKey, TokenMatch, WrongSecret
from authingo.stores import Store
from authingo.tokens import RefreshToken, SessionToken, digest, new_nonce
from tests.database import execute
from tests.stores.watching import LIVES, Scene, another, new_session, next_turn, until

pytestmark = pytest.mark.anyio

# The promise when the session began, the grace of the rotation, what this process is set to, and
# whether the rotation notifies nobody. In seconds. A promise is the `sessions.cache` of a process.
SETTINGS = {
    "cache below the grace": (5, 15, 5, True),
    "cache equal to the grace": (15, 15, 15, False),
    "cache above the grace": (30, 15, 30, False),
    "another process with a longer cache": (5, 15, 60, True),
    "a grace that is shorter now": (10, 3, 10, False),
    "no grace any more": (5, 0, 5, False),
    "no promise, as from an earlier version": (None, 15, 10, False),
}
ORDERS = [
    ["read", "keep", "rotate"],
    ["read", "rotate", "keep"],
    ["rotate", "read", "keep"],
]


# The same around a second rotation, within the grace of the first. It ends the first token.
ORDERS_OF_TWO = [
    ["read first", "rotate", "rotate", "keep"],
    ["read first", "rotate", "keep", "rotate"],
    ["rotate", "read first", "rotate", "keep"],
    ["rotate", "read second", "rotate", "keep"],
    ["rotate", "read second", "keep", "rotate"],
    ["rotate", "rotate", "read second", "keep"],
]


class Life:
    """A session of Ada with real tokens, and all that it has had."""

    def __init__(self, most: int = 100) -> None:
        self.refresh = RefreshToken.generate()
        self.new = replace(new_session(), selector_digest=self.refresh.selector_digest, most=most)
        self.new = replace(self.new, verifier_digest=self.refresh.verifier_digest)
        first = SessionToken.generate(self.new.id)
        self.new = replace(self.new, token_digest=first.digest)
        self.tokens = [first]

    async def begin(self, scene: Scene, promise: int | None) -> None:
        self.new = replace(self.new, lifetimes=replace(LIVES, remembered=_seconds(promise)))
        assert await scene.store.sessions.begin(scene.ada.id, self.new, version=1, ending=None)

    async def rotate(self, store: Store, *, grace: int, promise: int | None) -> None:
        nonce = new_nonce()
        secret, refresh = self.refresh.successors(nonce)
        rotation = Rotation(
            selector_digest=refresh.selector_digest,
            verifier_digest=self.refresh.verifier_digest,
            new_token_digest=digest(secret),
            new_verifier_digest=refresh.verifier_digest,
            nonce=nonce,
            lifetimes=replace(LIVES, grace=timedelta(seconds=grace), remembered=_seconds(promise)),
        )
        assert await store.sessions.rotate(rotation)
        self.refresh = refresh
        self.tokens.append(SessionToken(secret, self.new.id))


class Reading:
    """Fills a cache in two steps: the row is read, and later it is remembered."""

    def __init__(self, store: Store, cache: SessionCache) -> None:
        self._sessions = store.sessions
        self._cache = cache
        self._read, self._keep = asyncio.Event(), asyncio.Event()

    async def read(self, token: SessionToken) -> None:
        look = self._sessions.by_token

        async def slowly(token: TokenKey) -> TokenMatch | WrongSecret | None:
            found = await look(token)
            self._read.set()
            await self._keep.wait()
            return found

        self._cache._sessions.by_token = slowly  # type: ignore[method-assign]
        self._filling = asyncio.create_task(self._cache.ask(str(token)))
        await self._read.wait()
        self._cache._sessions.by_token = look  # type: ignore[method-assign]

    async def keep(self) -> None:
        self._keep.set()
        with contextlib.suppress(SessionExpired):  # there was no grace
            await self._filling


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
@pytest.mark.parametrize(("promise", "grace", "longest", "silent"), SETTINGS.values(), ids=SETTINGS)
async def test_memory_never_outlives_a_token(
    scene: Scene, order: list[str], promise: int | None, grace: int, longest: int, silent: bool
) -> None:
    """Whenever the row was read. A second rotation ends the first token at once, everywhere."""
    cache = SessionCache(scene.store, LastUse(scene.store), longest=timedelta(seconds=longest))
    life = Life()
    await life.begin(scene, promise)
    await scene.listen()
    reading = Reading(scene.store, cache)
    async with another(scene.url) as elsewhere:
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "read": lambda: reading.read(life.tokens[0]),
            "keep": reading.keep,
            "rotate": lambda: life.rotate(elsewhere, grace=grace, promise=promise),
        }
        for step in order:
            await steps[step]()
        assert (await scene.heard() == set()) == silent
        await _agree(scene, cache, life)
        for token in life.tokens[1:]:
            await cache.ask(str(token))
        await _agree(scene, cache, life)
        await life.rotate(elsewhere, grace=grace, promise=promise)
        assert await scene.heard() == scene.only_ada()
        await next_turn()
        await _agree(scene, cache, life)
        assert cache.recall(encode(str(life.tokens[0]))) is None


@pytest.mark.parametrize("order", ORDERS_OF_TWO, ids="-".join)
@pytest.mark.parametrize(
    ("promise", "grace", "longest"), [case[:3] for case in SETTINGS.values()], ids=SETTINGS
)
async def test_memory_never_outlives_a_token_that_a_second_rotation_ends(
    scene: Scene, order: list[str], promise: int | None, grace: int, longest: int
) -> None:
    """Whenever the row of the first or the second token was read."""
    cache = SessionCache(scene.store, LastUse(scene.store), longest=timedelta(seconds=longest))
    life = Life()
    await life.begin(scene, promise)
    await scene.listen()
    reading = Reading(scene.store, cache)
    async with another(scene.url) as elsewhere:
        steps: dict[str, Callable[[], Awaitable[None]]] = {
            "read first": lambda: reading.read(life.tokens[0]),
            "read second": lambda: reading.read(life.tokens[1]),
            "keep": reading.keep,
            "rotate": lambda: life.rotate(elsewhere, grace=grace, promise=promise),
        }
        for step in order:
            await steps[step]()
        assert await scene.heard() == scene.only_ada()
        await next_turn()
        await _agree(scene, cache, life)
        assert cache.recall(encode(str(life.tokens[0]))) is None


async def _agree(scene: Scene, cache: SessionCache, life: Life) -> None:
    """Whatever memory answers, the store would answer for at least as long."""
    await until(scene.store.is_notified)
    for token in life.tokens:
        known = cache.recall(encode(str(token)))
        match = await scene.store.sessions.by_token(token.key)
        if known is not None:
            left = known.until - clock.now()
            assert isinstance(match, TokenMatch)
            assert left <= match.active_for.total_seconds() + 0.05


async def test_with_the_defaults_refreshes_notify_nobody(scene: Scene) -> None:
    """Neither the first one of a session nor the next, once the grace of the first is over."""
    await _rotate_silently(scene, sessions=20, turns=2, grace=15)


async def test_ten_thousand_refreshes_notify_nobody(postgres_scene: Scene) -> None:
    """With a longer grace, so that a machine that rests for seconds makes no difference."""
    await _rotate_silently(postgres_scene, sessions=2_000, turns=5, grace=60)


async def _rotate_silently(scene: Scene, *, sessions: int, turns: int, grace: int) -> None:
    lives = [Life(most=sessions + 1) for _ in range(sessions)]
    for some in _some(lives):
        await asyncio.gather(*(life.begin(scene, 10) for life in some))
    await scene.listen()
    async with another(scene.url) as elsewhere:
        for turn in range(turns):
            for some in _some(lives):
                await asyncio.gather(
                    *(life.rotate(elsewhere, grace=grace, promise=10) for life in some)
                )
            assert await scene.heard() == set(), turn
            over = "refresh_expires_at * 0" if scene.store.embedded else "'epoch'"
            execute(scene.url, f"UPDATE authingo_sessions SET grace_expires_at = {over}")
            assert await scene.heard() != set()


async def test_the_defaults_are_silent() -> None:
    """LIVES are those of the settings, so that the tests above speak of them."""
    assert (LIVES.remembered, LIVES.grace) == (timedelta(seconds=10), timedelta(seconds=15))


def _some(lives: list[Life]) -> Iterator[list[Life]]:
    """Yield as many as the connections of a store can take at once, twice over."""
    for start in range(0, len(lives), 20):
        yield lives[start : start + 20]


def _seconds(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(seconds=number)
