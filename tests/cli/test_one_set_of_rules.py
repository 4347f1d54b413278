"""`cookies inspect` and the three parts of `doctor` give the same cookie the same judgement."""

# ruff: noqa: E501 - a case a line

from __future__ import annotations

import importlib
from typing import Any

import pytest
from authingo.cli.browsers.places import address
from authingo.cli.checks import configuration
from authingo.cli.checks.asking import Answer
from authingo.cli.checks.pair import predict
from authingo.cli.checks.set_cookies import cookies as cookies_of_server

from authingo.config import Settings, settings_from
from authingo.findings import Finding
from authingo.http.cookies import Cookies

sources: Any = importlib.import_module("authingo.cli.cookies.sources")
verdicts: Any = importlib.import_module("authingo.cli.cookies.verdicts")

APP, SUFFIX = "https://app.example.com", "https://github.io"
OTHER_SITE = "https://front.org"
LOOPBACK = "http://localhost:8080"
FOR_ALL = {"same_site": "none"}
JUDGING = {"cookies", "cookie_domain", "domain", "secure", "same_site", "third_party"}

# Which of these words is in what a command says of the cookies, and in what the others say.
REASONS = {
    "suffix": "is a public suffix, below which strangers register names",
    "covers": "does not cover",
    "plain": "is plain http",
    "safari": "Safari drops the cookie",
    "site": "site",
    "same_site": "SameSite is",
    "domain": "Domain is",
    "http_only": "HttpOnly is missing",
    "not_secure": "Secure is missing",
}


def inspected(header: str, place: str, settings: Settings) -> list[str]:
    found = sources.read_cookies(f"Set-Cookie: {header}".encode())
    (verdict,) = verdicts.Inspector(settings, found, address(place)).without_store()
    return [problem.text for problem in verdict.problems]


def of_server(session: str, place: str, settings: Settings) -> list[str]:
    """Answer a sign-out as a server does; its refresh cookie is right."""
    clearing = session.replace("[redacted]", "").replace("Max-Age=1", "Max-Age=0")
    headers = [clearing, Cookies(settings).refresh.header("", 0)]
    answer = Answer(200, tuple(("set-cookie", header) for header in headers), b"{}")
    return said(list(cookies_of_server(address(place), settings.base_path, answer, settings)))


def said(found: list[Finding]) -> list[str]:
    return [one.message for one in found if one.status != "ok" and one.name in JUDGING]


def is_advice(text: str) -> bool:
    """Tell what `doctor` says of settings that browsers obey: who gets the cookie, and who blocks it."""
    return any(
        part in text for part in ("every host below", "without Partitioned", "partitioned cookies")
    )


def settings_of(values: dict[str, Any], place: str) -> Settings:
    return settings_from({"public_url": place, **values})


# The place, the settings, and what is wrong with the cookies that they make.
CONFIGURED: list[tuple[str, dict[str, Any], str | None]] = [
    (APP, {}, None),
    (LOOPBACK, {}, None),
    (APP, {"trusted_origins": ["https://www.example.com"]}, None),
    (APP, {"trusted_origins": [OTHER_SITE]}, "site"),
    (APP, {"trusted_origins": [OTHER_SITE], "cookies": FOR_ALL}, None),
    (APP, {"trusted_origins": [OTHER_SITE], "cookies": {**FOR_ALL, "partitioned": True}}, None),
    (SUFFIX, {}, None),
    (SUFFIX, {"cookies": {"domain": "github.io"}}, None),
    ("https://ada.github.io", {"cookies": {"domain": "github.io"}}, "suffix"),
    ("https://ada.github.io", {}, None),
    ("https://example.com", {"cookies": {"hardened_names": True}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("place", "values", "wrong"), CONFIGURED)
def test_all_four_agree_on_what_a_configuration_sets(
    place: str, values: dict[str, Any], wrong: str | None
) -> None:
    settings = settings_of(values, place)
    header = Cookies(settings).session.header("[redacted]", 1)
    front = settings.trusted_origins[0] if settings.trusted_origins else place
    judgements = {
        "inspect": inspected(header, place, settings),
        "--url": of_server(header, place, settings),
        "doctor": [
            text for text in said(list(configuration.settings(settings))) if not is_advice(text)
        ],
        "--front": [
            text
            for text in said(predict(address(front), address(place), settings))
            if not is_advice(text)
        ],
    }
    for command, texts in judgements.items():
        assert bool(texts) is bool(wrong), command
        assert all(REASONS[wrong or ""] in text for text in texts), command


# Where the cookie is set, what is configured, how it differs from that, and what is wrong.
CHANGED: list[tuple[str, dict[str, Any], tuple[str, str], str | None]] = [
    (APP, {}, ("SameSite=Lax", "SameSite=None"), "same_site"),
    (APP, {}, ("SameSite=Lax", "SameSite=Strict"), "same_site"),
    (APP, {"trusted_origins": [OTHER_SITE], "cookies": FOR_ALL}, ("SameSite=None", "SameSite=Lax"), "same_site"),
    (APP, {}, ("HttpOnly; ", ""), "http_only"),
    (APP, {}, ("; Secure", ""), "not_secure"),
    (APP, {}, ("; Secure", "; Secure; Domain=example.com"), "domain"),
    (APP, {}, ("; Secure", "; Secure; Domain=other.org"), "covers"),
    (APP, {}, ("; Secure", "; Secure; Domain=com"), "suffix"),
    (APP, {"cookies": {"domain": "example.com"}}, ("Domain=example.com; ", ""), "domain"),
    (SUFFIX, {}, ("; Secure", "; Secure; Domain=github.io"), None),
    (SUFFIX, {"cookies": {"domain": "github.io"}}, ("Domain=github.io; ", ""), None),
    (LOOPBACK, {}, ("HttpOnly; ", "HttpOnly; Secure; "), "safari"),
    ("http://intranet", {"public_url": None}, ("", ""), "plain"),
    (LOOPBACK, {"public_url": None}, ("; Secure", ""), None),
    (LOOPBACK, {"public_url": None}, ("", ""), "safari"),
    (LOOPBACK, {"public_url": APP}, ("; Secure", ""), "not_secure"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "values", "change", "wrong"), CHANGED)
def test_both_that_see_a_header_agree_on_it(
    place: str, values: dict[str, Any], change: tuple[str, str], wrong: str | None
) -> None:
    settings = settings_of(values, place)
    header = Cookies(settings).session.header("[redacted]", 1).replace(*change, 1)
    for texts in (inspected(header, place, settings), of_server(header, place, settings)):
        assert any(REASONS[wrong] in text for text in texts) if wrong else not texts, texts
