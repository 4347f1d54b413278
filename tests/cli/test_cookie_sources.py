"""What is read from headers, transcripts, jars, HAR files and bare values, and how little is kept.

The parsers are called directly: through the command they are tried in
test_cookies_inspect.py.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from authingo.cli.errors import UsageError

cookie_sources: Any = importlib.import_module("authingo.cli.cookies.sources")
read_cookies = cookie_sources.read_cookies


def given(text: str | bytes) -> list[Any]:
    raw = text if isinstance(text, bytes) else text.encode()
    return [seen.given for seen in read_cookies(raw).cookies]


def pairs(text: str | bytes) -> list[tuple[str, str]]:
    return [(one.name, one.value) for one in given(text)]


def har(*entries: dict[str, Any], **log: Any) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": entries, **log}})


def headers(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


@pytest.mark.parametrize(
    "text",
    [
        "Cookie: a=1; b=2",
        "cookie:a=1; b=2\r\n",
        "cookie: a=1\ncookie: b=2",  # HTTP/2 sends them apart
        "> Cookie: a=1; b=2",
        "a=1; b=2",
        "  a=1;b=2  ",
        "\ufeffCookie: a=1; b=2",
        "Cookie: a=1; b=2".encode("utf-16"),  # what PowerShell writes
    ],
)
def test_a_cookie_header_however_it_was_copied(text: str | bytes) -> None:
    assert pairs(text) == [("a", "1"), ("b", "2")]
    assert all(one.attributes is None for one in given(text))


def test_a_set_cookie_header_is_read_as_browsers_do() -> None:
    (one,) = given(
        "Set-Cookie: a = 1=2 ; path=/x; PATH=/; secure=no; httponly; Unknown; Max-Age= 9"
    )
    assert (one.name, one.value) == ("a", "1=2")
    assert one.attributes == {"Path": "/", "Secure": True, "HttpOnly": True, "Max-Age": "9"}
    (one,) = given("Set-Cookie: a=1; Http-Only; same_site=Lax; Priority=High; x=y")
    assert one.misspelled == ("HttpOnly", "SameSite")
    (one,) = given(f"Set-Cookie: a=1; Path=/{'x' * 1024}")
    assert one.attributes == {}
    (one,) = given("Set-Cookie: only-a-value; Path=/")
    assert (one.name, one.value) == ("", "only-a-value")
    (one,) = given("a=1; Path=/; Secure")  # without the header's name
    assert one.attributes == {"Path": "/", "Secure": True}


def test_of_a_response_the_headers_count_and_not_the_body() -> None:
    text = (
        "HTTP/1.1 302 Found\r\nlocation: /\r\nset-cookie: a=1; Path=/\r\n\r\n"
        "To set one, write:\r\nSet-Cookie: fake=1\r\n\r\nend"
        "HTTP/2 200 \r\nset-cookie: b=2\r\nSet-Cookie: c=3\r\n\r\nset-cookie: fake=2"
    )
    assert pairs(text) == [("a", "1"), ("b", "2"), ("c", "3")]
    assert pairs(text.encode().replace(b"end", b"\x00\xff")) == pairs(text), "a binary body"
    request = (
        "GET /x HTTP/1.1\nHost: example.com\nCookie: a=1\n\nHTTP/1.1 200 OK\nset-cookie: b=2\n"
    )
    assert [one.exchange.url for one in given(request)] == ["//example.com/x"] * 2
    with pytest.raises(UsageError):
        read_cookies(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\nSet-Cookie: fake=1")


VERBOSE = """\
* Connected to {host} port 443
{tls}* [HTTP/2] [1] [cookie: a=1; b=2]
> GET /api/auth/session HTTP/2
> Host: {host}
> cookie: a=1; b=2
>
< HTTP/2 200
< set-cookie: c=3; Path=/
<
{{ [5 bytes data]
Set-Cookie: fake=1
* Connection #0 to host {host} left intact
"""


@pytest.mark.parametrize(
    ("tls", "scheme"),
    [
        ("* SSL connection using TLSv1.3 / X\n", "https"),
        ("* [HTTP/2] [1] OPENED stream for https://example.com/\n", "https"),
        ("", "http"),
    ],
)
def test_curl_verbose_tells_what_was_asked_for(tls: str, scheme: str) -> None:
    text = VERBOSE.format(host="example.com", tls=tls)
    for spelled in (text, text.replace("\n", "\r\n")):
        assert pairs(spelled) == [("a", "1"), ("b", "2"), ("c", "3")]
        urls = {one.exchange.url for one in given(spelled)}
        assert urls == {f"{scheme}://example.com/api/auth/session"}
        assert len({one.exchange.number for one in given(spelled)}) == 2


def test_a_jar_of_curl_or_of_an_extension() -> None:
    text = (
        "# Netscape HTTP Cookie File\n# example.com\tFALSE\t/\tTRUE\t0\tcomment\t1\n\n"
        "#HttpOnly_.example.com\tTRUE\t/\tTRUE\t1900000000\ta\t1\r\n"
        "example.com FALSE /x FALSE 0 b 2\n"
        "example.com\tFALSE\t/\tFALSE\t0\tempty\t\n"
        "example.com\tFALSE\tno path\tFALSE\t0\tbroken\t1\n"
    )
    first, second, third = given(text)
    assert first.attributes == {
        "Path": "/",
        "Domain": "example.com",
        "Secure": True,
        "HttpOnly": True,
        "Expires": "1900000000",
    }
    assert second.attributes == {"Path": "/x"}
    assert (second.host, second.value, third.value) == ("example.com", "2", "")


def test_a_har_file_of_chrome_and_of_firefox() -> None:
    url = "https://example.com/api/auth/refresh"
    asked = headers(("Cookie", "a=1; b=2"), ("Sec-Fetch-Site", "cross-site"))
    chrome = {
        "_initiator": {"type": "script"},
        "request": {"method": "POST", "url": url, "headers": asked, "cookies": [{"name": "a"}]},
        "response": {"headers": headers(("set-cookie", "c=3; Path=/\nd=4")), "content": {}},
    }
    firefox = {
        "request": {"url": url, "headers": [], "cookies": [{"name": "e", "value": "5"}]},
        "response": {
            "headers": headers(("Set-Cookie", "f=6"), ("set-cookie", "g=7; Secure")),
            "cookies": [{"name": "f", "value": "6", "httpOnly": False}],
        },
    }
    only_parsed = {
        "request": {"url": "data:text/html,x", "headers": None, "cookies": None},
        "response": {
            "cookies": [
                {
                    "name": "h",
                    "value": "8",
                    "path": "/",
                    "domain": "example.com",
                    "expires": "2026-12-25T00:00:00.000Z",
                    "httpOnly": True,
                    "secure": False,
                }
            ]
        },
    }
    found = given(har(chrome, firefox, only_parsed, creator={"name": "x"}))
    assert [(one.name, one.value) for one in found] == [
        (letter, str(number)) for number, letter in enumerate("abcdefgh", 1)
    ]
    assert [one.exchange.url for one in found] == [url] * 7 + [None]
    assert [one.exchange.cross_site for one in found] == [True] * 4 + [False] * 4
    assert found[-1].attributes == {
        "Path": "/",
        "Expires": "2026-12-25T00:00:00.000Z",
        "HttpOnly": True,
    }
    assert found[-1].told == {"Path", "Domain", "Expires", "HttpOnly", "Secure"}


def test_a_sanitized_har_file_is_told_from_nonsense() -> None:
    entry = {"request": {"url": "https://example.com/", "headers": []}, "response": {}}
    with pytest.raises(UsageError) as caught:
        read_cookies(har(entry).encode())
    assert "with sensitive data" in (caught.value.hint or "")
    for text in ("{", '{"log": 5}', '["secret"]', '{"log":' * 100_000, '{"log":{"entries":[{"a":'):
        with pytest.raises(UsageError) as caught:
            read_cookies(text.encode())
        assert "neither a HAR file nor an export" in caught.value.message
        assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_many_cookies_are_kept_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one of a hundred requests is one; different ones have a limit, as has their name."""
    entry = {"request": {"headers": headers(("cookie", "authingo_session=x; theme=1"))}}
    found = read_cookies(har(*[entry] * 100).encode())
    assert [(seen.given.name, seen.times, seen.copies) for seen in found.cookies] == [
        ("authingo_session", 100, 1),
        ("theme", 100, 1),
    ]
    crowd = "; ".join(f"authingo_session={number}; c{number}=1" for number in range(1500))
    found = read_cookies(f"Cookie: {crowd}".encode())
    assert (len(found.cookies), found.left_out) == (2000, 1000)
    monkeypatch.setattr(cookie_sources, "_MOST_COOKIES", 1000)
    assert read_cookies(b"Cookie: " + b"a=1;" * 1000).cookies[0].times == 1000
    with pytest.raises(UsageError, match="more than 1,000 cookies"):
        read_cookies(b"Cookie: " + b"a=1;" * 1001)


def test_a_har_file_of_too_many_objects_is_refused_before_they_are_made() -> None:
    many = b'{"log":{"entries":[' + b"{}," * 2_000_001 + b"{}]}}"
    with pytest.raises(UsageError, match="too many parts"):
        read_cookies(many)
    body = '{"a":1}' * 2_000_001
    text = har({"request": {"headers": headers(("cookie", "a=1"))}, "text": body})
    assert pairs(text) == [("a", "1")], "braces in a body are not counted"


@pytest.mark.parametrize(
    "line",
    [
        *(
            "HTTP/1.1 200 ",
            "cookie ",
            "\n",
            " ",
            "a\tTRUE\t/\tTRUE\t1\t",
            "> host: ",
            "GET x HTTP/",
        ),
        *("=;", ";", "a=;\n", "a=b;c\n", '\\"', '"', "'", "$'", '^"', "^\n", "\\", "\\\n", "`"),
        *(
            "curl ",
            "curl -b '",
            "-b ",
            '"cookie": "',
            '"cookie":"\\',
            'fetch("',
            '{"fetch("',
            "cookie\n",
        ),
        *(
            'System.Net.Cookie("a", "',
            'System.Net.Cookie("""',
            "-Uri '",
            "a\tb\tc\t/\t",
            "\t",
            "a_session\t",
        ),
        "cookie" + " " * 100_000 + "!",
        "Cookie: a=b\nURL" + " " * 100_000 + "\n",
        *('{"a":', '[{"name":', "URL ", "Cookie: authingo_session=x\n\n", "/curl"),
    ],
)
def test_no_text_takes_time_without_end(line: str) -> None:
    """A pattern that looks again and again at the same text would not come back from this."""
    text = line * (200_000 // len(line))
    for start in ("", "curl 'http://x' ", 'fetch("http://x", "', '$s = "PowerShell.Commands.'):
        for ending in ("", "\nCookie: authingo_session=x"):
            try:
                read_cookies((start + text + ending).encode())
            except UsageError:
                continue


def test_escaped_quotes_in_a_har_file_take_no_time_without_end() -> None:
    """Nor do a million cookies of one name in as many requests."""
    many = b'{"log":{"entries":[' + b"{}," * 2_000_001 + b'{"text":"' + b'\\"' * 1_000_000
    for ending in (b'"}]}}', b"", b"\\"):
        with pytest.raises(UsageError):
            read_cookies(many + ending)
    crowd = "; ".join(["authingo_session=x"] * 1000)
    entry = {"request": {"headers": headers(("cookie", crowd))}}
    found = read_cookies(har(*[entry] * 200).encode())
    assert {(seen.times, seen.copies) for seen in found.cookies} == {(200, 1000)}
