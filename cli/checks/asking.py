"""Asking a running server over HTTP as a stranger would: no cookie, no redirect, no patience.

TLS is verified, by the certificates of the machine (or SSL_CERT_FILE). What comes
back is read up to a bound, and within a time, whatever the server does.
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

from .sites import Address

_TIMEOUT = 10.0  # seconds for one read
_DEADLINE = 20.0  # seconds for a whole answer, however slowly it trickles
_SHOWN = 200  # characters of anything that a message may repeat
_MOST = 256 * 1024  # bytes of a body that are read


class Unreachable(Exception):
    """There was no answer; the message says why, and the hint what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return the values of a header, lower-case name."""
        return [value for key, value in self.headers if key.lower() == name]

    def first(self, name: str) -> str:
        """Return the first value of a header, cut to what can be shown; "" where it is missing."""
        return next(iter(self.all(name)), "")[:_SHOWN]

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(self.body)
            if isinstance(value, dict):
                return value
        return {}

    @property
    def code(self) -> str:
        """What authingo calls the error; "" where there is none."""
        return str(self.json.get("code", ""))[:_SHOWN]

    def repeats(self, text: str) -> bool:
        """Tell whether a text is in it anywhere, in either case."""
        everything = self.body.decode("latin-1") + "".join(value for _, value in self.headers)
        return text.lower() in everything.lower()


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


def ask(
    server: Address,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request on a connection of its own.

    Raises:
        Unreachable: no connection, no trust, no HTTP, or not in time.
    """
    late = threading.Event()
    connection = None
    try:
        connection = _connection(server)
        connection.connect()
        # The socket itself: an answer that closes the connection takes it away from there.
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
    if late.is_set():  # what was read until then looks whole
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
    return Unreachable("there can be no such host", "is the address right?")


def _connection(server: Address) -> http.client.HTTPConnection:
    # With its port: http.client would take the end of an IPv6 address for one.
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
