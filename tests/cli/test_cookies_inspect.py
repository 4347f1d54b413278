"""`authingo cookies inspect`: every source, every state, and no token in any output."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from authingo import Auth
from authingo.config import settings_from
from authingo.http.cookies import Cookies
from authingo.models import SignedIn, Tokens
from tests.command import Ran, Runner
from tests.database import age_sessions, execute

Inspect = Callable[..., Ran]


@pytest.fixture
def auth(authingo: Runner) -> Auth:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    lives = {"refresh_grace": "1m"}  # commands take seconds on a machine that is busy
    values = {"database_url": url, "passwords": {"bcrypt_cost": 4}, "sessions": lives}
    return Auth(settings_from(values))


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

    def run(text: str, *secrets: str, as_argument: bool = False) -> Ran:
        people = authingo("cookies", "inspect", stdin=text)
        programs = authingo("cookies", "inspect", "--json", "-", stdin=text)
        every = [people, programs]
        if as_argument:
            every.append(authingo("cookies", "inspect", text))
            assert every[-1].out.partition("\n")[0] == people.out.partition("\n")[0]
            assert "prefer standard input" in every[-1].err
        assert [ran.code for ran in every] == [0] * len(every), people.err
        for ran in every:
            # Before the dot of a session token, the id of the session is public.
            for secret in (text.rpartition(".")[2] for text in secrets):
                for start in range(len(secret) - 7):
                    assert secret[start : start + 8] not in ran.out + ran.err
        return Ran(0, programs.out, people.out + people.err)

    return run


def states(ran: Ran) -> list[tuple[str, str]]:
    return [(cookie["kind"], cookie["state"]) for cookie in ran.json["cookies"]]


def test_commands_use_one_word_for_one_state_of_a_session(
    authingo: Runner, inspect: Inspect, signed_in: SignedIn
) -> None:
    """Active is the token, refreshable the session."""
    for age, token, session, counted in (
        (0, "active", "refreshable", {"refreshable": 1, "active": 1}),
        (16 * 60, "expired", "refreshable", {"refreshable": 1, "active": 0}),
        (31 * 86400, "expired", "expired", {"refreshable": 0, "active": 0}),
    ):
        age_sessions(authingo.env["AUTHINGO_DATABASE_URL"], age)
        assert states(inspect(as_header(signed_in.tokens)))[0] == ("session", token)
        (listed,) = authingo("sessions", "list", "--json").json
        assert listed["state"] == session
        assert len(authingo("sessions", "list", f"--{session}", "--json").json) == 1
        assert authingo("stats", "--json").json["sessions"] == counted


def as_header(tokens: Tokens) -> str:
    return f"Cookie: authingo_session={tokens.session}; authingo_refresh={tokens.refresh}"


def both(tokens: Tokens) -> tuple[str, str]:
    assert tokens.session
    assert tokens.refresh
    return tokens.session, tokens.refresh


def test_active_cookies(inspect: Inspect, signed_in: SignedIn) -> None:
    tokens = signed_in.tokens
    ran = inspect(as_header(tokens), *both(tokens))
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
    names = ("authingo_session", "authingo_refresh")
    for name, token in zip(names, both(signed_in.tokens), strict=True):
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
    session, refresh, device = ran.json["cookies"]
    assert session["attributes"] == {
        "Path": "/",
        "Max-Age": "2592000",
        "HttpOnly": True,
        "SameSite": "Lax",
        "Secure": True,
    }
    assert refresh["attributes"]["SameSite"] == "Strict"
    assert session["problems"] == refresh["problems"] == device["problems"] == []


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
    token, _ = both(signed_in.tokens)
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
    assert any("sends it to other addresses too" in text for text in bad["problems"])
    file = authingo.directory / "jar"
    file.write_text(jar)
    assert authingo("cookies", "inspect", "jar", "--json").json == ran.json


SENT_ELSEWHERE = "it was sent to /api/auth/sign-in and is for /api/auth/refresh alone"


def test_what_curl_and_a_browser_recorded(
    authingo: Runner, signed_in: SignedIn, auth: Auth
) -> None:
    """From a file or a pipe; what was asked for is in it, and so what is right there."""
    session, refresh_token = both(signed_in.tokens)
    local = Cookies(settings_from({"public_url": "http://localhost:8080"})).write(signed_in)
    verbose = (
        "* Connected to localhost (127.0.0.1) port 8080\n"
        "> POST /api/auth/sign-in HTTP/1.1\n> Host: localhost:8080\n>\n"
        "< HTTP/1.1 200 OK\n" + "".join(f"< set-cookie: {one}\n" for one in local) + "<\n{}"
    )
    request = {
        "url": f"https://app.example.com/api/auth/sign-in?token={session}",
        "headers": [{"name": "cookie", "value": f"authingo_refresh={refresh_token}; theme=dark"}],
    }
    headers = [{"name": "set-cookie", "value": "\n".join(Cookies(auth.settings).write(signed_in))}]
    archive = {"log": {"entries": [{"request": request, "response": {"headers": headers}}]}}
    for text, expected in (
        (verbose, [("session", []), ("refresh", []), ("device", [])]),
        (
            json.dumps(archive),
            [
                (
                    "refresh",
                    ["it was sent to /api/auth/sign-in and is for /api/auth/refresh alone"],
                ),
                ("unknown", []),
                ("session", []),
                ("refresh", []),
                ("device", []),
            ],
        ),
    ):
        file = authingo.directory / "recorded"
        file.write_text(text)
        named = authingo("cookies", "inspect", "recorded", "--json")
        piped = authingo("cookies", "inspect", "/dev/stdin", "--json", stdin=text)
        assert (named.code, named.err, piped.json) == (0, "", named.json)
        found = [(one["kind"], one["problems"]) for one in named.json["cookies"]]
        assert [(kind, [text.partition(".")[0] for text in texts]) for kind, texts in found] == (
            expected
        )
        assert {one["state"] for one in named.json["cookies"]} <= {"active", "unknown"}
        for token in both(signed_in.tokens):
            secret = token.rpartition(".")[2]
            assert not any(secret[i : i + 8] in named.out for i in range(len(secret) - 7))


def test_an_address_tells_what_a_browser_does_there(authingo: Runner, signed_in: SignedIn) -> None:
    token, _ = both(signed_in.tokens)
    header = f"Set-Cookie: authingo_session={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age=9"
    ran = authingo("cookies", "inspect", "--url", "http://localhost:8000/x", stdin=header)
    assert "either, on loopback" in ran.out
    assert "sends it to /x of http://localhost:8000" in ran.out
    assert "problems    none" in ran.out
    ran = authingo("cookies", "inspect", "--url", f"ftp://{token}", stdin=header)
    assert (ran.code, ran.out) == (2, "")
    assert token.rpartition(".")[2][:8] not in ran.err


def test_cookies_of_two_sessions_do_not_belong_together(
    inspect: Inspect, auth: Auth, signed_in: SignedIn
) -> None:
    async def run() -> SignedIn:
        try:
            return await auth.sign_in(email="ada@example.com", password="correct horse")
        finally:
            await auth.close()

    again = asyncio.run(run())
    mixed = Tokens(session=signed_in.tokens.session, refresh=again.tokens.refresh)
    session, refresh = inspect(as_header(mixed), *both(mixed)).json["cookies"]
    assert session["problems"] == []
    assert "another session than the session cookie beside it" in refresh["problems"][0]


def test_the_page_fits_the_terminal(authingo: Runner, signed_in: SignedIn, auth: Auth) -> None:
    """Colour where there is a terminal that wants it; prose is wrapped, the end is told."""
    wrong = f"Set-Cookie: authingo_session={signed_in.tokens.session}; Path=/app; SameSite=None"
    lines = [f"Set-Cookie: {one}" for one in Cookies(auth.settings).write(signed_in)]
    (authingo.directory / "headers").write_text("\n".join([*lines, wrong, "Set-Cookie: _ga=1"]))
    ran = authingo.on_terminal("cookies", "inspect", "headers")
    assert "\x1b[32mactive\x1b[0m" in ran.out
    assert "\x1b[31mwrong\x1b[0m" in ran.out
    authingo.env["NO_COLOR"] = "1"
    narrow = authingo.on_terminal("cookies", "inspect", "headers")
    wide = authingo.on_terminal("cookies", "inspect", "headers", columns=120)
    for one, columns in ((narrow, 80), (wide, 100)):
        assert "\x1b" not in one.out
        assert 60 < max(map(len, one.out.splitlines())) <= columns
        assert "(in 89 days), whatever refreshes it" in one.out
        assert one.out.count("ada@example.com") == 1, "a session is told once"
        assert "1 other cookie, not of authingo: _ga" in one.out


def test_a_file_that_cannot_be_read_is_wrong_usage(bare: Runner) -> None:
    ran = bare("cookies", "inspect", ".")
    assert (ran.code, ran.out) == (2, "")
    assert "cannot read the file" in ran.err
    ran = bare("cookies", "inspect", "app.har")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no file of this name" in ran.err


def test_bare_values(inspect: Inspect, signed_in: SignedIn) -> None:
    for kind, token in zip(("session", "refresh"), both(signed_in.tokens), strict=True):
        ran = inspect(token, token, as_argument=True)
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


def test_a_check_fails_where_there_are_problems(bare: Runner) -> None:
    """Without --check it explains, which is no failure."""
    good = "Set-Cookie: authingo_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
    bad = "authingo_session=too-short"
    for text, code in ((good, 0), (bad, 1), (f"{bad}; theme=1", 1), ("theme=dark", 1), ("", 2)):
        for options in ([], ["--json"]):
            checked = bare("cookies", "inspect", "--check", *options, stdin=text)
            explained = bare("cookies", "inspect", *options, stdin=text)
            assert (checked.code, explained.code) == (code, 2 if code == 2 else 0), text
            assert checked.out == explained.out
            assert checked.err == explained.err


def test_a_terminal_is_not_waited_for(bare: Runner) -> None:
    ran = bare.on_terminal("cookies", "inspect")
    assert ran.code == 2
    assert "there is nothing to inspect" in ran.out


@pytest.mark.parametrize("length", [43, 64])
def test_a_token_that_begins_with_a_dash_is_no_option(inspect: Inspect, length: int) -> None:
    """One in 64 does."""
    token = "-" + "a" * (length - 2) + "A"
    assert [state for _, state in states(inspect(token, token, as_argument=True))] == ["unknown"]


def test_a_header_that_was_not_quoted_is_not_repeated(bare: Runner) -> None:
    token = "A" * 43
    for words in (["Cookie:", f"authingo_session={token}"], [token, token], [f"--{token}"]):
        ran = bare("cookies", "inspect", *words)
        assert (ran.code, ran.out) == (2, "")
        assert token not in ran.err
        assert "quotes around" in ran.err or words[0].startswith("--")
    assert "there is no option --jsn" in bare("cookies", "inspect", "--jsn").err
