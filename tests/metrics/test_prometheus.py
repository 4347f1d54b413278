"""What Prometheus gets, from servers with several processes and from one."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from authingo.fastapi import CurrentUser
from tests.command import Runner, Served
from tests.metrics.scrapes import (
    Scrape,
    checks,
    counters,
    requests,
    scraped,
    shown_by,
    use_everything,
)
from tests.program import free_port, run_program
from tests.server import Browser, LiveServer
from tests.waiting import until

PROGRAM = """\
import os

from fastapi import FastAPI

from authingo import Auth

auth = Auth.from_config()
app = FastAPI(lifespan=auth.lifespan)
auth.install(app)


@app.get("/pid")
async def pid() -> int:
    return os.getpid()
"""


@dataclass
class Workers:
    """A program with two workers."""

    port: int
    metrics_port: int
    mails: Path

    def browser(self) -> Browser:
        return Browser(f"http://127.0.0.1:{self.port}")

    def scrape(self) -> Scrape:
        return scraped(self.metrics_port)

    def pids(self) -> set[int]:
        """Return the processes that answer; the port belongs to all of them."""
        return {int(self.browser().get("/pid", base="").body) for _ in range(30)}

    def has(self, series: str, number: float) -> bool:
        return self.scrape().get(series) == number


@pytest.fixture
def workers(database_url: str, tmp_path: Path, bare_env: dict[str, str]) -> Iterator[Workers]:
    (tmp_path / "main.py").write_text(PROGRAM)
    port, metrics_port, mails = free_port(), free_port(), tmp_path / "mails"
    env = bare_env | {
        "AUTHINGO_DATABASE_URL": database_url,
        "AUTHINGO_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
        "AUTHINGO_MAIL__URL": mails.as_uri(),
        "AUTHINGO_MAIL__FROM": "app@example.com",
        "AUTHINGO_METRICS__LISTEN": f"127.0.0.1:{metrics_port}",
        "AUTHINGO_METRICS__DIRECTORY": str(tmp_path / "shared" / "counts"),
    }
    with run_program(tmp_path, env, "uvicorn main:app --workers 2", port):
        running = Workers(port, metrics_port, mails)
        until(lambda: running.has("authingo_processes", 2), "two workers do not count")
        yield running


def test_one_scrape_has_the_sum_of_all_processes(workers: Workers) -> None:
    ada = workers.browser()
    done = use_everything(
        ada, lambda: until(lambda: [*workers.mails.glob("*.eml")], "no mail was written")
    )
    for _ in range(40):
        assert ada.get("/session").status == 200
    until(lambda: workers.has('authingo_mails_total{outcome="sent"}', 1), "no mail was counted")
    scrape = workers.scrape()
    assert requests(scrape) == {**done, ("GET", "/session", "ok"): 40}
    asked = checks(scrape)
    assert sum(asked.values()) == 40 + 1, "a session is deleted by somebody who has one"
    assert scrape['authingo_refusals_total{limit="sign_in"}'] == 1
    assert scrape['authingo_events_total{event="sign_up"}'] == 1
    assert scrape['authingo_events_total{event="sign_in_failed"}'] == 6
    assert scrape['authingo_mails_total{outcome="failed"}'] == 0
    assert scrape["authingo_hashing_wait_seconds_count"] == 7
    until(lambda: workers.has("authingo_listening_processes", 2), "not both hear of revocations")


def test_a_worker_that_is_killed_takes_no_count_away(workers: Workers) -> None:
    """Whichever it is, the one that listens for Prometheus too."""
    done = use_everything(workers.browser(), lambda: None)
    shown = workers.scrape()
    for _ in range(2):
        before = workers.pids()
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(workers.pids() - {min(before)}) == 2, "no worker took its place")  # noqa: B023
        until(lambda: workers.has("authingo_processes", 2), "it does not count")
        now = workers.scrape()
        assert {name for name, number in counters(shown).items() if now[name] < number} == set()
        assert requests(now) == done
        shown = now
    workers.browser().get("/nothing")
    assert requests(workers.scrape()) == {**done, ("other", "other", "not_found"): 2}


def test_no_label_has_an_identifier(workers: Workers) -> None:
    use_everything(workers.browser(), lambda: None)
    for series in workers.scrape():
        labels = re.findall(r'="([^"]*)"', series)
        assert all(re.fullmatch(r"[A-Za-z0-9_./{}+-]*", one) for one in labels), series
        assert not re.search(r"ses_|usr_|example|127\.0|PUT", " ".join(labels)), series


def test_the_workers_of_authingo_serve_share_their_counts_by_themselves(bare: Runner) -> None:
    port = free_port()
    bare.env["AUTHINGO_METRICS__LISTEN"] = f"127.0.0.1:{port}"
    server = Served(bare, "--workers", "2")
    try:
        until(lambda: scraped(port).get("authingo_processes") == 2, "two workers do not count")
        browser = server.browser
        browser.sign_up()
        for _ in range(30):
            assert browser.get("/session").status == 200
        assert requests(scraped(port))["GET", "/session", "ok"] == 30
    finally:
        server.end()


# One process


def add_guarded_route(server: LiveServer) -> None:
    async def guarded(user: CurrentUser) -> str:
        return user.name

    server.app.add_api_route("/guarded", guarded)


def test_checks_are_counted_where_they_are_answered(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve(metrics={"enabled": True})
    add_guarded_route(server)
    browser = server.browser()
    browser.sign_up()
    assert checks(shown_by(server.auth)) == {"memory": 0, "store": 0}
    browser.get("/session")
    assert checks(shown_by(server.auth)) == {"memory": 0, "store": 1}
    until(
        lambda: browser.get("/session").status == 200 and checks(shown_by(server.auth))["memory"],
        "no check is answered from memory",
    )
    before = shown_by(server.auth)
    for _ in range(20):
        browser.get("/session")
    for _ in range(10):
        assert browser.get("/guarded", base="").status == 200
    now = shown_by(server.auth)
    assert checks(now)["memory"] - checks(before)["memory"] == 30
    assert checks(now)["store"] == checks(before)["store"]
    route = ("GET", "/session", "ok")
    assert requests(now)[route] - requests(before)[route] == 20


def test_the_verbs_of_the_store_are_timed(serve: Callable[..., LiveServer]) -> None:
    server = serve(metrics={"enabled": True})
    browser = server.browser()
    browser.sign_up()
    assert browser.post("/refresh").status == 200
    shown = shown_by(server.auth)
    for verb in ("attempts.count", "users.add_with_session", "sessions.rotate"):
        assert shown[f'authingo_store_seconds_count{{verb="{verb}"}}'] == 1
        assert 0 < shown[f'authingo_store_seconds_sum{{verb="{verb}"}}'] < 30
        assert shown[f'authingo_store_seconds_bucket{{le="+Inf",verb="{verb}"}}'] == 1
        assert shown[f'authingo_store_seconds_bucket{{le="0.001",verb="{verb}"}}'] in {0, 1}


def test_a_second_server_is_refused_the_port_and_serves_all_the_same(
    serve: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    listen = f"127.0.0.1:{free_port()}"
    port = int(listen.rpartition(":")[2])
    first = serve(metrics={"listen": listen})
    until(lambda: scraped(port), "nobody listens")
    second = serve(metrics={"listen": listen})
    until(lambda: "metrics.listen: cannot listen yet" in caplog.text, "nothing was logged")
    assert "several processes need metrics.directory" in caplog.text
    second.browser().sign_up()
    assert not requests(scraped(port))
    first.stop()
    until(lambda: requests(scraped(port)), "the second server did not take over")


def test_off_means_that_nothing_is_there(serve: Callable[..., LiveServer]) -> None:
    auth = serve().auth
    assert auth.store is auth._core.store
    assert type(auth.store).__name__ in {"PostgresStore", "SQLiteStore"}
    assert auth.recall == auth._core.cache.recall
