"""People who sign in while an operator works: what the commands do to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from authingo import Auth
from authingo.config import settings_from
from authingo.errors import InvalidCredentials, NoSession
from authingo.models import Client, SignedIn
from tests.command import Runner

T = TypeVar("T")


class Office:
    """Acts on the database of a runner, as a server would."""

    def __init__(self, authingo: Runner) -> None:
        self._url = authingo.env["AUTHINGO_DATABASE_URL"]

    def sign_in(self, email: str, ip: str | None = None, user_agent: str | None = None) -> SignedIn:
        """Begin a session, without a password."""

        async def work(auth: Auth) -> SignedIn:
            return await auth.begin_session(
                await auth.find_user(email), client=Client(ip, user_agent)
            )

        return self.run(work)

    def is_signed_in(self, signed_in: SignedIn) -> bool:
        """Tell whether a session still opens."""

        async def work(auth: Auth) -> bool:
            try:
                return bool(await auth.resume(signed_in.tokens.session))
            except NoSession:
                return False

        return self.run(work)

    def opens(self, email: str, password: str) -> bool:
        """Tell whether a password signs in."""

        async def work(auth: Auth) -> bool:
            try:
                return bool(await auth.sign_in(email=email, password=password))
            except InvalidCredentials:
                return False

        return self.run(work)

    def events(self, user_id: str) -> list[str]:
        """Return the names of what happened to a user, in turn; signing in goes without saying."""

        async def work(auth: Auth) -> list[str]:
            found = await auth.store.events.page(user_id=user_id, limit=100)
            return [event.name for event in found if not event.name.startswith("sign_in")]

        return self.run(work)

    def run(self, work: Callable[[Auth], Awaitable[T]]) -> T:
        """Open, work, close."""

        async def opened() -> T:
            settings = {"database_url": self._url, "passwords": {"bcrypt_cost": 4}}
            auth = Auth(settings_from(settings))
            await auth.open()
            try:
                return await work(auth)
            finally:
                await auth.close()

        return asyncio.run(opened())
