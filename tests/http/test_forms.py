"""A program's own forms: which are accepted without the client header, and the cookies they set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import urlencode

import pytest
from fastapi import Depends, FastAPI, Form, Request, WebSocket
from starlette.responses import RedirectResponse, Response
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from authingo import Auth
from authingo.config import settings_from
from authingo.fastapi import (
    CurrentUser,
    FormUser,
    OptionalPageUser,
    PageUser,
    clear_session_cookies,
    form_user,
    from_browser,
    next_path,
    own_form,
    set_session_cookies,
)
from authingo.testing import login_as, memory_auth
from authingo.testing_database import IN_MEMORY
from tests.database import execute
from tests.server import ADA, Answer, Browser, LiveServer

OWN = "https://shop.example"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def application(auth: Auth) -> FastAPI:
    app = FastAPI()

    @app.get("/notes")
    @app.post("/notes")
    async def notes(user: FormUser) -> str:
        return user.name

    @app.post("/both")
    async def both(form: FormUser, user: CurrentUser) -> str:
        return user.name

    @app.post("/text")
    async def text(user: FormUser, text: Annotated[str, Form()]) -> str:
        return text

    @app.post("/sign-in", dependencies=[Depends(own_form)])
    async def sign_in(
        request: Request,
        email: Annotated[str, Form()],
        password: Annotated[str, Form()],
        next: Annotated[str, Form()] = "/",  # noqa: A002 - the name of the field
    ) -> Response:
        signed_in = await auth.sign_in(email=email, password=password, **from_browser(request))
        response = RedirectResponse(next_path(request, next), status_code=303)
        set_session_cookies(response, signed_in, request=request)
        return response

    @app.post("/sign-out", dependencies=[Depends(own_form)])
    async def sign_out(request: Request) -> Response:
        await auth.sign_out(from_browser(request)["session_token"])
        response = Response()
        clear_session_cookies(response, request=request)
        return response

    @app.websocket("/socket", dependencies=[Depends(own_form)])
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("open")

    auth.install(app)
    return app


def open_browser(**settings: Any) -> TestClient:
    base = {"database_url": IN_MEMORY, "passwords": {"bcrypt_cost": 4}}
    client = TestClient(application(Auth(settings_from({**base, **settings}))), base_url=OWN)
    login_as(client, "ada@example.com")
    del client.headers["X-Authingo-Client"]
    return client


TRUSTED = {"trusted_origins": ("https://app.example",)}


@pytest.fixture(params=[None, OWN], ids=["no_public_url", "public_url"])
def browser(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    own = {} if request.param is None else {"public_url": request.param}
    with open_browser(**own, **TRUSTED) as client:
        yield client


def verdict(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, None if answer.status_code == 200 else answer.json()["code"]


ACCEPTED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN},
    # Sec-Fetch-Site decides alone: a page with Referrer-Policy: no-referrer sends the origin null.
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Origin": OWN},
    {"X-Authingo-Client": "true"},  # what every guard accepts
    {"X-Authingo-Client": "true", "Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"},
]
REFUSED: list[dict[str, str]] = [
    {},
    {"Referer": OWN + "/notes"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Sec-Fetch-Site": "same-site", "Origin": OWN},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://shop.example"},
    {"Origin": "http://shop.example:81"},
    {"Origin": OWN + ":444"},
    {"Origin": OWN + "/"},
    {"Origin": OWN + ".evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "https://shop.example@evil.example"},
    {"Origin": f"{OWN}, {OWN}"},
    {"Origin": "https://app.example"},  # trusted, and so it can send the client header
    {"Origin": "https://" + "a" * 400},
    {"X-Authingo-Client": "1"},
    {"X-Authingo-Client": "true", "Origin": "https://evil.example"},
    {"X-Authingo-Client": "true", "Origin": "https://evil.example", "Sec-Fetch-Site": "same-site"},
]


def test_a_form_of_a_page_of_this_server_is_accepted(browser: TestClient) -> None:
    for headers in ACCEPTED:
        assert verdict(browser.post("/notes", headers=headers)) == (200, None), headers


def test_any_other_form_is_refused(browser: TestClient) -> None:
    for headers in REFUSED:
        for path in ("/notes", "/sign-in", "/sign-out"):
            answer = browser.post(path, headers=headers)
            assert verdict(answer) == (403, "origin_not_allowed"), (path, headers)
            assert "set-cookie" not in answer.headers


def test_a_repeated_header_is_not_one_of_its_values(browser: TestClient) -> None:
    twice = [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")]
    assert verdict(browser.post("/notes", headers=twice)) == (403, "origin_not_allowed")


def test_a_form_is_refused_before_its_body_is_read(browser: TestClient) -> None:
    elsewhere = {**FORM, "Sec-Fetch-Site": "cross-site"}
    answer = browser.post("/text", content=b"nonsense", headers=elsewhere)
    assert verdict(answer) == (403, "origin_not_allowed")
    own = {**FORM, "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/text", content=b"nonsense", headers=own).status_code == 422
    assert browser.post("/text", content=b"text=x", headers=own).json() == "x"


def test_a_middleware_around_the_body_does_not_change_the_answer() -> None:
    """It puts what `receive` raises into a group of exceptions, which FastAPI answers with 400."""
    auth = memory_auth()
    app = application(auth)

    @app.middleware("http")
    async def pass_on(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    @app.post("/json")
    async def json(user: CurrentUser, body: dict[str, str]) -> str:
        return body[user.name]

    with TestClient(app, base_url=OWN) as browser:
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        answer = browser.post("/text", data={"text": "x"}, headers=elsewhere)
        assert verdict(answer) == (403, "origin_not_allowed")
        assert verdict(browser.post("/json", json={})) == (403, "missing_client_header")
        own = {**FORM, "Sec-Fetch-Site": "same-origin"}
        assert browser.post("/text", content=b"nonsense", headers=own).status_code == 401


@pytest.mark.parametrize("origin", [OWN, "https://app.example", "https://evil.example", None])
def test_a_websocket_is_checked_by_its_origin(browser: TestClient, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    if origin in {OWN, "https://app.example"}:
        with browser.websocket_connect("wss://shop.example/socket", headers=headers) as socket:
            assert socket.receive_text() == "open"
        return
    with pytest.raises(WebSocketDisconnect):
        browser.websocket_connect("wss://shop.example/socket", headers=headers).__enter__()


def test_a_page_guard_refuses_before_a_body_is_read_too() -> None:
    app = FastAPI()

    @app.post("/page")
    async def page(user: PageUser, body: dict[str, str]) -> str:
        return body[user.name]

    @app.post("/optional")
    async def optional(user: OptionalPageUser, body: dict[str, str]) -> str:
        return body[user.name if user else ""]

    memory_auth().install(app)
    with TestClient(app, base_url=OWN) as browser:
        for path in ("/page", "/optional"):
            answer = browser.post(path, content=b"{bad", headers={"Sec-Fetch-Site": "cross-site"})
            assert verdict(answer) == (403, "missing_client_header")


def test_no_other_guard_and_no_route_of_authingo_accepts_a_form(browser: TestClient) -> None:
    own = {"Sec-Fetch-Site": "same-origin", "Origin": OWN}
    for path in ("/both", "/api/auth/sign-out", "/api/auth/refresh"):
        answer = browser.post(path, headers=own)
        assert verdict(answer) == (403, "missing_client_header"), path


def test_a_form_needs_a_session(browser: TestClient) -> None:
    browser.cookies.clear()
    own = {"Sec-Fetch-Site": "same-origin"}
    assert verdict(browser.post("/notes", headers=own)) == (401, "no_session")


def test_a_get_is_treated_as_by_a_page_guard(browser: TestClient) -> None:
    assert verdict(browser.get("/notes")) == (200, None)
    embedded = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert verdict(browser.get("/notes", headers=embedded)) == (403, "origin_not_allowed")


def test_a_development_server_has_the_forms_of_this_machine_only() -> None:
    """With DNS rebinding, the page of another site has this server's address."""
    with open_browser(public_url="http://127.0.0.1:8000") as browser:
        rebound = {"Host": "evil.example:8000", "Sec-Fetch-Site": "same-origin"}
        assert verdict(browser.post("/notes", headers=rebound)) == (403, "origin_not_allowed")


def test_a_replaced_guard_checks_nothing() -> None:
    app = application(memory_auth())
    app.dependency_overrides[form_user] = lambda: None
    app.dependency_overrides[own_form] = lambda: None
    with TestClient(app, base_url=OWN) as client:
        assert client.post("/sign-out").status_code == 200
        assert client.post("/text", data={"text": "x"}).json() == "x"


def test_the_openapi_document_asks_forms_for_no_header(browser: TestClient) -> None:
    paths = browser.get("/openapi.json").json()["paths"]
    (header,) = paths["/notes"]["post"]["parameters"]
    assert not header["required"]
    assert paths["/notes"]["post"]["security"] == [{"AuthingoSession": []}]
    assert "page of this server" in paths["/notes"]["post"]["responses"]["403"]["description"]
    (header,) = paths["/both"]["post"]["parameters"]
    assert header["required"]


# The cookies of a form's sign-in


@pytest.fixture
def server(make_settings: Callable[..., Any]) -> Iterator[LiveServer]:
    server = LiveServer(lambda url: make_settings(public_url=url), application)
    yield server
    server.stop()


def submit(browser: Browser, path: str, **fields: str) -> Answer:
    headers = {**FORM, "X-Authingo-Client": "", "Sec-Fetch-Site": "same-origin"}
    return browser.post(path, urlencode(fields).encode(), headers=headers, base="")


def test_a_form_signs_in_and_out_as_the_routes_do(server: LiveServer) -> None:
    server.browser().sign_up()
    browser = server.browser()
    ada = {"email": ADA["email"], "password": ADA["password"]}
    answer = submit(browser, "/sign-in", **ada, next="/notes")
    assert (answer.status, answer.all("location")) == (303, ["/notes"])
    assert answer.all("cache-control") == ["no-store"]
    routes = server.browser().sign_in()
    assert sorted(map(attributes, answer.all("set-cookie"))) == sorted(
        map(attributes, routes.all("set-cookie"))
    )
    assert browser.get("/session").json["user"]["email"] == ADA["email"]
    assert browser.post("/refresh").status == 200
    first = dict(browser.cookies)
    assert submit(browser, "/sign-in", **ada).all("location") == ["/"]
    assert browser.get("/session", cookies=first).code == "no_session", "the one it had has ended"
    sign_out = submit(browser, "/sign-out")
    assert browser.cookies.keys() == {"authingo_device"}
    assert sign_out.all("cache-control") == ["no-store"]
    assert browser.get("/session").code == "no_session"


def attributes(cookie: str) -> str:
    name, _, rest = cookie.partition("=")
    return f"{name}; {rest.partition('; ')[2]}"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil", ""])
def test_a_form_leads_nowhere_else(server: LiveServer, elsewhere: str) -> None:
    server.browser().sign_up()
    ada = {"email": ADA["email"], "password": ADA["password"]}
    answer = submit(server.browser(), "/sign-in", **ada, next=elsewhere)
    assert (answer.status, answer.all("location")) == (303, ["/"])


def test_limits_count_the_client_of_a_form(server: LiveServer) -> None:
    """Without its address, nobody who guesses at many accounts is ever stopped."""
    guess = {"email": "bob@example.com", "password": "wrong horse battery"}
    answers = [submit(server.browser(), "/sign-in", **guess) for _ in range(6)]
    assert [answer.code for answer in answers] == ["invalid_credentials"] * 5 + [
        "too_many_requests"
    ]
    ((ip,),) = execute(
        server.database_url, "SELECT DISTINCT ip FROM authingo_events WHERE ip IS NOT NULL"
    )
    assert ip == "127.0.0.1"
