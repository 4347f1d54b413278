"""Check a running server from outside, without a credential.

No request can sign a user in or out: none has a cookie, and those to `/sign-in` have a body
that is refused before anything is looked up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime

from authingo.config import Settings
from authingo.findings import Finding, fail, ok, warn

from ..browsers.places import Place
from . import clients, defences
from .asking import Answer, Server, Unreachable, ask

_SLOW_CLOCK = 5  # seconds


def examine(address: Place, settings: Settings) -> Iterator[Finding]:
    """Check the server. If it is not authingo, nothing else is checked."""
    server = Server(address, settings)
    yield from _transport(server)
    try:
        began = time.time()
        health = server.ask("GET", "/health")
        ended = time.time()
        session = server.ask("GET", "/session")
    except Unreachable as error:
        yield fail("reachable", f"{address.origin}: {error}", error.hint)
        return
    yield (who := _who(server, health, session))
    if who.status == "fail":
        return
    yield _health(health)
    yield _clock(health, began, ended)
    yield _caching([health, session])
    try:
        if health.status == 200:
            yield clients.examine(server, health)
        yield from defences.examine(server)
    except Unreachable as error:
        yield fail("interrupted", f"it answered, and then: {error}", error.hint)
    yield from _strict_transport(server, session)


def _transport(server: Server) -> Iterator[Finding]:
    if server.address.plain:
        yield fail(
            "transport",
            f"{server.address.origin} is plain http: tokens and passwords can be read on the way",
            "serve it by https (ASVS 5.0 V12.2.1)",
        )


def _who(server: Server, health: Answer, session: Answer) -> Finding:
    """Return whether authingo answers, and if not, what seems to answer instead."""
    name, where = "reachable", f"{server.address.origin}{server.base}"
    if session.code in {"no_session", "store_unavailable"}:  # `_health` reports the second
        return ok(name, f"authingo answers at {where}")
    kind = health.first("content-type").partition(";")[0].strip().lower()
    if 300 <= health.status < 400:
        return fail(
            name,
            f"{where} is a redirect ({health.status}): authingo never redirects",
            "give the address that it leads to, and set public_url to that",
        )
    if health.status in {502, 503, 504} and not health.json:
        return fail(
            name,
            f"a proxy answers {health.status}: it cannot reach the server behind it",
            "is the server running, and does the proxy know its address?",
        )
    if kind == "text/html":
        return fail(
            name,
            f"{where} is answered by a page ({health.status}, HTML), not by authingo",
            f"{server.base} is probably routed to the front end: route it to the API, or set "
            "base_path to where the API is",
        )
    if health.status == 404:
        return fail(
            name,
            f"something answers, and has nothing at {server.base} (404)",
            "name the base path in --url, or set base_path to the path that browsers see; "
            "where a proxy strips a prefix of it, name the prefix to the server: "
            "uvicorn --root-path /prefix",
        )
    return fail(
        name,
        f"what answers at {where} is not authingo ({health.status})",
        "is it another program, or a proxy that asks for a sign-in of its own?",
    )


def _health(health: Answer) -> Finding:
    if health.status == 200:
        return ok("health", "the server reaches its database")
    return fail(
        "health",
        f"the server answers {health.status}: it does not reach its database, or the schema is "
        "behind",
        "run `authingo doctor` on the server, without --url",
    )


def _clock(answer: Answer, began: float, ended: float) -> Finding:
    try:
        theirs = parsedate_to_datetime(answer.first("date")).timestamp()
    except (ValueError, OverflowError):
        return warn(
            "server_clock", "it sends no Date header", "let the server or its proxy send it"
        )
    difference = max(began - theirs - 1, theirs - ended, 0.0)  # Date has whole seconds
    if difference > _SLOW_CLOCK:
        return warn(
            "server_clock",
            f"the server's clock differs from this machine's by {difference:,.0f} s",
            "synchronize both by NTP",
        )
    return ok("server_clock", "the server's clock is this machine's, within seconds")


def _caching(answers: list[Answer]) -> Finding:
    for answer in answers:
        if "no-store" not in answer.first("cache-control") or answer.all("age"):
            return fail(
                "caching",
                "an answer may be cached: a user could be shown another user's session",
                "let the proxy pass Cache-Control: no-store on, and cache nothing below "
                "the base path (ASVS 5.0 V14.3.2)",
            )
        if answer.first("x-content-type-options").lower() != "nosniff":
            return warn(
                "caching",
                "X-Content-Type-Options: nosniff is lost on the way",
                "let the proxy pass it on (ASVS 5.0 V3.4.4)",
            )
    return ok("caching", "no-store and nosniff on every answer")


def _strict_transport(server: Server, answer: Answer) -> Iterator[Finding]:
    """HSTS, and whether the API also answers over plain http (ASVS 5.0 V3.4.1, V3.7.4)."""
    if server.address.scheme != "https":
        return
    sent = answer.first("strict-transport-security")
    if not re.search(r"\bmax-age\s*=\s*\"?0*[1-9]", sent, re.IGNORECASE):
        yield warn(
            "hsts",
            ("Strict-Transport-Security is turned off" if sent else "no Strict-Transport-Security")
            + ": a first visit by http can be intercepted",
            "let the proxy send Strict-Transport-Security: max-age=31536000; includeSubDomains",
        )
    else:
        yield ok("hsts", sent)
    if server.address.port is None:
        yield _in_the_clear(server)


def _in_the_clear(server: Server) -> Finding:
    plain = replace(server.address, scheme="http")
    try:
        answer = ask(plain, "GET", f"{server.base}/health")
    except Unreachable:
        return ok("plain_http", "nothing answers on plain http")
    if 300 <= answer.status < 400 and answer.first("location").startswith("https://"):
        return ok("plain_http", "plain http leads to https")
    if answer.status == 200 or answer.code:
        return fail(
            "plain_http",
            f"http://{server.address.host} is answered by the API too, in the clear",
            "let the proxy redirect pages to https, and refuse the API's routes",
        )
    return ok("plain_http", f"plain http gets {answer.status}")
