"""Install the built wheel into an empty environment and sign somebody up with it.

Only the standard library: this runs before anything is installed. Exits with 1
and says why as soon as something is not as the README promises.
"""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COOKIES = ["authingo_device", "authingo_refresh", "authingo_session"]
PROGRAM = """
from authingo import Auth
from fastapi import FastAPI, WebSocket

auth = Auth.from_config()
app = FastAPI()
auth.install(app)


@app.websocket("/ws")
async def ws(socket: WebSocket) -> None:
    await socket.accept()
"""
HANDSHAKE = b"\r\n".join(
    [
        b"GET /ws HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        b"\r\n",
    ]
)
BODY = {"email": "ada@example.com", "password": "correct horse battery", "name": "Ada"}


def main() -> None:
    """Build, install, look, serve, sign up."""
    with tempfile.TemporaryDirectory(prefix="authingo-wheel-") as name:
        directory = Path(name)
        venv.create(directory / "venv", with_pip=True)
        scripts = directory / "venv" / "bin"
        run(scripts / "pip", "wheel", "-q", "--no-deps", "-w", directory, ROOT, cwd=directory)
        (wheel,) = directory.glob("*.whl")
        run(scripts / "pip", "install", "-q", wheel, cwd=directory)
        for top in ("cli", "templates", "tests"):
            found = (scripts / "python", "-c", f"import {top}")
            if (
                subprocess.run(found, cwd=directory, capture_output=True, check=False).returncode
                == 0
            ):
                sys.exit(f"the wheel has a top-level package {top}")
        sign_up(scripts / "authingo", directory)
        open_websocket(scripts / "uvicorn", directory)
    print(
        f"{wheel.name}: installed into an empty environment, signed somebody up, "
        "and opened a WebSocket"
    )


def run(*command: object, cwd: Path) -> None:
    """Run a command that has to succeed."""
    subprocess.run([str(word) for word in command], cwd=cwd, check=True)


def sign_up(command: Path, directory: Path) -> None:
    """Start a server on a free port, and use the address that it prints."""
    server = subprocess.Popen(
        [command, "serve", "--port", "0"], cwd=directory, stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        said = ""
        while (line := server.stderr.readline()) and "Listening" not in line:
            said += line
        address = re.search(r"^ +(http://127\.0\.0\.1:\d+\S*)$", said, re.MULTILINE)
        if address is None:
            sys.exit(f"authingo serve names no address:\n{said}")
        request = urllib.request.Request(
            f"{address[1]}/sign-up",
            json.dumps(BODY).encode(),
            {"Content-Type": "application/json", "X-Authingo-Client": "true"},
        )
        answer = answered(request)
        cookies = [value.partition("=")[0] for value in answer.headers.get_all("Set-Cookie") or []]
        if (answer.status, sorted(cookies)) != (200, COOKIES):
            sys.exit(f"the sign-up answered {answer.status} and set {cookies}")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def open_websocket(command: Path, directory: Path) -> None:
    """Run a program with a WebSocket route, and shake hands with it (RFC 6455 §4.1)."""
    (directory / "main.py").write_text(PROGRAM)
    with socket.create_server(("127.0.0.1", 0)) as listener:  # uvicorn takes it over, listening
        server = subprocess.Popen(
            [command, "main:app", "--fd", str(listener.fileno())],
            cwd=directory,
            pass_fds=[listener.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            with socket.create_connection(listener.getsockname(), timeout=60) as connection:
                connection.sendall(HANDSHAKE)
                status = connection.makefile("rb").readline().decode().strip()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
    if not status.startswith("HTTP/1.1 101 "):
        sys.exit(f"a WebSocket was answered with {status!r}")


def answered(request: urllib.request.Request) -> http.client.HTTPResponse:
    """Send a request to a server that has announced itself and is about to listen."""
    deadline = time.monotonic() + 60
    while True:
        try:
            response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return response


if __name__ == "__main__":
    main()
