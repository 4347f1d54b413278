"""What each configuration makes of the two cookies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from authingo.config import settings_from
from authingo.cookies import Cookies
from authingo.fastapi.headers import cookie_header

HTTPS = {"public_url": "https://app.example.com"}
EMBEDDED = {**HTTPS, "trusted_origins": ["https://other.example"]}


@pytest.mark.parametrize(
    ("values", "session", "refresh"),
    [
        (
            {},
            "authingo_session=t; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure",
            "authingo_refresh=t; Path=/api/auth/refresh; Max-Age=9; HttpOnly; SameSite=Strict;"
            " Secure",
        ),
        (
            {"public_url": "http://localhost:8000", "base_path": "/auth"},
            "authingo_session=t; Path=/; Max-Age=9; HttpOnly; SameSite=Lax",
            "authingo_refresh=t; Path=/auth/refresh; Max-Age=9; HttpOnly; SameSite=Strict",
        ),
        (
            {**HTTPS, "cookies": {"hardened_names": True}},
            "__Host-authingo_session=t; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure",
            "__Secure-authingo_refresh=t; Path=/api/auth/refresh; Max-Age=9; HttpOnly;"
            " SameSite=Strict; Secure",
        ),
        (
            {**HTTPS, "cookies": {"domain": "example.com"}},
            "authingo_session=t; Path=/; Max-Age=9; Domain=example.com; HttpOnly; SameSite=Lax;"
            " Secure",
            "authingo_refresh=t; Path=/api/auth/refresh; Max-Age=9; Domain=example.com; HttpOnly;"
            " SameSite=Strict; Secure",
        ),
        (
            {**EMBEDDED, "cookies": {"same_site": "none", "partitioned": True}},
            "authingo_session=t; Path=/; Max-Age=9; HttpOnly; SameSite=None; Secure; Partitioned",
            "authingo_refresh=t; Path=/api/auth/refresh; Max-Age=9; HttpOnly; SameSite=None;"
            " Secure; Partitioned",
        ),
    ],
    ids=["default", "loopback", "hardened", "domain", "embedded"],
)
def test_attributes(values: dict[str, Any], session: str, refresh: str) -> None:
    cookies = Cookies(settings_from(values))
    assert cookies.session.header("t", 9) == session
    assert cookies.refresh.header("t", 9) == refresh
    # Clearing repeats all of it, else a browser keeps the old cookie beside.
    cleared = [
        text.replace("=t;", "=;").replace("Max-Age=9", "Max-Age=0") for text in (session, refresh)
    ]
    assert cookies.clear() == cleared


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (["a=1"], "1"),
        (["b=2; a=1", "c=3"], "1"),
        (["b=2;a=1"], "1"),
        (["a=1\x85"], "1\x85"),
        (["a=1\xa0"], "1\xa0"),
        (['a="1"'], '"1"'),
        (["a=1; a=2"], None),
        (["a=1", "a=1"], None),
        (["A=1"], None),
        (["a"], None),
        (["a=1=2"], "1=2"),
        ([], None),
    ],
)
def test_a_value_is_read_exactly_as_sent_and_only_if_it_is_the_only_one(
    headers: list[str], found: str | None
) -> None:
    cookie = replace(Cookies(settings_from({})).session, name="a")
    sent = [(b"cookie", one.encode("latin-1")) for one in headers]
    assert cookie.read(cookie_header({"headers": sent})) == found
