"""Where a sign-in may lead to: `next`, and what open redirects have been made of."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authingo.config import Settings
from authingo.http.next_paths import LONGEST, checked_next

SETTINGS = Settings()

ACCEPTED = [
    "/",
    "/orders",
    "/orders/",
    "/orders/17?page=2&sort=-date",
    "/orders#row-3",
    "/caf%C3%A9/a%20b",
    "/100%/caf%E9/%ff",
    "/a:b@c;d,e=f+g!$&'()*~",
    "/@evil.example",  # a path, however it looks
    "/;@evil.example",
    "/http:evil.example",
    "/.well-known/x",
    "/...",
    "/a..b/.c/d.",
    "/search?q=a//b/../c\\d%2f%5c%09",  # what follows ? cannot lead elsewhere
    "/search?next=https://evil.example/",
    "/apiary/auth",
    "/api/authors",
    "/api",
    "/a?",
    "/" + "a" * (LONGEST - 1),
]

REFUSED = [
    # No path of this site at all
    "",
    "orders",
    "?a",
    "#a",
    " /orders",
    "https://evil.example/",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,x",
    "mailto:ada@example.com",
    "user@evil.example",
    "evil.example",
    "www.evil.example/",
    # Another slash, a backslash, and what browsers make one of them
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "//evil.example/%2f..",  # CVE-2018-14574 (Django)
    "//user:password@evil.example",
    "//[::1]/",
    "/\\evil.example",  # CVE-2023-49438 (Flask-Security)
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\\\\evil.example",
    "/a\\evil",
    "/a//evil.example",
    "/orders//",
    "https:\\\\evil.example",
    # Tabs and line ends, which a browser removes (CVE-2020-11053, oauth2-proxy)
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    "\n/orders",
    "/\t\\evil.example",
    "/orders\r\nSet-Cookie: a=b",  # and what would be a header of its own
    "/orders?a=\r\nSet-Cookie: a=b",
    "/orders\n",
    "/orders?\n",
    "/\0/evil.example",
    "/\x0b/evil.example",
    "/\x7f",
    "/a b",
    "/a?b c",
    # The same after one more round of decoding
    "/%2f/evil.example",
    "/%2F%2Fevil.example",
    "/%5cevil.example",
    "/%5Cevil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0D%0ASet-Cookie:a=b",
    "/%00",
    "/a/%2e%2e%2f",
    # Dot segments: `/.//evil` is `//evil` when they are resolved
    "/.",
    "/..",
    "/./evil",
    "/.//evil.example",
    "/../evil",
    "/a/../b",
    "/a/..",
    "/a/.",
    "/..#a",
    "/a/..?b",
    "/%2e/evil",
    "/%2e%2e/evil",
    "/.%2e/evil",
    "/%2E./evil",
    "/..\\evil",
    # Not ASCII: full-width slashes and dots, look-alikes, bidi marks, what lower() changes
    "/\uff0fevil.example",
    "\uff0f\uff0fevil.example",
    "/\uff3cevil.example",
    "/\u2215evil.example",
    "/\u2044evil.example",
    "/\uff0e\uff0e/evil",
    "/\u3002\u3002/evil",
    "/\u202eevil",
    "/\ufeff/evil",
    "/\u00a0/evil",
    "/\u2028/evil",
    "/\u0085/evil",
    "/caf\u00e9",
    "/\ud800",
    "/a?\ud800",
    # Below the routes of authingo, however it is spelled
    "/api/auth",
    "/api/auth/",
    "/api/auth/sign-out",
    "/api/auth?a",
    "/api/auth#a",
    "/%61pi/auth/session",
    "/api/%61uth",
    # Too long
    "/" + "a" * LONGEST,
    "/?" + "\u00fc" * 1_000,  # once it is encoded
]


@pytest.mark.parametrize("value", ACCEPTED)
def test_a_path_of_this_site_is_accepted(value: str) -> None:
    assert checked_next(value, SETTINGS) == value


@pytest.mark.parametrize("value", [None, *REFUSED])
def test_anything_else_is_refused(value: str | None) -> None:
    assert checked_next(value, SETTINGS) is None


@pytest.mark.parametrize("value", ["/sign-in", "/sign-in?next=/orders", "/sign%2Din#x"])
def test_the_sign_in_page_is_refused(value: str) -> None:
    """It would lead to itself, over and over if the value is long."""
    assert checked_next(value, SETTINGS) is None


def test_what_follows_the_question_mark_becomes_ascii() -> None:
    assert checked_next("/search?q=\u00fc%20\u2028", SETTINGS) == "/search?q=%C3%BC%20%E2%80%A8"


def test_the_base_path_of_the_settings_counts() -> None:
    settings = Settings(base_path="/login")
    assert checked_next("/login/sign-out", settings) is None
    assert checked_next("/api/auth/x", settings) == "/api/auth/x"


def resolved(value: str) -> str:
    """Return what a browser makes of a value that it resolves against a page of this site.

    WHATWG URL Standard, as far as it matters for http: spaces and control characters at either end
    go, tabs and newlines go, a backslash is a slash; the path has its dot segments resolved.
    """
    text = re.sub(r"[\t\n\r]", "", value.strip("".join(map(chr, range(0x21)))))
    path, rest = re.split("(?=[?#])|$", text, maxsplit=1)
    path = path.replace("\\", "/")
    assert path.startswith("/"), "relative to the page, or absolute"
    assert not path.startswith("//"), "the name of a host"
    kept: list[str] = []
    for segment in path[1:].split("/"):
        plain = re.sub("%2e", ".", segment, flags=re.IGNORECASE)
        if plain == "..":
            kept = kept[:-1]
        elif plain != ".":
            kept.append(segment)
    return "/" + "/".join(kept) + rest


_PIECES = [
    "/",
    "\\",
    ".",
    "%2e",
    "%2f",
    "%5c",
    "%09",
    "\t",
    "\n",
    "\r",
    " ",
    "\0",
    "@",
    ":",
    ";",
    "?",
    "#",
]
_PIECES += ["evil.example", "https:", "\uff0f", "\u3002", "a", "%61pi", "api", "auth", "\u00fc"]


@given(
    st.one_of(st.text(), st.lists(st.sampled_from(_PIECES)).map(lambda parts: "/" + "".join(parts)))
)
@example("/a?\ud800")
def test_what_is_accepted_stays_on_this_site_and_is_accepted_again(value: str) -> None:
    found = checked_next(value, SETTINGS)
    if found is None:
        return
    assert checked_next(found, SETTINGS) == found
    assert re.fullmatch(r"/[!-~]*", found), "it can be a header"
    assert resolved(found) == found
