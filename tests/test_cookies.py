"""What each configuration makes of the cookies."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from authingo.config import settings_from
from authingo.http.cookies import Cookies
from authingo.http.headers import cookie_header
from authingo.ids import new_id
from authingo.tokens import BrowserToken, DeviceToken, RefreshToken, SessionToken
from tests.documents import read

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
    assert cookies.clear()[-2:] == cleared


@pytest.mark.parametrize(
    ("values", "header"),
    [
        ({}, "__Host-authingo_KIND=t; Path=/; Max-Age=9; HttpOnly; SameSite=Strict; Secure"),
        (
            {"public_url": "http://localhost:8000", "base_path": "/auth"},
            "authingo_KIND=t; Path=/; Max-Age=9; HttpOnly; SameSite=Strict",
        ),
        (
            {**HTTPS, "cookies": {"domain": "example.com", "prefix": "shop"}},
            "__Host-shop_KIND=t; Path=/; Max-Age=9; HttpOnly; SameSite=Strict; Secure",
        ),
        (
            {**EMBEDDED, "cookies": {"same_site": "none", "partitioned": True}},
            "__Host-authingo_KIND=t; Path=/; Max-Age=9; HttpOnly; SameSite=None; Secure;"
            " Partitioned",
        ),
    ],
    ids=["default", "loopback", "domain", "embedded"],
)
def test_attributes_of_the_cookies_that_never_have_a_domain(
    values: dict[str, Any], header: str
) -> None:
    """Whatever clears cookies leaves the device cookie, and without mail there are no others."""
    cookies = Cookies(settings_from(values))
    for cookie in (cookies.device, cookies.pending, cookies.ceremony):
        assert cookie.header("t", 9) == header.replace("KIND", cookie.kind)
        assert not [one for one in cookies.clear("app.example.com") if f"{cookie.name}=" in one]


def test_the_short_lived_cookies_last_as_long_as_what_they_find() -> None:
    cookies = Cookies(settings_from(HTTPS))
    for cookie, seconds in ((cookies.pending, 86_400), (cookies.ceremony, 600)):
        *twins, header = cookies.write_one(cookie, "t")
        assert header == cookie.header("t", seconds)
        assert cookies.clear_one(cookie) == [*twins, cookie.header("", 0)]
        assert twins == [replace(cookie, partitioned=True).header("", 0)]


def test_with_mail_whatever_clears_cookies_clears_the_short_lived_ones_too() -> None:
    mail = {"url": "smtp://localhost", "from": "no-reply@example.com"}
    with_mail, without = (
        Cookies(settings_from({**HTTPS, **values})) for values in ({"mail": mail}, {})
    )
    cleared = with_mail.clear("app.example.com")
    assert cleared[: -len(without.clear("app.example.com"))] == [
        *with_mail.clear_one(with_mail.pending),
        *with_mail.clear_one(with_mail.ceremony),
    ]
    assert not [one for one in cleared if "_device=" in one]


def test_the_cookies_are_as_small_as_the_document_says() -> None:
    """ASVS 5.0 V3.3.5. With three device tokens, as many as one holds."""
    devices = [DeviceToken.generate() for _ in range(5)]
    values = {
        "session": str(SessionToken.generate(new_id("ses_"))),
        "refresh": str(RefreshToken.generate()),
        "device": devices[0].cookie(devices),
        "pending": str(BrowserToken.generate()),
        "ceremony": str(BrowserToken.generate()),
    }
    longest = {**HTTPS, "cookies": {"hardened_names": True, "prefix": "x" * 64}}
    for settings in (HTTPS, longest):
        cookies = Cookies(settings_from(settings))
        (row,) = [one for one in read("docs/security.md").splitlines() if "| 3.3.5 |" in one]
        for pairs in (cookies.all[:3], cookies.all[3:]):
            size = sum(len(f"{one.name}={values[one.kind]}") for one in pairs)
            assert f" {size}" in row


SUBDOMAIN = {"public_url": "https://app.example.co.uk"}


@pytest.mark.parametrize(
    ("values", "host", "expired"),
    [
        ({}, "app.example.com:8000", {"app.example.com", "example.com"}),
        ({}, "APP.Example.COM", {"app.example.com", "example.com"}),
        ({}, "a.b.example.co.uk", {"a.b.example.co.uk", "b.example.co.uk", "example.co.uk"}),
        ({}, "shop.github.io", {"shop.github.io"}),
        (SUBDOMAIN, "app.example.co.uk", {"app.example.co.uk", "example.co.uk"}),
        (SUBDOMAIN, "api.example.co.uk", {"api.example.co.uk", "example.co.uk"}),
        (SUBDOMAIN, "api.internal.corp.net", {"app.example.co.uk", "example.co.uk"}),
        (SUBDOMAIN, "", {"app.example.co.uk", "example.co.uk"}),
        (
            {**SUBDOMAIN, "cookies": {"domain": "example.co.uk"}},
            "app.example.co.uk",
            {None, "app.example.co.uk"},
        ),
        ({**SUBDOMAIN, "cookies": {"hardened_names": True}}, "app.example.co.uk", set()),
        ({}, "x." * 9 + "example.com", {f"{'x.' * n}example.com" for n in range(6)}),
        *(
            ({}, host, set())
            for host in (
                "localhost:8000",
                "127.0.0.1",
                "[::1]:80",
                "[2001:db8::1]",
                "10.0.0.1:80",
                "github.io",
                "com",
                "",
                ".",
                "example.com.",
                ".example.com",
                "a..example.com",
                "a;b.example.com",
                "a.example.com, b.example.com",
                "a.example.com\r\nX: y",
                "a.example.com:80:80",
                "\xfc.example.com",
                "x" * 300 + ".example.com",
                "x." * 40_000 + "example.com",
            )
        ),
    ],
)
def test_what_other_settings_may_have_left_expires_before_anything_is_set(
    values: dict[str, Any], host: str, expired: set[str | None]
) -> None:
    cookies = Cookies(settings_from(values))
    *others, session, refresh = cookies.clear(host)
    assert (session, refresh) == tuple(
        cookie.header("", 0) for cookie in (cookies.session, cookies.refresh)
    )
    for cookie in (cookies.session, cookies.refresh):
        own = {one for one in others if one.startswith(f"{cookie.name}=;")}
        unpartitioned = {one for one in own if "; Partitioned" not in one}
        assert unpartitioned == {replace(cookie, domain=domain).header("", 0) for domain in expired}
    assert len(others) == len(set(others))
    assert sum(map(len, others)) < 4096, "proxies hold all headers in some kilobytes"


def test_a_partitioned_cookie_and_its_twin_are_not_kept_side_by_side() -> None:
    for partitioned in (False, True):
        cookies = Cookies(
            settings_from(
                {**EMBEDDED, "cookies": {"same_site": "none", "partitioned": partitioned}}
            )
        )
        twin = replace(cookies.session, partitioned=not partitioned).header("", 0)
        assert twin in cookies.clear("app.example.com")[:-2]


def test_hosts_of_strangers_do_not_fill_the_memory() -> None:
    cookies = Cookies(settings_from({}))
    for number in range(1000):
        cookies.clear(f"h{number}.example.com")
    assert cookies._expire_others.cache_info().currsize <= 64


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


def one_by_splitting(header: bytes, start: bytes) -> bytes | None:
    """What `Cookie.find` finds, in the plainest way to say it."""
    pairs = [part.strip(b" \t") for part in header.split(b";")]
    values = [pair.removeprefix(start) for pair in pairs if pair.startswith(start)]
    return values[0] if len(values) == 1 else None


def test_a_cookie_is_found_as_if_the_header_had_been_split() -> None:
    cookie = Cookies(settings_from({})).session
    pieces = [
        *(b"authingo_session=", b"authingo_session", b"authingo_session=abc", b"=", b";", b"; "),
        *(b" ", b"\t", b"x", b'"', b",", b"__Host-", b"\x00", b"\x0b", b"\xa0", b"\xe9"),
    ]
    drawn = random.Random(20)
    found = 0
    for _ in range(20_000):
        header = b"".join(drawn.choices(pieces, k=drawn.randint(0, 9)))
        expected = one_by_splitting(header, cookie.start)
        assert cookie.find(header) == expected, header
        found += expected is not None
    assert found > 1_000
