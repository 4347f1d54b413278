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
from authingo.foreign_hashes import is_spelled_otherwise
from authingo.limits import Attempt, Limits
from authingo.models import Client, Credentials, Resumed, User
from authingo.passwords import PasswordHasher
from authingo.stores import Store


class PasswordCheck:
    """Checks passwords under one configuration."""

    def __init__(self, hasher: PasswordHasher, limits: Limits) -> None:
        self._hasher = hasher
        self._limits = limits

    async def of_sign_in(
        self, store: Store, email: str, password: str, client: Client
    ) -> tuple[Credentials, Attempt]:
        """Return the account that email and password open, and the attempt that succeeded.

        Raises:
            TooManyRequests, Busy: it was not tried.
            InvalidCredentials: no such account, another password, disabled, or a
                hash that cannot be verified.
        """
        self._hasher.refuse_if_full()  # before the store is asked for anything
        normalized = inputs.normalize_email(email)
        given = normalized or email.casefold()
        attempt = await self._limits.sign_in(store, normalized, client, given=given)
        found = attempt.account
        verified = await self._verifies(store, password, attempt)
        if not verified or found is None or found.user.disabled_at:
            user_id = found.user.id if found else None
            failed = events.happened("sign_in_failed", user_id=user_id, ip=client.ip)
            await events.record(store, failed)
            raise InvalidCredentials
        return found, attempt

    async def of_change(
        self, store: Store, caller: Resumed, password: str, client: Client
    ) -> tuple[Credentials, Attempt]:
        """Return the account of a session, if this is its password, and the attempt.

        Raises:
            TooManyRequests, Busy: it was not tried.
            WrongPassword: it is another one.
        """
        self._hasher.refuse_if_full()
        attempt = await self._limits.change_password(store, caller, client)
        found = attempt.account
        verified = await self._verifies(store, password, attempt)
        if not verified or found is None or found.user.id != caller.user.id:
            failed = events.happened(
                "password_change_failed",
                user_id=caller.user.id,
                session_id=caller.session.id,
                ip=client.ip,
            )
            await events.record(store, failed)
            raise WrongPassword
        return found, attempt

    async def of_user(self, store: Store, user: User, password: str, client: Client) -> bool:
        """Tell whether this is the password of a user who may sign in.

        It counts as a sign-in does: else it would be a way around the limits.

        Raises:
            TooManyRequests, Busy: it was not tried.
        """
        self._hasher.refuse_if_full()
        attempt = await self._limits.sign_in(store, user.email, client, given=user.email)
        found = attempt.account
        verified = await self._verifies(store, password, attempt)
        if not verified or found is None or found.user.id != user.id or found.user.disabled_at:
            failed = events.happened("password_check_failed", user_id=user.id, ip=client.ip)
            await events.record(store, failed)
            return False
        await store.record(attempt.succeeded())
        await self.strengthen(store, found, password)
        return True

    async def strengthen(self, store: Store, found: Credentials, password: str) -> None:
        """Replace a weaker hash, now that the password is at hand. Never at the sign-in's cost."""
        stored = found.password_hash
        if not self._hasher.needs_rehash(stored) or is_spelled_otherwise(stored, password):
            return
        with contextlib.suppress(StoreUnavailable, Busy):
            stronger = await self._hasher.hash(password)
            await store.replace_hash(found.user.id, old=stored, new=stronger)

    async def _verifies(self, store: Store, password: str, attempt: Attempt) -> bool:
        found = attempt.account
        stored = found.password_hash if found else None
        no_hash = stored is not None and not passwords.is_hash(stored)
        if found is not None and no_hash and stored != passwords.NO_PASSWORD:
            malformed = events.happened("password_hash_malformed", user_id=found.user.id)
            await events.record(store, malformed)
        try:
            return await self._hasher.verify(password, stored)
        except Busy:
            await store.record(attempt.not_made())
            raise
