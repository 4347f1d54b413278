"""Checking a password: limits first, then one hash, in the same time whatever the answer is.

The order is what keeps it safe: an attempt is counted before anything is hashed,
a hash is computed for accounts that do not exist, and only then is it told, in
one way, that it failed (ASVS 5.0 V6.3.8; OWASP Authentication Cheat Sheet,
"Authentication and Error Messages").
"""

from __future__ import annotations

import contextlib

from authingo import events, inputs, passwords
from authingo.errors import Busy, InvalidCredentials, StoreUnavailable, WrongPassword
from authingo.limits import Attempt, Limits
from authingo.models import Client, Credentials, Session
from authingo.passwords import PasswordHasher
from authingo.stores import Store


class PasswordCheck:
    """Checks passwords under one configuration."""

    def __init__(self, hasher: PasswordHasher, limits: Limits) -> None:
        self._hasher = hasher
        self._limits = limits

    async def of_sign_in(
        self, store: Store, email: str, password: str, client: Client
    ) -> Credentials:
        """Return the account that email and password open.

        Raises:
            TooManyRequests, Busy: it was not tried.
            InvalidCredentials: no such account, another password, disabled, or a
                hash that cannot be verified.
        """
        normalized = inputs.normalize_email(email)
        found = await store.credentials(normalized) if normalized else None
        user_id = found.user.id if found else None
        key = normalized or email.casefold()
        attempt = await self._limits.sign_in(store, key, client, user_id=user_id)
        if (
            not await self._verifies(store, password, found, attempt)
            or found is None
            or found.user.disabled_at
        ):
            await events.record(store, "sign_in_failed", user_id=user_id, ip=client.ip)
            raise InvalidCredentials
        await attempt.succeeded()
        return found

    async def of_change(
        self, store: Store, session: Session, password: str, client: Client
    ) -> Credentials:
        """Return the account of a session, if this is its password.

        Raises:
            TooManyRequests, Busy: it was not tried.
            WrongPassword: it is another one.
        """
        attempt = await self._limits.change_password(store, session, client)
        found = await store.credentials_by_id(session.user_id)
        if not await self._verifies(store, password, found, attempt) or found is None:
            await events.record(
                store,
                "password_change_failed",
                user_id=session.user_id,
                session_id=session.id,
                ip=client.ip,
            )
            raise WrongPassword
        await attempt.succeeded()
        return found

    async def strengthen(self, store: Store, found: Credentials, password: str) -> None:
        """Replace a weaker hash, now that the password is at hand. Never at the sign-in's cost."""
        if not self._hasher.needs_rehash(found.password_hash):
            return
        with contextlib.suppress(StoreUnavailable, Busy):
            stronger = await self._hasher.hash(password)
            await store.replace_hash(found.user.id, old=found.password_hash, new=stronger)

    async def _verifies(
        self, store: Store, password: str, found: Credentials | None, attempt: Attempt
    ) -> bool:
        stored = found.password_hash if found else None
        if found is not None and not passwords.is_hash(found.password_hash):
            await events.record(store, "password_hash_malformed", user_id=found.user.id)
        try:
            return await self._hasher.verify(password, stored)
        except Busy:
            await attempt.give_back()
            raise
