"""People who use two servers all the while, and a ledger of what these have acknowledged."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.server import Answer

PASSWORD = "correct horse battery"
BOUND = 2.1  # seconds after which no server may accept a session that has ended, see sessions.md
_PATIENCE = 30.0  # seconds for one answer
_MOST = 2_000  # sessions that have ended, of those that are verified once more at the end
_PAUSE = (0.05, 0.15)  # seconds between two steps of a person

Cookies = dict[str, str]


@dataclass
class Window:
    """What happened while one trouble came and went."""

    began: float = field(default_factory=time.monotonic)
    requests: int = 0
    acknowledged: int = 0  # sign-ups, sign-ins, refreshes, sign-outs and revocations
    slowest: float = 0.0  # seconds that an answer took
    unavailable: list[float] = field(default_factory=list)  # when each 503 came
    strange: list[str] = field(default_factory=list)  # undeclared answers, and none at all
    lost: list[str] = field(default_factory=list)  # accounts that were acknowledged
    signed_out: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)  # sessions that had ended

    @property
    def seconds_of_503(self) -> float:
        """From the first 503 to the last."""
        return self.unavailable[-1] - self.unavailable[0] if self.unavailable else 0.0


@dataclass(frozen=True)
class Ended:
    """A session that a server said has ended."""

    cookies: Cookies
    at: float
    how: str


async def send(port: int, method: str, path: str, cookies: Cookies, body: object = None) -> Answer:
    """Send one request on a connection of its own. Raises OSError, EOFError, TimeoutError."""
    text = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} /api/auth{path} HTTP/1.1",
        "host: 127.0.0.1",
        "connection: close",
        "x-authingo-client: true",
        f"content-length: {len(text)}",
        *(["content-type: application/json"] if text else []),
        *([f"cookie: {'; '.join(f'{n}={v}' for n, v in cookies.items())}"] if cookies else []),
    ]
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode() + text)
            head, complete, rest = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
    if not complete:
        raise EOFError("the connection was closed without an answer")
    status, *headers = head.decode("latin-1").split("\r\n")
    pairs = [one.partition(": ")[::2] for one in headers]
    return Answer(int(status.split()[1]), pairs, rest)


class World:
    """Servers, the people who use them, and the ledger."""

    def __init__(self, ports: list[int], people: int) -> None:
        self.ports = ports
        self.window = Window()
        self.round = 0  # everybody has to prove that they are signed in, once in each
        self.over = False
        self.accounts: list[str] = []  # emails that are to be verified
        self.ended: list[Ended] = []  # the same for sessions
        self._verified_accounts: list[str] = []
        self._verified_ended: list[Ended] = []
        self.people = [Person(self, f"p{number}") for number in range(people)]

    async def verify(self, *, everything: bool = False) -> None:
        """Ask for what was acknowledged since this was last asked, or since the beginning."""
        self.round += 1
        while any(person.proved < self.round for person in self.people):
            await asyncio.sleep(0.1)
        accounts, self.accounts = self.accounts, []
        ended, self.ended = self.ended, []
        self._verified_accounts += accounts
        self._verified_ended += ended
        if everything:
            accounts = self._verified_accounts
            ended = random.sample(self._verified_ended, min(_MOST, len(self._verified_ended)))
        await _at_once(self._assert_account, accounts)
        await asyncio.sleep(BOUND)  # the last sessions may have ended just now
        await _at_once(self._assert_ended_everywhere, ended)

    async def _assert_account(self, email: str) -> None:
        answer = await self.insist("POST", "/sign-in", {}, sign_in(email))
        if answer.status != 200:
            self.window.lost.append(f"{email}: {told(answer)}")

    async def _assert_ended_everywhere(self, one: Ended) -> None:
        for port in self.ports:
            await self.assert_ended(one, port)
        again = await self.insist("POST", "/refresh", one.cookies)
        if again.status != 401:
            self.window.alive.append(f"refreshed after {one.how}: {told(again)}")

    async def assert_ended(self, one: Ended, port: int) -> None:
        """Send the tokens of a session that has ended."""
        answer = await self.insist("GET", "/session", one.cookies, port=port)
        if answer.status != 401:
            self.window.alive.append(f"after {one.how}: {told(answer)}")

    async def insist(
        self,
        method: str,
        path: str,
        cookies: Cookies,
        body: object = None,
        *,
        port: int | None = None,
    ) -> Answer:
        """Repeat a request until it is answered by something else than a 503."""
        while True:
            self.window.requests += 1
            sent = time.monotonic()
            try:
                answer = await send(port or random.choice(self.ports), method, path, cookies, body)
            except (OSError, EOFError, TimeoutError) as error:
                self.window.strange.append(f"{method} {path}: {error!r}")
                await asyncio.sleep(1)
                continue
            self.window.slowest = max(self.window.slowest, time.monotonic() - sent)
            if answer.status != 503:
                return answer
            if answer.code == "store_unavailable":
                self.window.unavailable.append(time.monotonic())
            elif answer.code != "busy":  # too many passwords to hash, which a slow machine says
                self.window.strange.append(f"{method} {path}: {told(answer)}")
            if answer.all("retry-after") != ["2"] or answer.all("set-cookie"):
                self.window.strange.append(f"{method} {path}: a 503 with other headers")
            await asyncio.sleep(2)


class Person:
    """Uses one account after the other."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self._count = 0
        self._email = ""
        self._cookies: Cookies = {}
        self.proved = 0

    async def run(self) -> None:
        """Take one step after the other until it is over."""
        await self._sign_up()
        steps: dict[Callable[[], Awaitable[None]], int] = {
            self._check: 50,
            self._refresh: 20,
            self._sign_out: 8,
            self._revoke: 8,
            self._sign_up: 4,
            self._use_what_has_ended: 10,
        }
        while not self._world.over:
            world_round = self._world.round
            if self.proved < world_round:
                await self._check()
                await self._refresh()
                self.proved = world_round
            else:
                await random.choices([*steps], [*steps.values()])[0]()
            await asyncio.sleep(random.uniform(*_PAUSE))

    async def _sign_up(self) -> None:
        while True:
            self._count += 1
            email = f"{self._name}-{self._count}@example.com"
            body = {**sign_in(email), "name": "Ada"}
            answer = await self._world.insist("POST", "/sign-up", {}, body)
            if answer.status != 409:  # otherwise it was made, and the answer was a 503
                break
        if self._accepted(answer, "sign-up"):
            self._email, self._cookies = email, answer.tokens
            self._world.accounts.append(email)

    async def _sign_in(self) -> Cookies:
        answer = await self._world.insist("POST", "/sign-in", {}, sign_in(self._email))
        if answer.status == 401:
            self._world.window.lost.append(f"{self._email}: {told(answer)}")
            await self._sign_up()
            return self._cookies
        self._accepted(answer, "sign-in")
        return answer.tokens

    async def _check(self) -> None:
        answer = await self._world.insist("GET", "/session", self._cookies)
        if answer.status == 401 and answer.code == "session_expired":
            await self._refresh()
        elif answer.status != 200 or answer.json["user"]["email"] != self._email:
            await self._be_signed_out("check", answer)

    async def _refresh(self) -> None:
        answer = await self._world.insist("POST", "/refresh", self._cookies)
        if answer.status == 200:
            self._world.window.acknowledged += 1
            self._cookies = {**self._cookies, **answer.tokens}
        else:
            await self._be_signed_out("refresh", answer)

    async def _sign_out(self) -> None:
        ending = self._cookies
        answer = await self._world.insist("POST", "/sign-out", ending)
        if self._accepted(answer, "sign-out"):
            self._note_end(ending, "sign-out")
        self._cookies = await self._sign_in()

    async def _revoke(self) -> None:
        other = await self._sign_in()
        found = await self._world.insist("GET", "/session", other)
        if found.status != 200:
            self._world.window.signed_out.append(f"a new session: {told(found)}")
            return
        path = f"/sessions/{found.json['session']['id']}"
        answer = await self._world.insist("DELETE", path, self._cookies)
        if answer.status == 401 and answer.code == "session_expired":
            await self._refresh()
        elif answer.status == 401:
            await self._be_signed_out("revocation", answer)
        elif answer.status == 404 or self._accepted(answer, "revocation"):
            self._note_end(other, "revocation")

    async def _use_what_has_ended(self) -> None:
        now = time.monotonic()
        ended = [one for one in self._world.ended[-200:] if now - one.at > BOUND]
        if ended:
            await self._world.assert_ended(random.choice(ended), random.choice(self._world.ports))

    async def _be_signed_out(self, step: str, answer: Answer) -> None:
        self._world.window.signed_out.append(f"{step}: {told(answer)}")
        self._cookies = await self._sign_in()

    def _accepted(self, answer: Answer, step: str) -> bool:
        if answer.status != 200:
            self._world.window.strange.append(f"{step}: {told(answer)}")
            return False
        self._world.window.acknowledged += 1
        return True

    def _note_end(self, cookies: Cookies, how: str) -> None:
        self._world.ended.append(Ended(dict(cookies), time.monotonic(), how))


async def _at_once(ask: Callable[[Any], Awaitable[None]], items: Iterable[Any]) -> None:
    """Ask for each of the items, a few at a time."""
    waiting = iter(items)

    async def take() -> None:
        for one in waiting:
            await ask(one)

    await asyncio.gather(*(take() for _ in range(8)))


def sign_in(email: str) -> dict[str, Any]:
    """Return the body of a sign-in."""
    return {"email": email, "password": PASSWORD}


def told(answer: Answer) -> str:
    """Return the status and the code of an answer."""
    try:
        return f"{answer.status} {answer.json.get('code', '')}"
    except ValueError:
        return f"{answer.status}, not JSON"
