"""Check a password: limits first, then one hash, in the same time whatever the answer is.

The order matters. First the attempt is counted, before anything is hashed. Then a hash is
computed, even if the account does not exist. Only then comes the answer, which is the same
for every failure (ASVS 5.0 V6.3.8; OWASP Authentication Cheat Sheet, "Authentication and
Error Messages").
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from authingo import events, inputs, passwords
from authingo.attempts import CountingRule, Outcome
from authingo.errors import (
    Busy,
    InvalidCredentials,
    StoreUnavailable,
    WrongPassword,
)
from authingo.foreign_hashes import matched_other_spelling
from authingo.hash_kinds import SlowestHashes
from authingo.limits import Attempt, Limits, network_of
from authingo.models import Client, Credentials, User, UserAndSession
from authingo.passwords import PasswordHasher
from authingo.stores import Store
from authingo.tokens import DeviceToken


class PasswordCheck:
    """Checks passwords, with one configuration."""

    def __init__(self, hasher: PasswordHasher, limits: Limits) -> None:
        self._hasher = hasher
        self._limits = limits
        self._slowest = SlowestHashes(hasher)

    async def check_sign_in(
        self,
        store: Store,
        email: str,
        password: str,
        client: Client,
        devices: Sequence[DeviceToken],
    ) -> tuple[Credentials, Attempt]:
        """Return the account with this email and password, and the attempt that succeeded.

        Raises:
            TooManyRequests, Busy: the password was not checked.
            InvalidCredentials: there is no such account, the password is wrong, the user is
                disabled, or the hash cannot be verified.
        """
        normalized = inputs.normalize_email(email)
        given = normalized or email.casefold()
        attempt = await self._count_sign_in(store, normalized, given, client, devices)
        found = attempt.account
        verified = await self._verifies(store, password, attempt)
        if not verified or found is None or not found.user.may_sign_in:
            user_id = found.user.id if found else None
            failed = events.happened("sign_in_failed", user_id=user_id, ip=client.ip)
            await events.record_outcome(store, attempt.failed(failed))
            raise InvalidCredentials
        return found, attempt

    async def check_current(
        self,
        store: Store,
        caller: UserAndSession,
        password: str,
        client: Client,
        devices: Sequence[DeviceToken],
        *,
        failure: events.EventName,
    ) -> tuple[Credentials, Attempt]:
        """Return the account of a session, if this is its password, and the attempt.

        `failure` is the event to record if it is not. All uses of this share their counts: a
        thief with a stolen session must not be able to guess in two places (ASVS 5.0 V6.3.1).

        Raises:
            TooManyRequests, Busy: the password was not checked.
            WrongPassword: it is not the password of this account.
        """
        attempt = await self.count_current(store, caller, client, devices)
        found = attempt.account
        verified = await self._verifies(store, password, attempt)
        if not verified or found is None or found.user.id != caller.user.id:
            failed = events.happened(
                failure,
                user_id=caller.user.id,
                session_id=caller.session.id,
                ip=client.ip,
            )
            await events.record_outcome(store, attempt.failed(failed))
            raise WrongPassword
        return found, attempt

    async def count_current(
        self,
        store: Store,
        caller: UserAndSession,
        client: Client,
        devices: Sequence[DeviceToken],
    ) -> Attempt:
        """Count a guess at what the user of a session knows, before it is hashed.

        Raises:
            TooManyRequests, Busy: the user has to try again later.
        """
        self._refuse_if_full(client, devices)
        email = caller.user.email
        rules = self._limits.current_password(caller.session, email, client, devices)
        attempt = await self._count(store, email, rules, client, devices)
        await self._require_allowed(store, attempt, client)
        return attempt

    async def of_user(self, store: Store, user: User, password: str, client: Client) -> bool:
        """Return whether this is the password of a user who may sign in.

        It counts like a sign-in. Otherwise it would be a way around the limits.

        Raises:
            TooManyRequests, Busy: the password was not checked.
        """
        attempt = await self._count_sign_in(store, user.email, user.email, client, ())
        found = attempt.account
        verified = await self._verifies(store, password, attempt)
        if not verified or found is None or found.user.id != user.id or not found.user.may_sign_in:
            failed = events.happened("password_check_failed", user_id=user.id, ip=client.ip)
            await events.record_outcome(store, attempt.failed(failed))
            return False
        await store.events.record(attempt.succeeded())
        await self.strengthen(store, found, password, attempt)
        return True

    async def count_sign_up(self, store: Store, email: str, client: Client) -> Attempt:
        """Count a sign-up before its password is hashed.

        Raises:
            TooManyRequests, Busy: the user has to try again later.
        """
        self._refuse_if_full(client, ())
        attempt = await self._count(store, email, self._limits.sign_up(client), client, ())
        await self._require_allowed(store, attempt, client)
        return attempt

    async def count_token(self, store: Store, client: Client, *, hashes: bool) -> Attempt:
        """Count a try of a token that came by mail, before it is looked up.

        `hashes`: a password is hashed for this attempt.

        Raises:
            TooManyRequests, Busy: the user has to try again later.
        """
        if hashes:
            self._refuse_if_full(client, ())
        rules = self._limits.token(client, hashes=hashes)
        attempt = await self._count(store, None, rules, client, ())
        await self._require_allowed(store, attempt, client)
        return attempt

    async def check_waiting(
        self,
        store: Store,
        email: str,
        password: str,
        stored: str,
        *,
        client: Client,
        devices: Sequence[DeviceToken],
    ) -> Attempt:
        """Check the password of a sign-up that waits for its address to be verified.

        It counts like a sign-in with this email.

        Raises:
            TooManyRequests, Busy: the password was not checked.
            InvalidCredentials: it is wrong.
        """
        attempt = await self._count_sign_in(store, email, email, client, devices)
        if not await self._compare(store, password, stored, attempt):
            failed = events.happened("sign_in_failed", ip=client.ip)
            await events.record_outcome(store, attempt.failed(failed))
            raise InvalidCredentials
        return attempt

    async def hash_new(
        self, store: Store, password: str, attempt: Attempt, *, if_busy: Outcome
    ) -> str:
        """Hash a password that the policy has accepted, for an attempt that was counted.

        Raises:
            Busy: too many passwords are being hashed; `if_busy` is recorded.
        """
        try:
            return await self._hasher.hash(password, network=attempt.hashes_for)
        except Busy:
            await store.events.record(if_busy)
            raise

    async def strengthen(
        self, store: Store, found: Credentials, password: str, attempt: Attempt
    ) -> None:
        """Replace a weak hash by a stronger one, because the password is known at this moment.

        If this fails, the sign-in still succeeds.
        """
        stored = found.password_hash
        if not self._hasher.needs_rehash(stored) or matched_other_spelling(stored, password):
            return
        with contextlib.suppress(StoreUnavailable, Busy):
            stronger = await self._hasher.hash(password, network=attempt.hashes_for)
            await store.users.replace_hash(found.user.id, old=stored, new=stronger)

    async def _verifies(self, store: Store, password: str, attempt: Attempt) -> bool:
        found = attempt.account
        stored = found.password_hash if found else None
        no_hash = stored is not None and not passwords.is_hash(stored)
        if found is not None and no_hash and stored != passwords.NO_PASSWORD:
            malformed = events.happened("password_hash_malformed", user_id=found.user.id)
            await events.record(store, malformed)
        return await self._compare(store, password, stored, attempt)

    async def _compare(
        self, store: Store, password: str, stored: str | None, attempt: Attempt
    ) -> bool:
        await self._slowest.learn(store)
        try:
            return await self._hasher.verify(password, stored, network=attempt.hashes_for)
        except Busy:
            await store.events.record(attempt.not_made())
            raise

    async def _count_sign_in(
        self,
        store: Store,
        email: str | None,
        given: str,
        client: Client,
        devices: Sequence[DeviceToken],
    ) -> Attempt:
        self._refuse_if_full(client, devices)
        rules = self._limits.sign_in(given, client, devices)
        attempt = await self._count(store, email, rules, client, devices)
        if attempt.may_use_reserve:
            rules = self._limits.reserve(given, client)
            reserved = await self._count(store, email, rules, client, devices)
            attempt = attempt if reserved.refused_for else reserved
        await self._require_allowed(store, attempt, client)
        return attempt

    def _refuse_if_full(self, client: Client, devices: Sequence[DeviceToken]) -> None:
        """Refuse if the hashing queue is full, before asking the store.

        A request with device tokens is not refused yet, because only the store knows whether the
        account recognizes its browser.
        """
        if not devices:
            self._hasher.refuse_if_full(network_of(client))

    async def _count(
        self,
        store: Store,
        email: str | None,
        rules: Sequence[CountingRule],
        client: Client,
        devices: Sequence[DeviceToken],
    ) -> Attempt:
        return self._limits.attempt(await store.attempts.count(email, rules), client, devices)

    async def _require_allowed(self, store: Store, attempt: Attempt, client: Client) -> None:
        """Refuse an attempt that the limits do not allow.

        If this attempt reaches a limit, that is recorded at once, because the client may
        disconnect.

        Raises:
            TooManyRequests: a limit does not allow the attempt now.
        """
        if attempt.uses_up:
            user_id = attempt.account.user.id if attempt.account else None
            reached = events.happened("limit_reached", user_id=user_id, ip=client.ip)
            await events.record(store, reached)
        self._limits.require_allowed(attempt)
