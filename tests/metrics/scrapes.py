"""What a scrape says, as numbers by series."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest

from authingo import Auth
from tests.server import Browser

Scrape = dict[str, float]
Requests = dict[tuple[str, str, str], float]  # by method, route and outcome


def scraped(port: int) -> Scrape:
    """Ask as Prometheus does; {} if nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200
        return read_scrape(answer.read().decode())
    except OSError:
        return {}
    finally:
        connection.close()


def shown_by(auth: Auth) -> Scrape:
    """Return what a registry has in which a program has registered the metrics."""
    registry = CollectorRegistry()
    registry.register(cast("Any", auth.metrics))
    return read_scrape(generate_latest(registry).decode())


def read_scrape(text: str) -> Scrape:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    found = {series: float(number) for series, _, number in lines}
    assert len(found) == len(lines), "a series is there twice"
    return found


def counters(scrape: Scrape) -> Scrape:
    """Return all that must never go back."""
    counting = re.compile(r"\w+_(total|bucket|count)\b")
    return {name: number for name, number in scrape.items() if counting.match(name)}


def requests(scrape: Scrape) -> Requests:
    """Return the requests that there were."""
    pattern = r'authingo_requests_total\{method="(.*)",outcome="(.*)",route="(.*)"\}'
    found = {re.fullmatch(pattern, name): number for name, number in scrape.items()}
    return {(one[1], one[3], one[2]): number for one, number in found.items() if one and number}


def checks(scrape: Scrape) -> dict[str, float]:
    """Return the session checks by source."""
    return {
        source: scrape[f'authingo_session_checks_total{{source="{source}"}}']
        for source in ("memory", "store")
    }


def use_everything(browser: Browser, until_sent: Callable[[], object]) -> Requests:
    """Sign up and in, fail, reach a limit, get a mail; return the requests that these were."""
    ada = browser.sign_up(email="ada@secret.example")
    session = ada.json["session"]["id"]
    stranger = Browser(browser.url)
    for expected in [401] * 5 + [429]:
        assert stranger.sign_in(email="eve@secret.example").status == expected
        stranger.cookies.clear()
    assert browser.sign_in(email="ada@secret.example", password="wrong").status == 401
    assert browser.request("DELETE", "/sessions/ses_01k866v5ih3uqn40sv7ueq5tq7").status == 404
    assert browser.get("/users/ada@secret.example").status == 404
    assert browser.request("PUT", f"/sessions/{session}").status == 405
    until_sent()
    return {
        ("POST", "/sign-up", "ok"): 1,
        ("POST", "/sign-in", "invalid_credentials"): 6,
        ("POST", "/sign-in", "too_many_requests"): 1,
        ("DELETE", "/sessions/{id}", "not_found"): 1,
        ("other", "other", "not_found"): 1,
        ("other", "/sessions/{id}", "method_not_allowed"): 1,
    }
