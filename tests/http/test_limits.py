"""Guessing is slow, and nobody is locked out by others."""

from __future__ import annotations

import ipaddress
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from authingo import passwords
from tests.database import execute
from tests.http.test_races import at_once
from tests.server import ADA, Answer, Browser, LiveServer

PROXIED = {"trusted_proxies": ["127.0.0.1"]}
HOME = "203.0.113.200"


def guess(
    server: LiveServer, ip: str | None = None, email: str = ADA["email"], password: str = "wrong"
) -> Answer:
    """Try to sign in, coming from an address as a trusted proxy tells it."""
    headers = {"X-Forwarded-For": ip} if ip else {}
    body = {"email": email, "password": password}
    return Browser(server.url).post("/sign-in", body, headers=headers)


def right(server: LiveServer, ip: str | None = None) -> Answer:
    return guess(server, ip, password=ADA["password"])


def let_pass(server: LiveServer, seconds: float) -> None:
    """Let time pass for every count."""
    columns = ("blocked_until", "expires_at")
    if server.database_url.startswith("sqlite"):
        moved = ", ".join(f"{name} = {name} - {int(seconds * 1_000_000)}" for name in columns)
    else:
        moved = ", ".join(f"{name} = {name} - interval '{seconds} seconds'" for name in columns)
    execute(server.database_url, f"UPDATE authingo_attempts SET {moved}")


@pytest.fixture
def ada(serve: Callable[..., LiveServer]) -> LiveServer:
    """A server behind a trusted proxy, where Ada has an account and no session."""
    # A hundred at once are counted one after the other.
    server = serve(**PROXIED, store={"timeout": "1m"})
    browser = server.browser()
    browser.sign_up()
    browser.post("/sign-out")
    return server


@pytest.mark.parametrize("email", [ADA["email"], "nobody@example.com", "no email at all"])
def test_after_five_failures_an_account_has_to_wait(ada: LiveServer, email: str) -> None:
    """Whether it exists or not, with waits that double to fifteen minutes."""
    for _ in range(5):
        assert guess(ada, "192.0.2.1", email).code == "invalid_credentials"
    waits = []
    for _ in range(6):
        answer = guess(ada, "192.0.2.1", email, ADA["password"])
        assert (answer.status, answer.code) == (429, "too_many_requests")
        assert answer.all("set-cookie") == []
        (wait,) = answer.all("retry-after")
        waits.append(round(int(wait) / 60))
        assert re.fullmatch(
            rf"Too many attempts: try again in {waits[-1]} minutes?\.|.* 5\d seconds\.",
            answer.json["message"],
        )
        let_pass(ada, int(wait))
        assert guess(ada, "192.0.2.1", email).code == "invalid_credentials"
    assert waits == [1, 2, 4, 8, 15, 15]


def test_failures_are_counted_for_each_address_and_forgotten_by_success(ada: LiveServer) -> None:
    for _ in range(5):
        guess(ada, "192.0.2.1")
    assert right(ada, "192.0.2.1").status == 429
    assert right(ada, "192.0.2.2").status == 200, "others cannot keep Ada out"
    for _ in range(3):
        for _ in range(4):
            assert guess(ada, "192.0.2.3").status == 401
        assert right(ada, "192.0.2.3").status == 200, "and begins anew"


def test_four_failures_are_forgotten_after_five_minutes(ada: LiveServer) -> None:
    for _ in range(4):
        guess(ada, "192.0.2.1")
    let_pass(ada, 301)
    for _ in range(4):
        assert guess(ada, "192.0.2.1").code == "invalid_credentials"


def test_a_subscriber_has_one_count_for_all_their_ipv6_addresses(ada: LiveServer) -> None:
    for number in range(5):
        guess(ada, f"2001:db8:0:1::{number:x}")
    assert right(ada, "2001:db8:0:1:ffff::1").status == 429
    assert right(ada, "2001:db8:0:2::1").status == 200


@pytest.mark.parametrize(
    ("allowed", "networks"),
    [
        (10, [f"2001:db8:0:{n:x}::1" for n in range(60)]),
        (20, [f"2001:db8:0:{n << 8:x}::1" for n in range(60)]),
    ],
    ids=["56", "48"],
)
def test_a_site_with_many_networks_has_an_allowance_that_grows_slowly(
    ada: LiveServer, allowed: int, networks: list[str]
) -> None:
    """A customer's /56 gets twice what a /64 gets, and a site's /48 twice that."""
    codes = [guess(ada, network).code for network in networks]
    assert codes.count("invalid_credentials") == allowed
    assert codes.count("too_many_requests") == 60 - allowed
    assert right(ada, "2001:db8:1::1").status == 200


def test_an_ipv4_address_is_the_same_however_it_is_written(ada: LiveServer) -> None:
    """Mapped into IPv6, or translated by the well-known prefix of RFC 6052."""
    for number in range(5):
        guess(ada, ["192.0.2.1", "::ffff:192.0.2.1", "64:ff9b::192.0.2.1"][number % 3])
    for address in ("192.0.2.1", "64:ff9b::192.0.2.1"):
        assert right(ada, address).status == 429
    assert right(ada, "64:ff9b::192.0.2.2").status == 200, "not one network with all of IPv4"


def test_a_hundred_guesses_at_once_cost_five_hashes(
    ada: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    verify = passwords.verify_password

    def counted(*args: Any) -> bool:
        hashed.append(threading.get_ident())
        return verify(*args)

    monkeypatch.setattr(passwords, "verify_password", counted)
    # Several attackers' addresses would have counts of their own: this is one.
    answers = at_once(*[lambda: guess(ada, "192.0.2.1")] * 29)
    answers += at_once(*[lambda: guess(ada, None)] * 71)
    codes = [answer.code for answer in answers]
    assert codes.count("invalid_credentials") == 10, "five for each of the two addresses"
    assert codes.count("too_many_requests") == 90
    assert len(hashed) == 10


def test_all_servers_on_one_database_count_together(serve: Callable[..., LiveServer]) -> None:
    first = serve(**PROXIED)
    second = serve(public_url=first.url, **PROXIED)
    first.browser().sign_up()
    for server in (first, second, first, second, first):
        assert guess(server, "192.0.2.1").status == 401
    assert right(first, "192.0.2.1").status == right(second, "192.0.2.1").status == 429


def test_from_everywhere_an_account_takes_a_hundred_failures_a_day_then_one_a_minute(
    ada: LiveServer,
) -> None:
    """A client that signs in is not counted, nor is a network where Ada has a session."""
    at_home = "198.51.100.7"
    assert right(ada, at_home).status == 200
    execute(ada.database_url, "DELETE FROM authingo_attempts")
    addresses = [str(ipaddress.ip_address("192.0.2.0") + number) for number in range(101)]
    for address in addresses[:50]:
        assert guess(ada, address).status == 401
    assert right(ada, "203.0.113.1").status == 200
    for address in addresses[50:100]:
        assert guess(ada, address).status == 401
    refused = right(ada, addresses[0])
    assert refused.code == "too_many_requests"
    assert 50 < int(refused.all("retry-after")[0]) <= 60
    for _ in range(9):
        assert guess(ada, addresses[0]).code == "too_many_requests"
    assert right(ada, at_home).status == 200
    let_pass(ada, 61)
    assert guess(ada, addresses[1]).status == 401, "one a minute"
    assert right(ada, addresses[0]).status == 429
    let_pass(ada, 61)
    assert right(ada, addresses[0]).status == 200, "what was refused earned no wait"


def test_a_network_where_the_account_has_a_session_makes_a_hundred_failures_a_day(
    serve: Callable[..., LiveServer],
) -> None:
    """Thousands may share the owner's address. They have no more attempts than all strangers."""
    server = serve(**PROXIED)
    assert (
        Browser(server.url).post("/sign-up", ADA, headers={"X-Forwarded-For": HOME}).status == 200
    )
    for _ in range(25):
        for _ in range(4):
            assert guess(server, HOME).code == "invalid_credentials"
        let_pass(server, 301)
    assert guess(server, HOME).code == "invalid_credentials", "one a minute from then on"
    assert guess(server, HOME).code == "too_many_requests"
    assert guess(server, "192.0.2.9").code == "invalid_credentials", "others are counted apart"


def test_networks_that_have_not_failed_have_a_small_reserve(ada: LiveServer) -> None:
    """One try each, twenty an hour together; the right password does not use it up."""
    addresses = [str(ipaddress.ip_address("192.0.2.0") + number) for number in range(200)]
    for address in addresses[:100]:
        assert guess(ada, address).status == 401
    for _ in range(3):
        assert right(ada, "203.0.113.1").status == 200
        execute(ada.database_url, "DELETE FROM authingo_sessions")
    answers = [guess(ada, address) for address in addresses[100:140]]
    assert [one.code for one in answers[:20]] == ["invalid_credentials"] * 20
    assert {one.code for one in answers[20:]} == {"too_many_requests"}
    assert right(ada, addresses[100]).code == "too_many_requests", "one try each"
    assert right(ada, "203.0.113.2").code == "too_many_requests", "and it is used up"
    let_pass(ada, 3600)
    assert guess(ada, addresses[0]).status == 401, "takes the one a minute"
    assert right(ada, "203.0.113.2").status == 200


def test_a_network_makes_thirty_requests_a_minute_that_hash(ada: LiveServer) -> None:
    """Whatever comes of it, on however many accounts."""
    for number in range(30):
        assert guess(ada, "192.0.2.1", f"user{number}@example.com").status == 401
    refused = guess(ada, "192.0.2.1", "another@example.com")
    assert refused.code == "too_many_requests"
    assert 50 < int(refused.all("retry-after")[0]) <= 60
    assert right(ada, "192.0.2.2").status == 200
    let_pass(ada, 61)
    assert right(ada, "192.0.2.1").status == 200


def test_changes_of_password_and_sign_ups_draw_on_the_same_budget(ada: LiveServer) -> None:
    """A success refunds nothing: back and forth would keep the processors busy."""
    owner = Browser(ada.url)
    headers = {"X-Forwarded-For": "192.0.2.1"}
    body = {"email": ADA["email"], "password": ADA["password"]}
    assert owner.post("/sign-in", body, headers=headers).status == 200
    owner.cookies.pop("authingo_device")
    passwords = [ADA["password"], "another whole sentence"]
    for number in range(27):
        current, new = passwords[number % 2], passwords[1 - number % 2]
        body = {"current_password": current, "new_password": new}
        assert owner.post("/change-password", body, headers=headers).status == 200
        owner.cookies.pop("authingo_device")
    same = {"current_password": passwords[1], "new_password": passwords[1]}
    assert owner.post("/change-password", same, headers=headers).code == "invalid_input"
    new_user = {**ADA, "email": "new@example.com"}
    assert Browser(ada.url).post("/sign-up", new_user, headers=headers).status == 200
    assert owner.post("/change-password", same, headers=headers).code == "too_many_requests"
    assert guess(ada, "192.0.2.1", "nobody@example.com").code == "too_many_requests"
    another = {**ADA, "email": "another@example.com"}
    refused = Browser(ada.url).post("/sign-up", another, headers=headers)
    assert refused.code == "too_many_requests"
    assert guess(ada, "192.0.2.2", "nobody@example.com").code == "invalid_credentials"


def test_an_address_signs_up_ten_times_an_hour(ada: LiveServer) -> None:
    """Taken emails count too, so that they are not tried by the thousand; bad input does not."""

    def sign_up(email: str) -> Answer:
        headers = {"X-Forwarded-For": "192.0.2.1"}
        return Browser(ada.url).post("/sign-up", {**ADA, "email": email}, headers=headers)

    for number in range(5):
        assert sign_up("no email at all").code == "invalid_input"
        assert sign_up(f"user{number}@example.com").status == 200
        assert sign_up(ADA["email"]).code == "email_taken"
    refused = sign_up("another@example.com")
    assert refused.code == "too_many_requests"
    assert 3500 < int(refused.all("retry-after")[0]) <= 3600
    assert execute(ada.database_url, "SELECT count(*) FROM authingo_users") == [(6,)]


def test_this_machine_and_a_forgotten_proxy_have_no_limit_per_address(
    serve: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    """The proxy is warned about, once. What it forwards is not believed."""
    server = serve()
    for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}):
        for number in range(31):
            body = {"email": f"user{number}{len(headers)}@example.com", "password": "wrong"}
            answer = Browser(server.url).post("/sign-in", body, headers=headers)
            assert answer.code == "invalid_credentials"
    warnings = [one for one in caplog.records if "trusted_proxies" in one.getMessage()]
    assert len(warnings) == 1
    for number in range(9):
        last = guess(server, f"192.0.2.{number}", "somebody@example.com")
    assert last.code == "invalid_credentials", "who stands for everybody locks nobody out"


def test_wrong_guesses_at_a_change_of_password_count_against_the_session(ada: LiveServer) -> None:
    """Never against the account: a thief of a session cannot keep the owner out."""
    thief, owner = Browser(ada.url), Browser(ada.url)
    for browser in (thief, owner):
        assert browser.sign_in().status == 200
    new = "a whole new sentence"
    wrong = {"current_password": "wrong", "new_password": new}
    for _ in range(5):
        assert thief.post("/change-password", wrong).code == "wrong_password"
    correct = {"current_password": ADA["password"], "new_password": new}
    refused = thief.post("/change-password", correct)
    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert right(ada).status == 200
    assert owner.post("/change-password", correct).status == 200
    assert guess(ada, password=new).status == 200


def test_limits_can_be_turned_off(serve: Callable[..., LiveServer]) -> None:
    server = serve(limits={"enabled": False}, **PROXIED)
    for _ in range(40):
        assert guess(server, "192.0.2.1").code == "invalid_credentials"
    assert execute(server.database_url, "SELECT count(*) FROM authingo_attempts") == [(0,)]


def test_counts_are_stored_under_digests(ada: LiveServer) -> None:
    guess(ada, "192.0.2.1")
    rows = execute(ada.database_url, "SELECT key_digest FROM authingo_attempts")
    assert len(rows) == 3, "of the network, of both, of the account"
    assert {len(digest) for (digest,) in rows} == {32}
