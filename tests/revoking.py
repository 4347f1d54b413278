"""Servers that remember sessions, and how long they let a revoked one in."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from authingo import clock
from authingo.models import TokenKey, TokenMatch, WrongSecret
from authingo.tokens import session_key
from tests.server import CLIENT, Browser, LiveServer
from tests.waiting import PATIENCE, until

BOUND = 2.0  # seconds after a revocation within which it is known, whatever has failed
SESSION = "/api/auth/session"
REFUSED = {401, 403}  # the session is over, or the user lacks the role that a guard asks for


class Memory:
    """Which sessions a server answers from memory, told by what its store is asked."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._looks: Counter[TokenKey] = Counter()
        store = server.auth.store
        look = store.sessions.by_token

        async def counted(token: TokenKey) -> TokenMatch | WrongSecret | None:
            self._looks[token] += 1
            return await look(token)

        store.sessions.by_token = counted  # type: ignore[method-assign]

    def has(self, browser: Browser) -> bool:
        """Ask once, with this browser's cookies; it must be signed in."""
        key = session_key(browser.cookies["authingo_session"])
        assert key is not None
        before = self._looks[key]
        answer = Browser(self._server.url, browser.cookies).get("/session")
        assert answer.status in {200, 503}, answer.body
        return answer.status == 200 and self._looks[key] == before

    def warm(self, *browsers: Browser) -> None:
        """Ask until all of these are answered from memory."""
        for browser in browsers:
            until(partial(self.has, browser), "it was never answered from memory")


@dataclass(frozen=True)
class Check:
    """One answer: when the question was sent, when it came, its status."""

    sent_at: float
    at: float
    status: int


class Asking:
    """Asks again and again with one session, in a thread.

    Each time on a new connection: on one that is kept the kernel may hold back the
    second packet of an answer for 40 ms (Nagle and delayed ACKs).
    """

    def __init__(self, url: str, browser: Browser, path: str = SESSION) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port)
        self._path = path
        self._headers = {
            **CLIENT,
            "Cookie": f"authingo_session={browser.cookies['authingo_session']}",
        }
        self.checks: list[Check] = []
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._enough.is_set():
            connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE)
            connection.connect()
            sent_at = clock.now()
            connection.request("GET", self._path, headers=self._headers)
            answer = connection.getresponse()
            answer.read()
            self.checks.append(Check(sent_at, clock.now(), answer.status))
            connection.close()
            self._enough.wait(0.001)

    def __enter__(self) -> Asking:
        self._thread.start()
        until(lambda: self.checks, "there was no answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def await_refusal(self) -> None:
        """Wait until it is refused."""
        until(lambda: self.checks[-1].status in REFUSED, "it was never refused")

    def let_in_for(self, revoked_at: float) -> float:
        """Tell for how long after the revocation an answer still was yes, in seconds."""
        refused = next(check for check in self.checks if check.status in REFUSED)
        later = [check.status for check in self.checks if check.sent_at >= refused.at]
        assert 200 not in later, "refused once, it stays out"
        let_in = [check.sent_at for check in self.checks if check.status == 200]
        assert max(let_in) - revoked_at <= BOUND, "asked after the bound, and let in"
        return self.refused_after(revoked_at)

    def refused_after(self, began_at: float) -> float:
        """Tell how long after something the first refusal came, in seconds."""
        refused = next(check for check in self.checks if check.status in REFUSED)
        return max(0.0, refused.at - began_at)

    def assert_never_refused(self) -> None:
        """No answer was a 401, and most of them were yes."""
        statuses = Counter(check.status for check in self.checks)
        assert 401 not in statuses, statuses
        assert 200 in statuses


@contextlib.contextmanager
def asking(server: LiveServer, *browsers: Browser) -> Iterator[list[Asking]]:
    """Ask with several sessions at once."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Asking(server.url, browser)) for browser in browsers]


def user_id_of(browser: Browser, **options: Any) -> str:
    """Ask who that is."""
    return str(browser.get("/session", **options).json["user"]["id"])
