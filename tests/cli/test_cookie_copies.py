"""`authingo cookies inspect` reads what browsers' tools, extensions and programs copy and save."""

from __future__ import annotations

import importlib
import json
import shlex
import subprocess
from typing import Any

import pytest
from authingo.cli.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.cookie_copies import KEPT, NODE_FETCH, SENT, URL
from tests.command import Runner

read_cookies: Any = importlib.import_module("authingo.cli.cookies.sources").read_cookies

SESSION = "s" * 42 + "A"
REFRESH = "r" * 63 + "A"
DEVICE = ".".join(["d" * 64, "-" * 64, "_" * 64])
THEMES = {"dark", "it's !", '%41"', '"dark"', 'a"b$\xe9'}


def filled(text: str) -> str:
    return text.replace("SESSION", SESSION).replace("REFRESH", REFRESH)


def read(text: str) -> list[Any]:
    return [seen.given for seen in read_cookies(text.encode()).cookies]


@pytest.mark.parametrize("form", SENT)
def test_a_copied_request_is_read(form: str) -> None:
    found = read(filled(SENT[form]))
    assert {one.name for one in found} == {"theme", "authingo_session", "authingo_refresh"}
    values = {one.name: one.value for one in found}
    assert (values["authingo_session"], values["authingo_refresh"]) == (SESSION, REFRESH)
    assert values["theme"] in THEMES
    assert {one.attributes and None for one in found} == {None}
    (url,) = {one.exchange.url for one in found}
    assert url.removeprefix("https:") == URL.removeprefix("https:")


@pytest.mark.parametrize("form", [*SENT, *KEPT])
def test_a_device_cookie_is_read(form: str) -> None:
    """Its name has a prefix, and its value has dots."""
    text = (SENT.get(form) or KEPT[form]).replace("authingo_session", "__Host-authingo_device")
    found = {one.name: one.value for one in read(filled(text.replace("SESSION", DEVICE)))}
    assert found["__Host-authingo_device"] == DEVICE


def test_a_device_cookie_is_read_from_a_line_of_its_own() -> None:
    for text in (f"authingo_device\t{DEVICE}", f'__Host-authingo_device: "{DEVICE}"'):
        ((name, value),) = [(one.name, one.value) for one in read(text)]
        assert (name.removeprefix("__Host-"), value) == ("authingo_device", DEVICE)


@pytest.mark.parametrize("form", KEPT)
def test_what_a_browser_keeps_is_read_with_its_attributes(form: str) -> None:
    session, refresh, theme = read(filled(KEPT[form]))
    assert (session.name, session.value) == ("authingo_session", SESSION)
    assert (refresh.name, refresh.value) == ("authingo_refresh", REFRESH)
    assert (theme.name, theme.value) == ("theme", "dark")
    assert (session.host, theme.host) == ("app.example.com", "example.com")
    assert "Domain" not in session.attributes
    assert theme.attributes["Domain"] == "example.com"
    assert refresh.attributes["Path"] == "/api/auth/refresh"
    assert {"Path", "Domain", "Secure", "HttpOnly"} <= session.told
    assert (session.attributes["Secure"], session.attributes["HttpOnly"]) == (True, True)
    assert "Secure" not in refresh.attributes
    assert refresh.attributes["HttpOnly"] is True
    assert "HttpOnly" not in theme.attributes
    assert "Expires" not in theme.attributes
    if form != "Safari, table":  # which writes the date as its reader does
        assert "Expires" in session.attributes
    if "SameSite" in session.told:
        assert session.attributes["SameSite"].lower() == "lax"
        assert refresh.attributes["SameSite"].lower() == "strict"


@pytest.mark.parametrize("form", [*SENT, *KEPT])
def test_every_form_is_read_by_the_command_and_no_token_comes_back(bare: Runner, form: str) -> None:
    """The tokens are malformed, so no database is needed."""
    text = (
        filled({**SENT, **KEPT}[form]).replace(SESSION, SESSION[:-1]).replace(REFRESH, REFRESH[:-1])
    )
    ran = bare("cookies", "inspect", "--json", stdin=text)
    assert ran.code == 0, ran.err
    kinds = {cookie["kind"]: cookie["state"] for cookie in ran.json["cookies"]}
    assert kinds == {"session": "malformed", "refresh": "malformed", "unknown": "unknown"}
    for token in (SESSION, REFRESH):
        assert token[:8] not in ran.out + ran.err


def test_a_row_that_does_not_say_which_browser_it_is_of_claims_nothing() -> None:
    (one,) = read(f"authingo_session\t{SESSION}\tlocalhost\t/\tSession\t59\t✓\t\tLax")
    assert one.told == {"Path", "Domain", "Expires", "SameSite"}
    (one,) = read(f"authingo_session\t{SESSION}\tlocalhost\t/\tSession\t59\t✓\t✓\t")
    assert one.told == {"Path", "Domain", "Expires", "Secure", "HttpOnly"}
    (one,) = read(f"authingo_session\t{SESSION}")
    assert (one.name, one.value, one.attributes) == ("authingo_session", SESSION, None)
    (one,) = read(f"__Host-shop.eu_session\t{SESSION}")
    assert (one.name, one.value) == ("__Host-shop.eu_session", SESSION)
    (one,) = read(f'authingo_session: "{SESSION}"')  # Firefox, the list beside the table
    assert (one.name, one.value, one.attributes) == ("authingo_session", SESSION, None)


def test_nothing_is_said_that_the_source_does_not_say(bare: Runner) -> None:
    """Safari's dates cannot be read, and some exports are only names and values."""
    ran = bare(
        "cookies",
        "inspect",
        stdin=filled(KEPT["Safari, table"]).replace(SESSION, "x").replace(REFRESH, "y"),
    )
    assert "as stored" in ran.out
    assert "until it closes" not in ran.out
    (one,) = read('[{"name": "authingo_session", "value": "x"}]')
    assert (one.attributes, one.stored) == (None, False)
    (one,) = read('[{"name": "authingo_session", "value": "x", "path": "/"}]')
    assert (one.attributes, one.stored) == ({"Path": "/"}, True)


def test_several_requests_are_told_apart() -> None:
    one = filled(SENT["Chrome, bash"])
    two = one.replace("app.example.com", "b.example.com").replace(SESSION, "x")
    for text, expected in (
        (f"{one} ;\n{two}", 2),
        (f"{filled(SENT['Chrome, cmd'])} &\r\n{two}", 2),
        (filled(NODE_FETCH) + " ;\n" + filled(NODE_FETCH).replace(SESSION, "x"), 2),
        (filled(SENT["Chrome and Firefox, PowerShell"]) * 2, 1),
    ):
        found = read_cookies(text.encode()).cookies
        session = [seen for seen in found if seen.given.name == "authingo_session"]
        assert len(session) == expected
        assert {seen.copies for seen in session} == {1}, "each came once with its request"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            'await fetch("https://app.example.com/", {\n "credentials": "include",\n'
            ' "headers": {"Accept": "a=b"}\n});',
            "Copy as fetch (Node.js)",
        ),
        ("curl 'https://app.example.com/?a=b' --compressed", "sends no cookie"),
        ("curl -b cookies.txt 'https://app.example.com/?a=b'", "sends no cookie"),
        ('Invoke-WebRequest -Uri "https://app.example.com/?a=b"', "sends no cookie"),
        ('{"cookies": [], "origins": []}', "while you are signed in"),
        ("[]", "while you are signed in"),
        ('{"log": {"entries": []}}', "with sensitive data"),
        ("Name\tValue\tDomain", "from the table of cookies"),
        ("hunter2 hunter2", "from the table of cookies"),
        ('[{"token": "hunter2"}]', "EditThisCookie"),
        ('[{"name": "a", "value": {"hunter2": 1}}]', "EditThisCookie"),
    ],
)
def test_where_there_is_no_cookie_it_says_what_to_give(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert hint in (caught.value.hint or "")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("form", [form for form in SENT if "bash" in form or form == "typed"])
def test_a_command_is_read_as_bash_reads_it(form: str) -> None:
    curl: Any = importlib.import_module("authingo.cli.cookies.curl")
    text = filled(SENT[form]).removeprefix("$ ").replace("\r\n", "\n")
    script = f"curl() {{ printf '%s\\0' curl \"$@\"; }}\n{text}\n"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True)
    assert list(curl._words(text)) == ran.stdout.split("\0")[:-1]


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)))
def test_words_are_those_of_a_shell(words: list[str]) -> None:
    curl: Any = importlib.import_module("authingo.cli.cookies.curl")
    assert list(curl._words(shlex.join(words))) == words


def test_values_of_an_export_stay_as_they_are() -> None:
    for value in ("1", "007", "1e5", "true", "null", "", "é"):
        (one,) = read(json.dumps([{"name": "a", "value": value}]))
        assert one.value == value
