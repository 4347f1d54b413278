"""Prove again who one is, in a session that lasts, and require that this was done recently.

A thief with a copy of a session token is signed in, but cannot prove to be the user. So what would
give them the account for good needs a recent authentication (ASVS 5.0 V7.5.1, V7.5.3; NIST SP
800-63B-4 §5.2).
"""

from __future__ import annotations

from authingo import arguments, events, passwords, policy
from authingo.attempts import Outcome
from authingo.core import Core
from authingo.errors import ReauthenticationRequired, WrongPassword
from authingo.models import Client, SignedIn, Tokens, User, UserAndSession
from authingo.sessions import PASSWORD
from authingo.stores.sessions import Replacement
from authingo.tokens import DeviceToken, SessionToken, session_key


class Reauthentication:
    """The use cases about recent authentication. See Auth."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._check = core.password_check
        self._settings = core.settings.sessions

    async def by_password(
        self, *, session_token: str | None, password: str, device: str | None, client: Client
    ) -> SignedIn:
        """See Auth.reauthenticate."""
        arguments.require_text_or_none(session_token=session_token, device=device)
        arguments.require_text(password=password)
        arguments.require_client(client)
        policy.refuse_sizes(password=password)
        store, devices = await self._core.opened(), DeviceToken.parse_all(device)
        caller = await self._core.cache.ask(session_token)
        found, attempt = await self._check.check_current(
            store, caller, password, client, devices, failure="reauthentication_failed"
        )
        proved = events.happened(
            "reauthenticated",
            user_id=caller.user.id,
            session_id=caller.session.id,
            ip=client.ip,
        )
        renewed = await self.renew(
            session_token,
            caller,
            methods=(PASSWORD,),
            version=found.version,
            outcome=attempt.succeeded(proved),
        )
        if renewed is None:
            await self._core.cache.ask(session_token)
            raise WrongPassword  # the session is still there, so the password was changed
        await self._check.strengthen(store, found, password, attempt)
        return renewed

    async def renew(
        self,
        session_token: str | None,
        caller: UserAndSession,
        *,
        methods: tuple[str, ...],
        version: int,
        outcome: Outcome,
    ) -> SignedIn | None:
        """Replace a session token after a proof. Every kind of reauthentication ends here.

        Args:
            session_token: the token of the request, by which the `caller` was found.
            caller: the user and the session.
            methods: how the user has proved who they are.
            version: the security version of the user that the proof was checked with.
            outcome: what is recorded with it.

        Returns:
            The session with its new token; None if meanwhile the session has ended, the token was
            replaced, or the security version is another one.
        """
        presented = session_key(session_token)
        if presented is None:
            return None
        token = SessionToken.generate(caller.session.id)
        store = await self._core.opened()
        renewed = await store.sessions.reauthenticate(
            caller.user.id,
            Replacement(
                token=presented,
                new_token_digest=token.digest,
                lifetime=self._settings.session_lifetime,
                methods=methods,
            ),
            version=version,
            outcome=outcome,
        )
        if renewed is None:
            return None
        events.publish(store, *outcome.events)
        return SignedIn(renewed.user, renewed.session, Tokens(session=str(token)))

    async def require_recent(self, session_token: str | None) -> UserAndSession:
        """See Auth."""
        arguments.require_text_or_none(session_token=session_token)
        await self._core.open()
        match = await self._core.cache.look_up(session_token)
        # If the database's clock was set back, the authentication may be in the future.
        recently = abs(match.authenticated_for) <= self._settings.fresh
        if not (recently and match.session.methods):
            raise ReauthenticationRequired(await self._methods_of(match.user))
        return match.user_and_session

    async def _methods_of(self, user: User) -> tuple[str, ...]:
        """Return the methods by which a user can reauthenticate."""
        known = await (await self._core.opened()).users.by_email(user.email)
        if known is None or known.user.id != user.id:
            return ()
        if passwords.is_hash(known.password_hash):
            return (PASSWORD,)
        return self._core.other_methods(known)
