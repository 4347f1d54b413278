"""Auth: what a program asks authingo to do, with or without HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from authingo import config, events, inputs, passwords, sessions
from authingo.errors import (
    EmailTaken,
    InvalidCredentials,
    InvalidInput,
    NoSession,
    SignUpClosed,
    StoreUnavailable,
    WrongPassword,
)
from authingo.models import Credentials, NewUser, Resumed, SignedIn, User
from authingo.stores import Store, open_store
from authingo.tokens import SessionToken

if TYPE_CHECKING:
    from fastapi import FastAPI

    from authingo.config import Settings

ASGIApp = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[MutableMapping[str, Any]]],
        Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ],
    Awaitable[None],
]

_MAX_SIGN_IN_INPUT = 1024  # characters; what is longer was never accepted at sign-up


class Auth:
    """The use cases, on one store, under one set of settings.

    Every method that needs the store may raise StoreUnavailable.
    """

    def __init__(self, settings: Settings | None = None, *, store: Store | None = None) -> None:
        """Connect to nothing yet.

        Args:
            settings: as from `authingo.config.load`; the defaults otherwise.
            store: an adapter of your own; else the one that `database_url` names.
        """
        self.settings = settings or config.Settings()
        self.store = store or open_store(self.settings)
        self._hasher = passwords.PasswordHasher(cost=self.settings.passwords.bcrypt_cost)
        self._opened = False
        self._opening = asyncio.Lock()
        self._lifespans = 0

    @classmethod
    def from_config(cls, path: str | os.PathLike[str] | None = None) -> Auth:
        """Read authingo.toml and the AUTHINGO_* variables.

        Raises:
            ConfigError: they cannot work; the message says why and what to do.
        """
        return cls(config.load(path))

    # Life

    async def open(self, *, create: bool = True) -> None:
        """Open the store, once. Use cases do it by themselves; see `Store.open`."""
        if self._opened:
            return
        async with self._opening:
            if not self._opened:
                await self.store.open(create=create)
                if create and self.store.embedded:
                    await self.store.migrate()
                self._opened = True

    async def close(self) -> None:
        """Close the store. Whatever is asked next opens it again."""
        self._opened = False
        await self.store.close()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:  # noqa: ARG002
        """Hold the store open: `FastAPI(lifespan=auth.lifespan)`, or inside your own lifespan.

        May be entered several times; the last one out closes.
        """
        self._lifespans += 1
        try:
            await self.open()
            yield
        finally:
            self._lifespans -= 1
            if self._lifespans == 0:
                await self.close()

    # The HTTP face, imported when asked for

    def install(self, app: FastAPI, *, routes: bool = True, cors: bool = True) -> None:
        """Add routes, guards, error answers and CORS to a FastAPI application.

        Args:
            app: yours. Its lifespan is extended by `lifespan` if that is missing.
            routes: False for a mounted sub-application that only needs its guards.
            cors: False where the application answers cross-origin requests itself.
        """
        from authingo.fastapi.install import install  # noqa: PLC0415

        install(self, app, routes=routes, cors=cors)

    @property
    def handler(self) -> ASGIApp:
        """The routes as an ASGI application to mount anywhere. Opens on its first request."""
        from authingo.fastapi.cors import CORS  # noqa: PLC0415
        from authingo.fastapi.handler import Handler  # noqa: PLC0415

        return CORS(Handler(self), self.settings)

    def require(self, app: ASGIApp, *, client_header: bool = True) -> ASGIApp:
        """Wrap any ASGI application so that it is reached with a live session alone.

        Args:
            app: finds who it is in `scope["authingo"]`, a `Resumed`.
            client_header: False lets GET and HEAD come without X-Authingo-Client:
                downloads, images, event streams, server-rendered pages.
        """
        from authingo.fastapi.guards import Required  # noqa: PLC0415

        return Required(self, app, client_header=client_header)

    # Use cases

    async def sign_up(
        self, *, email: str, password: str, name: str, session_token: str | None = None
    ) -> SignedIn:
        """Create a user and sign them in.

        Args:
            email: any spelling; see `authingo.inputs.normalize_email`.
            password: see `authingo.passwords.problem_with` for what is accepted.
            name: 1 to 200 characters after trimming.
            session_token: the one that came along; its session ends.

        Raises:
            SignUpClosed: the setting `sign_up` is off.
            InvalidInput: with the fields and what is wrong with each.
            EmailTaken: there is such a user.
        """
        if not self.settings.sign_up:
            raise SignUpClosed
        store = await self._store()
        new = await self._new_user(store, email=email, password=password, name=name)
        record, tokens = sessions.mint(self.settings.sessions.lifetimes)
        made = await store.add_user_with_session(new, record, ending=_digest_of(session_token))
        events.emit("sign_up", user_id=made.user.id, session_id=made.session.id)
        return SignedIn(made.user, made.session, tokens)

    async def sign_in(
        self, *, email: str, password: str, session_token: str | None = None
    ) -> SignedIn:
        """Check a password and begin a session. Always a new one (ASVS 5.0 V7.2.4).

        The answer and its time are the same for an unknown account, a wrong
        password, a disabled user and a malformed hash (ASVS 5.0 V6.3.8).

        Raises:
            InvalidInput: an argument is empty or longer than 1,024 characters.
            InvalidCredentials: all of the above.
        """
        _refuse_sizes(email=email, password=password)
        store = await self._store()
        normalized = inputs.normalize_email(email)
        found = await store.credentials(normalized) if normalized else None
        if not await self._verifies(password, found) or found is None or found.user.disabled_at:
            events.emit("sign_in_failed", user_id=found.user.id if found else None)
            raise InvalidCredentials
        record, tokens = sessions.mint(self.settings.sessions.lifetimes)
        begun = await store.begin_session(
            found.user.id, record, version=found.version, ending=_digest_of(session_token)
        )
        if begun is None:  # disabled, deleted, or another password since it was read
            events.emit("sign_in_failed", user_id=found.user.id)
            raise InvalidCredentials
        await self._strengthen(store, found, password)
        events.emit("sign_in", user_id=begun.user.id, session_id=begun.session.id)
        return SignedIn(begun.user, begun.session, tokens)

    async def resume(self, session_token: str | None) -> Resumed:
        """Return who a session token stands for. No side effect.

        Raises:
            NoSession, SessionExpired: see `authingo.sessions.resume`.
        """
        return await sessions.resume(await self._store(), session_token)

    async def refresh(self, refresh_token: str | None) -> SignedIn:
        """Renew a session: both tokens are replaced; repeating it is safe for the grace.

        Raises:
            NoSession, SessionExpired, RefreshReused: see `authingo.sessions.rotate`.
        """
        lifetimes = self.settings.sessions.lifetimes
        return await sessions.rotate(await self._store(), refresh_token, lifetimes)

    async def sign_out(self, session_token: str | None) -> None:
        """End the session of this token, expired or just rotated though it may be. Idempotent."""
        digest = _digest_of(session_token)
        if digest is None:
            return
        store = await self._store()
        if ended := await store.end_session(digest):
            events.emit("sign_out", user_id=ended.user.id, session_id=ended.session.id)

    async def change_password(
        self, *, session_token: str | None, current_password: str, new_password: str
    ) -> SignedIn:
        """Replace the caller's password, end all their sessions, begin a new one.

        Raises:
            InvalidInput: the new password is not acceptable (`new_password`).
            NoSession, SessionExpired: as `resume`; also if the session ends meanwhile.
            WrongPassword: the current password is wrong, or was changed meanwhile.
        """
        _refuse_sizes(current_password=current_password)
        self._check_password(new_password, email="", field="new_password")
        store = await self._store()
        caller = await sessions.resume(store, session_token)
        self._check_password(new_password, email=caller.user.email, field="new_password")
        found = await store.credentials_by_id(caller.user.id)
        if not await self._verifies(current_password, found) or found is None:
            raise WrongPassword
        record, tokens = sessions.mint(self.settings.sessions.lifetimes)
        new_hash = await self._hasher.hash(new_password)
        changed = await store.change_password(
            found, new_hash, caller=caller.session.id, session=record
        )
        if changed is None:
            await sessions.resume(store, session_token)
            raise WrongPassword
        events.emit("password_changed", user_id=changed.user.id, session_id=changed.session.id)
        return SignedIn(changed.user, changed.session, tokens)

    async def create_user(
        self, *, email: str, password: str, name: str | None = None, verified: bool = False
    ) -> User:
        """Create a user without signing anybody in, whatever `sign_up` says.

        Raises:
            InvalidInput, EmailTaken: as `sign_up`.
        """
        store = await self._store()
        name = email.partition("@")[0] if name is None else name
        new = await self._new_user(
            store, email=email, password=password, name=name, verified=verified
        )
        return await store.add_user(new)

    async def begin_session(self, user: User, *, session_token: str | None = None) -> SignedIn:
        """Sign somebody in whom your program has identified by other means.

        Raises:
            NoSession: the user is disabled or gone.
        """
        record, tokens = sessions.mint(self.settings.sessions.lifetimes)
        store = await self._store()
        begun = await store.begin_session(
            user.id, record, version=None, ending=_digest_of(session_token)
        )
        if begun is None:
            raise NoSession("the user is disabled or gone")
        events.emit("sign_in", user_id=begun.user.id, session_id=begun.session.id)
        return SignedIn(begun.user, begun.session, tokens)

    async def ping(self) -> None:
        """Ask the store for an answer."""
        await (await self._store()).ping()

    # Steps of the above

    async def _store(self) -> Store:
        await self.open()
        return self.store

    async def _new_user(
        self, store: Store, *, email: str, password: str, name: str, verified: bool = False
    ) -> NewUser:
        fields = {}
        normalized, cleaned = inputs.normalize_email(email), inputs.clean_name(name)
        if normalized is None:
            fields["email"] = "is not an email address"
        if cleaned is None:
            fields["name"] = "must be 1 to 200 characters on one line"
        if problem := self._problem_with(password, email=normalized or ""):
            fields["password"] = problem
        if fields or normalized is None or cleaned is None:
            raise InvalidInput(fields)
        if await store.credentials(normalized):  # spares the hash; the insert decides
            raise EmailTaken
        return NewUser(
            email=normalized,
            name=cleaned,
            password_hash=await self._hasher.hash(password),
            email_verified=verified,
        )

    def _problem_with(self, password: str, *, email: str) -> str | None:
        return passwords.problem_with(
            password, email=email, min_length=self.settings.passwords.min_length
        )

    def _check_password(self, password: str, *, email: str, field: str) -> None:
        if problem := self._problem_with(password, email=email):
            raise InvalidInput({field: problem})

    async def _verifies(self, password: str, found: Credentials | None) -> bool:
        stored = found.password_hash if found else None
        if found is not None and not passwords.is_hash(found.password_hash):
            events.emit("password_hash_malformed", user_id=found.user.id)
        return await self._hasher.verify(password, stored)

    async def _strengthen(self, store: Store, found: Credentials, password: str) -> None:
        """Replace a weaker hash, now that the password is at hand. Never at the sign-in's cost."""
        if not self._hasher.needs_rehash(found.password_hash):
            return
        stronger = await self._hasher.hash(password)
        with contextlib.suppress(StoreUnavailable):
            await store.replace_hash(found.user.id, old=found.password_hash, new=stronger)


def _digest_of(session_token: str | None) -> bytes | None:
    token = SessionToken.parse(session_token) if session_token else None
    return token.digest if token else None


def _refuse_sizes(**inputs: str) -> None:
    fields = {
        name: f"must be 1 to {_MAX_SIGN_IN_INPUT} characters"
        for name, text in inputs.items()
        if not 1 <= len(text) <= _MAX_SIGN_IN_INPUT
    }
    if fields:
        raise InvalidInput(fields)
