"""What two HTTP parsers could read differently is refused before anybody acts on it.

A proxy in front and this server must agree where a request ends, or one person's
request is answered to another (request smuggling; ASVS 5.0 V4.2.1). These are sent
byte by byte, because no client library would.
"""

from __future__ import annotations

import json
import socket

import pytest

from tests.database import execute
from tests.server import ADA, LiveServer

_BODY = json.dumps(ADA).encode()
_LENGTH = b"Content-Length: %d" % len(_BODY)
_CHUNKED = b"Transfer-Encoding: chunked"
_CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(_BODY), _BODY)


def request(*lines: bytes, body: bytes = _BODY, target: bytes = b"/api/auth/sign-up") -> bytes:
    """A sign-up that would work but for what the lines add to it."""
    head = [
        b"POST %s HTTP/1.1" % target,
        b"Host: localhost",
        b"Connection: close",
        b"X-Authingo-Client: true",
        b"Content-Type: application/json",
        *lines,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(request(_CHUNKED, _LENGTH, body=_CHUNKS), id="both lengths"),
        pytest.param(request(_LENGTH, _CHUNKED, body=_CHUNKS), id="both lengths, turned round"),
        pytest.param(request(_CHUNKED, _CHUNKED, body=_CHUNKS), id="chunked twice"),
        pytest.param(
            request(b"Transfer-Encoding: chunked, identity", body=_CHUNKS), id="another coding last"
        ),
        pytest.param(request(b"Transfer-Encoding: xchunked", body=_CHUNKS), id="an unknown coding"),
        pytest.param(request(_LENGTH, _LENGTH), id="the same length twice"),
        pytest.param(request(_LENGTH, b"Content-Length: 0"), id="two lengths"),
        pytest.param(request(b"Content-Length: +%d" % len(_BODY)), id="a sign before the length"),
        pytest.param(request(b"Content-Length: -1"), id="a negative length"),
        pytest.param(request(b"Content-Length : %d" % len(_BODY)), id="a space before the colon"),
        pytest.param(request(b"X-Folded: a\r\n b", _LENGTH), id="obs-fold"),
        pytest.param(request(b"X-Split: a\nX-More: b", _LENGTH), id="a bare LF"),
        pytest.param(request(b"X-Split: a\rb", _LENGTH), id="a bare CR"),
        pytest.param(request(b"X-Nul: \0", _LENGTH), id="NUL"),
        pytest.param(request(_CHUNKED, body=b"zz\r\n" + _CHUNKS), id="a chunk without a size"),
        pytest.param(
            request(_CHUNKED, body=b"f" * 18 + b"\r\n" + _BODY), id="a chunk beyond 64 bits"
        ),
        pytest.param(request(_LENGTH, target=b"/api/auth/sign-\xff"), id="a raw byte in the path"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 50, id="TLS"),
    ],
)
def test_an_ambiguous_request_is_refused(server: LiveServer, sent: bytes) -> None:
    answer = send(server, sent)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert_nothing_happened(server, answer)


def test_a_second_host_is_refused(server: LiveServer) -> None:
    answer = send(server, request(b"Host: evil.example", _LENGTH))
    assert answer.startswith(b"HTTP/1.1 403 "), answer
    assert_nothing_happened(server, answer)


def test_a_target_that_names_another_host_is_still_this_server(server: LiveServer) -> None:
    answer = send(server, request(_LENGTH, target=b"http://evil.example/api/auth/sign-up"))
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert b"evil.example" not in answer


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([b"X-%d: y" % number for number in range(10_000)], id="ten thousand fields"),
        pytest.param([b"Cookie: " + b"authingo_session=a; " * 50_000], id="a megabyte of cookies"),
        pytest.param([b"X-Large: " + b"a" * 8_000_000], id="eight megabytes in one field"),
        pytest.param([b"X-Forwarded-For: " + b"1.2.3.4, " * 100_000], id="a long way here"),
        pytest.param([b"Origin: " + b"http://a@" * 100_000], id="a long origin"),
    ],
)
def test_excess_is_answered_and_the_server_lives(server: LiveServer, lines: list[bytes]) -> None:
    for target in (b"/api/auth/sign-in", b"/api/auth/refresh", b"/api/auth/sign-out"):
        answer = send(server, request(*lines, b"Content-Length: 2", body=b"{}", target=target))
        assert answer.startswith(b"HTTP/1.1 431 "), answer[:200]
    assert server.browser().get("/health").status == 200


def send(server: LiveServer, sent: bytes) -> bytes:
    """Send bytes, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(sent)
        with connection.makefile("rb") as answer:
            return answer.read()


def assert_nothing_happened(server: LiveServer, answer: bytes) -> None:
    assert b"set-cookie" not in answer.lower()
    assert b"ada@example.com" not in answer
    assert execute(server.database_url, "SELECT count(*) FROM authingo_users") == [(0,)]
