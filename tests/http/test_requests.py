"""What the routes refuse, in which order, and that a refusal changes and repeats nothing."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from authingo.http import bodies
from tests.database import execute
from tests.server import ADA, Browser, LiveServer

JSON = {"Content-Type": "application/json"}
POSTS = ["/sign-up", "/sign-in", "/refresh", "/sign-out", "/change-password"]


@pytest.fixture
def browser(server: LiveServer) -> Browser:
    return server.browser()


def test_paths_are_matched_exactly(browser: Browser) -> None:
    for path in ("", "/", "/session/", "//session", "/sign-in/", "/Session", "/nowhere", "/../x"):
        answer = browser.get(path)
        assert (answer.status, answer.code) == (404, "not_found"), path
        assert answer.all("location") == []


def test_a_wrong_method_names_the_right_one(browser: Browser) -> None:
    for method, path, allow in (
        ("GET", "/sign-in", "POST"),
        ("DELETE", "/sign-out", "POST"),
        ("POST", "/session", "GET"),
        ("OPTIONS", "/sign-in", "POST"),
        ("PUT", "/health", "GET"),
    ):
        answer = browser.request(method, path)
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.all("allow") == [allow]


def test_the_client_header_is_needed_exactly(server: LiveServer) -> None:
    for path in POSTS:
        for value in (None, "", "1", "True", "true, true"):
            headers = [] if value is None else [("X-Authingo-Client", value)]
            answer = raw(server, "POST", path, headers, b"not json")
            assert answer == (403, "missing_client_header"), (path, value)


def test_no_header_that_is_checked_may_come_twice(server: LiveServer) -> None:
    """Which of the two another layer believes is not ours to guess (RFC 9112 §3.2)."""
    own = f"localhost:{server.port}"
    client, origin = ("X-Authingo-Client", "true"), ("Origin", f"http://{own}")
    assert raw(server, "POST", "/sign-out", [client, origin]) == (200, None)
    another = ("Host", own)  # beside the one that http.client sends
    for several in ([origin, origin], [another]):
        answer = raw(server, "POST", "/sign-out", [client, *several])
        assert answer == (403, "origin_not_allowed"), several


def test_the_client_header_may_come_once_only(server: LiveServer) -> None:
    twice = [("X-Authingo-Client", "true")] * 2
    assert raw(server, "POST", "/sign-out", twice) == (403, "missing_client_header")


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost"},
    {"Origin": "https://localhost:{port}"},
    {"Origin": "http://localhost:{port}.evil.example"},
    {"Origin": "http://localhost:{port}/"},
    {"Origin": "http://localhost.evil.example:{port}"},
    {"Origin": "http://evil@localhost:{port}@evil.example"},
    {"Origin": "http://evil@localhost:{port}"},
    {"Origin": "http://localhost:{port}?evil"},
    {"Origin": "http://[::1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Host": "evil.example"},
    {"Host": "evil.example:{port}", "Origin": "http://evil.example:{port}"},
    {"Host": "[::1"},
]


def test_other_origins_are_refused_before_anything_is_read(server: LiveServer) -> None:
    for path in POSTS:
        for headers in FOREIGN:
            filled = {name: value.format(port=server.port) for name, value in headers.items()}
            answer = server.browser().post(path, b"not json", headers=filled)
            assert (answer.status, answer.code) == (403, "origin_not_allowed"), (path, headers)


def test_own_origin_is_every_loopback_name_with_the_port(server: LiveServer) -> None:
    for host in ("localhost", "127.0.0.1", "[::1]", "app.localhost"):
        origin = f"http://{host}:{server.port}"
        headers = {"Origin": origin, "Host": f"{host}:{server.port}"}
        assert server.browser().post("/sign-out", headers=headers).status == 200
    same_site = {"Sec-Fetch-Site": "same-origin"}
    assert server.browser().post("/sign-out", headers=same_site).status == 200


def test_without_a_public_url_the_own_origin_is_that_of_host(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve(public_url=None)
    for origin, host, allowed in (
        ("https://example.com", "example.com", True),
        ("https://example.com", "example.com:443", True),
        ("http://example.com", "EXAMPLE.com", True),
        ("http://example.com:8080", "example.com:8080", True),
        ("http://example.com:8080", "example.com", False),
        ("http://example.com:443", "example.com", False),
        ("https://example.com.evil", "example.com", False),
        ("ftp://example.com", "example.com", False),
        ("null", "null", False),
        ("http://", "", False),
    ):
        answer = server.browser().post("/sign-out", headers={"Origin": origin, "Host": host})
        assert (answer.status == 200) is allowed, (origin, host)


def test_a_public_url_that_is_not_loopback_is_the_one_origin(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve(public_url="https://example.com", trusted_origins=["https://app.example.org"])
    for origin, allowed in (
        ("https://example.com", True),
        ("https://app.example.org", True),
        ("http://example.com", False),
        (server.url, False),
    ):
        answer = server.browser().post("/sign-out", headers={"Origin": origin})
        assert (answer.status == 200) is allowed, origin


@pytest.mark.parametrize(
    "types",
    [
        [],
        ["text/plain"],
        ["application/x-www-form-urlencoded"],
        ["application/json; charset=utf-16"],
        ["application/json", "application/json"],
        ["application/json-patch+json"],
    ],
)
def test_only_json_is_read(server: LiveServer, types: list[str]) -> None:
    headers = [("X-Authingo-Client", "true"), *(("Content-Type", value) for value in types)]
    body = json.dumps(ADA).encode()
    assert raw(server, "POST", "/sign-up", headers, body) == (415, "unsupported_media_type")
    assert users(server) == 0


def test_json_may_name_its_charset(browser: Browser) -> None:
    headers = {"Content-Type": 'Application/JSON ; Charset="UTF-8"'}
    assert browser.post("/sign-up", ADA, headers=headers).status == 200


def test_a_compressed_body_is_refused(browser: Browser) -> None:
    answer = browser.post("/sign-in", b"x", headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.code == "unsupported_media_type"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused(server: LiveServer, chunked: bool) -> None:
    fill = b" " * (bodies.MAX_SIZE - len(json.dumps(ADA)))
    whole = json.dumps(ADA).encode() + fill
    assert send(server, whole, chunked=chunked)[0] == 200
    assert send(server, whole + b" ", chunked=chunked) == (413, "body_too_large")


NOT_JSON = [
    b"",
    b"{",
    b"nope",
    b'{"email": NaN}',
    b'{"email": Infinity}',
    b'{"email": "a", "email": "b"}',
    b'{"email": "\xff"}',
    b'\xef\xbb\xbf{"email": "a"}',
    '{"email": "a@example.com"}'.encode("utf-16"),
    b"[" * 10_000,
    b'{"email": ' + b"9" * 5000 + b"}",
    b'{"email": "a"} {}',
]


def test_what_is_not_json_is_refused(browser: Browser) -> None:
    for body in NOT_JSON:
        answer = browser.post("/sign-in", body, headers=JSON)
        assert (answer.status, answer.code) == (400, "invalid_json"), body[:20]


SECRET = "nobody-may-repeat-this"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ([], {}),
        ("text", {}),
        (1e308, {}),
        ({}, {"email": "is missing", "password": "is missing"}),
        ({"email": 1, "password": None}, dict.fromkeys(("email", "password"), "must be a string")),
        ({"email": [SECRET], "password": {SECRET: 1}}, None),
        ({"email": SECRET, "password": SECRET, SECRET: SECRET}, {}),
        ({"email": "", "password": SECRET}, {"email": "must be 1 to 1024 characters"}),
        ({"email": SECRET, "password": "x" * 1025}, {"password": "must be 1 to 1024 characters"}),
    ],
)
def test_invalid_input_names_the_fields_and_repeats_nothing(
    browser: Browser, body: Any, fields: dict[str, str] | None
) -> None:
    answer = browser.post("/sign-in", body)
    assert (answer.status, answer.code) == (422, "invalid_input")
    if fields is not None:
        assert answer.json["fields"] == fields
    assert SECRET not in answer.body.decode()


BAD_SIGN_UPS: list[tuple[dict[str, str], str]] = [
    ({"email": "not an email"}, "email"),
    ({"email": "a@b@c.example"}, "email"),
    ({"email": "jörg@example.com"}, "email"),
    ({"email": "Ada <ada@example.com>"}, "email"),
    ({"email": "a@example.com\n"}, "email"),
    ({"email": "\ud800@example.com"}, "email"),
    ({"email": "x" * 64 + "@" + "y" * 60 + ".example" * 20}, "email"),
    ({"name": " \t "}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "two\nlines"}, "name"),
    ({"name": "\x1b[31mred"}, "name"),
    ({"name": "\ud800"}, "name"),
    ({"password": "short12"}, "password"),
    ({"password": "x" * 257}, "password"),
    ({"password": "password123"}, "password"),
    ({"password": "PASSWORD123"}, "password"),
    ({"password": "ADA@example.com"}, "password"),
    ({"email": "adalovelace@example.com", "password": "adaLovelace"}, "password"),
    ({"password": "nul\x00nul\x00nul"}, "password"),
    ({"password": "lone \ud800 surrogate"}, "password"),
]


def test_a_bad_sign_up_is_refused(server: LiveServer) -> None:
    for change, field in BAD_SIGN_UPS:
        answer = server.browser().post("/sign-up", {**ADA, **change})
        assert (answer.status, answer.code) == (422, "invalid_input"), change
        assert answer.json["fields"].keys() == {field}, change
        assert answer.tokens == {}
    assert users(server) == 0


SPELLINGS = {
    "Ada@EXAMPLE.com": "ada@example.com",
    "ada@example.test": "ada@example.test",
    "ada@printer.local": "ada@printer.local",
    "ada@localhost": "ada@localhost",
    "ada@Bücher.example": "ada@xn--bcher-kva.example",
    "ada@xn--bcher-kva.ORG": "ada@xn--bcher-kva.org",
    "a.d+tag@example.com": "a.d+tag@example.com",
}


def test_an_email_has_one_spelling(server: LiveServer) -> None:
    for email, stored in SPELLINGS.items():
        assert server.browser().sign_up(email=email).json["user"]["email"] == stored
        assert server.browser().sign_in(email=stored).status == 200
        assert server.browser().sign_in(email=email).status == 200


PASSWORDS = [
    "eight ch",
    " spaces stay ",
    "x" * 256,
    "ü" * 200,
    "\u0301combining",
    "日本語のパスワード",
    "🔑" * 72,
]


def test_every_character_of_a_password_counts(server: LiveServer) -> None:
    for number, password in enumerate(PASSWORDS):
        email = f"ada{number}@example.com"
        server.browser().sign_up(email=email, password=password)
        assert server.browser().sign_in(email=email, password=password).status == 200
        for other in (password[:-1], password + " ", "x" + password, password.strip() + "."):
            answer = server.browser().sign_in(email=email, password=other)
            assert answer.code == "invalid_credentials", password


def test_sign_in_tries_whatever_it_is_given(browser: Browser) -> None:
    browser.sign_up()
    for changes in (
        {"password": "\x00"},
        {"password": "\ud800"},
        {"password": "x" * 1024},
        {"email": "not an email"},
        {"email": "\ud800@example.com"},
        {"email": "nobody@example.com"},
    ):
        answer = browser.sign_in(**changes)
        assert (answer.status, answer.code) == (401, "invalid_credentials")


def test_routes_without_a_body_take_none_or_an_empty_object(browser: Browser) -> None:
    for path in ("/sign-out", "/refresh"):
        assert browser.post(path).code_or_ok == browser.post(path, {}).code_or_ok
        assert browser.post(path, {"a": "b"}).code == "invalid_input"
        assert browser.post(path, b"x", headers=JSON).code == "invalid_json"
        assert browser.post(path, b"{}").code == "unsupported_media_type"
        assert browser.post(path, b"", headers={"Content-Type": "text/plain"}).status == 415


def test_get_session_needs_no_header_and_changes_nothing(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    before = execute(server.database_url, "SELECT * FROM authingo_sessions")
    parts = [("Cookie", f"authingo_session={browser.cookies['authingo_session']}")]
    assert raw(server, "GET", "/session", [*parts, ("Origin", "https://evil.example")])[0] == 200
    assert execute(server.database_url, "SELECT * FROM authingo_sessions") == before


@pytest.mark.parametrize("cookie", ["authingo_session", "authingo_refresh"])
def test_a_token_is_accepted_in_its_exact_spelling_and_once(
    server: LiveServer, cookie: str
) -> None:
    browser = server.browser()
    token = browser.sign_up().tokens[cookie]
    method, path = ("GET", "/session") if "session" in cookie else ("POST", "/refresh")
    twin = token[:-1] + chr(ord(token[-1]) + 1)  # the same bytes to a lenient decoder
    wrong = [
        f"{cookie}={token}; {cookie}={token}",
        f"{cookie}={token}; {cookie}=",
        f'{cookie}="{token}"',
        f"{cookie}={token}=",
        f"{cookie}={token[:-1]}",
        f"{cookie}={token}\x85",
        f"{cookie}=\xa0{token}",
        f"{cookie}={token.replace('-', '+').replace('_', '/')}!",
        f"{cookie.upper()}={token}",
        cookie,
        f"{cookie}=",
    ]
    if "session" in cookie:
        wrong.append(f"{cookie}={twin}")
    for header in wrong:
        headers = [("X-Authingo-Client", "true"), ("Cookie", header)]
        assert raw(server, method, path, headers) == (401, "no_session"), header
    two = [("Cookie", f"{cookie}={token}"), ("Cookie", f"{cookie}={token}")]
    assert raw(server, method, path, [("X-Authingo-Client", "true"), *two]) == (401, "no_session")
    for header in (
        f"a=b; {cookie}={token};c=d",
        f'{cookie}={token}; q="a;b"',
        f"{cookie}={token};",
    ):
        headers = [("X-Authingo-Client", "true"), ("Cookie", header)]
        assert raw(server, method, path, headers)[0] == 200, header


def test_duplicate_cookies_stop_neither_sign_in_nor_sign_out(server: LiveServer) -> None:
    browser = server.browser()
    token = browser.sign_up().tokens["authingo_session"]
    twice = {"Cookie": f"authingo_session={token}; authingo_session={token}"}
    sign_in = {"email": ADA["email"], "password": ADA["password"]}
    assert browser.post("/sign-in", sign_in, headers=twice, cookies={}).status == 200
    assert browser.post("/sign-out", headers=twice, cookies={}).status == 200


def test_only_success_sets_cookies_and_only_sign_out_clears_them(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    for answer in (
        browser.get("/session"),
        browser.get("/session", cookies={"authingo_session": "x"}),
        browser.post("/refresh", cookies={"authingo_refresh": "x"}),
        browser.sign_in(password="wrong password"),
        browser.post("/sign-in", {}),
        browser.get("/nowhere"),
    ):
        assert answer.all("set-cookie") == []


def test_a_slow_body_is_given_up(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "TIMEOUT", 0.2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            b"POST /api/auth/sign-in HTTP/1.1\r\nHost: localhost\r\nX-Authingo-Client: true\r\n"
            b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
        )
        answer = connection.makefile("rb").read()  # until the server closes
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request_timeout" in answer


def raw(
    server: LiveServer,
    method: str,
    path: str,
    headers: Sequence[tuple[str, str]],
    body: bytes = b"",
) -> tuple[int, str | None]:
    """Send headers exactly as given, repeated ones too."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, "/api/auth" + path)
    for name, value in headers:
        connection.putheader(name, value.encode("latin-1"))
    if body or method == "POST":
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)
    response = connection.getresponse()
    value = json.loads(response.read())
    connection.close()
    return response.status, value.get("code")


def send(server: LiveServer, body: bytes, *, chunked: bool) -> tuple[int, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    pieces = [body[:5000], body[5000:]] if chunked else body
    headers = {"X-Authingo-Client": "true", **JSON}
    connection.request("POST", "/api/auth/sign-up", pieces, headers, encode_chunked=chunked)
    response = connection.getresponse()
    value = json.loads(response.read())
    connection.close()
    return response.status, value.get("code")


def users(server: LiveServer) -> int:
    return int(execute(server.database_url, "SELECT count(*) FROM authingo_users")[0][0])
