"""The use cases about the sessions of one user: resume, refresh, sign out, list, revoke."""

from __future__ import annotations

from authingo import arguments, events, sessions
from authingo.cache import encode
from authingo.core import Core
from authingo.models import Client, Session, SignedIn, User, UserAndSession
from authingo.tokens import BrowserToken, session_key


class UserSessions:
    """Check, refresh, list and end the sessions of one user."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def resume(self, session_token: str | None) -> UserAndSession:
        """See Auth."""
        if session_token is not None and not isinstance(session_token, str):
            raise arguments.wrong_type("session_token", session_token, "a str")
        if not self._core.is_open:  # this runs for every request, and the check saves a coroutine
            await self._core.open()
        if session_token and (known := self._core.recall(encode(session_token))):
            return known.user_and_session
        found = (await self._core.cache.look_up(session_token)).user_and_session
        profile = found.user.stored_profile
        if profile is not None and not profile.fits:
            await self._core.misfits.record(found.user.id)
        return found

    async def refresh(self, refresh_token: str | None, *, client: Client) -> SignedIn:
        """See Auth."""
        arguments.require_text_or_none(refresh_token=refresh_token)
        arguments.require_client(client)
        lifetimes = self._core.settings.sessions.lifetimes
        return await sessions.rotate(await self._core.opened(), refresh_token, lifetimes, client)

    async def sign_out(
        self,
        session_token: str | None,
        *,
        pending: str | None,
        ceremony: str | None,
        client: Client,
    ) -> None:
        """See Auth."""
        arguments.require_text_or_none(
            session_token=session_token, pending=pending, ceremony=ceremony
        )
        arguments.require_client(client)
        await self._end_begun(pending=pending, ceremony=ceremony)
        token = session_key(session_token)
        if token is None:
            return
        store = await self._core.opened()
        if ended := await store.sessions.end_by_token(token):
            about = events.happened(
                "sign_out", user_id=ended.user.id, session_id=ended.session.id, ip=client.ip
            )
            await events.record(store, about)

    async def _end_begun(self, **values: str | None) -> None:
        """End what the short-lived cookies find: with them, somebody could go on at this browser.

        `values` are those of the cookies that came, by their kinds.
        """
        for kind, purposes in self._core.settings.short_lived_cookies.items():
            if token := BrowserToken.parse(values[kind]):
                for purpose in purposes:
                    await (await self._core.opened()).secrets.forget(purpose, token.digest)

    async def list_sessions(self, user: User | str) -> list[Session]:
        """See Auth."""
        user_id, most = arguments.user_id(user), self._core.settings.sessions.max_per_user
        return await (await self._core.opened()).sessions.of_user(user_id, limit=most)

    async def revoke(
        self,
        user: User | str,
        *,
        only: Session | str | None,
        but: Session | str | None,
        client: Client,
    ) -> int:
        """See Auth."""
        user_id = arguments.user_id(user)
        arguments.require_client(client)
        return await sessions.revoke(
            await self._core.opened(),
            user_id,
            only=None if only is None else arguments.session_id(only, "only"),
            but=None if but is None else arguments.session_id(but, "but"),
            client=client,
        )
