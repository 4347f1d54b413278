"""`authingo cookies inspect`: every source, every state, and no token in any output."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from authingo import Auth
from authingo.config import settings_from
from authingo.cookies import Cookies
from authingo.models import SignedIn, Tokens
from tests.command import Ran, Runner
from tests.database import age_sessions, execute

Inspect = Callable[..., Ran]


@pytest.fixture
def auth(authingo: Runner) -> Auth:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    return Auth(settings_from({"database_url": url, "passwords": {"bcrypt_cost": 4}}))


@pytest.fixture
def signed_in(auth: Auth) -> SignedIn:
    async def run() -> SignedIn:
        try:
            return await auth.sign_up(
                email="ada@example.com", password="correct horse", name="Ada \x9b".strip("\x9b ")
            )
        finally:
            await auth.close()

    return asyncio.run(run())


def refresh(auth: Auth, tokens: Tokens) -> Tokens:
    async def run() -> Tokens:
        try:
            return (await auth.refresh(tokens.refresh)).tokens
        finally:
            await auth.close()

    return asyncio.run(run())


@pytest.fixture
def inspect(authingo: Runner) -> Inspect:
    """Run it for people and for programs; neither may show any part of the input's tokens."""

    def run(text: str, *secrets: str, code: int = 0) -> Ran:
        people = authingo("cookies", "inspect", stdin=text)
        programs = authingo("cookies", "inspect", "--json", "-", stdin=text)
        argument = authingo("cookies", "inspect", text)
        assert [people.code, programs.code, argument.code] == [code] * 3, people.err
        assert "prefer standard input" in argument.err
        for ran in (people, programs, argument):
            for secret in secrets:
                for start in range(len(secret) - 7):
                    assert secret[start : start + 8] not in ran.out + ran.err
        return Ran(code, programs.out, people.out + people.err)

    return run


def states(ran: Ran) -> list[tuple[str, str]]:
    return [(cookie["kind"], cookie["state"]) for cookie in ran.json["cookies"]]


def as_header(tokens: Tokens) -> str:
    return f"Cookie: authingo_session={tokens.session}; authingo_refresh={tokens.refresh}"


def both(tokens: Tokens) -> tuple[str, str]:
    return tokens.session, tokens.refresh


def test_active_cookies(inspect: Inspect, signed_in: SignedIn) -> None:
    ran = inspect(as_header(signed_in.tokens), *both(signed_in.tokens))
    assert states(ran) == [("session", "active"), ("refresh", "active")]
    for cookie in ran.json["cookies"]:
        assert cookie.keys() == {
            "name",
            "kind",
            "state",
            "user",
            "session",
            "attributes",
            "problems",
        }
        assert cookie["user"]["email"] == "ada@example.com"
        assert cookie["user"]["disabled_at"] is None
        assert cookie["session"]["id"] == signed_in.session.id
        assert cookie["attributes"] is None
        assert cookie["problems"] == []
    assert "Ada <ada@example.com>" in ran.err
    assert "it opens the session" in ran.err


def test_states_over_a_life(
    inspect: Inspect, auth: Auth, signed_in: SignedIn, authingo: Runner
) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    old = signed_in.tokens
    new = refresh(auth, old)
    before = execute(url, "SELECT * FROM authingo_sessions")
    assert states(inspect(as_header(old), *both(old))) == [
        ("session", "rotated"),
        ("refresh", "rotated"),
    ]
    assert inspect(as_header(old)).json["cookies"][1]["problems"] == []
    assert states(inspect(as_header(new), *both(new)))[0] == ("session", "active")
    assert execute(url, "SELECT * FROM authingo_sessions") == before, "read-only"
    age_sessions(url, 16 * 60)
    late = inspect(as_header(old), *both(old))
    assert states(late) == [("session", "rotated"), ("refresh", "rotated")]
    assert "counts as stolen" in late.json["cookies"][1]["problems"][0]
    assert states(inspect(as_header(new))) == [("session", "expired"), ("refresh", "active")]
    age_sessions(url, 31 * 86400)
    assert states(inspect(as_header(new))) == [("session", "expired"), ("refresh", "expired")]
    execute(url, "DELETE FROM authingo_sessions")
    gone = inspect(as_header(new), *both(new))
    assert states(gone) == [("session", "unknown"), ("refresh", "unknown")]
    assert "signed out, revoked, pruned" in gone.err


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda token: token[:-3], "characters"),
        (lambda token: f'"{token}"', "quotes"),
        (lambda token: token[:-3] + "%3D", "percent-encoded"),
        (lambda token: token[:-1] + "!", "a character that no token has"),
    ],
)
def test_malformed_cookies(
    inspect: Inspect, signed_in: SignedIn, spoil: Callable[[str], str], reason: str
) -> None:
    for name, token in (
        ("authingo_session", signed_in.tokens.session),
        ("authingo_refresh", signed_in.tokens.refresh),
    ):
        ran = inspect(f"{name}={spoil(token)}", token)
        assert states(ran) == [(name.removeprefix("authingo_"), "malformed")]
        assert reason in ran.json["cookies"][0]["problems"][0]


def test_malformed_cookies_need_no_database(bare: Runner) -> None:
    ran = bare("cookies", "inspect", stdin="authingo_session=x; theme=dark")
    assert ran.code == 0
    assert "1 other cookie, not of authingo: theme" in ran.out
    assert "dark" not in ran.out


def test_a_response_is_held_against_the_configuration(
    inspect: Inspect, signed_in: SignedIn, auth: Auth
) -> None:
    headers = Cookies(auth.settings).write(signed_in)
    response = "HTTP/1.1 200 OK\r\n" + "".join(f"set-cookie: {one}\r\n" for one in headers)
    ran = inspect(response + "\r\n{}", *both(signed_in.tokens))
    session, refresh = ran.json["cookies"]
    assert session["attributes"] == {
        "Path": "/",
        "Max-Age": "2592000",
        "HttpOnly": True,
        "SameSite": "Lax",
        "Secure": True,
    }
    assert refresh["attributes"]["SameSite"] == "Strict"
    assert session["problems"] == refresh["problems"] == []


BROKEN: list[tuple[str, str]] = [
    ("Path=/; HttpOnly; SameSite=Lax; Max-Age=9", "Secure is missing"),
    ("Path=/; Secure; SameSite=Lax; Max-Age=9", "HttpOnly is missing"),
    ("Path=/app; HttpOnly; Secure; SameSite=Lax; Max-Age=9", "Path is /app and should be /"),
    ("HttpOnly; Secure; SameSite=Lax; Max-Age=9", "Path is missing"),
    ("Path=/; HttpOnly; Secure; SameSite=None; Max-Age=9", "SameSite is None"),
    ("Path=/; HttpOnly; SameSite=None; Max-Age=9", "browsers drop the cookie"),
    ("Path=/; HttpOnly; Secure; Max-Age=9", "SameSite is missing"),
    ("Path=/; HttpOnly; Secure; SameSite=Lax", "Max-Age is missing"),
    ("Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax; Max-Age=9", "every subdomain"),
    ("Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=9; Partitioned", "Partitioned"),
]


def test_wrong_attributes_are_named(inspect: Inspect, signed_in: SignedIn) -> None:
    lines = [f"Set-Cookie: authingo_session={signed_in.tokens.session}; {a}" for a, _ in BROKEN]
    cookies = inspect("\n".join(lines), signed_in.tokens.session).json["cookies"]
    for cookie, (attributes, problem) in zip(cookies, BROKEN, strict=True):
        assert any(problem in text for text in cookie["problems"]), attributes


def test_secure_cookies_on_plain_http_are_named(authingo: Runner, signed_in: SignedIn) -> None:
    header = f"authingo_session={signed_in.tokens.session}; Path=/; HttpOnly; Secure; SameSite=Lax"
    ran = authingo("cookies", "inspect", stdin=header, AUTHINGO_PUBLIC_URL="http://localhost:8080")
    assert "plain http" in ran.out


def test_other_names_and_duplicates(inspect: Inspect, signed_in: SignedIn) -> None:
    token = signed_in.tokens.session
    ran = inspect(f"__Host-authingo_session={token}", token)
    assert states(ran) == [("session", "active")]
    assert "this configuration calls it authingo_session" in ran.json["cookies"][0]["problems"][0]
    twice = inspect(f"authingo_session={token}; authingo_session={token}", token)
    assert all("it came 2 times" in cookie["problems"][0] for cookie in twice.json["cookies"])


def test_a_cookie_jar(inspect: Inspect, authingo: Runner, signed_in: SignedIn) -> None:
    session, refresh_token = both(signed_in.tokens)
    jar = (
        "# Netscape HTTP Cookie File\n\n"
        f"#HttpOnly_example.com\tFALSE\t/\tTRUE\t1900000000\tauthingo_session\t{session}\n"
        f"example.com\tFALSE\t/\tTRUE\t0\tauthingo_refresh\t{refresh_token}\n"
    )
    ran = inspect(jar, session, refresh_token)
    assert states(ran) == [("session", "active"), ("refresh", "active")]
    good, bad = ran.json["cookies"]
    assert good["problems"] == []
    assert any("HttpOnly is missing" in text for text in bad["problems"])
    assert any("not to the refresh route" in text for text in bad["problems"])
    file = authingo.directory / "jar"
    file.write_text(jar)
    assert authingo("cookies", "inspect", "jar", "--json").json == ran.json


def test_bare_values(inspect: Inspect, signed_in: SignedIn) -> None:
    for kind, token in zip(("session", "refresh"), both(signed_in.tokens), strict=True):
        ran = inspect(token, token)
        assert states(ran) == [(kind, "active")]
        assert ran.json["cookies"][0]["name"] == ""


def test_a_clearing_cookie_is_no_fault(inspect: Inspect, auth: Auth) -> None:
    headers = "\n".join(f"Set-Cookie: {one}" for one in Cookies(auth.settings).clear())
    ran = inspect(headers)
    assert states(ran) == [("session", "unknown"), ("refresh", "unknown")]
    assert "clears the cookie" in ran.err
    assert all(cookie["problems"] == [] for cookie in ran.json["cookies"])


@pytest.mark.parametrize(
    "text",
    ["", "   \n", "nothing that is one", b"\xff\xfe", b"\x89PNG\r\n\x1a\n\x00=;", "{}", "[1]"],
)
def test_what_is_no_cookie_is_wrong_usage(bare: Runner, text: Any) -> None:
    ran = bare("cookies", "inspect", stdin=text)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert len(ran.err) < 300


def test_a_terminal_is_not_waited_for(bare: Runner) -> None:
    ran = bare.on_terminal("cookies", "inspect")
    assert ran.code == 2
    assert "there is nothing to inspect" in ran.out


@pytest.mark.parametrize("length", [43, 64])
def test_a_token_that_begins_with_a_dash_is_no_option(inspect: Inspect, length: int) -> None:
    """One in 64 does."""
    token = "-" + "a" * (length - 2) + "A"
    assert [state for _, state in states(inspect(token, token))] == ["unknown"]
