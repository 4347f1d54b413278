"""A server that is used for long does not grow: requests of every kind, hung-up ones included."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.command import Runner, Served
from tests.server import ADA, CLIENT

_SECONDS = float(os.environ.get("AUTHINGO_TEST_SECONDS", "4"))
_ROUND = 25  # rounds of ten requests by each of four clients, between two looks at the memory
_FLAT = 8  # MB that it may grow, however long the run: pools and arenas settle late
_HEADERS = {**CLIENT, "Content-Type": "application/json"}
_numbers = itertools.count()


def test_memory_stays_flat(authingo: Runner) -> None:
    server = Served(authingo)
    try:
        with ThreadPoolExecutor(4) as clients:

            def use_it() -> float:
                list(clients.map(use, [server.port] * 4))
                return megabytes(server.process.pid)

            for _ in range(4):  # pools, caches and interned strings are made
                settled = use_it()
            deadline = time.monotonic() + _SECONDS
            sizes = [use_it()]
            while time.monotonic() < deadline:
                sizes.append(use_it())
        assert min(sizes[-3:]) < settled + _FLAT, [settled, *sizes]
    finally:
        server.end()


def use(port: int) -> None:
    """One client: signs up, then goes round and round on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    email = f"user{next(_numbers)}@example.com"
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, body: dict[str, str] | None = None) -> int:
        headers = dict(_HEADERS)
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        raw = json.dumps(body) if body is not None else None
        connection.request(method, f"/api/auth{path}", raw, headers)
        response = connection.getresponse()
        for name, value in response.getheaders():
            if name == "set-cookie":
                key, _, token = value.partition(";")[0].partition("=")
                cookies[key] = token
        response.read()
        return response.status

    assert ask("POST", "/sign-up", {**ADA, "email": email}) == 200
    for _ in range(_ROUND):
        for _ in range(4):
            assert ask("GET", "/session") == 200
        assert ask("POST", "/refresh") == 200
        assert ask("POST", "/refresh", {"unknown": "field"}) == 422
        assert ask("GET", "/nowhere") == 404
        assert ask("POST", "/sign-in", {"email": email, "password": ADA["password"]}) == 200
        assert ask("DELETE", "/sessions") == 200
        hang_up(port, email)
    connection.close()


def hang_up(port: int, email: str) -> None:
    """Ask for something that takes a while, and do not wait for it."""
    body = json.dumps({"email": email, "password": "not the password"}).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in _HEADERS.items())
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            f"POST /api/auth/sign-in HTTP/1.1\r\nHost: localhost\r\n{head}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )


def megabytes(process: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
