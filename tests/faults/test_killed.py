"""kill -9 at random moments: of the server, of the database, of a migration.

People sign up, refresh, sign out, change their passwords all the while. What was
acknowledged holds afterwards; what got no answer happened wholly or not at all.
AUTHINGO_TEST_KILLS=200 kills more often than the few times that every run does.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from authingo.config import Settings, settings_from
from authingo.stores import open_store
from tests.command import Runner, Served
from tests.database import execute
from tests.postgres import BundledServer, PostgresServer
from tests.server import ADA, Answer, Browser, LiveServer

KILLS = int(os.environ.get("AUTHINGO_TEST_KILLS", "5"))
LONG_GRACE = 60  # seconds: a restart on a busy machine must not outlast it


class Enough(Exception):
    """The test is over."""


class Person(threading.Thread):
    """Uses one account after the other, and remembers what was acknowledged."""

    def __init__(self, url: str, name: str) -> None:
        super().__init__(name=name)
        self._browser = Browser(url)
        self._random = random.Random(name)
        self._enough = threading.Event()
        self._count = 0
        self._tokens: dict[str, str] = {}
        self.acknowledged = 0
        self.accounts: list[tuple[str, str]] = []  # emails and passwords
        self.made_unanswered: list[str] = []
        self.ended: list[dict[str, str]] = []
        self.failures: list[str] = []

    def run(self) -> None:
        try:
            self._sign_up()
            while not self._enough.is_set():
                if self._count < 1000 and self._random.random() < 0.2:
                    self._sign_up()
                step = [self._refresh, self._refresh, self._sign_out, self._change_password]
                self._random.choice(step)()
        except Enough:
            pass
        except Exception as error:  # noqa: BLE001 - of a thread, so it is told by the test
            self.failures.append(repr(error))

    def stop(self) -> None:
        self._enough.set()
        self.join()

    def verify(self) -> None:
        """Ask for everything that was acknowledged."""
        assert self.failures == []
        if self._tokens:
            assert self._browser.post("/refresh", cookies=self._tokens).status == 200
        for email, password in self.accounts[-50:]:
            assert self._browser.sign_in(email=email, password=password).status == 200
        for tokens in self.ended[-200:]:
            assert self._browser.get("/session", cookies=tokens).code == "no_session"
            assert self._browser.post("/refresh", cookies=tokens).code == "no_session"

    def _sign_up(self) -> None:
        self._count += 1
        email = f"{self.name}-{self._count}@example.com"
        answer = self._insist("/sign-up", {**ADA, "email": email}, {})
        if answer.status == 409:  # it was made, and the answer lost
            self.made_unanswered.append(email)
            self._sign_up()
            return
        self._expect(answer, 200, "sign-up")
        self._tokens = answer.tokens
        self.accounts.append((email, ADA["password"]))

    def _sign_in(self) -> None:
        email, password = self.accounts[-1]
        answer = self._insist("/sign-in", {"email": email, "password": password}, {})
        self._expect(answer, 200, "sign-in")
        self._tokens = answer.tokens

    def _refresh(self) -> None:
        answer = self._insist("/refresh", None, self._tokens)
        self._expect(answer, 200, "refresh")
        self._tokens = answer.tokens

    def _sign_out(self) -> None:
        self._expect(self._insist("/sign-out", None, self._tokens), 200, "sign-out")
        self.ended.append(self._tokens)
        self._sign_in()

    def _change_password(self) -> None:
        email, current = self.accounts[-1]
        new = f"sentence number {self._random.random()}"
        body = {"current_password": current, "new_password": new}
        answer = self._insist("/change-password", body, self._tokens)
        self.accounts[-1] = (email, new)
        self.ended.append(self._tokens)
        if answer.status == 401:  # it was changed, which ended this session, and the answer lost
            self._sign_in()
            return
        self._expect(answer, 200, "change of password")
        self._tokens = answer.tokens

    def _insist(self, path: str, body: object, cookies: dict[str, str]) -> Answer:
        """Ask until there is an answer, as a person does."""
        while True:
            try:
                answer = self._browser.post(path, body, cookies=cookies)
            except (OSError, http.client.HTTPException):
                answer = None
            if answer is not None and answer.status != 503:
                self.acknowledged += 1
                return answer
            if self._enough.is_set():
                self._tokens = {}  # nobody knows
                if self.accounts and path == "/change-password":
                    self.accounts.pop()
                raise Enough
            time.sleep(0.01)

    def _expect(self, answer: Answer, status: int, what: str) -> None:
        if answer.status != status:
            self.failures.append(f"{what}: {answer.status} {answer.body!r}")
            raise Enough


@contextmanager
def people_at(url: str, database_url: str) -> Iterator[Callable[[], int]]:
    """Keep four of them busy; afterwards, verify. Gives how much was acknowledged so far."""
    people = [Person(url, f"person{number}") for number in range(4)]
    for person in people:
        person.start()
    try:
        yield lambda: sum(person.acknowledged for person in people)
    finally:
        for person in people:
            person.stop()
    for person in people:
        person.verify()
    for email in [email for person in people for email in person.made_unanswered]:
        sessions = "SELECT count(*) FROM authingo_sessions s JOIN authingo_users u"
        whole = f"{sessions} ON u.id = s.user_id WHERE u.email = '{email}'"
        assert execute(database_url, whole) == [(1,)], "the user, and the session that came along"


def wait_for(acknowledged: Callable[[], int], more: int) -> None:
    """Wait until so much more was acknowledged, then a random moment."""
    goal = acknowledged() + more
    deadline = time.monotonic() + 60
    while acknowledged() < goal:
        assert time.monotonic() < deadline, "nothing is acknowledged any more"
        time.sleep(0.005)
    time.sleep(random.random() / 20)


def test_a_killed_server_loses_nothing(authingo: Runner) -> None:
    authingo.env["AUTHINGO_SESSIONS__REFRESH_GRACE"] = str(LONG_GRACE)
    server = Served(authingo)
    try:
        with people_at(server.browser.url, authingo.env["AUTHINGO_DATABASE_URL"]) as acknowledged:
            for _ in range(KILLS):
                wait_for(acknowledged, 20)
                server.end(signal.SIGKILL)
                server = Served(authingo, port=server.port)
            wait_for(acknowledged, 20)
    finally:
        server.end()


def test_a_killed_database_loses_nothing(own: BundledServer) -> None:
    url = own.create_database()
    settings = {
        "database_url": url,
        "passwords": {"bcrypt_cost": 4},
        "sessions": {"refresh_grace": LONG_GRACE},
    }
    migrate(url)
    server = LiveServer(lambda own_url: settings_from({**settings, "public_url": own_url}))
    try:
        with people_at(server.url, url) as acknowledged:
            for _ in range(KILLS):
                wait_for(acknowledged, 20)
                own.halt(signal.SIGKILL)
                own.start()
            wait_for(acknowledged, 20)
    finally:
        server.stop()
        own.drop_database(url)


def migrate(url: str) -> None:
    """Bring a schema up to date, and prove that it is the one this program works with."""

    async def run() -> None:
        store = open_store(Settings(database_url=url))
        await store.open(create=True)
        await store.migrate()
        assert (await store.schema()).pending == ()
        await store.users.page(limit=1)
        await store.close()

    asyncio.run(run())


MIGRATION = """
import asyncio, sys
from authingo.config import Settings
from authingo.stores import open_store

async def main():
    store = open_store(Settings(database_url=sys.argv[1]))
    await store.open(create=True)
    await store.schema()
    print("ready", flush=True)
    await store.migrate()

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_migration_leaves_nothing_behind(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The next one finishes it, and comes to the same schema as one that nobody killed."""
    schemas = set()
    longest = 0.0
    for number in range(KILLS + 1):
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path}/{number}.db"
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            url = server.create_database()
        process = subprocess.Popen(
            [sys.executable, "-c", MIGRATION, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            began = time.monotonic()
            if longest:  # the first one may finish, and shows how long it takes
                time.sleep(random.random() * longest)
                process.kill()
            process.wait(60)
        longest = longest or time.monotonic() - began
        migrate(url)
        schemas.add(schema_of(url))
        if kind == "postgres":
            server.drop_database(url)
    assert len(schemas) == 1


def schema_of(url: str) -> str:
    if url.startswith("sqlite:"):
        return repr(execute(url, "SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2"))
    columns = "SELECT table_name, column_name, data_type FROM information_schema.columns"
    indexes = "SELECT indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'"
    ours = f"{columns} WHERE table_schema = 'public' UNION ALL {indexes} ORDER BY 1, 2"
    return repr(execute(url, ours))
