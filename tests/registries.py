"""Package registries that have never heard of us: what a stranger's machine asks for, it is asked.

They stand in front of the real ones, as the package clients are set up to reach them, refuse every
name of ours and remember what was asked for.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OURS = "authingo"


@dataclass
class Registries:
    """Where they are, as variables for pip and npm, and what they were asked for."""

    variables: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def asked_for_us(self) -> list[str]:
        return [what for what in self.asked if OURS in what.lower()]


@contextlib.contextmanager
def registries_without_us() -> Iterator[Registries]:
    asked: list[str] = []
    with _before(_of_pip(), asked) as pip, _before(_of_npm(), asked) as npm:
        yield Registries({"PIP_INDEX_URL": pip, "npm_config_registry": f"{npm}/"}, asked)


@contextlib.contextmanager
def _before(real: str, asked: list[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            if OURS in self.path.lower():
                self._answer(404)
            else:
                self._answer(302, real + self.path)

        def do_POST(self) -> None:  # npm asks for what is known against packages, by name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            asked.append(f"{self.path} {body.decode()}")
            self._answer(200, body=b"{}")

        def _answer(self, status: int, location: str = "", body: bytes = b"") -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _of_pip() -> str:
    set_up = os.environ.get("PIP_INDEX_URL") or _said_by("config", "get", "global.index-url")
    default = re.search(
        r"Python Package Index\s+\(default\s+(\S+)\)", _said_by("install", "--help")
    )
    assert default is not None
    return (set_up.strip() or default[1]).rstrip("/")


def _said_by(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _of_npm() -> str:
    command = ["npm", "config", "get", "registry"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip().rstrip("/")
