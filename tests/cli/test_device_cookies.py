"""`authingo cookies inspect` on the device cookie, by which accounts recognize a browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authingo import Auth
from authingo.config import settings_from
from authingo.errors import InvalidCredentials
from authingo.http.cookies import Cookies
from authingo.models import Client, SignedIn
from tests.cli.people import Office
from tests.command import Ran, Runner
from tests.database import execute

PUBLIC = {"AUTHINGO_PUBLIC_URL": "https://app.example.com"}
NAME = "__Host-authingo_device"
PEOPLE = {"ada@example.com": "correct horse", "bob@example.com": "another whole sentence"}


@pytest.fixture
def office(authingo: Runner) -> Office:
    return Office(authingo)


def sign_ups(office: Office) -> list[SignedIn]:
    """Let Ada and then Bob sign up in one browser."""

    async def work(auth: Auth) -> list[SignedIn]:
        done: list[SignedIn] = []
        for email, password in PEOPLE.items():
            name, device = email.partition("@")[0].title(), done[-1].tokens.device if done else None
            done.append(
                await auth.sign_up(email=email, password=password, name=name, device=device)
            )
        return done

    return office.run(work)


def sign_in(office: Office, email: str, device: str | None, password: str | None = None) -> str:
    """Sign in with the device cookie that came along; return the next one."""

    async def work(auth: Auth) -> str:
        signed_in = await auth.sign_in(
            email=email,
            password=password or PEOPLE[email],
            device=device,
            client=Client(ip="203.0.113.7"),
        )
        return str(signed_in.tokens.device)

    return office.run(work)


def inspect(authingo: Runner, text: str, *secrets: str | None, **env: str) -> Ran:
    """Run it for people and for programs; no part of a token comes back from either."""
    people = authingo("cookies", "inspect", stdin=text, **env)
    programs = authingo("cookies", "inspect", "--json", "-", stdin=text, **env)
    assert (people.code, programs.code) == (0, 0), people.err
    for ran in (people, programs):
        for secret in secrets:
            assert secret is not None
            for start in range(len(secret) - 7):
                assert secret[start : start + 8] not in ran.out + ran.err
    return Ran(0, programs.out, people.out + people.err)


def only(ran: Ran) -> Any:
    (cookie,) = ran.json["cookies"]
    return cookie


def test_it_says_who_recognizes_the_browser(authingo: Runner, office: Office) -> None:
    """Each token by itself, the latest first, and for how long."""
    first, second = sign_ups(office)
    device = str(second.tokens.device)
    ran = inspect(authingo, f"Cookie: {NAME}={device}.{'A' * 64}", device, **PUBLIC)
    cookie = only(ran)
    assert (cookie["kind"], cookie["state"], cookie["problems"]) == ("device", "active", [])
    assert (cookie["session"], cookie["user"]["email"]) == (None, "bob@example.com")
    accounts = [one["user"] and one["user"]["email"] for one in cookie["devices"]]
    assert accounts == ["bob@example.com", "ada@example.com", None]
    assert [one["state"] for one in cookie["devices"]] == ["active", "active", "unknown"]
    assert [one["expires_at"] is None for one in cookie["devices"]] == [False, False, True]
    assert f"{NAME}: device cookie, active, sent with a request" in ran.err
    for shown in ("Bob <bob@example.com>", second.user.id, "Ada <ada@example.com>", first.user.id):
        assert shown in ran.err
    assert ran.err.count("recognizes the browser\n  until ") == 2
    assert "no account recognizes the browser by this token" in ran.err
    assert "it opens nothing" in ran.err
    assert "problems    none" in ran.err


def test_states_over_a_life(authingo: Runner, office: Office) -> None:
    before = str(sign_ups(office)[0].tokens.device)
    after = sign_in(office, "ada@example.com", before)
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    rows = execute(url, "SELECT digest, expires_at FROM authingo_secrets ORDER BY digest")
    for device, state, reason in (
        (before, "rotated", "a little longer: another replaced it\n  until "),
        (after, "active", "recognizes the browser\n  until "),
        (f"{'A' * 64}.{after}", "active", "no account recognizes the browser by this token"),
    ):
        ran = inspect(authingo, f"{NAME}={device}", after, **PUBLIC)
        assert (only(ran)["state"], only(ran)["problems"]) == (state, [])
        assert reason in ran.err
    assert execute(url, "SELECT digest, expires_at FROM authingo_secrets ORDER BY digest") == rows
    execute(url, "UPDATE authingo_secrets SET expires_at = created_at")
    over = inspect(authingo, f"{NAME}={after}", after, **PUBLIC)
    assert only(over)["state"] == "expired"
    assert "its year is over" in over.err
    office.run(lambda auth: auth.set_password(only(over)["user"]["id"], "yet another sentence"))
    gone = inspect(authingo, f"{NAME}={after}", after, **PUBLIC)
    assert (only(gone)["state"], only(gone)["user"], only(gone)["problems"]) == (
        "unknown",
        None,
        [],
    )
    assert "forgotten for a new password" in gone.err


def test_a_browser_that_failed_too_often_is_unknown(authingo: Runner, office: Office) -> None:
    device = str(sign_ups(office)[0].tokens.device)
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    for _ in range(10):
        with pytest.raises(InvalidCredentials):
            sign_in(office, "ada@example.com", device, "a wrong one")
        execute(url, "UPDATE authingo_attempts SET blocked_until = NULL")
    ran = inspect(authingo, f"{NAME}={device}", device, **PUBLIC)
    assert only(ran)["state"] == "unknown"
    assert "ten failures in a row" in ran.err


def test_a_bare_value(authingo: Runner, office: Office) -> None:
    """One token has the length of a refresh token: only the database tells them apart."""
    first, second = sign_ups(office)
    for device in (str(first.tokens.device), str(second.tokens.device)):
        cookie = only(inspect(authingo, device, device))
        assert (cookie["name"], cookie["kind"], cookie["state"]) == ("", "device", "active")
        assert cookie["problems"] == []
    unknown = only(inspect(authingo, "-" + "a" * 63))
    assert (unknown["kind"], unknown["state"]) == ("refresh", "unknown")
    for dashed in ("-" + "a" * 63 + ".-" + "b" * 63, "a" * 64 + ".-" + "b" * 63):
        ran = authingo("cookies", "inspect", "--json", dashed)
        assert (ran.code, only(ran)["kind"], only(ran)["state"]) == (0, "device", "unknown")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("A" * 63, "has 63 characters, and one to three tokens joined by dots have 64, 129 or 194"),
        (".".join(["A" * 64] * 4), "has 259 characters"),
        ("A" * 43, "as a session token has: they are mixed up"),
        ("A" * 64 + "%2E" + "A" * 64, "percent-encoded"),
        (f'"{"A" * 64}"', "quotes"),
        ("A" * 64 + "," + "A" * 64, "a character that no token has"),
    ],
)
def test_a_malformed_one_makes_the_browser_a_stranger(
    bare: Runner, value: str, reason: str
) -> None:
    """It needs no database, and says nothing of no_session, which this cookie has no part in."""
    cookie = only(inspect(bare, f"Cookie: {NAME}={value}", "A" * 43, **PUBLIC))
    assert (cookie["kind"], cookie["state"], cookie["devices"]) == ("device", "malformed", [])
    (problem,) = cookie["problems"]
    assert problem.startswith("the server takes the browser for a stranger: ")
    assert reason in problem


RIGHT = "Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict; Secure"


@pytest.mark.parametrize(
    ("attributes", "problems"),
    [
        (RIGHT, []),
        (RIGHT.replace("31536000", "2592000"), ["Max-Age is not the 365 days that authingo sets"]),
        (RIGHT.replace("31536000", "34560000"), ["Max-Age is not the 365 days that authingo sets"]),
        (RIGHT.replace("Strict", "Lax"), ["SameSite is Lax and should be Strict"]),
        (RIGHT.replace("; HttpOnly", ""), ["HttpOnly is missing"]),
        (
            f"{RIGHT}; Domain=example.com",
            ["__Host- needs Secure, Path=/ and no Domain", "Domain is example.com and should be"],
        ),
        (
            RIGHT.replace("Path=/", "Path=/api"),
            ["__Host- needs Secure, Path=/ and no Domain", "Path is /api and should be /"],
        ),
        (RIGHT.replace("; Secure", ""), ["__Host- needs Secure", "Secure is missing"]),
    ],
)
def test_its_attributes_are_held_against_what_they_should_be(
    bare: Runner, attributes: str, problems: list[str]
) -> None:
    """Whatever cookies.domain is: this one never has a Domain."""
    env = {**PUBLIC, "AUTHINGO_COOKIES__DOMAIN": "example.com"}
    cookie = only(inspect(bare, f"Set-Cookie: {NAME}={'A' * 63}; {attributes}", **env))
    _spelling, *found = cookie["problems"]
    assert len(found) == len(problems), found
    for text, expected in zip(found, problems, strict=True):
        assert text.startswith(expected)


def test_what_the_server_sets_has_no_problem(authingo: Runner, office: Office) -> None:
    """All three, under every setting that makes a difference."""
    signed_in = sign_ups(office)[0]
    front = "https://front.example.org"
    for env, values in (
        (PUBLIC, {"public_url": "https://app.example.com"}),
        (
            {"AUTHINGO_PUBLIC_URL": "http://localhost:8080"},
            {"public_url": "http://localhost:8080"},
        ),
        (
            {
                **PUBLIC,
                "AUTHINGO_TRUSTED_ORIGINS": front,
                "AUTHINGO_COOKIES__SAME_SITE": "none",
                "AUTHINGO_COOKIES__PARTITIONED": "true",
                "AUTHINGO_COOKIES__PREFIX": "shop",
            },
            {
                "public_url": "https://app.example.com",
                "trusted_origins": [front],
                "cookies": {"same_site": "none", "partitioned": True, "prefix": "shop"},
            },
        ),
    ):
        written = Cookies(settings_from(values)).write(signed_in)
        headers = "".join(f"Set-Cookie: {one}\r\n" for one in written)
        found = inspect(authingo, f"HTTP/1.1 200 OK\r\n{headers}\r\n", **env).json["cookies"]
        ours = [one for one in found if one["state"] == "active"]
        assert [one["kind"] for one in ours] == ["session", "refresh", "device"]
        assert [one["problems"] for one in found] == [[]] * len(found)
        assert {one["state"] for one in found} <= {"active", "unknown"}


def test_its_name_says_whether_it_is_secure(bare: Runner) -> None:
    """Without public_url and an address, a Cookie header does not tell: no false alarm."""
    wrong = "this configuration calls it"
    at_home = {"AUTHINGO_PUBLIC_URL": "http://localhost:8080"}
    for name, env, address, is_wrong in (
        ("authingo_device", PUBLIC, None, True),
        (NAME, at_home, None, True),
        (NAME, PUBLIC, None, False),
        ("authingo_device", at_home, None, False),
        ("authingo_device", {}, None, False),
        ("authingo_device", {}, "http://localhost:8080/", False),
        ("authingo_device", {}, "https://app.example.com/", True),
        (NAME, {}, None, False),
        ("__HOST-authingo_device", PUBLIC, None, True),
        ("__Secure-authingo_device", {}, None, True),
    ):
        options = ["--url", address] if address else []
        header = f"Cookie: {name}={'A' * 63}"
        ran = bare("cookies", "inspect", "--json", "-", *options, stdin=header, **env)
        found = any(wrong in text for text in only(ran)["problems"])
        assert found is is_wrong, (name, env, address)


def test_two_of_one_name_are_none(bare: Runner) -> None:
    header = f"Cookie: {NAME}={'A' * 63}; {NAME}={'A' * 62}"
    found = json.loads(bare("cookies", "inspect", "--json", "-", stdin=header, **PUBLIC).out)
    for cookie in found["cookies"]:
        assert "it came 2 times, so the server takes none of them" in cookie["problems"][1]


def test_one_of_another_application_is_not_ours(bare: Runner) -> None:
    header = f"Cookie: shop_device={'A' * 64}; my_device=phone"
    ran = bare("cookies", "inspect", stdin=header)
    assert "2 cookies, not of authingo: shop_device, my_device" in ran.out
    assert "shop_device holds what a device token looks like" in ran.out
