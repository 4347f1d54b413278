"""What can be asked the same two things: who is signed in here, and sign me in."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from bench import data
from bench.servers import Program, uvicorn


@dataclass(frozen=True)
class System:
    """A program with its users: how to check a session, and how to sign in."""

    name: str
    program: Program
    check: str  # the path of a session check
    cookie: Callable[[int], str]  # the header that session n sends
    sign_in: str  # the path
    form: bool = False  # signs in by a form, else by JSON

    def credentials(self, user: int) -> str:
        """Make the body of a sign-in."""
        email, password = data.email(user), data.PASSWORD
        if self.form:
            return urlencode({"username": email, "password": password})
        return json.dumps({"email": email, "password": password})

    def sign_in_request(self, port: int, user: int, *, address: str = "") -> str:
        """Make the whole request, as a page of the server itself would send it.

        `address`: where a proxy says that it comes from.
        """
        body = self.credentials(user)
        forwarded = f"X-Forwarded-For: {address}\r\n" if address else ""
        kind = "application/x-www-form-urlencoded" if self.form else "application/json"
        return (
            f"POST {self.sign_in} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Origin: http://127.0.0.1:{port}\r\nX-Authingo-Client: true\r\n"
            f"{forwarded}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )


def authingo(
    application: str,
    database_url: str,
    *,
    cache: bool = True,
    workers: int = 1,
    in_use: bool = False,
) -> Program:
    """Serve one of `bench.applications` on a database; `in_use`: with profile, roles and a hook."""
    environment = {
        "AUTHINGO_DATABASE_URL": database_url,
        "AUTHINGO_PUBLIC_URL": "http://127.0.0.1:{port}",
    }
    if not cache:
        environment["AUTHINGO_SESSIONS__CACHE"] = "0"
    if in_use:
        environment["BENCH_IN_USE"] = "1"
    name = f"bench.applications:{application}"
    if workers > 1:
        command = (sys.executable, "-m", "bench.workers", name, "{port}", str(workers))
        return Program(command, environment)
    return uvicorn(name, environment)


def installed(database_url: str, *, cache: bool = True) -> System:
    """`auth.install` in a FastAPI application."""
    return System(
        "authingo",
        authingo("installed", database_url, cache=cache),
        check="/api/auth/session",
        cookie=data.cookie,
        sign_in="/api/auth/sign-in",
    )


def with_settings(system: System, **variables: str) -> System:
    """Serve it with more variables, named without AUTHINGO_."""
    named = {f"AUTHINGO_{name}": value for name, value in variables.items()}
    environment = {**system.program.environment, **named}
    return replace(system, program=replace(system.program, environment=environment))
