"""A running server seen from outside, as it should be and with one thing wrong at a time."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from authingo.cli.browsers.places import address
from authingo.cli.checks import asking
from authingo.cli.checks.asking import Answer
from authingo.cli.checks.asking import Server as Looked
from authingo.cli.checks.server import _clock, _in_the_clear, _strict_transport, examine
from fastapi import FastAPI

from authingo.config import Settings, settings_from
from authingo.findings import Finding
from tests.cli.test_doctor import diagnosed, failing
from tests.command import Runner
from tests.database import execute
from tests.program import free_port, run_program
from tests.server import LiveServer

Message = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]
Application = Callable[..., Awaitable[None]]
FRONT = "http://127.0.0.1:3000"  # of the same site as the server
PROGRAM = """\
from fastapi import FastAPI
from authingo import Auth
auth = Auth.from_config()
app = FastAPI(lifespan=auth.lifespan)
auth.install(app)
"""
CERTIFICATE = (
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem"
    " -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
)


class Between:
    """What stands in front of a server and does one thing wrong."""

    def __init__(
        self,
        app: Application,
        request: Callable[[Message], Any] = lambda _: None,
        headers: Callable[[Message, Headers], Headers] = lambda _, headers: headers,
        body: Callable[[Message, bytes], bytes] = lambda _, body: body,
        instead: Callable[[Message], tuple[int, Headers, bytes] | None] = lambda _: None,
    ) -> None:
        self.app, self.request, self.headers = app, request, headers
        self.body, self.instead = body, instead

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if (answer := self.instead(scope)) is not None:
            status, headers, body = answer
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        self.request(scope)

        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [one for one in message["headers"] if one[0] != b"content-length"]
                message = {**message, "headers": self.headers(scope, kept)}
            else:
                message = {**message, "body": self.body(scope, message["body"])}
            await send(message)

        await self.app(scope, receive, changed)


def without(name: bytes) -> Callable[[Message], None]:
    def request(scope: Message) -> None:
        scope["headers"] = [one for one in scope["headers"] if one[0] != name]

    return request


def added(name: bytes, value: bytes) -> Callable[[Message], None]:
    def request(scope: Message) -> None:
        scope["headers"] = [*scope["headers"], (name, value)]

    return request


def replaced(name: bytes, change: Callable[[bytes], bytes | None]) -> Any:
    def headers(_: Message, given: Headers) -> Headers:
        changed = [(key, change(value) if key == name else value) for key, value in given]
        return [(key, value) for key, value in changed if value is not None]

    return headers


def sent(scope: Message, name: bytes) -> bytes:
    values: dict[bytes, bytes] = dict(scope["headers"])
    return values.get(name, b"")


def reflecting(scope: Message, given: Headers) -> Headers:
    return [*given, (b"access-control-allow-origin", sent(scope, b"origin") or b"*")]


def only_at(*ends: str) -> Callable[[Message], bool]:
    return lambda scope: scope["path"].endswith(ends)


def page(status: int, where: Callable[[Message], bool] = lambda _: True) -> Any:
    html = [(b"content-type", b"text/html; charset=utf-8")]
    return lambda scope: (status, html, b"<!doctype html>") if where(scope) else None


def redirect(where: Callable[[Message], bool] = lambda _: True) -> Any:
    def instead(scope: Message) -> tuple[int, Headers, bytes] | None:
        to = b"https://" + sent(scope, b"host") + scope["path"].rstrip("/").encode()
        return (307, [(b"location", to)], b"") if where(scope) else None

    return instead


@pytest.fixture
def serve_with(tmp_path: Path) -> Iterator[Callable[..., LiveServer]]:
    """Serve with something in between, on a SQLite file."""
    with contextlib.ExitStack() as stack:

        def start(values: dict[str, Any] | None = None, **wrong: Any) -> LiveServer:
            defaults = {"database_url": f"sqlite:///{tmp_path}/authingo.db", **(values or {})}

            def settings(url: str) -> Settings:
                return settings_from({"public_url": url, **defaults})

            server = LiveServer(settings, lambda auth: Between(_installed(auth), **wrong))
            stack.callback(server.stop)
            return server

        yield start


def _installed(auth: Any) -> Any:
    app = FastAPI()
    auth.install(app)
    return app


def looked_at(server: LiveServer, settings: Settings | None = None) -> dict[str, Finding]:
    found = list(examine(address(server.url), settings or server.auth.settings))
    assert [one.name for one in found if (one.status == "ok") == bool(one.hint)] == []
    return {one.name: one for one in found}


def not_ok(found: dict[str, Finding]) -> list[str]:
    return [one.name for one in found.values() if one.status != "ok"]


def test_a_server_as_it_should_be_passes_and_nothing_is_left_of_it(
    authingo: Runner, serve: Callable[..., LiveServer]
) -> None:
    """As a process, on both stores: no event, no count, no session, no error."""
    server = serve(trusted_origins=[FRONT])
    _, checks = diagnosed(
        authingo,
        "--url",
        f"{server.url}/",
        AUTHINGO_TRUSTED_ORIGINS=f"{FRONT},http://127.0.0.1:4000",
    )
    assert failing(checks) == ["trusted_origin"], "one of the two is not trusted by the server"
    _, checks = diagnosed(authingo, "--url", server.url, AUTHINGO_TRUSTED_ORIGINS=FRONT)
    assert [name for name, one in checks.items() if one["status"] != "ok"] == []
    named = {"client_header", "cookies", "foreign_origin", "trusted_origin", "host_header"}
    assert checks.keys() >= named
    assert "leaves authingo_device" in checks["device_cookie"]["message"]
    for table in ("events", "attempts", "sessions"):
        assert execute(server.database_url, f"SELECT count(*) FROM authingo_{table}") == [(0,)]


WRONG: list[tuple[dict[str, Any], list[str], str]] = [
    ({"request": without(b"x-authingo-client")}, ["client_header"], "lost on the way"),
    ({"request": added(b"x-authingo-client", b"true")}, ["client_header"], "not 403"),
    ({"headers": replaced(b"set-cookie", lambda _: None)}, ["cookies"], "Set-Cookie is lost"),
    (
        {"headers": replaced(b"set-cookie", lambda value: value.replace(b"HttpOnly; ", b""))},
        ["cookies"],
        "HttpOnly is missing",
    ),
    (
        {"headers": replaced(b"set-cookie", lambda value: value.replace(b"Strict", b"Lax"))},
        ["cookies"],
        "SameSite is Lax and should be Strict",
    ),
    (
        {"headers": replaced(b"set-cookie", lambda value: value + b"; Domain=example.com")},
        ["cookies"],
        "does not cover 127.0.0.1",
    ),
    (
        {"headers": replaced(b"set-cookie", lambda value: value.replace(b"/refresh", b""))},
        ["cookies"],
        "Path is /api/auth and should be /api/auth/refresh",
    ),
    (
        {"headers": lambda _, given: [*given, (b"clear-site-data", b'"cache", "cookies"')]},
        ["device_cookie"],
        "also takes authingo_device away",
    ),
    (
        {"headers": lambda _, given: [*given, (b"set-cookie", b"authingo_device=; Max-Age=0")]},
        ["device_cookie"],
        "also takes authingo_device away",
    ),
    ({"headers": reflecting}, ["foreign_origin", "null_origin"], "reflected"),
    (
        {"headers": lambda _, given: [*given, (b"access-control-allow-origin", b"*")]},
        ["foreign_origin", "null_origin"],
        "covered by *",
    ),
    ({"request": without(b"origin")}, ["foreign_origin", "null_origin"], "got 200 and not 403"),
    ({"instead": page(404, only_at("/sign-in"))}, ["errors"], "came 404 text/html"),
    (
        {"body": lambda scope, body: body[:-1] + b', "p": "%s"}' % scope["raw_path"]},
        ["errors"],
        "repeats what was sent",
    ),
    ({"instead": redirect(only_at("/"))}, ["paths", "host_header"], "redirected"),
    (
        {"headers": lambda scope, given: [*given, (b"x-from", sent(scope, b"x-forwarded-host"))]},
        ["host_header"],
        "made up",
    ),
    (
        {"headers": replaced(b"cache-control", lambda _: b"public, max-age=60")},
        ["caching"],
        "may be cached",
    ),
    (
        {"headers": lambda _, given: [*given, (b"age", b"3")]},
        ["caching"],
        "may be cached",
    ),
    (
        {"headers": replaced(b"x-content-type-options", lambda _: None)},
        ["caching"],
        "nosniff is lost",
    ),
]


@pytest.mark.parametrize(("wrong", "named", "says"), WRONG)
def test_what_something_in_between_does_wrong_is_named(
    serve_with: Callable[..., LiveServer], wrong: dict[str, Any], named: list[str], says: str
) -> None:
    found = looked_at(serve_with(**wrong))
    assert not_ok(found) == named
    assert says in found[named[0]].message


@pytest.mark.parametrize(
    ("instead", "says"),
    [
        (page(200), "answered by a page (200, HTML)"),
        (page(404), "answered by a page (404, HTML)"),
        (page(502), "a proxy answers 502"),
        (redirect(), "is a redirect (307)"),
        (lambda _: (404, [], b""), "has nothing at /api/auth (404)"),
        (lambda _: (200, [], b'{"status": "ok"}'), "is not authingo (200)"),
        (lambda _: (200, [], b"["), "is not authingo (200)"),
        (lambda _: (401, [], b'{"code": 7}'), "is not authingo (401)"),
    ],
)
def test_what_is_not_authingo_gets_a_clear_answer(
    serve_with: Callable[..., LiveServer], instead: Any, says: str
) -> None:
    found = looked_at(serve_with(instead=instead))
    assert not_ok(found) == list(found) == ["reachable"]
    assert says in found["reachable"].message


def test_a_base_path_that_is_elsewhere(serve_with: Callable[..., LiveServer]) -> None:
    server = serve_with({"base_path": "/auth"})
    wrong = looked_at(server, settings_from({}))
    assert not_ok(wrong) == ["reachable"]
    found = {one.name: one for one in examine(address(f"{server.url}/auth"), settings_from({}))}
    assert not_ok(found) == []


def test_where_a_proxy_strips_a_prefix_doctor_leads_to_settings_that_work(
    serve_with: Callable[..., LiveServer],
) -> None:
    root = ""

    def strip(scope: Message) -> None:
        scope["path"] = scope["path"].removeprefix("/backend")
        if root:
            scope["path"], scope["root_path"] = root + scope["path"], root

    def examined(server: LiveServer) -> dict[str, Finding]:
        at = address(f"{server.url}/backend/api/auth")
        return {one.name: one for one in examine(at, settings_from({}))}

    found = examined(serve_with(request=strip))
    assert not_ok(found) == ["cookies"]
    assert "should be /backend/api/auth/refresh" in found["cookies"].message
    assert 'base_path = "/backend/api/auth"' in (found["cookies"].hint or "")
    assert "uvicorn --root-path /backend" in (found["cookies"].hint or "")
    half = examined(serve_with({"base_path": "/backend/api/auth"}, request=strip))
    assert not_ok(half) == ["reachable"]
    assert "uvicorn --root-path /prefix" in (half["reachable"].hint or "")
    root = "/backend"  # as uvicorn does with --root-path
    assert not_ok(examined(serve_with({"base_path": "/backend/api/auth"}, request=strip))) == []


def test_a_server_without_its_database_is_seen(serve_with: Callable[..., LiveServer]) -> None:
    server = serve_with({"database_url": "postgresql://u@127.0.0.1:1/x"})
    found = looked_at(server)
    assert not_ok(found) == ["health"]


@contextlib.contextmanager
def saying(say: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen, and do that to whoever comes, until the end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65536)
                    say(connection)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def trickle(connection: socket.socket) -> None:
    """Answer whole and well, a byte at a time: no read is ever late, and all of it is."""
    connection.sendall(b"HTTP/1.0 200 OK\r\ncontent-length: 30\r\n\r\n")
    for _ in range(30):
        threading.Event().wait(0.1)
        connection.sendall(b"x")


def stay_silent(connection: socket.socket) -> None:
    connection.recv(1)


@pytest.mark.parametrize(
    ("say", "scheme", "says"),
    [
        (lambda connection: connection.sendall(b"220 mail.example.com ESMTP\r\n"), "http", "speak"),
        (lambda connection: connection.sendall(b"220 mail.example.com ESMTP\r\n"), "https", "TLS"),
        (lambda _: None, "http", ""),
        (stay_silent, "http", "in time"),
        (trickle, "http", "in time"),
    ],
)
def test_whatever_answers_it_comes_to_an_end(
    say: Any, scheme: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if says == "in time":  # the others are not about it
        monkeypatch.setattr(asking, "_TIMEOUT", 0.3)
        monkeypatch.setattr(asking, "_DEADLINE", 0.6)
    with saying(say) as where:
        found = list(examine(address(f"{scheme}://{where}"), settings_from({})))
    assert [(one.name, one.status) for one in found] == [("reachable", "fail")]
    assert says in found[0].message


def test_an_address_that_cannot_be_asked_fails_in_words() -> None:
    for url in ("http://127.0.0.1:1", "http://no-such-host.invalid", f"http://{'a' * 70}.test"):
        *_, last = examine(address(url), settings_from({}))
        assert (last.name, last.status) == ("reachable", "fail"), url
    remote = next(iter(examine(address("http://no-such-host.invalid"), settings_from({}))))
    assert (remote.name, remote.status) == ("transport", "fail")


def answer(*headers: tuple[str, str], status: int = 200) -> Answer:
    return Answer(status, headers, b"{}")


@pytest.mark.parametrize(
    ("date", "began", "status"),
    [
        ("Thu, 01 Jan 1970 00:01:40 GMT", 100.9, "ok"),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 107.5, "warn"),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0, "warn"),
        ("yesterday", 100.0, "warn"),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", 100.0, "warn"),
    ],
)
def test_the_date_header_tells_the_servers_clock(date: str, began: float, status: str) -> None:
    assert _clock(answer(("Date", date)), began, began + 0.1).status == status


@pytest.mark.parametrize(
    ("plain", "status"),
    [
        (answer(("Location", "https://x.com/api"), status=301), "ok"),
        (answer(("Location", "http://www.x.com/"), status=301), "ok"),
        (answer(status=403), "ok"),
        (answer(status=200), "fail"),
        (Answer(503, (), b'{"code": "store_unavailable"}'), "fail"),
        (asking.Unreachable("", ""), "ok"),
    ],
)
def test_the_api_may_not_answer_in_the_clear_beside_https(
    plain: Answer | Exception, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(server: Any, *_: Any) -> Answer:
        assert (server.scheme, server.host) == ("http", "x.com")
        if isinstance(plain, Exception):
            raise plain
        return plain

    monkeypatch.setattr("authingo.cli.checks.server.ask", ask)
    server = Looked(address("https://x.com"), settings_from({}))
    assert _in_the_clear(server).status == status
    for sent, told in (("", "warn"), ("max-age=0", "warn"), ("max-age=31536000", "ok")):
        hsts = next(iter(_strict_transport(server, answer(("Strict-Transport-Security", sent)))))
        assert (hsts.name, hsts.status) == ("hsts", told)


def test_certificates_are_verified(bare: Runner) -> None:
    """And over https the cookies are Secure, and HSTS is missed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    here = bare.directory
    subprocess.run(
        ["openssl", *CERTIFICATE.split()], cwd=here, capture_output=True, check=True, timeout=60
    )
    (here / "main.py").write_text(PROGRAM)
    port = free_port()
    url = f"https://localhost:{port}"
    bare.env["AUTHINGO_PUBLIC_URL"] = url
    tls = "--ssl-keyfile key.pem --ssl-certfile cert.pem"
    with run_program(here, bare.env, f"uvicorn main:app {tls}", port):
        _, checks = diagnosed(bare, "--url", url)
        assert failing(checks) == list(checks) == ["reachable"]
        assert "certificate is not trusted" in checks["reachable"]["message"]
        _, checks = diagnosed(bare, "--url", url, SSL_CERT_FILE=str(here / "cert.pem"))
        assert [name for name, one in checks.items() if one["status"] != "ok"] == ["hsts"]
        assert "HttpOnly, Secure, SameSite=Lax" in checks["cookies"]["message"]
        assert "leaves __Host-authingo_device" in checks["device_cookie"]["message"]
