"""Auth: everything that a program can ask authingo to do, with or without HTTP."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from authingo import arguments, config
from authingo.accounts import Accounts
from authingo.asgi import ASGIApp
from authingo.core import Core
from authingo.deletion import Deletion
from authingo.export import Export
from authingo.hooks import WithHooks
from authingo.listings import Listings
from authingo.maintenance import BATCH, Maintenance
from authingo.measuring import Exposed
from authingo.models import (
    NO_CLIENT,
    ChangedUser,
    Client,
    Event,
    Session,
    SignedIn,
    StoredSession,
    User,
    UserAndSession,
)
from authingo.reauthentication import Reauthentication
from authingo.roles import Permissions
from authingo.self_service import SelfService
from authingo.signing_in import SigningIn
from authingo.stores import Store
from authingo.user_sessions import UserSessions

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

    from authingo.config import Settings

T = TypeVar("T")


class Auth(WithHooks):
    """All use cases, with one store, one set of settings and one event loop.

    Every method that needs the store may raise StoreUnavailable.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store: Store | None = None,
        roles: Mapping[str, Collection[str]] | None = None,
        profile: type[BaseModel] | None = None,
    ) -> None:
        """Prepare everything. This does not connect to the database yet.

        Args:
            settings: as `authingo.config.load` returns them; None stands for the defaults.
            store: an adapter of your own; None stands for the one that `database_url` names.
            roles: the permissions of each role, such as `{"editor": {"posts:write"}}`; `{"*"}`
                stands for all. See `has_permission`.
            profile: the model of your own fields, in place of the setting `profile`; see
                `authingo.profile`.

        Raises:
            TypeError, ValueError: a role or a permission is not named as `change_roles` says.
            ConfigError: the profile cannot work; the message says why and what to do.
        """
        if not isinstance(settings, config.Settings | None):
            expected = "Settings; Auth.from_config(path) reads a file"
            raise arguments.wrong_type("settings", settings, expected)
        self._permissions = Permissions(roles or {})
        settings = settings or config.Settings()
        self._core = Core(settings if profile is None else settings.with_profile(profile), store)
        self._hooks = self._core.hooks
        self.settings = self._core.settings
        self.store = self._core.store
        self.measures = self._core.measures
        self.recall = self._core.recall  # kept here, because every session check calls it
        self._signing_in = SigningIn(self._core)
        self._reauthentication = Reauthentication(self._core)
        self._user_sessions = UserSessions(self._core)
        self._accounts = Accounts(self._core)
        self._deletion = self._core.capability(Deletion)
        self._export = Export(self._core)
        self._self_service = SelfService(self._core)
        self._finish_deletion = self._deletion.finish
        self._listings = Listings(self._core)
        self._maintenance = Maintenance(self._core)

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        roles: Mapping[str, Collection[str]] | None = None,
        profile: type[BaseModel] | None = None,
    ) -> Auth:
        """Read authingo.toml and the AUTHINGO_* variables. For the others, see `Auth`.

        Raises:
            ConfigError: these settings cannot work; the message says why and what to do.
        """
        return cls(config.load(path), roles=roles, profile=profile)

    def capability(self, use_cases: Callable[[Core], T]) -> T:
        """Return the use cases of a capability: always the same object for the same Auth.

        Args:
            use_cases: their class. It is called with the settings and the store, in a Core.
        """
        return self._core.capability(use_cases)

    # HTTP: imported only when a program uses it

    def install(
        self, app: FastAPI, *, routes: bool = True, cors: bool = True, pages: bool = False
    ) -> None:
        """Add routes, guards, error answers and CORS to a FastAPI application.

        Args:
            app: your application. `lifespan` is added to its lifespan if that lacks it.
            routes: False for a mounted sub-application that only needs guards.
            cors: False if the application answers cross-origin requests itself.
            pages: True turns the ready-made pages on, as `pages.enabled` does.
        """
        from authingo.fastapi.install import install  # noqa: PLC0415

        if pages:
            self._core.switch_on("pages")
        if routes:
            self._core.serve()
        self.settings = self._core.settings
        install(self, app, routes=routes, cors=cors)

    @property
    def handler(self) -> ASGIApp:
        """The routes as an ASGI application, to serve alone or to mount anywhere.

        If it is mounted, the first request opens the store.
        """
        from authingo.http.cors import with_cors  # noqa: PLC0415
        from authingo.http.handler import Handler  # noqa: PLC0415

        return with_cors(Handler(self), self.settings)

    def require(self, app: ASGIApp, *, client_header: bool = True) -> ASGIApp:
        """Wrap any ASGI application so that it is reached only with an active session.

        Args:
            app: the application. It finds the user and the session in `scope["authingo"]`,
                a `UserAndSession`.
            client_header: False accepts GET and HEAD without X-Authingo-Client, for
                downloads, images, event streams and server-rendered pages.
        """
        from authingo.fastapi.guards import Required  # noqa: PLC0415

        return Required(self, app, client_header=client_header)

    @property
    def metrics(self) -> Exposed:
        """The metrics, as an ASGI application to mount and a collector for prometheus_client.

        They are for operators: mount them where nobody else reaches them.

        Raises:
            ConfigError: metrics are off, or the library is missing.
        """
        return self.measures.exposition(self.settings)

    # Opening and closing the store

    async def open(self, *, create: bool = True) -> None:
        """Open the store, if it is not open. Use cases do this by themselves; see `Store.open`."""
        await self._core.open(create=create)

    async def close(self) -> None:
        """Close the store. The next use case opens it again."""
        await self._core.close()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:  # noqa: ARG002
        """Keep the store open: `FastAPI(lifespan=auth.lifespan)`, or inside your own lifespan.

        It may be entered several times; the last exit closes the store. A server starts even
        if its database is missing or not migrated: it logs a warning that says what to do,
        and answers 503 until the database is ready.
        """
        async with self._core.lifespan():
            yield

    async def ping(self) -> None:
        """Check that the store answers, and that its schema still fits this program.

        Another program may have migrated the database since this one began. If this one can't run
        beside that migration, every method raises SchemaUnsupported from now on.

        Raises:
            StoreUnavailable: it doesn't answer.
            SchemaBehind, SchemaUnsupported: its schema is older than this program, or too new.
        """
        (await (await self._core.opened()).schema()).require_current()

    # Signing in

    async def sign_up(
        self,
        *,
        email: str,
        password: str,
        name: str,
        profile: Mapping[str, object] | None = None,
        session_token: str | None = None,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> SignedIn:
        """Create a user and sign them in.

        Args:
            email: any spelling; see `authingo.inputs.normalize_email`.
            password: see `authingo.passwords.problem_with` for what is accepted.
            name: 1 to 200 characters after trimming.
            profile: values of fields that are `ClientWritable`; see `authingo.profile`.
            session_token: the session token of the request, if it has one; that session ends.
            device: the value of the request's device cookie, if it has one, unchecked.
            client: who sends the request. Without an address, no limit counts by address.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            TooManyRequests, Busy: the sign-up was refused before it was tried.
            SignUpClosed: the setting `sign_up` is off.
            EmailTaken: another user has this email.
        """
        return await self._signing_in.sign_up(
            email=email,
            password=password,
            name=name,
            profile=profile,
            session_token=session_token,
            device=device,
            client=client,
        )

    async def sign_in(
        self,
        *,
        email: str,
        password: str,
        session_token: str | None = None,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> SignedIn:
        """Check a password and begin a session, always a new one (ASVS 5.0 V7.2.4).

        An unknown account, a wrong password, a disabled user and a malformed hash get the same
        answer after the same time (ASVS 5.0 V6.3.8). `sign_up` explains the other arguments.

        Raises:
            InvalidInput: the email or the password is empty or longer than 1,024 characters.
            TooManyRequests, Busy: the sign-in was refused before the password was checked.
            InvalidCredentials: in each of the four cases above.
        """
        return await self._signing_in.sign_in(
            email=email,
            password=password,
            session_token=session_token,
            device=device,
            client=client,
        )

    async def begin_session(
        self,
        user: User | str,
        *,
        session_token: str | None = None,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> SignedIn:
        """Sign in a user whom your program has identified by other means.

        Args:
            user: a User, or the id of one.
            session_token: the session token of the request, if it has one; that session ends.
            device: the value of the request's device cookie, if it has one, unchecked.
            client: who sends the request.

        Raises:
            NoSession: the user is disabled, or there is no such user.
            NoSuchUser: `user` cannot be the id of a user.
        """
        return await self._signing_in.begin_session(
            user, session_token=session_token, device=device, client=client
        )

    async def reauthenticate(
        self,
        *,
        session_token: str | None,
        password: str,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> SignedIn:
        """Check the password of the caller again, and replace the session token.

        The session is then authenticated recently; see `require_recent`. The session token that
        was valid before ends at once, without a grace, so that a thief who has a copy of it gains
        nothing (ASVS 5.0 V7.2.4). The refresh token stays: `tokens.refresh` and `tokens.device`
        are None. Wrong passwords are counted with those of `change_password`.

        Raises:
            InvalidInput: the password is empty or longer than 1,024 characters.
            NoSession, SessionExpired: as for `resume`; also if the session ends, or its token is
                replaced, meanwhile.
            TooManyRequests, Busy: the password was not checked.
            WrongPassword: it is wrong, was changed meanwhile, or the user has none.
        """
        return await self._reauthentication.by_password(
            session_token=session_token, password=password, device=device, client=client
        )

    async def require_recent(self, session_token: str | None) -> UserAndSession:
        """Return what `resume` does, if the user has authenticated recently.

        Call it before you change or reveal what a thief with a stolen session must not reach
        (ASVS 5.0 V7.5.1; NIST SP 800-63B-4 §5.2). Recently: within `sessions.fresh`, by a sign-in
        or a reauthentication that authingo has checked. So a session that `begin_session` began is
        not, until the user reauthenticates. The store is asked each time, never this process's
        memory, and its clock decides.

        Raises:
            NoSession, SessionExpired: as for `resume`.
            ReauthenticationRequired: with the methods by which the user can reauthenticate.
        """
        return await self._reauthentication.require_recent(session_token)

    async def change_password(
        self,
        *,
        session_token: str | None,
        current_password: str,
        new_password: str,
        device: str | None = None,
        client: Client = NO_CLIENT,
    ) -> SignedIn:
        """Replace the caller's password, end all their sessions, begin a new one.

        Raises:
            InvalidInput: the new password is not acceptable (`new_password`). If it is the
                current password, this is raised only after that was verified.
            NoSession, SessionExpired: as for `resume`; also if the session ends meanwhile.
            TooManyRequests, Busy: the change was refused, and nothing was changed.
            WrongPassword: the current password is wrong, or was changed meanwhile.
        """
        return await self._signing_in.change_password(
            session_token=session_token,
            current_password=current_password,
            new_password=new_password,
            device=device,
            client=client,
        )

    # The sessions of a user

    async def resume(self, session_token: str | None) -> UserAndSession:
        """Return the user and the session of a session token. No side effect.

        Raises:
            NoSession, SessionExpired: see `authingo.cache.SessionCache.ask`.
        """
        return await self._user_sessions.resume(session_token)

    async def refresh(self, refresh_token: str | None, *, client: Client = NO_CLIENT) -> SignedIn:
        """Renew a session: both tokens are replaced. It is safe to repeat during the grace.

        Raises:
            NoSession, SessionExpired, RefreshReused: see `authingo.sessions.rotate`.
        """
        return await self._user_sessions.refresh(refresh_token, client=client)

    async def sign_out(
        self,
        session_token: str | None,
        *,
        pending: str | None = None,
        ceremony: str | None = None,
        client: Client = NO_CLIENT,
    ) -> None:
        """End the session of this token, even if it has expired or was just rotated. Idempotent.

        Args:
            session_token: the value of the session cookie, if there was one.
            pending: the value of the `pending` cookie; what it finds ends too.
            ceremony: the value of the `ceremony` cookie; what it finds ends too.
            client: who signs out.
        """
        await self._user_sessions.sign_out(
            session_token, pending=pending, ceremony=ceremony, client=client
        )

    async def list_sessions(self, user: User | str) -> list[Session]:
        """Return the sessions of a user that can be refreshed, the last used first.

        At most `sessions.max_per_user`, which is how many a user may have.

        Raises:
            NoSuchUser: `user` cannot be the id of a user.
        """
        return await self._user_sessions.list_sessions(user)

    async def revoke(
        self,
        user: User | str,
        *,
        only: Session | str | None = None,
        but: Session | str | None = None,
        client: Client = NO_CLIENT,
    ) -> int:
        """End sessions of a user and return how many (ASVS 5.0 V7.4.1, V7.5.2).

        It works in steps, so that other requests do not wait, and records one event for all of
        the sessions.

        Args:
            user: a User, or the id of one.
            only: end this session and no other; a Session, or the id of one.
            but: end all except this one.
            client: who sends the request.

        Raises:
            NoSuchUser, NoSuchSession: an argument cannot be the id of a user, or of a session.
        """
        return await self._user_sessions.revoke(user, only=only, but=but, client=client)

    # Accounts

    async def check_password(
        self, user: User | str, password: str, *, client: Client = NO_CLIENT
    ) -> bool:
        """Return whether this is the password of a user who may sign in. Begins no session.

        It counts as an attempt to sign in, with the same limits, and takes the same time
        whatever the answer is (ASVS 5.0 V6.3.1, V6.3.8). It returns False for a disabled user
        and for a user who has no password.

        Raises:
            InvalidInput: the password is empty or longer than 1,024 characters.
            NoSuchUser: there is no such user.
            TooManyRequests, Busy: the password was not checked.
        """
        return await self._accounts.check_password(user, password, client=client)

    async def set_password(self, user: User | str, new_password: str) -> ChangedUser:
        """Give a user another password and end all their sessions (ASVS 5.0 V7.4.3).

        After that, the account recognizes no browser; see `SignedIn.tokens.device`.

        Raises:
            InvalidInput: the password is not acceptable (`password`).
            NoSuchUser: there is no such user.
            Busy: too many passwords are being hashed; nothing was changed.
        """
        return await self._accounts.set_password(user, new_password)

    async def create_user(
        self,
        *,
        email: str,
        password: str | None = None,
        name: str | None = None,
        verified: bool = False,
        profile: Mapping[str, object] | None = None,
    ) -> User:
        """Create a user without signing them in, even if the setting `sign_up` is off.

        Args:
            email: any spelling; see `authingo.inputs.normalize_email`.
            password: None creates a user who cannot sign in by password until
                `set_password` gives them one. An attempt to do so takes as long as any other.
            name: None stands for the local part of the email.
            verified: whether the email is known to belong to the user.
            profile: values of any of its fields; see `authingo.profile`.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            Busy: too many passwords are being hashed; no user was created.
            EmailTaken: another user has this email.
        """
        return await self._accounts.create_user(
            email=email, password=password, name=name, verified=verified, profile=profile
        )

    async def check_new_user(self, *, email: str, name: str | None = None) -> None:
        """Raise the errors of `create_user`, except those of the password. Change nothing.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            EmailTaken: another user has this email.
        """
        await self._accounts.check_new_user(email=email, name=name)

    async def find_user(self, user: User | str) -> User:
        """Find a user, disabled or not, by id, or by email in any spelling that signs in.

        A text with an @ is an email, even if it begins like an id. A User is read again from
        the store.

        Raises:
            NoSuchUser: there is no such user, or the text is neither an email nor an id.
        """
        return await self._accounts.find_user(user)

    async def update_user(
        self,
        user: User | str,
        *,
        name: str | None = None,
        email: str | None = None,
        verified: bool = False,
        profile: Mapping[str, object] | None = None,
    ) -> ChangedUser:
        """Change name, email or profile of a user; None leaves it as it is.

        Another email ends all sessions of the user, and makes a sign-in that is in progress
        fail: the old address may belong to another person (ASVS 5.0 V7.4.3). With mail on, both
        addresses get a mail that says so. A name or an email that the user already has changes
        nothing.

        Args:
            user: a User, or the id of one.
            name: 1 to 200 characters after trimming.
            email: any spelling.
            verified: whether the new email counts as verified, as known to belong to the user.
            profile: new values of any of its fields; the others stay.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            NoSuchUser: there is no such user.
            EmailTaken: another user has that email.
        """
        return await self._accounts.update_user(
            user, name=name, email=email, verified=verified, profile=profile
        )

    async def patch_user(
        self,
        *,
        session_token: str | None,
        name: str | None = None,
        profile: Mapping[str, object] | None = None,
        client: Client = NO_CLIENT,
    ) -> UserAndSession:
        """Change what users may change about themselves; None leaves it as it is.

        Args:
            session_token: the session token of the request.
            name: 1 to 200 characters after trimming.
            profile: new values of fields that are `ClientWritable`; the others stay.
            client: who sends the request.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            NoSession, SessionExpired: as for `resume`; also if the session ends meanwhile.
        """
        return await self._self_service.patch_user(
            session_token=session_token, name=name, profile=profile, client=client
        )

    async def change_roles(
        self, user: User | str, *, add: Iterable[str] = (), remove: Iterable[str] = ()
    ) -> User:
        """Give roles to a user, and take others. It counts at once, in sessions that exist too.

        Nothing that a client sends changes roles (ASVS 5.0 V15.3.3). Before you give a role to
        somebody who signed up, see that the email is verified: they may not be who they say.

        Args:
            user: a User, or the id of one.
            add: names of 1 to 64 characters: a-z, 0-9, and after the first `-`, `_`, `.`, `:`.
                A user may have 32.
            remove: those in `add` too.

        Raises:
            InvalidInput: with the arguments and what is wrong with each.
            NoSuchUser: there is no such user.
        """
        return await self._accounts.change_roles(user, add=add, remove=remove)

    def has_permission(self, user: User, permission: str) -> bool:
        """Return whether one of the roles of a user permits this, as `roles` of this Auth declares.

        A role that is not declared permits nothing.
        """
        return self._permissions.permit(user.roles, permission)

    async def verify_email(self, user: User | str, *, evict: bool = False) -> User:
        """Mark the email of a user as known to be theirs. Idempotent; each call records an event.

        Args:
            user: a User, or the id of one.
            evict: whether the owner of the address may be another person than the one who signed up
                with it. If the email was not verified before, the user then has no password any
                more, every session ends, everything else that can sign in is removed, and the
                name becomes the part of the email before the @. If it was, nothing happens.

        Raises:
            NoSuchUser: there is no such user.
        """
        return await self._accounts.verify_email(user, evict=evict)

    async def disable_user(self, user: User | str) -> ChangedUser:
        """End a user's sessions, and let none begin until they are enabled (ASVS 5.0 V7.4.2).

        Raises:
            NoSuchUser: there is no such user.
        """
        return await self._accounts.disable_user(user)

    async def enable_user(self, user: User | str) -> ChangedUser:
        """Let a disabled user sign in again. A deletion that is due is cancelled.

        Raises:
            NoSuchUser: there is no such user.
        """
        return await self._accounts.enable_user(user)

    async def request_deletion(
        self, session_token: str | None, *, client: Client = NO_CLIENT
    ) -> datetime | None:
        """Delete the account of a caller who has authenticated recently, and end all sessions.

        The user gets a mail, where mail is on. With `users.deletion_grace`, the account is deleted
        later, by `prune`, and nobody can sign in meanwhile; the mail has a link that undoes it.

        Returns:
            When it will be deleted; None if it was deleted at once. That is later than the settings
            say while the old address of the account can undo a change of it.

        Raises:
            NoSession, SessionExpired, ReauthenticationRequired: as for `require_recent`.
            UserReferenced: as for `delete_user`. Nothing has changed.
        """
        return await self._deletion.request(session_token, client=client)

    async def cancel_deletion(self, user: User | str) -> User:
        """Keep a user who is to be deleted. They sign in again, unless disabled. Idempotent.

        Raises:
            NoSuchUser: there is no such user.
        """
        return await self._deletion.cancel(user)

    async def request_export(
        self, session_token: str | None, *, client: Client = NO_CLIENT
    ) -> dict[str, object]:
        """Return what is stored about a caller who has authenticated recently, as `export_user`.

        Raises:
            NoSession, SessionExpired, ReauthenticationRequired: as for `require_recent`.
            TooManyRequests: they got it within the last hour.
        """
        return await self._export.request(session_token, client=client)

    async def export_user(self, user: User | str) -> dict[str, object]:
        """Return what is stored about a user, as JSON, without secrets and their digests.

        Its `user` also has `disabled_at` and `delete_at`, unlike that of `request_export`.

        Of each table there are the latest 10,000 rows at most.

        Raises:
            NoSuchUser: there is no such user.
        """
        return await self._export.of_user(user)

    async def delete_user(self, user: User | str) -> bool:
        """Delete a user and all their sessions.

        Returns:
            False if the user was only disabled: a server has a hook for "user_deleted" that this
            program has not, and deletes the user within seconds. Until then `enable_user` and
            `cancel_deletion` keep the user.

        Raises:
            NoSuchUser: there is no such user.
            UserReferenced: a table of yours refers to the user with a foreign key that is
                neither ON DELETE CASCADE nor SET NULL. The user was not deleted.
        """
        return await self._deletion.delete(user)

    # Listings

    async def list_users(
        self,
        *,
        search: str | None = None,
        role: str | None = None,
        after: User | str | None = None,
        limit: int = 100,
    ) -> list[User]:
        """Return a page of users, ordered by when they were created, disabled ones too.

        Args:
            search: a part of the email or the name; ASCII letters match in either case.
            role: only users who have this role.
            after: the last user of the previous page, or their id, even if they were deleted.
            limit: 1 to 1,000. A page that is not full is the last one.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
        """
        return await self._listings.list_users(search=search, role=role, after=after, limit=limit)

    async def list_events(
        self,
        *,
        user: User | str | None = None,
        name: str | None = None,
        before: Event | str | None = None,
        after: Event | str | None = None,
        limit: int = 100,
        newest: bool = True,
    ) -> list[Event]:
        """Return a page of what happened, the latest first.

        Args:
            user: only events about this user, who may have been deleted since.
            name: only events with this name; see docs/events.md.
            before: only what happened before this event, or the one with this id.
            after: only what happened after it.
            limit: 1 to 1,000. A page that is not full is the last one.
            newest: False returns the earliest first, so that you can continue with `after`.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            NoSuchUser: `user` cannot be the id of one.
        """
        return await self._listings.list_events(
            user=user, name=name, before=before, after=after, limit=limit, newest=newest
        )

    # Maintenance

    async def revoke_session(self, session: Session | str) -> StoredSession:
        """End a session that can be refreshed, of any user (ASVS 5.0 V7.4.5).

        Returns the session as it was.

        Raises:
            NoSuchSession: there is no such session, or it can no longer be refreshed.
        """
        return await self._maintenance.revoke_session(session)

    async def revoke_all(
        self, *, batch_size: int = BATCH, done: Callable[[int], None] | None = None
    ) -> int:
        """End the sessions of all users and return how many (ASVS 5.0 V7.4.5).

        It works in batches, so that other requests do not wait even if there are a million
        sessions. A batch is a short transaction, followed by an event for each user in it. It
        stops after a batch that finds fewer sessions than it may take. So a session that began
        before the last batch has ended too; a session that begins later stays.

        Args:
            batch_size: how many sessions one transaction ends, at most.
            done: called after each batch with the number of its sessions.
        """
        return await self._maintenance.revoke_all(batch_size=batch_size, done=done)

    async def prune(
        self,
        *,
        batch_size: int = BATCH,
        done: Callable[[int], None] | None = None,
        is_alone: Callable[[], Awaitable[bool]] | None = None,
    ) -> int:
        """Delete the sessions that can no longer be refreshed, and return how many.

        It also deletes users whose deletion is due, expired single-use secrets, nonces and counts
        that are no longer needed, events older than `events.retention`, and the kinds of slow
        hashes that no user has any more. It may run several times at once, on several machines, and
        may be killed at any moment: each batch is a transaction, and leaves rows that others hold
        for the next time.

        Args:
            batch_size: how many rows one transaction deletes, at most.
            done: called after each batch with the number of its rows, of whichever kind.
            is_alone: asked after each batch whether nobody else uses the database. As long as it
                returns True, the work does not rest between batches, and a transaction may delete
                ten times as many rows. Without it, it always rests.
        """
        return await self._maintenance.prune(batch_size=batch_size, done=done, is_alone=is_alone)
