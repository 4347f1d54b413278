"""Send requests to a running server as a stranger would, without cookies.

Redirects are not followed. The server's certificate is verified with those that this machine
trusts (or SSL_CERT_FILE). An answer is read up to a limit of bytes and of time, whatever the
server does.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any

from authingo.config import Settings

from ..browsers.places import Place

_TIMEOUT = 10.0  # seconds for one read
_DEADLINE = 20.0  # seconds for a whole answer, however slowly it arrives
_SHOWN = 200  # characters of anything that a message may repeat
_MOST = 256 * 1024  # bytes of a body that are read


class Unreachable(Exception):
    """There was no answer; the message says why, and the hint what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a server."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return all values of a header. Its name is given in lower case."""
        return [value for key, value in self.headers if key.lower() == name]

    def first(self, name: str) -> str:
        """Return the first value of a header, cut to what can be shown; "" if it is missing."""
        return next(iter(self.all(name)), "")[:_SHOWN]

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is not one."""
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(self.body)
            if isinstance(value, dict):
                return value
        return {}

    @property
    def code(self) -> str:
        """The error code of authingo; "" if there is none."""
        return str(self.json.get("code", ""))[:_SHOWN]

    def repeats(self, text: str) -> bool:
        """Return whether the answer contains a text anywhere, in upper or lower case."""
        everything = self.body.decode("latin-1") + "".join(value for _, value in self.headers)
        return text.lower() in everything.lower()


class Server:
    """One server under one base path. `marker` is a text that no answer may repeat."""

    def __init__(self, address: Place, settings: Settings) -> None:
        self.address = address
        self.settings = settings
        self.base = address.path.rstrip("/") or settings.base_path
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
        """Send a browser's preflight for a page of this origin that wants to sign in."""
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-authingo-client",
        }
        return self.ask("OPTIONS", "/sign-in", headers)


def ask(
    server: Place,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request on a connection of its own.

    Raises:
        Unreachable: it cannot be connected, its certificate is not trusted, it does not speak
            HTTP, or it is too slow.
    """
    late = threading.Event()
    connection = None
    try:
        connection = _connection(server)
        connection.connect()
        # Pass the socket itself: `connection.sock` is gone once an answer closes the connection.
        deadline = threading.Timer(_DEADLINE, _hang_up, [connection.sock, late])
        deadline.daemon = True
        deadline.start()
        try:
            sent = {"User-Agent": "authingo-doctor", **(headers or {})}
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, tuple(response.getheaders()), response.read(_MOST))
        finally:
            deadline.cancel()
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        raise (_late() if late.is_set() else _why(error)) from None
    finally:
        if connection is not None:
            connection.close()
    if late.is_set():  # the part that was read until then looks like a whole answer
        raise _late()
    return answer


def _why(error: Exception) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"its certificate is not trusted: {error.verify_message}",
            "browsers would warn too; for a private authority set SSL_CERT_FILE",
        )
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "no reason given"
        return Unreachable(f"TLS failed: {reason}", "is it https at that port?")
    if isinstance(error, TimeoutError):
        return _late()
    if isinstance(error, http.client.HTTPException):
        kind = type(error).__name__
        return Unreachable(f"what answers does not speak HTTP ({kind})", "is it https, or not?")
    if isinstance(error, OSError):
        reason = error.strerror or type(error).__name__
        hint = "is it running, and is the address right?"
        return Unreachable(f"it cannot be reached: {reason}", hint)
    return Unreachable("the host name is not valid", "is the address right?")


def _connection(server: Place) -> http.client.HTTPConnection:
    # Always give a port, or http.client takes the end of an IPv6 address for one.
    if server.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            server.host, server.port or 443, timeout=_TIMEOUT, context=context
        )
    return http.client.HTTPConnection(server.host, server.port or 80, timeout=_TIMEOUT)


def _late() -> Unreachable:
    return Unreachable("it did not answer in time", "is it overloaded, or behind a firewall?")


def _hang_up(sock: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
