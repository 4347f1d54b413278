"""Whatever is given to `cookies inspect`, it is explained or refused, and no token comes out."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

from authingo.cli.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from authingo.config import settings_from
from tests.fuzz.conftest import in_batches

sources: Any = importlib.import_module("authingo.cli.cookies.sources")
verdicts: Any = importlib.import_module("authingo.cli.cookies.verdicts")
report: Any = importlib.import_module("authingo.cli.cookies.report").report
places: Any = importlib.import_module("authingo.cli.browsers.places")

Search = Callable[[Callable[[], None]], None]

# The first characters of base64url in an order, so that no part of it is a word of ours.
SESSION = "Zq7Xv9-Kw3Jy8Qz6Hx4Vb1_Nj5Gf2Tk0Lp-Rm9Wd3Yc8"[:42] + "A"
REFRESH = "Jx4Qv8_Zk2Wy7Hn5-Bz9Xg3Tq6Vj1Kw0Yf8Pd_Mc4Rz7Lb2Hx9Jq5Vk3Wy6Zn-8QgTf"[:64]
DEVICE = "Wd7Lq2Xz-Vn9Tb4Kj6_Hc1Rf8Gp3Ym5Zs0Qw-Bx7Jv2Nk9Dt4Lh6_Pc1Rg8Fm3Ys"[:64]
SETTINGS = [
    settings_from({}),
    settings_from({"public_url": "http://localhost:8080"}),
    settings_from(
        {
            "public_url": "https://app.example.com",
            "trusted_origins": ["https://other.org"],
            "cookies": {"same_site": "none", "partitioned": True},
        }
    ),
]
PIECES = st.sampled_from(
    [
        *(SESSION, REFRESH, SESSION[:30], "[redacted]", "authingo_session", "authingo_refresh"),
        *("authingo_device", "__Host-authingo_device", DEVICE, f"{DEVICE}.{REFRESH}", "."),
        *("__Host-authingo_session", "=", ";", "; ", ":", " ", "\n", "\r\n", "\t", "\0", '"', "{"),
        *("Cookie: ", "Set-Cookie: ", "HTTP/1.1 200 OK\n", "HTTP/2 200\r\na: b\r\n", "\n\n"),
        *("> GET /x HTTP/1.1\n", "> Host: example.com\n", "< HTTP/1.1 200\n", "< ", "> ", "* "),
        *("Path=", "Path=/", "Domain=", "Domain=.example.com", "Max-Age=", "Max-Age=-1", "Secure"),
        *("Expires=", "Thu, 01-Jan-1970 00:00:00 GMT", "SameSite=None", "HttpOnly", "Partitioned"),
        *("example.com\tTRUE\t/\tTRUE\t99999999999999\t", "#HttpOnly_", "FALSE", "9" * 30),
        *(
            "curl ",
            "curl 'https://example.com/' ",
            "-b ",
            "-H ",
            "'",
            "$'",
            '^"',
            "^\n",
            "\\\n",
            "\\",
        ),
        *("\\u0041", "--cookie=", "&", 'fetch("https://example.com/", {', '"cookie": "', "`"),
        *('System.Net.Cookie("', '", "', '-Uri "https://example.com/"', "Invoke-WebRequest "),
        *("authingo_session\t", "\tlocalhost\t/\tSession\t59\t", "✓\t", "true\t", "cookie\n"),
        *("Name\tValue\tDomain\tPath\t", ":authority: example.com\n", "Request URL\nhttps://x/\n"),
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=25).map("".join)


def explain(raw: bytes, number: int, url: str) -> str:
    """Return all that people and programs are shown."""
    try:
        found = sources.read_cookies(raw)
    except UsageError as error:
        return f"{error.message} {error.hint}"
    inspector = verdicts.Inspector(SETTINGS[number], found, places.Place.parse(url))
    judged = inspector.without_store()
    shown: list[str] = [report(judged)]
    for one in judged:
        shown += [one.name, json.dumps(one.attributes), *map(str, one.problems), *one.does]
    return "\n".join(shown)


def no_token(shown: str) -> None:
    for token in (SESSION, REFRESH, DEVICE):
        for start in range(len(token) - 15):
            assert token[start : start + 16] not in shown


def test_a_text_is_explained_or_refused_without_its_tokens(until_time_is_up: Search) -> None:
    urls = st.one_of(st.just("http://localhost/x"), st.builds("https://{}".format, st.text()))

    @in_batches
    @given(st.one_of(TEXTS.map(str.encode), st.binary(max_size=60)), st.integers(0, 2), urls)
    def search(raw: bytes, number: int, url: str) -> None:
        no_token(explain(raw, number, url))

    until_time_is_up(search)


def test_an_archive_is_explained_or_refused_without_its_tokens(until_time_is_up: Search) -> None:
    values = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats())
    pairs = st.fixed_dictionaries(
        {},
        optional={
            "name": st.one_of(st.sampled_from(["Cookie", "set-cookie", "authingo_session"]), TEXTS),
            "value": values,
            "domain": values,
            "path": values,
            "expires": values,
            "httpOnly": values,
            "secure": values,
            "sameSite": values,
        },
    )
    messages = st.fixed_dictionaries(
        {}, optional={"url": TEXTS, "headers": st.lists(pairs), "cookies": st.lists(pairs)}
    )
    exchanges = dict.fromkeys(("request", "response"), messages)
    entries = st.lists(st.fixed_dictionaries({}, optional=exchanges))

    @in_batches
    @given(entries, st.integers(0, 2), st.binary(max_size=3))
    def search(found: list[Any], number: int, junk: bytes) -> None:
        raw = json.dumps({"log": {"entries": found}}).encode()
        no_token(explain(raw, number, "https://app.example.com/api/auth/refresh"))
        no_token(explain(raw[: len(raw) // 2] + junk + raw[len(raw) // 2 :], number, ""))

    until_time_is_up(search)


def test_an_export_is_explained_or_refused_without_its_tokens(until_time_is_up: Search) -> None:
    values = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats())
    keys = st.sampled_from(
        [
            *("name", "value", "domain", "path", "expires", "expirationDate", "expiry", "hostOnly"),
            *("httpOnly", "secure", "session", "sameSite", "Name raw", "Content raw", "Host raw"),
            *("Path raw", "Expires raw", "Send for raw", "HTTP only raw", "SameSite raw"),
        ]
    )
    cookies = st.dictionaries(keys, values).map(
        lambda fields: {"name": "authingo_session", "value": SESSION, **fields}
    )

    @in_batches
    @given(st.lists(cookies, max_size=3), st.booleans(), st.integers(0, 2))
    def search(found: list[Any], wrapped: bool, number: int) -> None:
        raw = json.dumps({"cookies": found, "origins": []} if wrapped else found).encode()
        no_token(explain(raw, number, "https://app.example.com/"))

    until_time_is_up(search)
