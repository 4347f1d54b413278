"""Auth: what a program asks authingo to do, with or without HTTP."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from authingo import arguments, config, events, inputs, sessions
from authingo.accounts import Accounts
from authingo.cache import SessionCache
from authingo.credentials import PasswordCheck
from authingo.errors import (
    Busy,
    EmailTaken,
    InvalidCredentials,
    InvalidInput,
    NoSession,
    SignUpClosed,
    WrongPassword,
)
from authingo.limits import Limits
from authingo.listings import Listings
from authingo.models import (
    Client,
    Event,
    NewUser,
    Outcome,
    Resumed,
    Session,
    SignedIn,
    User,
)
from authingo.stores import Store
from authingo.tokens import session_digest
from authingo.upkeep import Upkeep

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

_NOBODY = Client()  # a program that calls a use case itself


class Auth(Accounts, Listings, Upkeep):
    """The use cases, on one store, under one set of settings, for one event loop.

    Every method that needs the store may raise StoreUnavailable.
    """

    def __init__(self, settings: Settings | None = None, *, store: Store | None = None) -> None:
        """Connect to nothing yet.

        Args:
            settings: as from `authingo.config.load`; the defaults otherwise.
            store: an adapter of your own; else the one that `database_url` names.
        """
        if not isinstance(settings, config.Settings | None):
            expected = "Settings; Auth.from_config(path) reads a file"
            raise arguments.wrong_type("settings", settings, expected)
        super().__init__(settings or config.Settings(), store)
        self._limits = Limits(enabled=self.settings.limits.enabled)
        self._check = PasswordCheck(self._hasher, self._limits)
        longest = self.settings.sessions.cache
        self._cache = SessionCache(self.store, self._last_use, longest=longest)
        self.recall = self._cache.recall

    @classmethod
    def from_config(cls, path: str | os.PathLike[str] | None = None) -> Auth:
        """Read authingo.toml and the AUTHINGO_* variables.

        Raises:
            ConfigError: they cannot work; the message says why and what to do.
        """
        return cls(config.load(path))

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
        """The routes as an ASGI application, to serve alone or to mount anywhere.

        Mounted, it opens with its first request.
        """
        from authingo.fastapi.cors import with_cors  # noqa: PLC0415
        from authingo.fastapi.handler import Handler  # noqa: PLC0415

        return with_cors(Handler(self), self.settings)

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
        self,
        *,
        email: str,
        password: str,
        name: str,
        session_token: str | None = None,
        client: Client = _NOBODY,
    ) -> SignedIn:
        """Create a user and sign them in.

        Args:
            email: any spelling; see `authingo.inputs.normalize_email`.
            password: see `authingo.passwords.problem_with` for what is accepted.
            name: 1 to 200 characters after trimming.
            session_token: the one that came along; its session ends.
            client: who asks; without an address no limit per address applies.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            TooManyRequests, Busy: it was not tried.
            SignUpClosed: the setting `sign_up` is off.
            EmailTaken: there is such a user.
        """
        arguments.require_text(email=email, password=password, name=name)
        arguments.require_text_or_none(session_token=session_token)
        arguments.require_client(client)
        email, name = self._accept(email=email, password=password, name=name)
        if not self.settings.sign_up:
            raise SignUpClosed
        store = await self._store()
        self._hasher.refuse_if_full()
        attempt = await self._limits.sign_up(store, email, client)
        if attempt.account is not None:  # spares the hash; the insert decides
            raise EmailTaken
        try:
            password_hash = await self._hasher.hash(password)
        except Busy:
            await store.record(attempt.not_made())
            raise
        new = NewUser(email=email, name=name, password_hash=password_hash)
        record, tokens = sessions.mint(self.settings.sessions.lifetimes, client)
        outcome = attempt.succeeded(_about("sign_up", new.id, record.id, client))
        made = await store.add_user_with_session(
            new, record, ending=_digest_of(session_token), outcome=outcome
        )
        events.log(*outcome.events)
        return SignedIn(made.user, made.session, tokens)

    async def sign_in(
        self,
        *,
        email: str,
        password: str,
        session_token: str | None = None,
        client: Client = _NOBODY,
    ) -> SignedIn:
        """Check a password and begin a session. Always a new one (ASVS 5.0 V7.2.4).

        The answer and its time are the same for an unknown account, a wrong
        password, a disabled user and a malformed hash (ASVS 5.0 V6.3.8).

        Raises:
            InvalidInput: an argument is empty or longer than 1,024 characters.
            TooManyRequests, Busy: it was not tried.
            InvalidCredentials: all of the above.
        """
        arguments.require_text(email=email, password=password)
        arguments.require_text_or_none(session_token=session_token)
        arguments.require_client(client)
        _refuse_sizes(email=email, password=password)
        store = await self._store()
        found, attempt = await self._check.of_sign_in(store, email, password, client)
        record, tokens = sessions.mint(self.settings.sessions.lifetimes, client)
        outcome = attempt.succeeded(_about("sign_in", found.user.id, record.id, client))
        begun = await store.begin_session(
            found.user.id,
            record,
            version=found.version,
            ending=_digest_of(session_token),
            outcome=outcome,
        )
        if begun is None:  # disabled, deleted, or another password since it was read
            failed = events.happened("sign_in_failed", user_id=found.user.id, ip=client.ip)
            await events.record(store, failed)
            raise InvalidCredentials
        events.log(*outcome.events)
        await self._check.strengthen(store, found, password)
        return SignedIn(begun.user, begun.session, tokens)

    async def resume(self, session_token: str | None) -> Resumed:
        """Return who a session token stands for. No side effect.

        Raises:
            NoSession, SessionExpired: see `authingo.sessions.opened`.
        """
        if session_token is not None and not isinstance(session_token, str):
            raise arguments.wrong_type("session_token", session_token, "a str")
        if not self._opened:  # asked with every request: spare it a coroutine
            await self.open()
        return sessions.opened(await self._cache.find(session_token) if session_token else None)

    async def refresh(self, refresh_token: str | None, *, client: Client = _NOBODY) -> SignedIn:
        """Renew a session: both tokens are replaced; repeating it is safe for the grace.

        Raises:
            NoSession, SessionExpired, RefreshReused: see `authingo.sessions.rotate`.
        """
        arguments.require_text_or_none(refresh_token=refresh_token)
        arguments.require_client(client)
        lifetimes = self.settings.sessions.lifetimes
        return await sessions.rotate(await self._store(), refresh_token, lifetimes, client)

    async def sign_out(self, session_token: str | None, *, client: Client = _NOBODY) -> None:
        """End the session of this token, expired or just rotated though it may be. Idempotent."""
        arguments.require_text_or_none(session_token=session_token)
        arguments.require_client(client)
        digest = _digest_of(session_token)
        if digest is None:
            return
        store = await self._store()
        if ended := await store.end_session(digest):
            await events.record(store, _about("sign_out", ended.user.id, ended.session.id, client))

    async def change_password(
        self,
        *,
        session_token: str | None,
        current_password: str,
        new_password: str,
        client: Client = _NOBODY,
    ) -> SignedIn:
        """Replace the caller's password, end all their sessions, begin a new one.

        Raises:
            InvalidInput: the new password is not acceptable (`new_password`). That it is the
                one there was is said only after the current password was verified.
            NoSession, SessionExpired: as `resume`; also if the session ends meanwhile.
            TooManyRequests, Busy: it was not tried.
            WrongPassword: the current password is wrong, or was changed meanwhile.
        """
        arguments.require_text_or_none(session_token=session_token)
        arguments.require_text(current_password=current_password, new_password=new_password)
        arguments.require_client(client)
        _refuse_sizes(current_password=current_password)
        self._check_password(new_password, email="", field="new_password")
        store = await self._store()
        caller = await sessions.resume(store, session_token)
        self._check_password(new_password, email=caller.user.email, field="new_password")
        found, attempt = await self._check.of_change(store, caller, current_password, client)
        if new_password == current_password:  # as hashed: exactly as received, ASVS 5.0 V6.2.8
            await store.record(attempt.not_made())
            raise InvalidInput({"new_password": "must not be the current password"})
        record, tokens = sessions.mint(self.settings.sessions.lifetimes, client)
        try:
            new_hash = await self._hasher.hash(new_password)
        except Busy:
            await store.record(attempt.not_made())
            raise
        outcome = attempt.succeeded(_about("password_changed", caller.user.id, record.id, client))
        changed = await store.change_password(
            found, new_hash, caller=caller.session.id, session=record, outcome=outcome
        )
        if changed is None:
            await sessions.resume(store, session_token)
            raise WrongPassword
        events.log(*outcome.events)
        return SignedIn(changed.user, changed.session, tokens)

    async def check_password(
        self, user: User | str, password: str, *, client: Client = _NOBODY
    ) -> bool:
        """Tell whether this is the password of a user who may sign in. Begins no session.

        It counts as an attempt to sign in, under the same limits, and takes the same time
        whatever the answer is (ASVS 5.0 V6.3.1, V6.3.8). False for a disabled user and for
        one who has no password.

        Raises:
            InvalidInput: the password is empty or longer than 1,024 characters.
            NoSuchUser: there is no such user.
            TooManyRequests, Busy: it was not tried.
        """
        arguments.require_text(password=password)
        arguments.require_client(client)
        _refuse_sizes(password=password)
        known = await self.find_user(arguments.user_id(user))
        return await self._check.of_user(self.store, known, password, client)

    async def list_sessions(self, user: User | str) -> list[Session]:
        """Return the sessions of a user that can be refreshed, the last used first.

        Raises:
            NoSuchUser: it cannot be the id of one.
        """
        return await (await self._store()).list_sessions(arguments.user_id(user))

    async def revoke(
        self,
        user: User | str,
        *,
        only: Session | str | None = None,
        but: Session | str | None = None,
        client: Client = _NOBODY,
    ) -> int:
        """End sessions of a user and return how many (ASVS 5.0 V7.4.1, V7.5.2).

        Args:
            user: a User, or the id of one.
            only: this session and no other; a Session, or the id of one.
            but: all except this one.
            client: who asks.

        Raises:
            NoSuchUser, NoSuchSession: it cannot be the id of one.
        """
        user_id = arguments.user_id(user)
        arguments.require_client(client)
        store = await self._store()
        ended = await store.end_sessions(
            user_id,
            only=None if only is None else arguments.session_id(only, "only"),
            but=None if but is None else arguments.session_id(but, "but"),
        )
        if ended:
            revoked = (_about("session_revoked", user_id, one, client) for one in ended)
            await events.record(store, *revoked)
        return len(ended)

    async def begin_session(
        self, user: User | str, *, session_token: str | None = None, client: Client = _NOBODY
    ) -> SignedIn:
        """Sign somebody in whom your program has identified by other means.

        Args:
            user: a User, or the id of one.
            session_token: the one that came along; its session ends.
            client: who asks.

        Raises:
            NoSession: the user is disabled or gone.
            NoSuchUser: it cannot be the id of one.
        """
        user_id = arguments.user_id(user)
        arguments.require_text_or_none(session_token=session_token)
        arguments.require_client(client)
        record, tokens = sessions.mint(self.settings.sessions.lifetimes, client)
        store = await self._store()
        outcome = Outcome(events=(_about("sign_in", user_id, record.id, client),))
        begun = await store.begin_session(
            user_id, record, version=None, ending=_digest_of(session_token), outcome=outcome
        )
        if begun is None:
            raise NoSession("the user is disabled or gone")
        events.log(*outcome.events)
        return SignedIn(begun.user, begun.session, tokens)


def _about(name: events.EventName, user_id: str, session_id: str, client: Client) -> Event:
    return events.happened(name, user_id=user_id, session_id=session_id, ip=client.ip)


def _digest_of(session_token: str | None) -> bytes | None:
    return session_digest(session_token) if session_token else None


def _refuse_sizes(**tried: str) -> None:
    fields = {
        name: f"must be 1 to {inputs.MAX_TRIED} characters"
        for name, text in tried.items()
        if not 1 <= len(text) <= inputs.MAX_TRIED
    }
    if fields:
        raise InvalidInput(fields)
