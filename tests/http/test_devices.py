"""A browser that has signed in is recognized, so that strangers can keep no owner out of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from http.cookies import SimpleCookie

import pytest

from tests.database import execute
from tests.http.test_limits import PROXIED, guess, let_pass, right
from tests.server import ADA, Answer, Browser, LiveServer

DEVICE = "authingo_device"
BOB = {"email": "bob@example.com", "password": "another whole sentence", "name": "Bob"}


@pytest.fixture
def server(serve: Callable[..., LiveServer]) -> LiveServer:
    """A server behind a trusted proxy, with accounts of Ada and Bob."""
    server = serve(**PROXIED)
    for person in (ADA, BOB):
        server.browser().post("/sign-up", person)
    execute(server.database_url, "DELETE FROM authingo_sessions")
    return server


def sign_in(browser: Browser, person: dict[str, str] = ADA, password: str | None = None) -> Answer:
    """Sign in from an address that nobody else uses, and sign out again."""
    body = {"email": person["email"], "password": password or person["password"]}
    answer = browser.post("/sign-in", body, headers={"X-Forwarded-For": "203.0.113.200"})
    if answer.status == 200:
        browser.post("/sign-out")
    return answer


def used_up(server: LiveServer, email: str = ADA["email"]) -> None:
    """Use up all that strangers may try on an account, the reserve included."""
    for number in range(120):
        assert guess(server, f"192.0.2.{number}", email).code == "invalid_credentials"
    assert guess(server, "192.0.2.150", email).code == "too_many_requests"


def tokens_in(browser: Browser) -> list[str]:
    return browser.cookies[DEVICE].split(".")


def test_a_recognized_browser_is_in_at_the_first_try(server: LiveServer) -> None:
    """Whatever strangers do, also from its own network, and however often it signs in."""
    owner, stranger = Browser(server.url), Browser(server.url)
    assert sign_in(owner).status == 200
    used_up(server)
    for _ in range(6):
        guess(server, "203.0.113.200")
    for _ in range(3):
        assert sign_in(owner).status == 200
    assert sign_in(stranger).code == "too_many_requests"


def test_its_own_failures_cost_it_waits_and_then_the_recognition(server: LiveServer) -> None:
    """Five, as elsewhere; after ten in a row it is a stranger again."""
    owner = Browser(server.url)
    assert sign_in(owner).status == 200
    for _ in range(4):
        assert sign_in(owner, password="wrong").code == "invalid_credentials"
    assert sign_in(owner).status == 200, "in a row"
    let_pass(server, 61)
    for _ in range(5):
        assert sign_in(owner, password="wrong").code == "invalid_credentials"
    for wait in (60, 120, 240, 480, 900):
        refused = sign_in(owner)
        assert refused.code == "too_many_requests"
        assert wait - 5 < int(refused.all("retry-after")[0]) <= wait
        let_pass(server, wait)
        assert sign_in(owner, password="wrong").code == "invalid_credentials"
    assert execute(server.database_url, "SELECT count(*) FROM authingo_secrets") == [(2,)]
    ((user_id, ip),) = execute(
        server.database_url,
        "SELECT user_id, ip FROM authingo_events WHERE name = 'browser_forgotten'",
    )
    (ada,) = execute(server.database_url, "SELECT id FROM authingo_users WHERE name = 'Ada'")
    assert ((user_id,), ip) == (ada, "203.0.113.200")
    used_up(server)
    refused = sign_in(owner)
    assert refused.code == "too_many_requests"
    assert int(refused.all("retry-after")[0]) <= 60, "that of strangers"


def test_it_hashes_ten_times_a_minute(server: LiveServer) -> None:
    """By itself: its network may have used up its own budget."""
    owner = Browser(server.url)
    assert sign_in(owner).status == 200
    for number in range(29):
        guess(server, "203.0.113.200", f"user{number}@example.com")
    assert guess(server, "203.0.113.200", "x@example.com").code == "too_many_requests"
    assert [sign_in(owner).status for _ in range(11)] == [200] * 10 + [429]
    let_pass(server, 61)
    assert sign_in(owner).status == 200


def test_the_token_is_drawn_for_each_sign_in_and_never_taken_from_the_request(
    server: LiveServer,
) -> None:
    """What somebody planted is carried along, for it may be a family's, and recognized nowhere."""
    owner = Browser(server.url)
    planted = "A" * 64
    owner.cookies[DEVICE] = planted
    assert sign_in(owner).status == 200
    first, carried = tokens_in(owner)
    assert carried == planted
    assert sign_in(owner).status == 200
    second = tokens_in(owner)[0]
    assert first[:21] == second[:21], "the part that failures are counted for"
    assert first[22:] != second[22:]
    used_up(server)
    thief = Browser(server.url)
    for value in (
        planted,
        second[:-1] + ("A" if second[-1] != "A" else "B"),
        first[:22] + second[22:],
    ):
        thief.cookies[DEVICE] = value
        expected = 200 if value == second else 429
        assert sign_in(thief).status == expected, value


@pytest.mark.parametrize(
    "value",
    ["", "A", "A" * 63, "A" * 65, "é" * 64, "A" * 64 + ".", ".".join(["A" * 64] * 4), "A" * 9000],
)
def test_a_value_that_is_no_token_does_no_harm(server: LiveServer, value: str) -> None:
    browser = Browser(server.url)
    browser.cookies[DEVICE] = value.encode().decode("latin-1")
    assert sign_in(browser).status == 200
    assert len(tokens_in(browser)) == 1


def test_a_family_shares_a_browser(server: LiveServer) -> None:
    """The last three of them are recognized, each by their own account."""
    shared = Browser(server.url)
    people = [{**BOB, "email": f"child{number}@example.com"} for number in range(3)]
    for person in people:
        assert Browser(server.url).post("/sign-up", person).status == 200
    for person in (ADA, *people[:2]):
        assert sign_in(shared, person).status == 200
    assert len(tokens_in(shared)) == 3
    used_up(server)
    assert sign_in(shared, ADA).status == 200
    for person in people:
        assert sign_in(shared, person).status == 200
    assert len(tokens_in(shared)) == 3
    assert sign_in(shared, ADA).code == "too_many_requests", "the fourth is not"


def test_only_a_new_password_forgets_browsers(server: LiveServer) -> None:
    """All but the one that made the change; signing out forgets none."""
    first, second = Browser(server.url), Browser(server.url)
    new = "a whole new sentence"
    assert sign_in(first).status == 200
    assert second.sign_in().status == 200
    body = {"current_password": ADA["password"], "new_password": new}
    assert second.post("/change-password", body).status == 200
    second.post("/sign-out")
    used_up(server)
    assert sign_in(first, password=new).code == "too_many_requests"
    assert sign_in(second, password=new).status == 200


def test_somebody_elses_device_token_is_no_help_and_harms_nobody(server: LiveServer) -> None:
    """Bob cannot guess Ada's password with his, nor have her browsers forgotten."""
    owner, bob = Browser(server.url), Browser(server.url)
    assert sign_in(owner).status == sign_in(bob, BOB).status == 200
    mixed = f"{tokens_in(owner)[0][:22]}{tokens_in(bob)[0][22:]}"
    used_up(server)
    assert sign_in(bob).code == "too_many_requests"
    bob.cookies[DEVICE] = mixed
    for _ in range(12):
        assert sign_in(bob, password="wrong").code == "too_many_requests"
    assert sign_in(owner).status == 200


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"name": "authingo_device", "samesite": "Strict", "secure": ""}),
        (
            {"public_url": "https://app.example.com"},
            {"name": "__Host-authingo_device", "samesite": "Strict", "secure": True},
        ),
        (
            {
                "public_url": "https://app.example.com",
                "trusted_origins": ["https://front.example.org"],
                "cookies": {"same_site": "none", "domain": "example.com", "prefix": "shop"},
            },
            {"name": "__Host-shop_device", "samesite": "None", "secure": True},
        ),
    ],
)
def test_the_cookie(
    serve: Callable[..., LiveServer], values: dict[str, object], expected: dict[str, object]
) -> None:
    """`__Host-` wherever it is Secure, for a year, and set by success only."""
    server = serve(**values)
    headers = {"Origin": values.get("public_url", server.url)}
    browser = Browser(server.url)
    signed_up = browser.post("/sign-up", ADA, headers=headers)
    jar = SimpleCookie()
    for header in signed_up.all("set-cookie"):
        if "_device=" in header and "Max-Age=0" not in header:
            jar.load(header)
    ((name, morsel),) = jar.items()
    assert re.fullmatch(r"[A-Za-z0-9_-]{64}", morsel.value)
    attributes = {key: morsel[key] for key in ("samesite", "secure", "path", "domain", "max-age")}
    assert {"name": name, **attributes, "httponly": morsel["httponly"]} == {
        **expected,
        "path": "/",
        "domain": "",
        "max-age": str(365 * 24 * 3600),
        "httponly": True,
    }
    wrong = {"email": ADA["email"], "password": "wrong"}
    for path, body in (("/sign-in", wrong), ("/sign-out", None), ("/refresh", None)):
        answer = Browser(server.url).post(path, body, headers=headers)
        assert not [one for one in answer.all("set-cookie") if "device" in one], path


def test_a_sign_in_whose_answer_is_lost_leaves_the_browser_recognized(server: LiveServer) -> None:
    owner = Browser(server.url)
    assert sign_in(owner).status == 200
    before = owner.cookies[DEVICE]
    assert sign_in(owner).status == 200
    owner.cookies[DEVICE] = before
    used_up(server)
    assert sign_in(owner).status == 200


def test_right_is_still_right_from_elsewhere(server: LiveServer) -> None:
    """A browser without the cookie is a stranger, and nothing more."""
    assert right(server, "203.0.113.1").status == 200


def test_failures_in_a_row_are_counted_however_slowly_they_come(server: LiveServer) -> None:
    """Four in five minutes earn no wait, but nobody makes a thousand a day that way."""
    owner = Browser(server.url)
    assert sign_in(owner).status == 200
    for _ in range(3):
        for _ in range(3):
            assert sign_in(owner, password="wrong").code == "invalid_credentials"
        let_pass(server, 301)
    assert sign_in(owner).status == 200, "nine, and then the right one"
    for _ in range(5):
        for _ in range(2):
            assert sign_in(owner, password="wrong").code == "invalid_credentials"
        let_pass(server, 301)
    used_up(server)
    assert sign_in(owner).code == "too_many_requests"


def test_all_browsers_of_an_account_have_one_budget(server: LiveServer) -> None:
    """Else somebody with an account could keep the processors busy by as many as it has."""
    browsers = [Browser(server.url) for _ in range(3)]
    assert [sign_in(browser).status for browser in browsers] == [200] * 3
    answers = [sign_in(browsers[number % 3]).status for number in range(11)]
    assert answers == [200] * 10 + [429]
    assert sign_in(Browser(server.url)).status == 200, "a stranger has that of the network"
    assert sign_in(Browser(server.url), BOB).status == 200
