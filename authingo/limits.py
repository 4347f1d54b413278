"""Who may try how often: counted in the store, before anything is hashed.

All programs on one database share the counts, and a burst cannot pass, because an
attempt is counted by one atomic step before it is made. A key is the digest of
what it counts; whether the account exists makes no difference to any of it.
Nobody is locked out for good, and nobody by others for longer than a minute at a
time: beyond the daily number an account still takes one attempt a minute, and any
number from an address where it has a live session. (NIST SP 800-63B-4 §3.2.2:
at most 100 consecutive failures; ASVS 5.0 V6.1.1, V6.3.1.)
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from authingo import events
from authingo.errors import TooManyRequests
from authingo.models import AttemptLimit, Client, Session
from authingo.stores import Store

# Per account and address, failures alone: 5, then one after 1, 2, 4, 8, 15, 15, … minutes.
GUESSES = AttemptLimit(allowed=5, window=timedelta(minutes=5), first_wait=timedelta(minutes=1))
# Per account from everywhere, failures alone.
ACCOUNT = AttemptLimit(
    allowed=100,
    window=timedelta(days=1),
    first_wait=timedelta(minutes=1),
    longest_wait=timedelta(minutes=1),
)
# Per address, whatever comes of them.
SIGN_INS = AttemptLimit(allowed=30, window=timedelta(minutes=1))
SIGN_UPS = AttemptLimit(allowed=10, window=timedelta(hours=1))

_IPV6_SUBSCRIBER = 64  # bits: what one customer is given, who may use any address in it


class Attempt:
    """Something that is about to be tried, and what was counted for it."""

    def __init__(self, store: Store, client: Client, user_id: str | None = None) -> None:
        self._store = store
        self._client = client
        self._user_id = user_id
        self._counted: list[tuple[bytes, AttemptLimit]] = []

    async def take(
        self,
        limit: AttemptLimit,
        *key: str,
        unless: Callable[[], Coroutine[Any, Any, bool]] | None = None,
    ) -> None:
        """Count it under a key.

        Args:
            limit: how often.
            key: what is counted; it is stored as a digest.
            unless: asked when the limit refuses; true lets the attempt pass uncounted.

        Raises:
            TooManyRequests: it may not go on.
        """
        digest = hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).digest()
        taken = await self._store.take_attempt(digest, limit)
        if taken.refused_for is not None:
            if unless is not None and await unless():
                return
            raise TooManyRequests(math.ceil(taken.refused_for.total_seconds()))
        self._counted.append((digest, limit))
        if taken.last:
            await events.record(
                self._store, "limit_reached", user_id=self._user_id, ip=self._client.ip
            )

    async def give_back(self) -> None:
        """It was not made after all."""
        for digest, limit in self._counted:
            await self._store.give_back_attempt(digest, limit)

    async def succeeded(self) -> None:
        """It was no guess: its failures are forgotten, and elsewhere it counts no more."""
        for digest, limit in self._counted:
            if limit is GUESSES:
                await self._store.forget_attempts(digest)
            elif limit is ACCOUNT:
                await self._store.give_back_attempt(digest, limit)


class Limits:
    """The limits under one configuration."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled

    async def sign_in(
        self, store: Store, email: str, client: Client, *, user_id: str | None
    ) -> Attempt:
        """Count a sign-in: per address, per account and address, per account.

        `user_id`, where there is such a user, only goes into the event.

        Raises:
            TooManyRequests: it may not be tried now.
        """
        attempt = Attempt(store, client, user_id)
        if self._enabled:
            where = _network(client.ip)
            if _is_limited(client):
                await attempt.take(SIGN_INS, "sign-in address", where)
            await attempt.take(GUESSES, "sign-in", email, where)

            async def at_home() -> bool:
                return client.ip is not None and await store.has_session_from(email, client.ip)

            await attempt.take(ACCOUNT, "account", email, unless=at_home)
        return attempt

    async def sign_up(self, store: Store, client: Client) -> Attempt:
        """Count a sign-up per address.

        Raises:
            TooManyRequests: it may not be tried now.
        """
        attempt = Attempt(store, client)
        if self._enabled and _is_limited(client):
            await attempt.take(SIGN_UPS, "sign-up address", _network(client.ip))
        return attempt

    async def change_password(self, store: Store, session: Session, client: Client) -> Attempt:
        """Count a guess at the current password against the session, never the account.

        Whoever holds a stolen session must not be able to keep the owner from
        signing in.

        Raises:
            TooManyRequests: it may not be tried now.
        """
        attempt = Attempt(store, client, session.user_id)
        if self._enabled:
            await attempt.take(GUESSES, "change-password", session.id)
        return attempt


def _is_limited(client: Client) -> bool:
    """Tell whether an address stands for somebody: not this machine, nor a proxy full of people."""
    if client.ip is None or client.shared:
        return False
    return not ipaddress.ip_address(client.ip).is_loopback


def _network(ip: str | None) -> str:
    if ip is None:
        return ""
    address = ipaddress.ip_address(ip)
    if address.version == 4:
        return ip
    return str(ipaddress.ip_network((address, _IPV6_SUBSCRIBER), strict=False))
