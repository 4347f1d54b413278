"""Which counters an attempt touches, and what a count means.

The counts are in the store, so all programs on one database share them. An attempt is counted
before anything is hashed. It is counted under all of its keys; but if one of them refuses it,
it is counted under none, so that a refused attempt makes no wait longer. A key is the digest of
what it counts. An account that does not exist is counted like any other.

An account recognizes a browser that has signed in before, by its device cookie, and a network in
which it has a session. Recognized clients are counted apart from strangers, so that strangers
cannot keep the owner of an account from signing in. All strangers together get 100 failures a
day for one account, then one attempt a minute. Networks that have not failed on the account
get a small reserve beyond that.
(NIST SP 800-63B-4 §3.2.2, ASVS 5.0 V6.1.1 and V6.3.1; OWASP, "Slow Down Online Guessing
Attacks with Device Cookies".)
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from authingo import events
from authingo.attempts import (
    DEVICE_LIFE,
    AttemptLimit,
    CountedAttempt,
    Counter,
    CountingRule,
    CountResult,
    NewDevice,
    Outcome,
)
from authingo.errors import TooManyRequests
from authingo.models import Client, Credentials, Event, Session
from authingo.networks import is_loopback, networks
from authingo.tokens import DeviceToken

# The mails that are counted apart: links to choose a password, codes, and what asks to prove an
# address.
MailsCounted = Literal["resets", "codes", "proofs"]

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


_Limits = tuple[AttemptLimit, AttemptLimit, AttemptLimit]


def _growing(allowed: int, window: timedelta, first_wait: timedelta | None = None) -> _Limits:
    """Return the limits for the networks of an address, the narrowest first.

    Each network may make twice as many attempts as the one inside it.
    """
    first, second, third = (
        AttemptLimit(allowed=allowed * factor, window=window, first_wait=first_wait)
        for factor in (1, 2, 4)
    )
    return first, second, third


# The failures of one network on one account: 5, then one attempt after each wait of 1, 2, 4, 8,
# 15, 15, … minutes.
GUESSES = _growing(5, timedelta(minutes=5), first_wait=_MINUTE)
# The failures on one account: of all strangers together, and of each network where the account
# has a session.
ACCOUNT = AttemptLimit(allowed=100, window=_DAY, first_wait=_MINUTE, longest_wait=_MINUTE)
# Beyond that, the failures on one account of networks that had not failed on it before, and of
# these one for each network.
RESERVE = AttemptLimit(allowed=20, window=_HOUR)
RESERVE_ONCE = AttemptLimit(allowed=1, window=_DAY)
# The failures in a row of one browser that an account recognizes, however slowly they come. After
# that the browser is a stranger again.
IN_A_ROW = AttemptLimit(allowed=10, window=DEVICE_LIFE, first_wait=_MINUTE)
# The requests of one network that hash a password, whatever their result. All browsers that an
# account recognizes share a budget of their own; otherwise an account with twenty browsers would
# have twenty budgets.
HASHING = _growing(30, _MINUTE)
DEVICE_HASHING = AttemptLimit(allowed=10, window=_MINUTE)
# The sign-ups of one network, whatever their result.
SIGN_UPS = _growing(10, _HOUR)
# The mails of one kind to one address that strangers ask for, and that one browser which the
# account recognizes asks for. Never none: a stranger must not be able to keep the owner from
# resetting.
MAILS = (
    AttemptLimit(allowed=3, window=timedelta(minutes=15)),
    AttemptLimit(allowed=10, window=_DAY, first_wait=_HOUR, longest_wait=_HOUR),
)
# The mails that one network asks for, and the tokens that it tries.
MAIL_REQUESTS = _growing(60, _MINUTE)
TRIED_TOKENS = _growing(30, _MINUTE)


@dataclass(frozen=True, slots=True)
class _Counter(Counter):
    """A counter, and what a success does to it."""

    name: str  # of the limit
    success: Literal["forgets", "gives back", "keeps"] = "keeps"
    recorded: bool = True  # whether reaching the limit is recorded as an event


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted before it is made, and the account that it is about."""

    counted: CountedAttempt
    devices: tuple[DeviceToken, ...]
    network: str | None

    @property
    def account(self) -> Credentials | None:
        """The account, if there is one."""
        return self.counted.account

    @property
    def device(self) -> DeviceToken | None:
        """The device token by which the account recognizes the browser."""
        digest = self.counted.rule.device
        return next((one for one in self.devices if one.digest == digest), None)

    @property
    def hashes_for(self) -> str | None:
        """The name whose turn this attempt shares in the hashing queue; None: it has its own turn.

        All recognized browsers of one network share a turn, because an attacker can have any
        number of them, with accounts of their own.
        """
        return f"recognized {self.network}" if self.device and self.network else self.network

    @property
    def refused_for(self) -> timedelta | None:
        """How long to wait before trying again; None: the attempt may be made now."""
        waits = [one.refused_for for one in self.counted.results if one.refused_for]
        return max(waits, default=None)

    @property
    def refused_by(self) -> str | None:
        """The name of the limit that allows no attempt for the longest time."""
        waits = {result.refused_for: one.name for one, result in self._counts if result.refused_for}
        return waits[max(waits)] if waits else None

    @property
    def uses_up(self) -> bool:
        """Whether this is the last attempt, for now, that one of its limits allows."""
        return self.refused_for is None and any(
            result.count >= counter.limit.allowed and counter.recorded
            for counter, result in self._counts
        )

    @property
    def may_use_reserve(self) -> bool:
        """Whether it is refused only because strangers in other networks have failed too often."""
        refusing = [counter.limit for counter, result in self._counts if result.refused_for]
        failed_before = any(
            result.count for counter, result in self._counts if counter.limit in GUESSES
        )
        return refusing == [ACCOUNT] and self.network is not None and not failed_before

    @property
    def _counts(self) -> list[tuple[_Counter, CountResult]]:
        counters = self.counted.rule.counters
        return [
            (counter, result)
            for counter, result in zip(counters, self.counted.results, strict=True)
            if isinstance(counter, _Counter)
        ]

    def not_made(self) -> Outcome:
        """Return what to record if the attempt is not made after all, and nothing was hashed."""
        return Outcome(give_back=self.counted.rule.counters)

    def refused(self) -> Outcome:
        """Return what to record if the password was right, but no session may begin.

        It was neither a guess that failed nor a success: no count is forgotten. A sign-up did not
        happen. What counts the requests that cost time stays: nobody may ask a gate without end.
        """
        given_back = [
            counter
            for counter, _ in self._counts
            if counter.success != "keeps" or counter.limit in SIGN_UPS
        ]
        return Outcome(give_back=tuple(given_back))

    def failed(self, happened: Event) -> Outcome:
        """Return what to record after a failure.

        A browser that has failed too often is no longer recognized.
        """
        device = self.device
        too_many = any(
            one.limit is IN_A_ROW and result.count >= IN_A_ROW.allowed
            for one, result in self._counts
        )
        if device is None or not too_many:
            return Outcome(events=(happened,))
        forgotten = events.happened("browser_forgotten", user_id=happened.user_id, ip=happened.ip)
        return Outcome(events=(happened, forgotten), forget_browser=device.browser_digest)

    def succeeded(self, *happened: Event, device: NewDevice | None = None) -> Outcome:
        """Return what to record after a success: the attempt was no guess.

        So it does not count as a failure, and the failures before it are forgotten.
        """
        counters = [counter for counter, _ in self._counts]
        return Outcome(
            events=happened,
            forget=tuple(one.key for one in counters if one.success == "forgets"),
            give_back=tuple(one for one in counters if one.success == "gives back"),
            device=device,
        )


def _ignore(_: str) -> None:
    """Do nothing."""


class Limits:
    """The limits, with one configuration."""

    def __init__(self, *, enabled: bool, refused: Callable[[str], None] = _ignore) -> None:
        """Call `refused` with the name of a limit when it refuses an attempt."""
        self._enabled = enabled
        self._refused = refused

    def allow(self, attempt: Attempt) -> bool:
        """Return whether an attempt that was counted may be made now."""
        if attempt.refused_for is None:
            return True
        self._refused(attempt.refused_by or "")
        return False

    def require_allowed(self, attempt: Attempt) -> None:
        """Refuse an attempt that was counted, if it may not be made now.

        Raises:
            TooManyRequests: with the time to wait.
        """
        if not self.allow(attempt):
            wait = attempt.refused_for or timedelta()
            raise TooManyRequests(math.ceil(wait.total_seconds()))

    def sign_in(
        self, given: str, client: Client, devices: Sequence[DeviceToken] = ()
    ) -> tuple[CountingRule, ...]:
        """Return the rules to count a sign-in. The store takes the first whose condition is met.

        Args:
            given: the text that stands for the account in the keys; it need not exist.
            client: who sends the request.
            devices: the device tokens of the request.
        """
        where = _networks(client)
        rules = [self._recognized(one, given, client) for one in devices]
        if where:
            at_home = (
                _counter(GUESSES[0], "forgets", "at home", given, where[0]),
                _counter(ACCOUNT, "gives back", "account at home", given, where[0]),
            )
            rules.append(self._rule(*_hashing(client), *at_home, network=where[0]))
        account = _counter(ACCOUNT, "gives back", "account", given)
        rules.append(self._rule(*_hashing(client), *_guesses(given, where), account))
        return tuple(rules)

    def reserve(self, given: str, client: Client) -> tuple[CountingRule, ...]:
        """Return the rule to count a sign-in if `Attempt.may_use_reserve`."""
        where = _networks(client)
        once = _counter(RESERVE_ONCE, "gives back", "reserve", given, where[-1], recorded=False)
        reserve = _counter(RESERVE, "gives back", "reserve", given)
        return (self._rule(*_hashing(client), *_guesses(given, where), once, reserve),)

    def sign_up(self, client: Client) -> tuple[CountingRule, ...]:
        """Return the rule to count a sign-up."""
        sign_ups = _of_networks(client, SIGN_UPS, "sign-up")
        return (self._rule(*_hashing(client), *sign_ups),)

    def mail_request(self, client: Client) -> tuple[CountingRule, ...]:
        """Return the rule to count a request for mail to any address."""
        return (self._rule(*_of_networks(client, MAIL_REQUESTS, "mail request")),)

    def mail_to_strangers(self, most: int) -> tuple[CountingRule, ...]:
        """Return the rule to count a mail to any address that was never proved.

        `most`: how many there may be in an hour.
        """
        limit = AttemptLimit(allowed=most, window=_HOUR)
        return (self._rule(_counter(limit, "keeps", "mail to strangers")),)

    def export(self, user_id: str) -> tuple[CountingRule, ...]:
        """Return the rule to count an export of what is stored about a user: one an hour."""
        limit = AttemptLimit(allowed=1, window=_HOUR)
        return (self._rule(_counter(limit, "keeps", "export", user_id)),)

    def mail(
        self, what: MailsCounted, whose: str, devices: Sequence[DeviceToken] = ()
    ) -> tuple[CountingRule, ...]:
        """Return the rules to count a mail, for an address or for several that share a count.

        Each kind of mail is counted apart. Some are of use only to the person who asked for them,
        such as a code. If they counted together with the links to choose a new password, a
        stranger could use up those of the owner (ASVS 5.0 V6.1.1).
        """
        recognized = [
            self._rule(*_mails(what, whose, one.browser.hex()), device=one.digest)
            for one in devices
        ]
        return (*recognized, self._rule(*_mails(what, whose)))

    def token(self, client: Client, *, hashes: bool) -> tuple[CountingRule, ...]:
        """Return the rule to count a try of a token that came by mail.

        `hashes`: a password is hashed afterwards.
        """
        tried = _of_networks(client, TRIED_TOKENS, "token")
        return (self._rule(*(_hashing(client) if hashes else ()), *tried),)

    def current_password(
        self, session: Session, given: str, client: Client, devices: Sequence[DeviceToken] = ()
    ) -> tuple[CountingRule, ...]:
        """Return the rules to count a guess at the current password.

        It is counted for the session and never for the account: a thief with a stolen session
        must not be able to keep the owner from signing in.
        """
        guess = _counter(GUESSES[0], "forgets", "change-password", session.id)
        rules = [
            self._rule(guess, *_device_hashing(given, client), device=one.digest) for one in devices
        ]
        return (*rules, self._rule(guess, *_hashing(client)))

    def attempt(
        self, counted: CountedAttempt, client: Client, devices: Sequence[DeviceToken] = ()
    ) -> Attempt:
        """Return a counted attempt with the device tokens and the network of its client."""
        return Attempt(counted, tuple(devices), network_of(client))

    def _recognized(self, device: DeviceToken, given: str, client: Client) -> CountingRule:
        browser = device.browser.hex()
        guesses = _counter(GUESSES[0], "forgets", "device", given, browser)
        in_a_row = _counter(IN_A_ROW, "forgets", "in a row", given, browser, recorded=False)
        hashing = _device_hashing(given, client)
        return self._rule(guesses, in_a_row, *hashing, device=device.digest)

    def _rule(
        self, *counters: _Counter, device: bytes | None = None, network: str | None = None
    ) -> CountingRule:
        return CountingRule(
            counters=counters if self._enabled else (), device=device, network=network
        )


def network_of(client: Client) -> str | None:
    """Return the network that shares a turn in the hashing queue; None: no limit applies."""
    return _networks(client)[-1] if _is_limited(client) else None


def _networks(client: Client) -> tuple[str, ...]:
    """Return the networks of the client; none if its address is unknown or shared by all."""
    return () if client.ip is None or client.shared else networks(client.ip)


def _is_limited(client: Client) -> bool:
    """Return whether the address is limited: it is known, not shared, and not this machine's."""
    return client.ip is not None and not client.shared and not _is_here(client)


def _is_here(client: Client) -> bool:
    """Return whether the client is on this machine, as in development."""
    return client.ip is not None and not client.shared and is_loopback(client.ip)


def _hashing(client: Client) -> list[_Counter]:
    return _of_networks(client, HASHING, "hashing")


def _of_networks(client: Client, limits: _Limits, what: str) -> list[_Counter]:
    """Count something for each network of the client, whatever its result."""
    where = _networks(client) if _is_limited(client) else ()
    return [
        _counter(limit, "keeps", what, network)
        for network, limit in zip(where, limits, strict=False)
    ]


def _mails(*whose: str) -> list[_Counter]:
    return [
        _counter(limit, "keeps", "mail", str(limit.window), *whose, recorded=False)
        for limit in MAILS
    ]


def _device_hashing(given: str, client: Client) -> list[_Counter]:
    """Count for all recognized browsers of an account together, but not on this machine."""
    if _is_here(client):
        return []
    return [_counter(DEVICE_HASHING, "keeps", "device hashing", given)]


def _guesses(given: str, where: Sequence[str]) -> list[_Counter]:
    """Count for each network of the client.

    A success forgets the failures of the narrowest network only, because the client shares the
    others with neighbours.
    """
    return [
        _counter(limit, "forgets" if limit is GUESSES[0] else "gives back", "sign-in", given, one)
        for one, limit in zip(where, GUESSES, strict=False)
    ]


def _counter(
    limit: AttemptLimit,
    success: Literal["forgets", "gives back", "keeps"],
    *what: str,
    recorded: bool = True,
) -> _Counter:
    key = hashlib.sha256(json.dumps(what).encode()).digest()  # JSON: users may type any separator
    return _Counter(key, limit, what[0], success, recorded)
