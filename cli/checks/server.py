"""A running server, from outside: what anybody can see of it, without a credential.

Nothing is tried that could sign anybody in or out: the requests carry no cookie, and
those to `/sign-in` a body that is refused before anything is looked up.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime

from authingo.config import Settings
from authingo.findings import Finding, fail, ok, warn

from .asking import Answer, Unreachable, ask
from .set_cookies import cookies
from .sites import Address

CLIENT = {"X-Authingo-Client": "true"}
FOREIGN = "https://authingo-doctor.invalid"  # nobody's, for ever (RFC 6761 §6.4)
_SLOW_CLOCK = 5  # seconds


class Server:
    """One server under one base path; `marker` is what nothing may ever repeat."""

    def __init__(self, address: Address, settings: Settings) -> None:
        self.address = address
        self.settings = settings
        self.base = address.path or settings.base_path
        self.marker = "probe-" + secrets.token_hex(6)

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Send one request below the base path."""
        return ask(self.address, method, self.base + path, headers, body)

    def preflight(self, origin: str) -> Answer:
        """Ask, as a browser does for a page of that origin, whether it may sign in."""
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-authingo-client",
        }
        return self.ask("OPTIONS", "/sign-in", headers)


def examine(address: Address, settings: Settings) -> Iterator[Finding]:
    """Look at the server; where it is no authingo, that is all there is to say."""
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
        yield (header := _client_header(server))
        for look in _WITH_HEADER if header.status == "ok" else ():
            yield from look(server)
        for look in (_trusted_origins, _paths, _host):
            yield from look(server)
    except Unreachable as error:
        yield fail("interrupted", f"it answered, and then: {error}", error.hint)
    yield from _strict_transport(server, session)


def _transport(server: Server) -> Iterator[Finding]:
    if server.address.scheme == "http" and not server.address.loopback:
        yield fail(
            "transport",
            f"{server.address.origin} is plain http: tokens and passwords can be read on the way",
            "serve it by https (ASVS 5.0 V12.2.1)",
        )


def _who(server: Server, health: Answer, session: Answer) -> Finding:
    """Tell whether authingo answers, and if not, who seems to."""
    name, where = "reachable", f"{server.address.origin}{server.base}"
    if session.code == "no_session":
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
            "name the base path in --url, or set base_path; a proxy must pass it on unchanged",
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
    except ValueError:
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


def _client_header(server: Server) -> Finding:
    """The header that no form and no foreign page can send must be demanded, and must arrive."""
    name = "client_header"
    without = server.ask("POST", "/sign-out")
    if (without.status, without.code) != (403, "missing_client_header"):
        return fail(
            name,
            f"a request without X-Authingo-Client got {without.status} and not 403 "
            "missing_client_header; what needs it was not looked at",
            "something in between adds the header, or answers by itself: let it pass on what came",
        )
    if server.ask("POST", "/sign-out", CLIENT).code == "missing_client_header":
        return fail(
            name,
            "X-Authingo-Client is lost on the way: every request is refused",
            "let the proxy pass unknown headers on",
        )
    return ok(name, "X-Authingo-Client is demanded, and arrives")


def _cookies(server: Server) -> Iterator[Finding]:
    """Signing out clears both cookies, with the attributes that they are set with."""
    answer = server.ask("POST", "/sign-out", CLIENT)
    if answer.status == 200:
        yield from cookies(server.address, server.base, answer, server.settings)
    else:
        yield fail(
            "cookies",
            f"POST /sign-out without a cookie got {answer.status} {answer.code}".rstrip(),
            "under a loopback public_url the address in --url must be loopback too",
        )


def _foreign_origin(server: Server) -> Iterator[Finding]:
    """Pages of others may neither ask nor read (ASVS 5.0 V3.4.2, V3.5.1)."""
    for name, origin in (("foreign_origin", FOREIGN), ("null_origin", "null")):
        asked = server.ask("POST", "/sign-out", {"Origin": origin, **CLIENT})
        preflight = server.preflight(origin)
        read = server.ask("GET", "/session", {"Origin": origin})
        allowed = {
            value
            for answer in (asked, preflight, read)
            for value in answer.all("access-control-allow-origin")
        }
        if allowed & {origin, "*"}:
            yield fail(
                name,
                f"CORS lets a page of {origin} read answers: its origin is "
                f"{'reflected' if origin in allowed else 'covered by *'}",
                "leave CORS to authingo (auth.install), or list origins exactly; "
                "no proxy may add Access-Control-Allow-Origin",
            )
        elif asked.code != "origin_not_allowed":
            yield fail(
                name,
                f"a request with Origin: {origin} got {asked.status} and not 403 "
                "origin_not_allowed",
                "no proxy may remove or change Origin",
            )
        else:
            yield ok(name, f"a page of {origin} can neither ask nor read")


def _trusted_origins(server: Server) -> Iterator[Finding]:
    """Trusted pages may, as far as this configuration is that of the server."""
    for origin in server.settings.trusted_origins:
        answer = server.preflight(origin)
        allowed = answer.all("access-control-allow-origin")
        headers = answer.first("access-control-allow-headers").lower()
        credentials = answer.first("access-control-allow-credentials")
        if allowed == [origin] and credentials == "true" and "x-authingo-client" in headers:
            yield ok("trusted_origin", f"{origin} may ask and read, with cookies")
        elif len(allowed) > 1:
            yield fail(
                "trusted_origin",
                "Access-Control-Allow-Origin is sent twice: browsers refuse that",
                "a proxy or another CORS middleware adds one: leave it to authingo",
            )
        else:
            yield fail(
                "trusted_origin",
                f"the preflight of {origin} got {answer.status} without what a browser needs",
                "does the server have this configuration? a proxy must pass OPTIONS on",
            )


def _errors(server: Server) -> Iterator[Finding]:
    """Errors are JSON with a code, and repeat nothing (ASVS 5.0 V16.5.1; CWE-79, CWE-209)."""
    sent = {"Content-Type": "application/json", **CLIENT}
    unknown = json.dumps({server.marker: server.marker}).encode()
    tried = (
        ("invalid_input", server.ask("POST", "/sign-in", sent, unknown)),
        ("invalid_json", server.ask("POST", "/sign-in", sent, server.marker.encode())),
        ("not_found", server.ask("GET", f"/{server.marker}?{server.marker}")),
    )
    for code, answer in tried:
        if answer.code != code:
            yield fail(
                "errors",
                f"where authingo answers {code}, there came {answer.status} "
                f"{answer.first('content-type').partition(';')[0]}",
                "something in between replaces error answers: clients need the code in them",
            )
            return
        if answer.repeats(server.marker):
            yield fail(
                "errors",
                f"the answer {code} repeats what was sent",
                "look for middleware that writes error answers",
            )
            return
    yield ok("errors", "errors are JSON with a code, and repeat nothing")


_WITH_HEADER = (_cookies, _foreign_origin, _errors)


def _paths(server: Server) -> Iterator[Finding]:
    answer = server.ask("GET", "/health/")
    if 300 <= answer.status < 400:
        yield warn(
            "paths",
            "a trailing slash is redirected: the redirect can drop headers and change the method",
            "turn the proxy's or the application's slash redirect off for the routes",
        )
    else:
        yield ok("paths", "a path is matched exactly, nothing redirects")


def _host(server: Server) -> Iterator[Finding]:
    """A Host of the attacker's must not come back in an address (ASVS 5.0 V4.2.4; CWE-644)."""
    host = f"{server.marker}.invalid"
    for path in ("/session", "/health/"):
        answer = server.ask("GET", path, {"Host": host, "X-Forwarded-Host": host})
        if answer.repeats(server.marker):
            yield fail(
                "host_header",
                f"the answer to GET {server.base}{path} repeats a Host header that somebody made "
                "up: links and redirects can be poisoned",
                "let the proxy refuse hosts that it does not know",
            )
            return
    yield ok("host_header", "a Host header that somebody made up is not repeated")


def _caching(answers: list[Answer]) -> Finding:
    for answer in answers:
        if "no-store" not in answer.first("cache-control") or answer.all("age"):
            return fail(
                "caching",
                "an answer may be cached: somebody could be shown another one's session",
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
    """HSTS, and what answers in the clear beside it (ASVS 5.0 V3.4.1, V3.7.4)."""
    if server.address.scheme != "https":
        return
    if not answer.first("strict-transport-security"):
        yield warn(
            "hsts",
            "no Strict-Transport-Security: a first visit by http can be intercepted",
            "let the proxy send Strict-Transport-Security: max-age=31536000; includeSubDomains",
        )
    else:
        yield ok("hsts", answer.first("strict-transport-security"))
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
    if answer.status == 200:
        return fail(
            "plain_http",
            f"http://{server.address.host} is answered by the API too, in the clear",
            "let the proxy redirect pages to https, and refuse the API's routes",
        )
    return ok("plain_http", f"plain http gets {answer.status}")
