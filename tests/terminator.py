"""What terminates TLS in front of a server and says as much about its clients as a test wants.

By itself it adds no header, as nginx does unless its configuration says otherwise.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_REQUEST = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem"
    " -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
)


@dataclass
class Terminator:
    """Where it listens, its certificate, and the header lines that it adds to each request."""

    port: int
    certificate: Path
    adds: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


@contextlib.contextmanager
def terminating(directory: Path, target: int) -> Iterator[Terminator]:
    """Listen on a free port until the end, and pass connections on to a port of this machine."""
    try:
        subprocess.run(
            ["openssl", *_REQUEST.split()], cwd=directory, check=True, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("openssl makes the certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    front = Terminator(listener.getsockname()[1], directory / "cert.pem")
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed: the end
                return
            threads.append(threading.Thread(target=_serve, args=(client, context, front, target)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield front
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for thread in threads:
            thread.join()


def _serve(client: socket.socket, context: ssl.SSLContext, front: Terminator, target: int) -> None:
    """Pass one request on, and the answer back; `Connection: close` ends it on both sides."""
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(client, server_side=True) as near,
        socket.create_connection(("127.0.0.1", target), timeout=30) as far,
    ):
        near.settimeout(30)
        reader = near.makefile("rb")
        line = reader.readline()
        headers = [*iter(reader.readline, b"\r\n")]
        added = [f"{one}\r\n".encode() for one in (*front.adds, "Connection: close")]
        length = next(
            (int(one[15:]) for one in headers if one.lower()[:15] == b"content-length:"), 0
        )
        far.sendall(b"".join([line, *headers, *added, b"\r\n", reader.read(length)]))
        while data := far.recv(65536):
            near.sendall(data)
