"""What a browser does with a cookie, rule by rule, and what is held against a configuration."""

from __future__ import annotations

import importlib
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from authingo.config import settings_from

browsers: Any = importlib.import_module("authingo.cli.browsers.rules")
places: Any = importlib.import_module("authingo.cli.browsers.places")
sources: Any = importlib.import_module("authingo.cli.cookies.sources")
verdicts: Any = importlib.import_module("authingo.cli.cookies.verdicts")

GOOD = "Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"
GOOD_REFRESH = "Path=/api/auth/refresh; Max-Age=2592000; HttpOnly; Secure; SameSite=Strict"
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def inspect(*lines: str, url: str | None = None, **settings: Any) -> list[Any]:
    """Judge what has no token to look up."""
    found = sources.read_cookies("\n".join(lines).encode())
    asked = places.Place.parse(url) if url else None
    judged: list[Any] = verdicts.Inspector(settings_from(settings), found, asked).without_store()
    return judged


def problems_of(attributes: str, name: str = "session", **settings: Any) -> str:
    """Set a cookie with these attributes; its value is blacked out, so it is not what is wrong."""
    (verdict,) = inspect(f"Set-Cookie: authingo_{name}=[redacted]; {attributes}", **settings)
    return "\n".join(map(str, verdict.problems))


def problems(verdict: Any) -> str:
    return "\n".join(map(str, verdict.problems))


HTTPS, LOOPBACK = "https://app.example.com", "http://localhost:8080"
FINE: list[tuple[str, str, dict[str, Any]]] = [
    ("session", GOOD, {}),
    ("session", GOOD.lower(), {}),
    ("refresh", GOOD_REFRESH, {"public_url": HTTPS}),
    ("session", GOOD.replace(" Secure;", ""), {"public_url": LOOPBACK}),
    ("session", GOOD.replace(" Secure;", ""), {"url": "http://127.0.0.1:8000/api/auth/sign-in"}),
    ("session", GOOD.replace("2592000", "60"), {}),  # the whole session is nearly over
    (
        "session",
        GOOD.replace("Lax", "None") + "; Partitioned",
        {
            "public_url": HTTPS,
            "trusted_origins": ["https://other.org"],
            "cookies": {"same_site": "none", "partitioned": True},
        },
    ),
    (
        "session",
        GOOD + "; Domain=.example.com",
        {"public_url": HTTPS, "cookies": {"domain": "example.com"}},
    ),
]


@pytest.mark.parametrize(("name", "attributes", "settings"), FINE)
def test_what_authingo_sets_is_right(name: str, attributes: str, settings: dict[str, Any]) -> None:
    assert problems_of(attributes, name, **settings) == ""


WRONG: list[tuple[str, str, dict[str, Any]]] = [
    (GOOD, "Secure, and http://intranet is plain http", {"url": "http://intranet/"}),
    (GOOD, "Safari drops the cookie there", {"url": "http://localhost/"}),
    ("SameSite=None; Path=/", "SameSite=None needs Secure: browsers drop", {}),
    ("Partitioned; Path=/", "Partitioned needs Secure: browsers drop", {}),
    (GOOD + "; Domain=other.org", "does not cover app.example.com", {"url": HTTPS}),
    (GOOD + "; Domain=le.com", "does not cover app.example.com", {"url": HTTPS}),
    (GOOD + "; Domain=com", "strangers register names", {}),
    (GOOD + "; Domain=github.io", "strangers register names", {}),
    (GOOD.replace("2592000", "0"), "it is expired as it comes", {}),
    (GOOD.replace("2592000", "-1"), "it is expired as it comes", {}),
    (GOOD.replace("2592000", "9e9"), "Max-Age is not a number", {}),
    (GOOD.replace("2592000", "9" * 1000), "400 days", {}),
    (GOOD.replace("2592000", "9" * 2000), "Max-Age is missing", {}),  # too long to be one
    (GOOD.replace("2592000", "2592001"), "longer than sessions.refresh_lifetime", {}),
    (GOOD.replace("HttpOnly", "Http-Only"), "HttpOnly is misspelled", {}),
    (GOOD.replace("Lax", "Strict"), "not sent when a link of another site", {}),
    (GOOD.replace("Lax", "foo"), "Chrome takes that for Lax", {}),
    (GOOD.replace("Max-Age=2592000; ", ""), "gone when the browser is closed", {}),
    (
        GOOD,
        "pages of https://front.org are of another site than https://app.example.com",
        {"public_url": HTTPS, "trusted_origins": ["https://front.org", "https://www.example.com"]},
    ),
]


@pytest.mark.parametrize(("attributes", "problem", "settings"), WRONG)
def test_what_goes_wrong_is_named(attributes: str, problem: str, settings: dict[str, Any]) -> None:
    said = problems_of(attributes, **settings)
    assert problem in said
    assert "www.example.com" not in said


@pytest.mark.parametrize(
    ("name", "attributes", "dropped"),
    [
        ("__Host-authingo_session", GOOD, False),
        ("__Host-authingo_session", GOOD + "; Domain=app.example.com", True),
        ("__Host-authingo_session", GOOD.replace("Path=/;", "Path=/x;"), True),
        ("__HOST-authingo_session", GOOD.replace("Secure;", ""), True),
        ("__Secure-authingo_refresh", GOOD_REFRESH, False),
        ("__Secure-authingo_refresh", GOOD_REFRESH.replace("Secure;", ""), True),
    ],
)
def test_the_rules_of_a_prefix(name: str, attributes: str, dropped: bool) -> None:
    hardened = {"hardened_names": True}
    line = f"Set-Cookie: {name}=[redacted]; {attributes}"
    (verdict,) = inspect(line, public_url=HTTPS, cookies=hardened)
    assert ("browsers drop the cookie" in problems(verdict)) is dropped
    assert (verdict.does == ["drops it"]) is dropped
    assert dropped or not verdict.problems


def test_the_size_of_a_cookie_has_an_end() -> None:
    for size, dropped in ((4096, False), (4097, True)):
        value = "x" * (size - len("authingo_session"))
        (verdict,) = inspect(f"Set-Cookie: authingo_session={value}; {GOOD}")
        assert ("4096 octets" in problems(verdict)) is dropped


def test_a_duplicate_is_told_from_a_successor() -> None:
    one, other = ("authingo_session=[redacted]", "authingo_session=(redacted)")
    response = "HTTP/1.1 200 OK\nset-cookie: {}\nset-cookie: {}\n"
    first, second = inspect(response.format(f"{one}; {GOOD}", f"{other}; {GOOD}"))
    assert "once more below" in problems(first)
    assert problems(second) == ""
    elsewhere = GOOD.replace("Path=/;", "Path=/api;")
    for verdict in inspect(response.format(f"{one}; {GOOD}", f"{other}; {elsewhere}")):
        assert "sends both, and the server then takes neither" in problems(verdict)
    apart = GOOD.replace("Path=/;", "Path=/x;"), GOOD.replace("Path=/;", "Path=/xy;")
    for verdict in inspect(response.format(f"{one}; {apart[0]}", f"{other}; {apart[1]}")):
        assert "sends both" not in problems(verdict)
    later = "HTTP/1.1 200 OK\nset-cookie: {}\n\n"
    texts = [later.format(f"{text}; {GOOD}") for text in (one, other)]
    assert [problems(verdict) for verdict in inspect(*texts)] == ["", ""]


def test_where_a_cookie_is_sent_is_foretold() -> None:
    lines = (
        f"Set-Cookie: authingo_session=[redacted]; {GOOD}",
        f"Set-Cookie: authingo_refresh=[redacted]; {GOOD_REFRESH}",
    )
    session, refresh = inspect(*lines, url=f"{HTTPS}/api/me", public_url=HTTPS)
    assert "sends it to /api/me of https://app.example.com" in session.does
    assert any("it is for /api/auth/refresh alone" in text for text in refresh.does)
    assert session.problems == refresh.problems == []
    jar = (
        "app.example.com\tFALSE\t/\tTRUE\t0\tauthingo_session\t[redacted]\n"
        "#HttpOnly_app.example.com\tFALSE\t/api\tTRUE\t1\tauthingo_refresh\t[redacted]"
    )
    session, refresh = inspect(jar, url="https://api.example.com/", public_url=HTTPS)
    assert "without a Domain it belongs to app.example.com alone" in problems(session)
    assert "its expiry is past" in problems(refresh)
    (jarred, _) = inspect(jar, url="http://app.example.com/")
    assert "it is Secure, and http://app.example.com is plain http" in problems(jarred)


def test_the_answer_to_a_page_of_another_site_sets_no_lax_cookie() -> None:
    """But one to a link that was followed does, and SameSite=None is set in either case."""
    for mode, attributes, kept in (
        ("cors", GOOD, False),
        ("navigate", GOOD, True),
        ("cors", GOOD.replace("Lax", "None"), True),
    ):
        asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
        entry = {
            "request": {
                "url": f"{HTTPS}/api/auth/sign-in",
                "headers": [{"name": name, "value": value} for name, value in asked.items()],
            },
            "response": {
                "headers": [
                    {"name": "Set-Cookie", "value": f"authingo_session=[redacted]; {attributes}"}
                ]
            },
        }
        (verdict,) = inspect(json.dumps({"log": {"entries": [entry]}}))
        assert ("a page of another site asked" in problems(verdict)) is not kept
        assert (verdict.does == ["drops it"]) is not kept


def test_what_came_from_another_server_is_said() -> None:
    request = "GET /x HTTP/1.1\nHost: staging.example.com\nCookie: authingo_refresh=[redacted]\n"
    (verdict,) = inspect(request, public_url=HTTPS)
    assert "it comes from staging.example.com, and this configuration is for" in problems(verdict)
    assert "it was sent to /x and is for /api/auth/refresh alone" in problems(verdict)


def test_clearing_is_no_fault_and_a_wrong_path_of_it_is() -> None:
    (verdict,) = inspect("Set-Cookie: authingo_session=; " + GOOD.replace("2592000", "0"))
    assert (problems(verdict), verdict.does) == ("", ["forgets what it has of this Path"])
    (verdict,) = inspect("Set-Cookie: authingo_refresh=; " + GOOD.replace("2592000", "0"))
    assert "Path is / and should be /api/auth/refresh" in problems(verdict)
    (verdict,) = inspect("Set-Cookie: authingo_session=; " + GOOD)
    assert "it has no token, and browsers keep it so" in problems(verdict)


@pytest.mark.parametrize(
    ("attributes", "days"),
    [
        ({"Max-Age": "864000"}, 10),
        ({"Max-Age": "864000", "Expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 10),
        ({"Expires": "Sat, 05 Dec 2026 00:00:00 GMT"}, 10),
        ({"Expires": "Sat, 05-Dec-2026 00:00:00 GMT"}, 10),
        ({"Expires": "1796428800"}, 10),
        ({"Expires": "2026-12-05T00:00:00.000Z"}, 10),
        ({"Expires": "soon"}, None),
        ({"Expires": "9" * 12}, None),
        ({}, None),
        ({"Max-Age": "9" * 400}, 36_500),
        ({"Max-Age": "-5"}, timedelta(seconds=-5) / timedelta(days=1)),
    ],
)
def test_the_life_of_a_cookie(attributes: dict[str, str], days: float | None) -> None:
    life = browsers.lifetime(SimpleNamespace(attributes=attributes), NOW)
    assert life == (None if days is None else timedelta(days=days))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example.com", "https://b.example.com:9000", True),
        ("https://a.example.com", "http://a.example.com", False),
        ("https://a.co.uk", "https://b.co.uk", False),
        ("https://x.vercel.app", "https://y.vercel.app", False),
        ("https://a.x.vercel.app", "https://x.vercel.app", True),
        ("http://localhost:3000", "http://localhost:8000", True),
        ("http://localhost", "http://127.0.0.1", False),
        ("http://10.0.0.1", "http://11.0.0.1", False),
    ],
)
def test_which_addresses_are_of_one_site(one: str, other: str, same: bool) -> None:
    assert places.same_site(places.Place.parse(one), places.Place.parse(other)) is same


@pytest.mark.parametrize(
    ("path", "asked", "matches"),
    [
        ("/", "/x", True),
        ("/x", "/x", True),
        ("/x", "/x/y", True),
        ("/x", "/xy", False),
        ("/x/", "/x", False),
        ("/x/", "/x/y", True),
    ],
)
def test_which_paths_a_cookie_goes_to(path: str, asked: str, matches: bool) -> None:
    assert places.path_matches(path, asked) is matches


def test_what_is_right_on_this_machine_alone_is_no_fault_there() -> None:
    """Of `authingo serve` the response says so itself; of a jar the host; else --url has to."""
    header = importlib.import_module("authingo.cli.development").HEADER.decode()
    bare = GOOD.replace(" Secure;", "")
    response = f"HTTP/1.1 200 OK\nset-cookie: authingo_session=[redacted]; {bare}\n"
    jar = "#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t0\tauthingo_session\t[redacted]\n"
    for text, right in (
        (response, False),
        (f"{response}{header}: {{}}\n", True),
        (jar, True),
        (jar.replace("127.0.0.1", "example.com"), False),
    ):
        (verdict,) = inspect(text)
        assert ("Secure is missing" in problems(verdict)) is not right


def test_a_part_of_a_token_is_taken_out_of_names_and_attributes() -> None:
    token = "Ab1_-" * 9
    for text in (
        f"{token}=1; authingo_session=x",
        f"Set-Cookie: authingo_session=x; Path=/{token}; Domain={token}; SameSite={token}",
        f"Set-Cookie: authingo_session={token[:20]};{token[20:]}={token}; Expires={token}",
    ):
        for verdict in inspect(text):
            verdict.standing = None
            assert token[5:15] not in repr(verdict)
