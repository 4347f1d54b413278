"""A user proves again who they are, and only then does what a thief must not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from authingo import Auth
from authingo.config import Settings
from authingo.fastapi import CurrentUser, FreshUser
from authingo.models import SignedIn
from authingo.testing import login_as, memory_auth
from tests.database import execute
from tests.http.test_races import at_once
from tests.revoking import Memory
from tests.server import ADA, Answer, Browser, LiveServer

SESSION, REFRESH = "authingo_session", "authingo_refresh"
PROOF = {"password": ADA["password"]}
NEW = "a whole new sentence"


def application(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)

    @app.post("/secret")
    async def secret(user: CurrentUser, fresh: FreshUser) -> str:
        assert user == fresh
        return user.email

    @app.websocket("/socket")
    async def socket(websocket: WebSocket, fresh: FreshUser) -> None:
        await websocket.accept()
        await websocket.send_text(fresh.email)
        await websocket.close()

    return app


@pytest.fixture
def start(make_settings: Callable[..., Settings]) -> Iterator[Callable[..., LiveServer]]:
    """Start a server with a route that needs a recent authentication."""
    running: list[LiveServer] = []

    def start(**values: object) -> LiveServer:
        running.append(
            LiveServer(lambda url: make_settings(**{"public_url": url, **values}), application)
        )
        return running[-1]

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def server(start: Callable[..., LiveServer]) -> LiveServer:
    return start()


def reveal(browser: Browser, cookies: dict[str, str] | None = None) -> Answer:
    return browser.post("/secret", base="", cookies=cookies)


def reauthenticate(browser: Browser, password: str = ADA["password"], **options: Any) -> Answer:
    return browser.post("/reauthenticate", {"password": password}, **options)


def only(name: str, cookies: dict[str, str]) -> dict[str, str]:
    return {name: cookies[name]}


def begun(server: LiveServer, email: str) -> Browser:
    """Return a browser with a session that the program began, of a user without a password."""

    async def begin() -> SignedIn:
        auth = Auth(server.auth.settings)
        async with auth.lifespan():
            return await auth.begin_session(await auth.create_user(email=email))

    tokens = asyncio.run(begin()).tokens
    return Browser(server.url, {SESSION: tokens.session or "", REFRESH: tokens.refresh or ""})


def test_a_sign_in_is_recent_for_ten_minutes(server: LiveServer) -> None:
    """A refresh does not renew that."""
    browser = server.browser()
    session = browser.sign_up().json["session"]
    assert session["authenticated_at"] == session["created_at"]
    assert session["methods"] == ["password"]
    assert reveal(browser).json == ADA["email"]
    server.age_sessions(9 * 60)
    assert browser.post("/refresh").status == 200
    assert reveal(browser).status == 200
    server.age_sessions(2 * 60)
    assert browser.post("/refresh").status == 200
    refused = reveal(browser)
    assert (refused.status, refused.code) == (403, "reauthentication_required")
    assert refused.json["methods"] == ["password"]
    assert browser.get("/session").status == 200
    assert browser.get("/sessions").json["sessions"][0]["methods"] == ["password"]


def test_how_long_is_a_setting(start: Callable[..., LiveServer]) -> None:
    server = start(sessions={"fresh": "1m"})
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(30)
    assert reveal(browser).status == 200
    server.age_sessions(60)
    assert reveal(browser).code == "reauthentication_required"


def test_a_session_from_before_the_upgrade_counts_from_its_beginning(server: LiveServer) -> None:
    """Its row does not say when its user authenticated."""
    browser = server.browser()
    began = browser.sign_up().json["session"]["created_at"]
    execute(server.database_url, "UPDATE authingo_sessions SET authenticated_at = NULL")
    assert reveal(browser).status == 200
    assert browser.get("/sessions").json["sessions"][0]["authenticated_at"] == began
    server.age_sessions(11 * 60)
    assert reveal(browser).code == "reauthentication_required"
    assert reauthenticate(browser).status == 200
    assert reveal(browser).status == 200


def test_an_authentication_in_the_future_is_not_recent(server: LiveServer) -> None:
    """The clock of the database was set back."""
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(-3600)
    assert browser.get("/session").status == 200
    assert reveal(browser).code == "reauthentication_required"


def test_whoever_reauthenticates_may_go_on(server: LiveServer) -> None:
    """With another session token, and nothing else that is new."""
    browser = server.browser()
    signed_up = browser.sign_up().json
    server.age_sessions(11 * 60)
    before = dict(browser.cookies)
    assert reveal(browser).status == 403
    answer = reauthenticate(browser)
    assert answer.status == 200
    assert answer.tokens.keys() == {SESSION}
    assert answer.json["user"] == signed_up["user"]
    session = answer.json["session"]
    assert session["id"] == signed_up["session"]["id"]
    assert session["methods"] == ["password"]
    assert session["created_at"] < session["authenticated_at"] < session["expires_at"]
    assert session["expires_at"] < session["refresh_expires_at"]
    assert reveal(browser).json == ADA["email"]
    for path in ("/session", "/sessions"):
        assert browser.get(path, cookies=before).code == "session_expired"
    assert reveal(browser, before).code == "session_expired"
    refreshed = browser.post("/refresh")
    assert refreshed.status == 200, "the refresh token stays"
    assert refreshed.json["session"]["authenticated_at"] == session["authenticated_at"]
    assert browser.get("/session", cookies=before).code == "session_expired"
    assert reveal(browser).status == 200


def test_whoever_never_got_the_answer_refreshes_and_goes_on(server: LiveServer) -> None:
    """Their authentication counts."""
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(11 * 60)
    assert reauthenticate(browser, cookies=browser.cookies).status == 200
    assert browser.get("/session").code == "session_expired"
    assert browser.post("/refresh").status == 200
    assert reveal(browser).status == 200


def test_a_session_that_a_program_began_is_not_recent(server: LiveServer) -> None:
    """authingo has seen no proof, and without a password the user cannot give one."""
    browser = begun(server, "bob@example.com")
    session = browser.get("/session").json["session"]
    assert session["methods"] == []
    assert session["authenticated_at"] == session["created_at"]
    refused = reveal(browser)
    assert (refused.code, refused.json["methods"]) == ("reauthentication_required", [])
    assert reauthenticate(browser).code == "wrong_password"
    body = {"current_password": "", "new_password": NEW}
    assert browser.post("/change-password", body).status == 422


def test_a_wrong_password_changes_nothing(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(11 * 60)
    answer = reauthenticate(browser, "something else")
    assert (answer.status, answer.code, answer.tokens) == (403, "wrong_password", {})
    assert reveal(browser).status == 403
    assert reauthenticate(browser, "").code == "invalid_input"
    assert reauthenticate(browser, "x" * 1025).code == "invalid_input"
    assert server.browser().post("/reauthenticate", PROOF).code == "no_session"
    assert browser.get("/session").status == 200


def test_guesses_count_for_the_session_together_with_those_at_a_change(server: LiveServer) -> None:
    """And for no other session, nor for the account."""
    browser, other = server.browser(), server.browser()
    browser.sign_up()
    other.sign_in()
    change = {"current_password": "wrong", "new_password": NEW}
    for _ in range(2):
        assert browser.post("/change-password", change).code == "wrong_password"
    assert [reauthenticate(browser, "wrong").code for _ in range(3)] == ["wrong_password"] * 3
    assert reauthenticate(browser).code == "too_many_requests"
    assert browser.post("/change-password", change).code == "too_many_requests"
    assert reauthenticate(other).status == 200
    assert server.browser().sign_in().status == 200


def test_a_success_forgets_the_guesses_before_it(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    for _ in range(3):
        assert [reauthenticate(browser, "wrong").status for _ in range(4)] == [403] * 4
        assert reauthenticate(browser).status == 200


def test_what_happened_is_recorded(server: LiveServer) -> None:
    browser = server.browser()
    signed_up = browser.sign_up().json
    reauthenticate(browser, "wrong")
    reauthenticate(browser)
    columns = "name, user_id, session_id, ip"
    rows = execute(server.database_url, f"SELECT {columns} FROM authingo_events ORDER BY id")
    about = (signed_up["user"]["id"], signed_up["session"]["id"], "127.0.0.1")
    assert rows[1:] == [("reauthentication_failed", *about), ("reauthenticated", *about)]


def test_a_repeated_refresh_does_not_bring_a_replaced_token_back(server: LiveServer) -> None:
    """Its answer sets the refresh cookie only, and the browser goes on with both."""
    browser = server.browser()
    browser.sign_up()
    before = dict(browser.cookies)
    first = browser.post("/refresh")
    proved = reauthenticate(browser)
    again = browser.post("/refresh", cookies=before)
    assert again.status == 200
    assert again.tokens == only(REFRESH, first.tokens)
    assert first.tokens[SESSION] not in repr(again.headers)
    assert again.json["session"] == proved.json["session"]
    browser.cookies.update(again.tokens)
    assert reveal(browser).status == 200
    assert browser.post("/refresh").tokens.keys() == {SESSION, REFRESH}
    assert browser.post("/refresh", cookies=proved.tokens | first.tokens).tokens.keys() == {
        SESSION,
        REFRESH,
    }, "the next refresh replaced the token, so its own repetition has it"


def test_cookies_of_other_settings_are_expired_only_beside_their_successor(
    start: Callable[..., LiveServer],
) -> None:
    """A browser must not lose the refresh cookie that this answer does not replace."""
    browser = start(public_url="https://shop.example.com").browser()
    browser.sign_up()
    answer = reauthenticate(browser, headers={"Host": "shop.example.com"})
    assert answer.status == 200
    headers = answer.all("set-cookie")
    assert len(headers) > 1, "those with a Domain are expired"
    assert all(header.startswith(f"{SESSION}=") for header in headers)


def test_the_store_is_asked_each_time(server: LiveServer) -> None:
    """Even if the session is in memory."""
    browser = server.browser()
    browser.sign_up()
    memory = Memory(server)
    memory.warm(browser)
    for _ in range(3):
        before = sum(memory._looks.values())
        assert reveal(browser).status == 200
        assert sum(memory._looks.values()) == before + 1
        assert memory.has(browser)


def test_a_test_client_and_a_socket_are_admitted() -> None:
    """Whom `login_as` signs in is authenticated recently."""
    auth = memory_auth()
    with TestClient(application(auth), base_url="https://testserver") as client:
        signed_in = login_as(client, "ada@example.com")
        assert client.post("/secret").json() == "ada@example.com"
        origin = {"Origin": "https://testserver"}
        with client.websocket_connect("/socket", headers=origin) as socket:
            assert socket.receive_text() == "ada@example.com"
        assert client.portal is not None
        again = client.portal.call(auth.begin_session, signed_in.user)
        client.cookies.clear()
        client.cookies.set("authingo_session", again.tokens.session or "")
        refused = client.post("/secret")
        assert (refused.status_code, refused.json()["methods"]) == (403, [])
        with (
            pytest.raises(WebSocketDisconnect),
            client.websocket_connect("/socket", headers=origin),
        ):
            pass


# Requests at the same moment


def test_of_two_at_once_one_gets_the_new_token(server: LiveServer) -> None:
    """The other refreshes and repeats, as the client does by itself."""
    browser = server.browser()
    browser.sign_up()
    for _ in range(10):
        cookies = dict(browser.cookies)
        answers = at_once(*[partial(reauthenticate, browser, cookies=cookies)] * 2)
        assert sorted(answer.code_or_ok for answer in answers) == ["ok", "session_expired"]
        (winner,) = [answer for answer in answers if answer.status == 200]
        browser.cookies.update(winner.tokens)
        assert reveal(browser).status == 200


def test_one_that_races_a_refresh_signs_nobody_out(server: LiveServer) -> None:
    """Whichever answer comes last, the browser goes on with what it has then."""
    browser = server.browser()
    browser.sign_up()
    for turn in range(20):
        assert browser.sign_in().status == 200
        cookies = dict(browser.cookies)
        proved, refreshed = at_once(
            partial(reauthenticate, browser, cookies=cookies),
            partial(browser.post, "/refresh", cookies=cookies),
        )
        assert (proved.code_or_ok, refreshed.code_or_ok) == ("ok", "ok")
        answers = [proved, refreshed][:: (-1) ** turn]
        for answer in answers:
            browser.cookies.update(answer.tokens)
        if browser.get("/session").status != 200:
            assert browser.get("/session").code == "session_expired"
            assert browser.post("/refresh").status == 200
        assert reveal(browser).status == 200


@pytest.mark.parametrize("path", ["/sign-out", "/change-password"])
def test_one_that_races_an_end_leaves_no_session(server: LiveServer, path: str) -> None:
    browser = server.browser()
    browser.sign_up()
    body = {"current_password": ADA["password"], "new_password": NEW}
    for _ in range(10):
        cookies = dict(browser.cookies)
        proved, ended = at_once(
            partial(reauthenticate, browser, cookies=cookies),
            partial(browser.post, path, None if path == "/sign-out" else body, cookies=cookies),
        )
        if ended.status != 200:  # the token was replaced before the change began
            assert ended.code == "session_expired"
            browser.cookies.update(proved.tokens)
            continue
        for alive in (cookies, proved.tokens):
            assert browser.get("/session", cookies=alive).code == "no_session"
        if path == "/change-password":
            body = {"current_password": NEW, "new_password": ADA["password"]}
            browser.cookies = dict(ended.tokens)
            assert browser.post("/change-password", body).status == 200
            body = {"current_password": ADA["password"], "new_password": NEW}
        else:
            assert browser.sign_in().status == 200
