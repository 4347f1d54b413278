"""Whether cookies stick between two addresses: the rules of browsers, as a table."""

# ruff: noqa: E501 - a case a line

from __future__ import annotations

from typing import Any

import pytest
from authingo.cli.browsers.places import address
from authingo.cli.checks.pair import predict

from authingo.config import settings_from
from authingo.domains import covers, is_public_suffix

CROSS_SITE = {"same_site": "none"}
PARTITIONED = {"same_site": "none", "partitioned": True}
SHARED = {"domain": "example.com"}


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://app.example.com", ("https", "example.com")),
        ("https://app.example.com:8443/path", ("https", "example.com")),
        ("https://EXAMPLE.com", ("https", "example.com")),
        ("https://example.com.", ("https", "example.com")),
        ("http://example.com", ("http", "example.com")),
        ("https://a.b.example.co.uk", ("https", "example.co.uk")),
        ("https://ada.github.io", ("https", "ada.github.io")),
        ("https://x.ada.github.io", ("https", "ada.github.io")),
        ("https://github.io", ("https", "github.io")),
        ("https://xn--bcher-kva.example.de", ("https", "example.de")),
        ("http://localhost:3000", ("http", "localhost")),
        ("http://127.0.0.1:3000", ("http", "127.0.0.1")),
        ("http://[::1]:3000", ("http", "::1")),
        ("https://192.0.2.7", ("https", "192.0.2.7")),
        ("https://intranet", ("https", "intranet")),
        ("https://host.unheard-of", ("https", "host.unheard-of")),
    ],
)
def test_a_site_is_a_scheme_and_a_registrable_domain(url: str, site: tuple[str, str]) -> None:
    assert (address(url).scheme, address(url).site) == site


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "https://ada:secret@example.com",
        "https://example.com/?query",
        "https://example.com:port",
        "https://example.com:99999",
        "https://example.com/a b",
        "https://example.com/ä",
        "https://bücher.example.de",
        "https://" + "ü" * 70 + ".com",
        "https://[::1",
        "",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!.*secret)"):
        address(url)


def test_public_suffixes_and_what_a_domain_covers() -> None:
    assert [is_public_suffix(one) for one in ("github.io", "co.uk", "com", "example.com")] == [
        True,
        True,
        True,
        False,
    ]
    assert covers("example.com", "example.com")
    assert covers("example.com", "api.example.com")
    assert not covers("example.com", "badexample.com")
    assert not covers("2.7", "192.0.2.7")


# front, api, settings, verdict, what fails or is doubtful
TABLE: list[tuple[str, str, dict[str, Any], str, list[str]]] = [
    # One origin, and one site
    ("https://example.com", "https://example.com", {}, "ok", []),
    ("https://example.com", "https://example.com/api/auth", {}, "ok", []),
    ("https://example.com:443", "https://example.com/api", {}, "ok", []),
    ("https://app.example.com", "https://api.example.com", {"trust": 1}, "ok", []),
    ("https://example.co.uk", "https://api.example.co.uk", {"trust": 1}, "ok", []),
    ("https://example.com:8443", "https://example.com", {"trust": 1}, "ok", []),
    ("https://192.0.2.7:8443", "https://192.0.2.7", {"trust": 1}, "ok", []),
    ("https://intranet:8443", "https://intranet", {"trust": 1}, "ok", []),
    ("https://app.example.com", "https://api.example.com", {}, "fail", ["origin"]),
    # On the developer's machine
    ("http://localhost:8000", "http://localhost:8000", {}, "ok", []),
    ("http://localhost:3000", "http://localhost:8000", {"trust": 1}, "ok", []),
    ("http://127.0.0.1:8000", "http://127.0.0.1:8000", {"public": "http://localhost:8000"}, "ok", []),
    ("http://localhost:3000", "http://127.0.0.1:8000", {"trust": 1}, "fail", ["same_site"]),
    ("http://app.localhost:1", "http://localhost:1", {"trust": 1}, "fail", ["same_site"]),
    ("http://localhost:8000", "http://localhost:8000", {"public": None}, "warn", ["secure", "public_url"]),
    ("http://localhost:8000", "http://localhost:8000", {"public": "http://localhost:9000"}, "fail", ["public_url"]),
    # Two sites, with Lax and Strict
    ("https://shop.com", "https://api.example.com", {"trust": 1}, "fail", ["same_site"]),
    ("https://ada.github.io", "https://bob.github.io", {"trust": 1}, "fail", ["same_site"]),
    ("https://x.vercel.app", "https://y.vercel.app", {"trust": 1}, "fail", ["same_site"]),
    ("https://example.co.uk", "https://other.co.uk", {"trust": 1}, "fail", ["same_site"]),
    ("http://example.com", "https://example.com", {"trust": 1, "public": None}, "fail", ["same_site", "public_url", "page"]),
    ("https://192.0.2.7", "https://192.0.2.8", {"trust": 1}, "fail", ["same_site"]),
    ("http://localhost:3000", "https://api.example.com", {"trust": 1}, "fail", ["same_site"]),
    # Two sites, with None
    ("https://shop.com", "https://api.auth.com", {"trust": 1, "cookies": CROSS_SITE}, "warn", ["third_party"]),
    ("https://shop.com", "https://api.auth.com", {"trust": 1, "cookies": PARTITIONED}, "warn", ["third_party"]),
    ("https://shop.com", "https://auth.com", {"trust": "https://other.com", "cookies": PARTITIONED}, "fail", ["third_party", "origin"]),
    ("http://localhost:3000", "https://auth.com", {"trust": 1, "cookies": PARTITIONED}, "warn", ["third_party"]),
    # What travels in the clear
    ("https://example.com", "http://api.example.com", {"trust": 1, "public": None}, "fail", ["mixed_content", "secure", "same_site", "public_url"]),
    ("http://example.com", "http://example.com", {"public": None}, "fail", ["secure", "public_url", "page"]),
    ("https://localhost:3000", "http://localhost:8000", {"trust": 1}, "fail", ["mixed_content", "same_site"]),
    # Domain
    ("https://example.com", "https://example.com", {"cookies": SHARED}, "ok", []),
    ("https://app.example.com", "https://api.example.com", {"trust": 1, "cookies": SHARED}, "ok", []),
    ("https://ada.github.io", "https://ada.github.io", {"cookies": {"domain": "github.io"}}, "fail", ["domain"]),
    ("https://other.com", "https://other.com", {"public": "https://example.com", "cookies": SHARED}, "fail", ["domain", "public_url"]),
    # Path
    ("https://example.com", "https://example.com/auth", {}, "fail", ["refresh_path"]),
    ("https://example.com", "https://example.com/auth", {"base": "/auth"}, "ok", []),
    ("https://example.com", "https://example.com/ap", {}, "fail", ["refresh_path"]),
    # public_url and private networks
    ("https://example.com", "https://example.com", {"public": None}, "ok", ["public_url"]),
    ("https://example.com", "https://example.com", {"public": "https://www.example.com"}, "fail", ["public_url"]),
    ("https://example.com", "https://192.168.1.7", {"trust": 1, "cookies": PARTITIONED}, "warn", ["third_party", "local_network"]),
]  # fmt: skip


@pytest.mark.parametrize(("front", "api", "given", "verdict", "named"), TABLE)
def test_the_cookies_stick_or_do_not(
    front: str, api: str, given: dict[str, Any], verdict: str, named: list[str]
) -> None:
    pages, routes = address(front), address(api)
    trusted = {1: [pages.origin], None: []}.get(given.get("trust"), [given.get("trust")])
    values = {
        "public_url": given.get("public", routes.origin),
        "trusted_origins": trusted,
        "base_path": given.get("base", "/api/auth"),
        "cookies": given.get("cookies", {}),
    }
    found = predict(pages, routes, settings_from(values))
    *looked_at, last = found
    assert [one.name for one in looked_at if one.status != "ok"] == named
    assert (last.name, last.status) == ("cookies_stick", verdict)
    assert [one.name for one in found if (one.status == "ok") == bool(one.hint)] == []


@pytest.mark.parametrize(
    ("front", "api", "reason", "fix"),
    [
        ("http://localhost:1", "http://127.0.0.1:2", "both are this machine", "use 127.0.0.1"),
        ("http://example.com", "https://example.com", "schemeful same-site", "both by https"),
        ("https://a.github.io", "https://b.github.io", "github.io is a public suffix", "partition"),
        ("https://192.0.2.7", "https://x.com", "an IP address is a site of its own", "use names"),
        ("https://github.io", "https://x.com", "github.io is a public suffix", "one domain"),
        ("https://shop.com", "https://auth.com", "shop.com and auth.com are two sites", "one domain"),
    ],
)  # fmt: skip
def test_why_two_addresses_are_two_sites(front: str, api: str, reason: str, fix: str) -> None:
    found = predict(address(front), address(api), settings_from({}))
    (apart,) = [one for one in found if one.name == "same_site"]
    assert reason in apart.message
    assert fix in (apart.hint or "")


def test_the_hint_for_another_origin_can_be_copied_into_the_file() -> None:
    settings = settings_from({"trusted_origins": ["https://a.example.com"]})
    found = predict(address("https://b.example.com"), address("https://c.example.com"), settings)
    (origin,) = [one for one in found if one.name == "origin"]
    assert origin.hint == 'trusted_origins = ["https://a.example.com", "https://b.example.com"]'


def test_the_device_cookie_is_of_one_host() -> None:
    """Whatever cookies.domain shares."""
    app, api = address("https://app.example.com"), address("https://api.example.com")
    for values, name, apart in (
        ({"public_url": api.origin, "cookies": {"domain": "example.com"}}, "__Host-authingo", True),
        ({"public_url": api.origin, "cookies": {"prefix": "shop"}}, "__Host-shop", False),
        ({"public_url": "http://localhost:8000"}, "authingo", False),
    ):
        found = {one.name: one for one in predict(app, api, settings_from(values))}
        device = found["device_cookie"]
        assert device.message.startswith(f"{name}_device goes to api.example.com only")
        assert ("each host of example.com" in device.message) is apart
        assert device.status == "ok"
