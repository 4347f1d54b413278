"""The use cases that begin a session. Each of them calls `sessions.begin` at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from authingo import arguments, events, passwords, policy, sessions
from authingo import profile as profiles
from authingo.attempts import Outcome
from authingo.core import Core
from authingo.errors import (
    EmailTaken,
    InvalidCredentials,
    InvalidInput,
    NoSession,
    SignUpClosed,
    WrongPassword,
)
from authingo.limits import Attempt
from authingo.models import Client, NewSession, NewUser, SignedIn, StartedSession, User
from authingo.tokens import DeviceToken, session_key


class SigningIn:
    """Sign-up, sign-in, change of password, and a session for a user whom the program names."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._check = core.password_check
        self._settings = core.settings

    async def sign_up(
        self,
        *,
        email: str,
        password: str,
        name: str,
        profile: Mapping[str, object] | None,
        session_token: str | None,
        device: str | None,
        client: Client,
    ) -> SignedIn:
        """See Auth."""
        arguments.require_text(email=email, password=password, name=name)
        arguments.require_text_or_none(session_token=session_token, device=device)
        arguments.require_client(client)
        email, name = policy.accept_user(
            self._settings.passwords, email=email, password=password, name=name
        )
        text = profiles.changed(self._core.profiles, None, profile, by_client=True)
        if not self._settings.sign_up:
            raise SignUpClosed
        new = NewUser(email=email, name=name, password_hash=passwords.NO_PASSWORD, profile=text)
        store = await self._core.opened()
        attempt = await self._check.count_sign_up(store, email, client)
        if attempt.account is not None:  # saves a hash; the insert would refuse anyway
            raise EmailTaken
        admitted = await self._core.admit(
            "sign_up",
            new,
            version=None,
            methods=(sessions.PASSWORD,),
            client=client,
            attempt=attempt,
        )
        password_hash = await self._check.hash_new(
            store, password, attempt, if_busy=attempt.not_made()
        )
        new = replace(new, password_hash=password_hash)

        mails = self._core.notices("signed_up", new, client)

        async def write(session: NewSession, outcome: Outcome) -> StartedSession:
            return await store.users.add_with_session(
                new,
                session,
                ending=session_key(session_token),
                outcome=outcome,
                mail=mails[0] if mails else None,
            )

        begun = await sessions.begin(
            store,
            write,
            admitted,
            settings=self._settings.sessions,
            devices=DeviceToken.parse_all(device),
            attempt=attempt,
        )
        assert begun is not None  # noqa: S101 - the user is new, so nothing can be in its way
        self._core.noticed()
        return begun

    async def sign_in(
        self,
        *,
        email: str,
        password: str,
        session_token: str | None,
        device: str | None,
        client: Client,
    ) -> SignedIn:
        """See Auth."""
        arguments.require_text(email=email, password=password)
        arguments.require_text_or_none(session_token=session_token, device=device)
        arguments.require_client(client)
        policy.refuse_sizes(email=email, password=password)
        store, devices = await self._core.opened(), DeviceToken.parse_all(device)
        found, attempt = await self._check.check_sign_in(store, email, password, client, devices)
        admitted = await self._core.admit(
            "sign_in",
            found.user,
            version=found.version,
            methods=(sessions.PASSWORD,),
            client=client,
            attempt=attempt,
        )
        begun = await self.begin(
            admitted,
            version=found.version,
            session_token=session_token,
            devices=devices,
            attempt=attempt,
        )
        if begun is None:  # since it was read: disabled, deleted, or another password or email
            failed = events.happened("sign_in_failed", user_id=found.user.id, ip=client.ip)
            await events.record(store, failed)
            raise InvalidCredentials
        await self._check.strengthen(store, found, password, attempt)
        return begun

    async def begin_session(
        self,
        user: User | str,
        *,
        methods: tuple[str, ...] = (),
        session_token: str | None,
        device: str | None,
        client: Client,
    ) -> SignedIn:
        """See Auth. `methods` says how the user has proved who they are."""
        user_id = arguments.user_id(user)
        arguments.require_text_or_none(session_token=session_token, device=device)
        arguments.require_client(client)
        store, begun = await self._core.opened(), None
        if (found := await store.users.find(user_id)) is not None and found.may_sign_in:
            admitted = await self._core.admit(
                "sign_in", found, version=None, methods=methods, client=client
            )
            begun = await self.begin(
                admitted,
                version=None,
                session_token=session_token,
                devices=DeviceToken.parse_all(device),
            )
        if begun is None:
            raise NoSession("the user is disabled or was deleted")
        return begun

    async def change_password(
        self,
        *,
        session_token: str | None,
        current_password: str,
        new_password: str,
        device: str | None,
        client: Client,
    ) -> SignedIn:
        """See Auth."""
        arguments.require_text_or_none(session_token=session_token, device=device)
        arguments.require_text(current_password=current_password, new_password=new_password)
        arguments.require_client(client)
        policy.refuse_sizes(current_password=current_password)
        rules = self._settings.passwords
        policy.require_password(rules, new_password, email="", field="new_password")
        store, devices = await self._core.opened(), DeviceToken.parse_all(device)
        caller = await self._core.cache.ask(session_token)
        policy.require_password(rules, new_password, email=caller.user.email, field="new_password")
        found, attempt = await self._check.check_current(
            store, caller, current_password, client, devices, failure="password_change_failed"
        )
        # Compared exactly as received, as it is hashed (ASVS 5.0 V6.2.8).
        if new_password == current_password:
            await store.events.record(attempt.succeeded())
            raise InvalidInput({"new_password": "must not be the current password"})
        new_hash = await self._check.hash_new(
            store, new_password, attempt, if_busy=attempt.succeeded()
        )
        # Sessions beyond the maximum end beforehand, so that the transaction that ends the others
        # is short.
        most = self._settings.sessions.max_per_user
        await sessions.end_surplus(store, caller.user.id, keep=most, but=caller.session.id)

        notices = self._core.notices("password_changed", caller.user, client)

        async def write(session: NewSession, outcome: Outcome) -> StartedSession | None:
            return await store.users.change_password(
                found,
                new_hash,
                caller=caller.session.id,
                session=session,
                outcome=outcome,
                mails=notices,
            )

        changed = await sessions.begin(
            store,
            write,
            # Nobody has to be admitted: this session replaces that of the caller.
            sessions.Admitted(
                event="password_changed",
                user_id=caller.user.id,
                methods=(sessions.PASSWORD,),
                client=client,
            ),
            settings=self._settings.sessions,
            devices=devices,
            attempt=attempt,
        )
        if changed is None:
            await self._core.cache.ask(session_token)
            raise WrongPassword
        self._core.noticed()
        return changed

    async def begin(
        self,
        admitted: sessions.Admitted,
        *,
        version: int | None,
        session_token: str | None,
        devices: Sequence[DeviceToken],
        attempt: Attempt | None = None,
    ) -> SignedIn | None:
        """Sign in an existing user whose security version is `version`; None accepts any."""
        store, user_id = await self._core.opened(), admitted.user_id
        device = None if attempt else await sessions.recognized(store, devices, user_id)

        async def write(session: NewSession, outcome: Outcome) -> StartedSession | None:
            ending = session_key(session_token)
            return await store.sessions.begin(
                user_id, session, version=version, ending=ending, outcome=outcome
            )

        return await sessions.begin(
            store,
            write,
            admitted,
            settings=self._settings.sessions,
            devices=devices,
            device=device,
            attempt=attempt,
        )
