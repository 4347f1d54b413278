"""Check what a running server accepts and reveals.

That concerns the client header, cookies, origins, errors, paths and Host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from authingo.findings import Finding, fail, ok, warn

from .asking import Server
from .set_cookies import cookies

CLIENT = {"X-Authingo-Client": "true"}
FOREIGN = "https://authingo-doctor.invalid"  # reserved, so no site has it (RFC 6761 §6.4)


def examine(server: Server) -> Iterator[Finding]:
    """Run each check. Those that need the client header run only if it arrives.

    Raises:
        Unreachable: the server stopped answering.
    """
    yield (header := _client_header(server))
    if header.status == "ok":
        yield from _cookies(server)
        yield from _foreign_origin(server)
        yield from _errors(server)
    yield from _trusted_origins(server)
    yield from _paths(server)
    yield from _host(server)


def _client_header(server: Server) -> Finding:
    """The server must demand the header that no form or foreign page can send, and receive it."""
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
    """Signing out clears two cookies, with the attributes that they are set with."""
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
    """Foreign pages may neither send requests nor read answers (ASVS 5.0 V3.4.2, V3.5.1)."""
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
    """Pages of trusted origins may do both, if the server has this configuration."""
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
    """No answer may repeat a Host that an attacker chose (ASVS 5.0 V4.2.4; CWE-644)."""
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
