"""People who use sites that are being upgraded, and a balancer in front of the servers."""

from __future__ import annotations

import http.client
import random
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.command import Served
from tests.server import ADA, Answer
from tests.waiting import until

Cookies = dict[str, str]


class Balancer:
    """Sends requests to servers of two versions.

    Where they cannot run beside each other, whom an old server has answered with 503 is sent to
    the new ones for good, because an old server does not know the tokens that those give out.
    """

    def __init__(self, old: list[Served]) -> None:
        self.old = old
        self.new: list[Served] = []
        self.mixed = False  # whether any server gets any request
        self.over = threading.Event()
        self.answers: Counter[tuple[str, str, int]] = Counter()  # by version, route and status
        self._counting = threading.Lock()

    def choose(self, person: Person) -> Served:
        """Return the server for the next request of a person."""
        if person.moved:
            until(lambda: self.new, "there are no new servers")
            return person.random.choice(self.new)
        return person.random.choice(self.old + self.new if self.mixed else self.old)

    def count(self, server: Served, route: str, answer: Answer) -> None:
        """Note the answer to a request."""
        version = "new" if server in self.new else "old"
        with self._counting:
            self.answers[version, route, answer.status] += 1

    @property
    def refused_something(self) -> bool:
        """Whether any answer was 503."""
        return any(status == 503 for _, _, status in self.answers)


class Person(threading.Thread):
    """Signs up, then checks, refreshes, signs out and in, and revokes, in any order.

    Every answer is the one that is due, or says that it cannot be given now.
    """

    def __init__(self, number: int, balancer: Balancer) -> None:
        super().__init__()
        self.random = random.Random(number)
        self.moved = False
        self.done = 0
        self.problem = ""
        self.cookies: Cookies = {}
        self.ended: list[Cookies] = []  # of sessions that are over
        self._balancer = balancer
        self._email = f"person{number}@example.com"
        self._unsure = False  # whether a request may have done its work without saying so

    def run(self) -> None:
        actions: list[Callable[[], None]] = [self._check] * 4 + [self._refresh] * 2
        actions += [self._sign_out_and_in, self._revoke_another]
        try:
            self._sign_up()
            while not self._balancer.over.is_set():
                self.random.choice(actions)()
                self.done += 1
        except BaseException:  # noqa: BLE001 - the test raises it
            self.problem = traceback.format_exc()

    def ask(self, method: str, path: str, cookies: Cookies, body: object = None) -> Answer:
        """Send a request, also to another server if one says that it cannot answer now."""
        self._unsure = False
        while True:
            server = self._balancer.choose(self)
            try:
                answer = server.browser.request(method, path, body, cookies=cookies)
            except (OSError, http.client.HTTPException):
                assert server not in self._balancer.new + self._balancer.old, "it was not ended"
                self._unsure = True
                continue
            self._server = server
            self._balancer.count(server, f"{method} {path.partition('/ses_')[0]}", answer)
            if answer.status != 503:
                return answer
            assert answer.code == "store_unavailable", answer.body
            assert answer.all("retry-after") == ["2"]
            self._unsure = True
            self.moved = True

    def _sign_up(self) -> None:
        answer = self.ask("POST", "/sign-up", {}, {**ADA, "email": self._email})
        if self._unsure and answer.code_or_ok == "email_taken":
            self.cookies = self._sign_in()[0]
        else:
            self.cookies = _cookies(answer)

    def _sign_in(self, before: Cookies | None = None) -> tuple[Cookies, str]:
        body = {"email": self._email, "password": ADA["password"]}
        answer = self.ask("POST", "/sign-in", before or {}, body)
        return _cookies(answer), answer.json["session"]["id"]

    def _check(self) -> None:
        answer = self.ask("GET", "/session", self.cookies)
        assert answer.status == 200, (answer.body, "signed out")
        assert answer.json["user"]["email"] == self._email

    def _refresh(self) -> None:
        self.cookies |= _cookies(self.ask("POST", "/refresh", self.cookies))

    def _sign_out_and_in(self) -> None:
        answer = self.ask("POST", "/sign-out", self.cookies)
        assert answer.status == 200, answer.body
        self._is_over(self.cookies)
        self.cookies, _ = self._sign_in()

    def _revoke_another(self) -> None:
        another, session_id = self._sign_in()
        answer = self.ask("DELETE", f"/sessions/{session_id}", self.cookies)
        assert answer.status == 200 or (self._unsure and answer.status == 404), answer.body
        self._is_over(another)

    def _is_over(self, cookies: Cookies) -> None:
        """The server that ended a session refuses it at once; the test asks the others later."""
        answer = self._server.browser.request("GET", "/session", cookies=cookies)
        assert answer.status in {401, 503}, answer.body
        self.ended.append(cookies)


def _cookies(answer: Answer) -> Cookies:
    assert answer.status == 200, answer.body
    return answer.tokens


class Traffic:
    """Several people at once."""

    def __init__(self, balancer: Balancer, people: int) -> None:
        self._balancer = balancer
        self.people = [Person(number, balancer) for number in range(people)]

    def __enter__(self) -> Traffic:
        for person in self.people:
            person.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._balancer.over.set()
        for person in self.people:
            person.join()

    def go_on(self, actions: int) -> None:
        """Return when everybody has begun and finished this many actions from now on."""
        self.until(lambda person, done: person.done > done + actions)

    def leave_old_servers(self) -> list[Served]:
        """Send everybody to the new servers; return the old ones, which nobody needs any more."""
        for person in self.people:
            person.moved = True
        leaving, self._balancer.old = self._balancer.old, []
        return leaving

    def until(self, holds: Callable[[Person, int], bool]) -> None:
        """Wait for each person. `holds` is given what they have done by now, too."""
        for person, done in [(person, person.done) for person in self.people]:
            until(
                lambda person=person, done=done: person.problem or holds(person, done),  # type: ignore[misc]
                f"person {person.name} does not go on",
            )
            assert not person.problem, person.problem
