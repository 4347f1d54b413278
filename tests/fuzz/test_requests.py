"""Random requests to a live server, and what must hold of every answer."""

from __future__ import annotations

import http.client
import itertools
import json
import logging
import re
import string
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authingo.attempts import DEVICES_KEPT
from tests.database import execute
from tests.fuzz.conftest import in_batches
from tests.server import ADA, Answer, LiveServer

MARK = "sesamoeffnedich"  # in every value that is sent, and in no answer and no log
SITE = "sesamdotexample"  # in Origin and Host, which the log names where they are refused
COUNTS = (
    "SELECT (SELECT count(*) FROM authingo_users), (SELECT count(*) FROM authingo_sessions),"
    " (SELECT sum(password_version) FROM authingo_users),"
    " (SELECT count(*) FROM authingo_sessions WHERE previous_secret_digest IS NOT NULL)"
)
CODES = {
    "not_found", "method_not_allowed", "missing_client_header", "origin_not_allowed",
    "unsupported_media_type", "body_too_large", "invalid_json", "invalid_input",
    "invalid_credentials", "no_session", "session_expired", "wrong_password", "email_taken",
}  # fmt: skip
ROUTES = [
    "/sign-up", "/sign-in", "/session", "/refresh", "/sign-out", "/change-password", "/sessions",
    "/sessions/ses_00000000000000000000000000", "/health", "",
]  # fmt: skip
FIELDS = ["email", "password", "name", "current_password", "new_password", "__proto__", MARK]

latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30)
sendable = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=30)
marked = st.one_of(
    st.just(MARK),
    st.text(max_size=40).map(lambda text: MARK + text),
    st.text(st.characters(categories=["Cs", "Cc", "Zl", "Co"]), max_size=5).map(MARK.__add__),
    st.integers(1, 30_000).map(lambda size: MARK * (size // len(MARK))),
    st.sampled_from([f"{MARK}@example.com", f"{MARK}@b\u00fccher.test", f"{MARK}@@", f"{MARK}@x"]),
)
values = st.recursive(
    st.one_of(marked, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(FIELDS), st.one_of(marked, values), max_size=6)
sign_ins = st.fixed_dictionaries({"email": marked, "password": marked})
sign_ups = st.fixed_dictionaries({"email": marked, "password": marked, "name": marked})


def as_json(value: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return value.map(lambda made: json.dumps(made).encode())


bodies = st.one_of(
    st.none(),
    st.binary(max_size=200),
    st.builds(
        lambda value, coding: json.dumps(value).encode(coding),
        st.one_of(objects, sign_ins, sign_ups, values),
        st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"]),
    ),
    st.builds(
        lambda value, at, extra: json.dumps(value).encode()[:at] + extra,
        sign_ups,
        st.integers(0, 200),
        st.binary(max_size=10),
    ),
)
paths = st.one_of(
    st.sampled_from(ROUTES),
    st.sampled_from(ROUTES),
    st.builds(
        str.__add__, st.sampled_from(ROUTES), st.sampled_from(["/", "//", "/..", "%2f", "?"])
    ),
    latin.map(lambda text: "/" + quote(text.encode("latin-1"))),
    st.builds(lambda route: f"{route}?{MARK}=1&email={MARK}", st.sampled_from(ROUTES)),
)
long_tokens = st.text(string.ascii_letters + string.digits + "-_", min_size=64, max_size=64)
devices = st.one_of(
    st.lists(long_tokens, max_size=5).map(".".join),
    st.builds(
        lambda token, times, between: between.join([token] * times),
        st.one_of(long_tokens, st.text(string.ascii_letters, min_size=60, max_size=66)),
        st.integers(0, 300),
        st.sampled_from([".", "..", ",", "%2E", "", " "]),
    ),
    sendable,
)
cookies = st.lists(
    st.builds(
        lambda name, value: f"{name}={value}",
        st.sampled_from(
            [
                "authingo_session",
                "authingo_refresh",
                "authingo_device",
                " authingo_session",
                "__Host-authingo_device",
                "x",
            ]
        ),
        st.one_of(
            st.just(MARK),
            st.text(string.ascii_letters + "-_", min_size=43, max_size=43),
            long_tokens,
            devices,
            latin.map(MARK.__add__),
        ),
    ),
    max_size=3,
).map("; ".join)
noise = {
    "Cookie": cookies,
    "Origin": st.one_of(st.sampled_from(["null", f"https://{SITE}"]), sendable),
    "Host": st.one_of(st.just(f"{SITE}.example"), sendable),
    "X-Forwarded-For": st.one_of(st.ip_addresses().map(str), sendable.map(MARK.__add__)),
    "Sec-Fetch-Site": st.sampled_from(["cross-site", "same-origin", MARK]),
    "User-Agent": latin.map(MARK.__add__),
    "Content-Encoding": st.sampled_from(["gzip", "identity", MARK]),
    "Authorization": latin.map(lambda text: f"Bearer {MARK}{text}"),
    "X-Authingo-Client": st.sampled_from(["true", "true, true", "false", MARK]),
    "Content-Type": st.one_of(
        st.sampled_from(["application/json", "application/json; charset=utf-16"]),
        sendable.map(MARK.__add__),
    ),
}
methods = st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "M"])
wild = st.tuples(methods, paths, st.fixed_dictionaries({}, optional=noise), bodies)

# The other half is right but for its body, or but for one thing more: it gets further.
RIGHT = {"X-Authingo-Client": "true", "Content-Type": "application/json"}
one_wrong = st.sampled_from([*noise, *[None] * 15]).flatmap(
    lambda name: noise[name].map(lambda value: {**RIGHT, name: value}) if name else st.just(RIGHT)
)
with_cookies = st.builds(lambda sent, cookie: {"Cookie": cookie, **sent}, one_wrong, cookies)
plausible = st.one_of(
    st.tuples(
        st.just("POST"), st.just("/sign-up"), one_wrong, st.one_of(as_json(sign_ups), bodies)
    ),
    st.tuples(
        st.just("POST"), st.just("/sign-in"), one_wrong, st.one_of(as_json(sign_ins), bodies)
    ),
    st.tuples(st.just("POST"), st.just("/refresh"), with_cookies, st.one_of(st.none(), bodies)),
    st.tuples(st.just("POST"), st.just("/sign-out"), with_cookies, st.none()),
    st.tuples(st.just("GET"), st.just("/session"), with_cookies, st.none()),
    st.tuples(st.just("DELETE"), st.sampled_from(ROUTES[6:8]), with_cookies, st.none()),
)


@pytest.mark.usefixtures("nothing_logged_as_error")
def test_no_request_gets_a_500_or_its_own_words_back(
    serve: Callable[..., LiveServer],
    until_time_is_up: Callable[[Callable[[], None]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = serve(limits={"enabled": False})
    server.browser().sign_up()
    caplog.set_level(logging.INFO)

    @in_batches
    @given(st.one_of(wild, plausible, plausible))
    def search(request: tuple[str, str, dict[str, str], bytes | None]) -> None:
        method, path, sent, body = request
        before = execute(server.database_url, COUNTS)
        answer = send(server, method, path, sent, body)
        if answer.status == 200:
            return
        assert 400 <= answer.status < 500
        assert answer.all("set-cookie") == []
        assert answer.all("location") == []
        if method != "HEAD" and answer.body != b"Invalid HTTP request received.":
            assert answer.code in CODES
            assert answer.all("cache-control") == ["no-store"]
        assert MARK.encode() not in answer.body.lower()
        assert SITE.encode() not in answer.body.lower()
        assert execute(server.database_url, COUNTS) == before
        assert MARK not in caplog.text.lower()
        caplog.clear()

    until_time_is_up(search)
    assert server.browser().sign_in().status == 200


def send(
    server: LiveServer, method: str, path: str, headers: dict[str, str], body: bytes | None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.putrequest(method, "/api/auth" + path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


@pytest.mark.usefixtures("nothing_logged_as_error")
def test_what_a_signed_in_stranger_sends_is_no_500_either(
    serve: Callable[..., LiveServer], until_time_is_up: Callable[[Callable[[], None]], None]
) -> None:
    """With an active session and the right headers, the bodies get further."""
    server = serve(limits={"enabled": False})
    browser = server.browser()
    browser.sign_up()
    changes = st.fixed_dictionaries(
        {"current_password": st.one_of(st.just(ADA["password"]), marked), "new_password": marked}
    )
    requests = st.one_of(
        st.tuples(st.just("POST"), st.just("/change-password"), st.one_of(changes, objects)),
        st.tuples(st.just("POST"), st.sampled_from(["/refresh", "/sign-out"]), st.none()),
        st.tuples(st.just("DELETE"), st.just("/sessions"), st.none()),
    )
    numbers = itertools.count()

    @in_batches
    @given(requests)
    def search(request: tuple[str, str, dict[str, object] | None]) -> None:
        answer = browser.request(*request)
        assert answer.status in {200, 400, 401, 403, 413, 422}, answer.body
        if browser.get("/session").status != 200:  # signed out, or signed in under another password
            browser.sign_up(email=f"user{next(numbers)}@example.com")

    until_time_is_up(search)


@pytest.mark.usefixtures("nothing_logged_as_error")
def test_no_device_cookie_keeps_anybody_from_signing_in(
    serve: Callable[..., LiveServer], until_time_is_up: Callable[[Callable[[], None]], None]
) -> None:
    """What is set is well-formed, begins with a token nobody has seen, and adds nothing made up."""
    server = serve(limits={"enabled": False})
    server.browser().sign_up()
    body = json.dumps({"email": ADA["email"], "password": ADA["password"]}).encode()
    first_ones: set[str] = set()

    @in_batches
    @given(st.lists(devices, min_size=1, max_size=2))
    def search(sent: list[str]) -> None:
        header = "; ".join(f"authingo_device={one}" for one in sent)
        answer = send(server, "POST", "/sign-in", {**RIGHT, "Cookie": header}, body)
        assert answer.status == 200
        set_by_it = [one for one in answer.all("set-cookie") if one.startswith("authingo_device=")]
        (value,) = [one.partition(";")[0].partition("=")[2] for one in set_by_it]
        first, *others = value.split(".")
        assert re.fullmatch(r"[A-Za-z0-9_-]{64}(\.[A-Za-z0-9_-]{64}){0,2}", value)
        assert first not in first_ones
        assert first not in ".".join(sent)
        first_ones.add(first)
        assert set(others) <= set(sent[0].partition(";")[0].strip().split("."))
        assert not (others and len(sent) > 1), "two of one name are none"
        ((kept,),) = execute(server.database_url, "SELECT count(*) FROM authingo_secrets")
        assert kept <= DEVICES_KEPT

    until_time_is_up(search)
