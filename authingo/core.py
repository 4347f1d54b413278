"""What every use case works with: the settings, the store, and objects made from both.

The store opens itself when it is needed, and stays open while the program runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from authingo import events, profile, testing_database
from authingo.cache import SessionCache
from authingo.capabilities import capabilities, load
from authingo.credentials import PasswordCheck
from authingo.errors import StoreUnavailable
from authingo.hooks import DELETIONS, Hooks, durable, gates
from authingo.hooks.gates import Action, GateAttempt
from authingo.last_use import LastUse
from authingo.limits import Attempt, Limits
from authingo.loops import is_over
from authingo.measuring import measures_of
from authingo.misfits import Misfits
from authingo.models import User
from authingo.passwords import PasswordHasher
from authingo.sessions import Admitted
from authingo.stores import Store, open_store
from authingo.stores.cursors import ABANDONED

if TYPE_CHECKING:
    from authingo.config import Settings
    from authingo.models import Client, Credentials, NewUser
    from authingo.stores.mails import NewMail

T = TypeVar("T")

_log = logging.getLogger("authingo")


class Core:
    """The settings and the store. Each class of use cases gets the opened store from it."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        """Do not connect yet."""
        self.settings = testing_database.settings_for(settings, own_store=store is not None)
        self.measures = measures_of(self.settings)
        self.store = store or open_store(self.settings)
        self.profiles = self.store.profiles = profile.of(self.settings)
        self.store = self.measures.timed(self.store)
        self.misfits = Misfits(self.store)
        self.last_use = LastUse(self.store)
        self.cache = SessionCache(self.store, self.last_use, longest=self.settings.sessions.cache)
        self.recall = self.measures.recalled(self.cache.recall)
        self.hasher = PasswordHasher(
            cost=self.settings.passwords.bcrypt_cost, queue=self.measures.queue
        )
        self.limits = Limits(enabled=self.settings.limits.enabled, refused=self.measures.refused)
        self.password_check = PasswordCheck(self.hasher, self.limits)
        self.hooks = Hooks(self.settings.plugins)
        events.listen(self.store, self.measures.heard(self.hooks.hear))
        self.is_open = False
        self._capabilities: dict[object, Any] = {}
        self._opening: asyncio.Task[None] | None = None
        self._lifespans = 0
        self._background = contextlib.AsyncExitStack()

    def switch_on(self, name: str) -> None:
        """Switch a capability on that the settings leave off.

        Raises:
            ConfigError: these settings cannot work together with it.
        """
        kind: Any = next(
            one.settings for one in capabilities(self.settings.plugins) if one.name == name
        )
        read = self.settings.of(kind)
        if not read.enabled:
            fields = {field: getattr(read, field) for field in kind.__struct_fields__}
            self.settings = self.settings.having(kind(**{**fields, "enabled": True}))

    def serve(self) -> None:
        """Let the capabilities change the settings for a program that serves."""
        for capability in capabilities(self.settings.plugins):
            if capability.serving:
                self.settings = load(capability.serving)(self.settings)

    async def open(self, *, create: bool = True) -> None:
        """Open the store, once. See Auth."""
        if self.is_open:
            return
        opening = self._opening
        if opening is None or is_over(opening):  # one task opens it; the others wait for that task
            opening = self._opening = asyncio.create_task(self._open(create=create))
        await asyncio.shield(opening)

    async def _open(self, *, create: bool) -> None:
        await self.store.open(create=create)
        if create and self.store.embedded:
            await self.store.migrate()
        self.is_open = True

    async def close(self) -> None:
        """Close the store. See Auth."""
        await self._background.aclose()
        await self.hooks.listeners.close()
        await self.last_use.close()
        self.is_open = False
        await self.store.close()

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Hold the store open. See Auth."""
        self._lifespans += 1
        try:
            if self._lifespans == 1:
                await self._start()
            yield
        finally:
            self._lifespans -= 1
            if self._lifespans == 0:
                await self.close()

    async def _start(self) -> None:
        """Open the store, and log problems that would otherwise show only at a request."""
        try:
            await self.open()
            if self.settings.sessions.cache:
                self.store.is_notified()  # starts listening, and logs why if it cannot
            (await self.store.schema()).require_current()
        except StoreUnavailable as error:
            _log.warning("answering 503 for now: %s", error.explained)
        for capability in capabilities(self.settings.plugins):
            if capability.background:
                await self._background.enter_async_context(load(capability.background)(self))
        reading = durable.reading(self.store, self.hooks.durable)
        await self._background.enter_async_context(reading)

    def capability(self, made_from_core: Callable[[Core], T]) -> T:
        """Return the one object of a capability's class that this Core has. See Auth."""
        if made_from_core not in self._capabilities:
            self._capabilities[made_from_core] = made_from_core(self)
        made: T = self._capabilities[made_from_core]
        return made

    def notices(self, kind: str, user: User | NewUser, client: Client) -> list[NewMail]:
        """Return the mails that tell a user of a change, to be queued together with it."""
        ways = [load(one.notices) for one in capabilities(self.settings.plugins) if one.notices]
        return [mail for way in ways for mail in way(self.settings, kind, user, client)]

    def noticed(self) -> None:
        """Say that mails from `notices` were stored."""
        for capability in capabilities(self.settings.plugins):
            if capability.noticed:
                load(capability.noticed)(self)

    async def admit(
        self,
        action: Literal["sign_up", "sign_in"],
        user: User | NewUser,
        *,
        version: int | None,
        methods: tuple[str, ...],
        client: Client,
        attempt: Attempt | None = None,
    ) -> Admitted:
        """Let a user sign up or sign in, or refuse it. Every way in comes here, before it writes.

        The capabilities are asked first (see Capability.admits), then the gates.

        Args:
            action: what the user is about to do.
            user: as they will be after it: with an address that this proves.
            version: the security version that was read with the user; None if any will do.
            methods: how they have proved who they are; empty if a program answers for them.
            client: who sends the request.
            attempt: the attempt that was counted. If it is refused, or the client disconnects
                meanwhile, it is given back.

        Raises:
            AuthError: no session may begin.
        """
        async with self.giving_back(attempt):
            for capability in capabilities(self.settings.plugins) if methods else ():
                if capability.admits:
                    await load(capability.admits)(self, user, version, client)
            await self.ask_gates(
                action, user, method=methods[0] if methods else "program", client=client
            )
        return Admitted(event=action, user_id=user.id, methods=methods, client=client)

    @contextlib.asynccontextmanager
    async def giving_back(self, attempt: Attempt | None) -> AsyncIterator[None]:
        """Give a counted attempt back if what is inside refuses, fails or is cancelled.

        Only after the person has proved who they are, so that it was no guess.
        """
        try:
            yield
        except (Exception, asyncio.CancelledError):  # cancelled: the client has disconnected
            if attempt is not None:  # a second cancel is ignored
                await asyncio.shield(self.store.events.record(attempt.refused()))
            raise

    async def passes_deletions_on(self) -> bool:
        """Return whether a server has to delete users, because it has hooks that take part.

        The command line has none. A server that has them moves its cursor every few seconds.
        """
        if self.store.within.has("user_deleted"):
            return False
        since = datetime.now(UTC) - ABANDONED
        return any(
            one.name == DELETIONS and one.moved_at > since
            for one in await self.store.cursors.list()
        )

    async def ask_gates(
        self,
        action: Action,
        user: User | NewUser,
        *,
        method: str,
        client: Client,
        email: str | None = None,
    ) -> None:
        """Ask the gates of the application. `email`: the new address, if it is to change.

        Raises:
            Refused: a gate refuses.
            StoreUnavailable: the gates took longer than `store.timeout`.
        """
        if not self.hooks.gates:
            return
        attempt = GateAttempt(
            action=action,
            method=method,
            email=email or user.email,
            user=user if isinstance(user, User) else None,
            client=client,
        )
        await gates.ask(self.hooks.gates, attempt, at_most=self.settings.store.timeout)

    def other_methods(self, found: Credentials) -> tuple[str, ...]:
        """Return how a user without a password can reauthenticate. See Capability.methods."""
        ways = [load(one.methods) for one in capabilities(self.settings.plugins) if one.methods]
        return tuple(name for way in ways for name in way(self.settings, found))

    async def opened(self) -> Store:
        """Return the store, opened."""
        await self.open()
        return self.store
