"""How long attackers can keep an owner out: a simulation with the real code and a clock that moves.

    python -m tests.lockouts          prints the table
    python -m tests.lockouts --write  puts it into docs/security.md

For twelve hours somebody tries passwords of an account from everything they have, as soon
as anything allows it, and always a moment before the owner. The owner comes at twenty
moments, has the right password, and tries again when the answer says so. The clock of the
store is the simulation's; the rest is `Auth` on SQLite.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import math
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from authingo import Auth, InvalidCredentials, TooManyRequests
from authingo.config import settings_from
from authingo.models import Client
from authingo.stores.sqlite import rows

SECURITY = Path(__file__).parents[1] / "docs" / "security.md"
MARKS = ("<!-- python -m tests.lockouts --write -->", "<!-- end -->")
HOURS = 12
ARRIVALS = 20
_START = 1_800_000_000.0  # seconds; any time will do
_EMAIL, _PASSWORD = "owner@example.com", "a whole sentence"
_HOME = "198.51.100.7"
_PATIENCE = 5.0  # seconds from the end of a wait until a person has tried again

ATTACKERS = {
    "one address": ["203.0.113.1"],
    "one IPv6 /48": [f"2001:db8:0:{network:x}::1" for network in range(65536)],
    "200 scattered IPv4 addresses": [f"10.{n}.{n * 7 % 256}.1" for n in range(200)],
    "5,000 scattered IPv4 addresses": [f"10.{n % 256}.{n // 256}.1" for n in range(5000)],
}
OWNERS = ("recognized browser", "new browser at home", "new browser elsewhere")


class Clock:
    """The time of the store, in seconds; it moves when the simulation says so."""

    def __init__(self) -> None:
        self.now = _START

    def microseconds(self) -> int:
        return int(self.now * 1_000_000)


@contextmanager
def moving_clock() -> Iterator[Clock]:
    """Give the store a clock of the simulation's."""
    clock, real = Clock(), rows.now
    rows.now = clock.microseconds
    try:
        yield clock
    finally:
        rows.now = real


class Attacker:
    """Tries from whichever address is allowed to, and comes back when the answers say so."""

    def __init__(self, auth: Auth, clock: Clock, addresses: list[str]) -> None:
        self._auth = auth
        self._clock = clock
        self._fresh = iter(addresses)
        self._waiting: list[tuple[float, str]] = []  # until when, by address
        self.guesses = 0
        self.next_time = _START

    async def act(self) -> None:
        """Try until two addresses in a row are refused, a fresh one among them."""
        waits: list[int] = []
        while len(waits) < 2 and (address := self._next_address(fresh=bool(waits))):
            wait = await self._try(address)
            waits = [*waits, wait] if wait else []
            heapq.heappush(self._waiting, (self._clock.now + wait, address))
        if not waits:  # every address waits for itself
            waits = [math.ceil(self._waiting[0][0] - self._clock.now)]
        self.next_time = self._clock.now + min(waits)

    def _next_address(self, *, fresh: bool) -> str | None:
        """Return one that may try: those that have failed before first, to spare the others."""
        if not fresh and self._waiting and self._waiting[0][0] <= self._clock.now:
            return heapq.heappop(self._waiting)[1]
        return next(self._fresh, None)

    async def _try(self, address: str) -> int:
        try:
            await self._auth.sign_in(email=_EMAIL, password="wrong", client=Client(address))
        except InvalidCredentials:
            self.guesses += 1
            return 0
        except TooManyRequests as error:
            return error.retry_after
        raise AssertionError


@dataclass
class Row:
    """What came of one owner under one attacker."""

    attacker: str
    owner: str
    guesses: int  # of the attacker
    waits: list[float]  # seconds until the owner was in, in order; those who never were are HOURS
    at_once: int  # of them, how many were in at the first try

    def line(self) -> str:
        median, worst = self.waits[len(self.waits) // 2], self.waits[-1]
        return (
            f"| {self.attacker} | {self.guesses:,} | {self.owner} | {self.at_once} of {ARRIVALS} "
            f"| {spelled(median)} | {spelled(worst)} |"
        )


def spelled(seconds: float) -> str:
    """Say how long that is."""
    if seconds >= HOURS * 3600:
        return "not in"
    if seconds < 1:
        return "at once"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


async def simulate(attacker: str, owner: str, hours: float = HOURS) -> Row:
    """Return how one owner fares under one attacker."""
    with moving_clock() as clock:
        settings = settings_from(
            {
                "database_url": "sqlite:///:memory:",
                "passwords": {"bcrypt_cost": 4},
                "sessions": {"max_per_user": 1000},
            }
        )
        auth = Auth(settings)
        async with auth.lifespan():
            return await _simulate(auth, clock, attacker, owner, hours)


async def _simulate(auth: Auth, clock: Clock, attacker: str, owner: str, hours: float) -> Row:
    known = await auth.sign_up(email=_EMAIL, password=_PASSWORD, name="Owner", client=Client(_HOME))
    mallory = Attacker(auth, clock, ATTACKERS[attacker])
    drawn = random.Random(20)
    span = hours * 3600
    arrivals = sorted(_START + drawn.uniform(0.1, 0.8) * span for _ in range(ARRIVALS))
    end = _START + span
    waits, at_once = [], 0
    for number, arrival in enumerate(arrivals):
        await _attack_until(mallory, clock, arrival)
        arrival = clock.now  # noqa: PLW2901 - the one before may just have got in
        device = known.tokens.device if owner == OWNERS[0] else None
        address = _HOME if owner == OWNERS[1] else f"192.0.2.{number}"
        wait, tries = 0.0, 0
        while clock.now < end:
            tries += 1
            try:
                signed_in = await auth.sign_in(
                    email=_EMAIL, password=_PASSWORD, device=device, client=Client(address)
                )
            except TooManyRequests as error:
                pause = error.retry_after + drawn.uniform(0, 1) * _PATIENCE
                await _attack_until(mallory, clock, min(clock.now + pause, end))
            else:
                wait = clock.now - arrival
                if owner == OWNERS[0]:
                    known = signed_in
                else:  # elsewhere: no trace that helps the next one
                    await auth.revoke(signed_in.user, only=signed_in.session)
                break
        waits.append(wait if clock.now < end else span)
        at_once += tries == 1
    await _attack_until(mallory, clock, end)
    return Row(attacker, owner, mallory.guesses, sorted(waits), at_once)


async def _attack_until(attacker: Attacker, clock: Clock, end: float) -> None:
    """Let the attacker act up to a moment, and at it."""
    while True:
        await attacker.act()
        if attacker.next_time > end:
            break
        clock.now = attacker.next_time
    clock.now = max(clock.now, end)
    await attacker.act()


def table() -> str:
    """Return the table for all of them."""
    lines = [
        "| Attacker | Guesses in 12 hours | Owner with the right password | In at the first try "
        "| Median | Longest |",
        "|---|--:|---|--:|--:|--:|",
    ]
    rows = (asyncio.run(simulate(attacker, owner)) for attacker in ATTACKERS for owner in OWNERS)
    return "\n".join([*lines, *(row.line() for row in rows)])


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="put it into docs/security.md")
    made = table()
    if parser.parse_args().write:
        text = SECURITY.read_text()
        pattern = re.escape(MARKS[0]) + ".*?" + re.escape(MARKS[1])
        new = f"{MARKS[0]}\n{made}\n{MARKS[1]}"
        SECURITY.write_text(re.sub(pattern, lambda _: new, text, flags=re.DOTALL))
    print(made)  # noqa: T201 - a command


if __name__ == "__main__":
    main()
