"""A real SMTP server on a loopback port, which can be told to fail."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Literal, cast

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.tls import Certificates
from tests.waiting import PATIENCE

Moment = Literal["greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "end", "QUIT"]


@dataclass(frozen=True)
class Fault:
    """What the server does instead of going on.

    Args:
        at: the command, or "end" of the mail that follows DATA.
        how: "hang" says nothing, "drop" ends the connection, anything else is the answer.
        accepted: whether the server has accepted the mail that it fails to answer.
    """

    at: Moment
    how: str
    accepted: bool = False


@dataclass(frozen=True)
class Received:
    """A mail that the server accepted."""

    sender: str
    recipients: list[str]
    raw: bytes
    user: str | None

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)


@dataclass
class SMTPServer:
    """Runs in a thread of its own, so that any test can use it: `with SMTPServer() as server`.

    Args:
        fault: of every connection; may be changed at any time.
        tls: speaks TLS from the first byte, or offers STARTTLS.
        certificates: whose `server.pem` it has.
        credentials: the user and the password that it asks for.
        most: how many mails it takes on one connection, and how it refuses more: "drop" ends the
            connection, "gone" has ended it before, anything else is the answer.
    """

    fault: Fault | None = None
    tls: Literal["none", "starttls", "tls"] = "none"
    certificates: Certificates | None = None
    credentials: tuple[str, str] | None = None
    most: tuple[int, str] | None = None
    received: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)  # such as "RCPT TO:<ada@example.com>"
    hanging: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    _ready: threading.Event = field(default_factory=threading.Event)
    _connections: list[_Connection] = field(default_factory=list)

    def __enter__(self) -> SMTPServer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the mail server did not start"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def url(self, credentials: str = "", host: str = "127.0.0.1") -> str:
        """Return its URL, for `mail.url`."""
        scheme = {"none": "smtp", "starttls": "smtp+starttls", "tls": "smtps"}[self.tls]
        return f"{scheme}://{f'{credentials}@' if credentials else ''}{host}:{self.port}"

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda *_: None)  # connections break on purpose
        self._context = self._make_context()
        tls = self._context if self.tls == "tls" else None
        server = await self._loop.create_server(self._connection, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopped.wait()
        server.close()
        await asyncio.gather(*(one.end() for one in self._connections), return_exceptions=True)

    def _make_context(self) -> ssl.SSLContext | None:
        if self.certificates is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificates["server.pem"], self.certificates["server.key"])
        return context

    def _connection(self) -> SMTP:
        self._connections.append(
            _Connection(
                self,
                loop=self._loop,
                hostname="mail.example",
                tls_context=self._context if self.tls == "starttls" else None,
                auth_require_tls=self.tls == "starttls",  # with the other, it does not notice TLS
                authenticator=self._authenticate,
            )
        )
        return self._connections[-1]

    def _authenticate(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        user, password = given.login.decode(), given.password.decode()
        if (user, password) == self.credentials:
            return AuthResult(success=True, auth_data=given)
        # As a careless server would answer: with everything that it was given.
        refusal = f"535 5.7.8 {user} may not sign in with {password}"
        return AuthResult(success=False, handled=False, message=refusal)

    async def handle_DATA(self, server: _Connection, session: Any, envelope: Any) -> str:
        """Take the mail that followed DATA: what the connection calls."""
        fault = self.fault if self.fault is not None and self.fault.at == "end" else None
        if fault is None or fault.accepted:
            login = session.login_data.decode() if session.login_data else None
            mail = Received(envelope.mail_from, envelope.rcpt_tos, envelope.content, login)
            self.received.append(mail)
            server.taken += 1
        if fault is not None:
            await server.halt(fault.how)
            return fault.how
        if self.most == (server.taken, "gone"):
            await server.push("250 2.0.0 Queued")
            server.leave()
        return "250 2.0.0 Queued"


class _Connection(SMTP):
    """One connection, with the fault of its server."""

    def __init__(self, server: SMTPServer, **options: Any) -> None:
        self._of = server
        self.taken = 0
        super().__init__(server, **options)

    async def end(self) -> None:
        if self.transport is not None:
            cast("asyncio.WriteTransport", self.transport).abort()
        if self._handler_coroutine is not None:
            await self._handler_coroutine

    async def push(self, status: Any) -> None:
        """Answer. The greeting is no answer to a command."""
        raw = status.encode() if isinstance(status, str) else status  # not only ASCII
        if raw.startswith(b"220 mail.example"):
            await self._do("greeting", super().push, raw)
        else:
            await super().push(raw)

    async def smtp_EHLO(self, arg: str) -> None:
        await self._do("EHLO", super().smtp_EHLO, arg)

    async def smtp_STARTTLS(self, arg: str) -> None:
        await self._do("STARTTLS", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:
        await self._do("AUTH", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if self._of.credentials and not (self.session and self.session.authenticated):
            await self.push("530 5.7.0 Authentication required")
        elif self._of.most and self.taken >= self._of.most[0]:
            await self.halt(self._of.most[1])
            await super().push(self._of.most[1].encode())
        else:
            await self._do("MAIL", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str | None) -> None:
        await self._do("RCPT", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:
        await self._do("DATA", super().smtp_DATA, arg)

    async def smtp_QUIT(self, arg: str) -> None:
        await self._do("QUIT", super().smtp_QUIT, arg)

    async def _do(self, moment: Moment, go_on: Callable[[Any], Awaitable[None]], arg: Any) -> None:
        self._of.commands.append(f"{moment} {arg or ''}".strip())
        fault = self._of.fault
        if fault is None or fault.at != moment:
            await go_on(arg)
        else:
            await self.halt(fault.how)
            await super().push(fault.how.encode())

    def leave(self) -> None:
        """End the connection between two mails."""
        cast("asyncio.WriteTransport", self.transport).close()

    async def halt(self, how: str) -> None:
        """Hang or drop the connection, if that is how it fails."""
        if how == "hang":
            self._of.hanging.set()
            await asyncio.Event().wait()
        if how == "drop":
            cast("asyncio.WriteTransport", self.transport).abort()
            await asyncio.Event().wait()  # which is cancelled with the connection
