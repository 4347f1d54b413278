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
from datetime import timedelta

from authingo import clock, events
from authingo.errors import TooManyRequests
from authingo.models import AttemptLimit, Client, Counted, Credentials, Event, Outcome, Resumed
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

_SAY_AGAIN = 3600.0  # seconds between two records of a proxy that is not trusted
_IPV6_SUBSCRIBER = 64  # bits: what one customer is given, who may use any address in it


class Attempt:
    """Something about to be tried: what was counted for it, and the account it is about."""

    def __init__(self, account: Credentials | None, counted: tuple[Counted, ...]) -> None:
        self.account = account
        self._counted = counted

    def not_made(self) -> Outcome:
        """Return what is left of it if it is not made after all."""
        return Outcome(give_back=self._counted)

    def succeeded(self, *happened: Event) -> Outcome:
        """Return what is left of it: it was no guess.

        Its failures are forgotten, and elsewhere it counts no more.
        """
        return Outcome(
            events=happened,
            forget=tuple(digest for digest, limit in self._counted if limit is GUESSES),
            give_back=tuple(one for one in self._counted if one[1] is ACCOUNT),
        )


class Limits:
    """The limits under one configuration."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._say_again = 0.0  # by authingo.clock

    async def sign_in(
        self, store: Store, email: str | None, client: Client, *, given: str
    ) -> Attempt:
        """Count a sign-in: per address, per account and address, per account.

        Args:
            store: where it is counted, and where the account is.
            email: normalized, to find the account by; None where it is none.
            client: who asks.
            given: what stands for the account in the keys; it need not exist.

        Raises:
            TooManyRequests: it may not be tried now.
        """
        where = _network(client.ip)
        counting = [
            (_key("sign-in", given, where), GUESSES),
            (_key("account", given), ACCOUNT),
        ]
        if _is_limited(client):
            counting.insert(0, (_key("sign-in address", where), SIGN_INS))
        return await self._begin(store, email, client, counting)

    async def sign_up(self, store: Store, email: str, client: Client) -> Attempt:
        """Count a sign-up per address.

        Raises:
            TooManyRequests: it may not be tried now.
        """
        counting = []
        if _is_limited(client):
            counting.append((_key("sign-up address", _network(client.ip)), SIGN_UPS))
        return await self._begin(store, email, client, counting)

    async def change_password(self, store: Store, caller: Resumed, client: Client) -> Attempt:
        """Count a guess at the current password against the session, never the account.

        Whoever holds a stolen session must not be able to keep the owner from
        signing in.

        Raises:
            TooManyRequests: it may not be tried now.
        """
        counting = [(_key("change-password", caller.session.id), GUESSES)]
        return await self._begin(store, caller.user.email, client, counting)

    async def _begin(
        self, store: Store, email: str | None, client: Client, counting: list[Counted]
    ) -> Attempt:
        begun = await store.begin_attempt(email, counting if self._enabled else (), ip=client.ip)
        user_id = begun.account.user.id if begun.account else None
        counted, refused_for = [], None
        for one, taken in zip(counting, begun.taken, strict=False):
            if taken.refused_for is None:
                counted.append(one)
            elif not (one[1] is ACCOUNT and begun.at_home):  # there, it passes uncounted
                refused_for = taken.refused_for
        # At once, for whoever makes it may hang up before there is an outcome.
        last = any(taken.last for taken in begun.taken)
        happened = []
        if last:
            happened.append(events.happened("limit_reached", user_id=user_id, ip=client.ip))
        if self._is_news(client):
            happened.append(events.happened("proxy_not_trusted", ip=client.ip))
        await events.record(store, *happened)
        if refused_for is not None:
            raise TooManyRequests(math.ceil(refused_for.total_seconds()))
        return Attempt(begun.account, tuple(counted))

    def _is_news(self, client: Client) -> bool:
        """Tell, once an hour, of a proxy behind which nobody has a limit: `doctor` reads it."""
        now = clock.now()
        if not client.shared or now < self._say_again:
            return False
        self._say_again = now + _SAY_AGAIN
        return True


def _key(*what: str) -> bytes:
    """Return what a count is kept under."""
    return hashlib.sha256("\0".join(what).encode("utf-8", "surrogatepass")).digest()


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
