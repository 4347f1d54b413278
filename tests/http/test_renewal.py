"""What a browser gets that opens a page, or sends a form, without an active session."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from httpx2 import Response
from starlette.testclient import TestClient

from authingo import Auth, errors
from authingo.config import Settings, settings_from
from authingo.fastapi import FormUser, OptionalPageUser, PageUser
from authingo.testing import login_as, memory_auth
from authingo.testing_database import IN_MEMORY
from tests.database import age_sessions
from tests.server import CLIENT
from tests.waiting import until

OPENED = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Site": "none",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
SENT = {"Sec_Fetch_Site": "same-origin"}
HTMX = {"HX_Request": "true", "Sec_Fetch_Dest": "empty", "Accept": "*/*"}


def application(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)

    @app.get("/orders")
    @app.head("/orders")
    @app.post("/orders")
    async def orders(user: PageUser) -> str:
        return user.name

    @app.get("/")
    @app.head("/")
    @app.get("/sign-in")
    async def home(user: OptionalPageUser) -> str:
        return user.name if user else "stranger"

    @app.get("/notes")
    @app.post("/notes")
    async def notes(user: FormUser) -> str:
        return user.name

    @app.get("/caf\u00e9/{rest:path}")
    async def other(user: PageUser) -> str:
        return user.name

    async def greet(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("files")(scope, receive, send)

    app.mount("/files", auth.require(greet, client_header=False))
    app.mount("/api", auth.require(greet))
    return app


@pytest.fixture
def expired(make_settings: Callable[..., Settings]) -> Iterator[TestClient]:
    """Return a browser whose session has expired, and can be renewed."""
    settings = make_settings()
    app = application(Auth(settings))
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        login_as(client, "ada@example.com")
        del client.headers["X-Authingo-Client"]
        age_sessions(settings.database_url, 16 * 60)
        yield client


@pytest.fixture
def stranger() -> Iterator[TestClient]:
    app = application(memory_auth())
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        yield client


def visit(client: TestClient, path: str, method: str = "GET", **changes: str) -> Response:
    """Send what a browser sends that opens a page, with some changes; `-` leaves a header out."""
    headers = {**OPENED, **{name.replace("_", "-"): value for name, value in changes.items()}}
    kept = {name: value for name, value in headers.items() if value != "-"}
    return client.request(method, path, headers=kept)


def is_page(answer: Response) -> bool:
    is_html = answer.headers.get("content-type") == "text/html; charset=utf-8"
    return answer.status_code == 401 and is_html


def location(answer: Response) -> str | None:
    return answer.headers.get("location") if answer.status_code == 303 else None


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def leave_mark(client: TestClient, answer: Response) -> str:
    """Do what the page's script does with its answer; return the mark."""
    (pair,) = re.findall(
        r'data-mark="([^;"]+); Path=/; Max-Age=60; SameSite=Lax; Secure"', answer.text
    )
    name, _, value = pair.partition("=")
    assert name == "__Host-authingo_renewal"
    client.cookies.set(name, value)
    return str(value)


# A page


@pytest.mark.parametrize("path", ["/orders?page=2", "/notes", "/", "/sign-in", "/files/a"])
@pytest.mark.parametrize("site", ["none", "same-origin", "same-site", "cross-site", "-"])
def test_an_expired_session_is_renewed_where_a_page_is_opened(
    expired: TestClient, path: str, site: str
) -> None:
    answer = visit(expired, path, Sec_Fetch_Site=site)
    assert is_page(answer)
    assert 'data-refresh="/api/auth/refresh"' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "Sec-Fetch-Dest" in answer.headers["vary"]
    assert "set-cookie" not in answer.headers


def test_a_browser_without_fetch_metadata_is_known_by_accept(expired: TestClient) -> None:
    without = {"Sec_Fetch_Site": "-", "Sec_Fetch_Mode": "-", "Sec_Fetch_Dest": "-"}
    assert is_page(visit(expired, "/orders", **without))
    assert code(visit(expired, "/orders", Accept="*/*", **without)) == (401, "session_expired")


@pytest.mark.parametrize(
    "changes",
    [
        {"Accept": "application/json"},
        {"Accept": "-"},
        {"Sec_Fetch_Dest": "iframe"},
        {"Sec_Fetch_Dest": "empty"},
        {"Sec_Fetch_Dest": "image"},
        {"Sec_Purpose": "prefetch"},
        {"Sec_Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"X_Moz": "prefetch"},
        {"X_Authingo_Client": "true"},
    ],
)
def test_other_requests_get_json(
    expired: TestClient, stranger: TestClient, changes: dict[str, str]
) -> None:
    for path in ("/orders", "/notes", "/files/"):
        assert code(visit(expired, path, **changes)) == (401, "session_expired")
        assert code(visit(stranger, path, **changes)) == (401, "no_session")
    assert code(visit(expired, "/", **changes)) == (401, "session_expired")
    assert visit(stranger, "/", **changes).json() == "stranger"


def test_a_head_request_is_no_visit(expired: TestClient, stranger: TestClient) -> None:
    for client in (expired, stranger):
        answer = visit(client, "/orders", "HEAD")
        assert (answer.status_code, location(answer)) == (401, None)
        assert "json" in answer.headers["content-type"]


def test_a_page_of_another_site_gets_no_page_into_a_frame(expired: TestClient) -> None:
    framed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "iframe"}
    assert code(visit(expired, "/orders", **framed)) == (403, "origin_not_allowed")
    assert visit(expired, "/", **framed).json() == "stranger", "as for everybody"


def test_routes_for_scripts_answer_with_json_whoever_asks(expired: TestClient) -> None:
    assert code(visit(expired, "/api/x")) == (403, "missing_client_header")
    assert code(visit(expired, "/api/auth/session")) == (401, "session_expired")


def test_the_page_may_do_nothing_but_renew(expired: TestClient) -> None:
    answer = visit(expired, "/orders")
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    for name in ("script", "style"):
        (text,) = re.findall(f"<{name}>(.*?)</{name}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy.pop(f"{name}-src") == f"'sha256-{digest}'"
    assert policy.pop("connect-src") == "'self'"
    assert policy.pop("require-trusted-types-for") == "'script'"
    assert set(policy.values()) == {"'none'"}
    assert {"default-src", "frame-ancestors", "base-uri"} == policy.keys()


def test_nothing_of_the_request_gets_into_the_page_as_html(expired: TestClient) -> None:
    answer = visit(expired, "/orders?a=%22%3E<script>'\"&b")
    hrefs = re.findall('href="([^"]*)"', answer.text)
    assert {html.unescape(one).partition("&")[0] for one in hrefs} == {
        "/sign-in?next=" + quote(f"/orders?a=%22%3E{quote('<script>')}'%22&b", safe="")
    }
    assert answer.text.count("<script>") == 1


# It is tried once


def test_a_page_that_could_not_be_renewed_leads_to_the_sign_in_page(expired: TestClient) -> None:
    leave_mark(expired, visit(expired, "/orders?a=1"))
    assert location(visit(expired, "/orders?a=1")) == "/sign-in?next=%2Forders%3Fa%3D1"
    for path in ("/", "/sign-in"):
        assert visit(expired, path).json() == "stranger"
    assert code(visit(expired, "/", Accept="*/*")) == (401, "session_expired"), "no page"


def test_the_mark_is_for_one_token_and_tells_nothing_of_it(expired: TestClient) -> None:
    token = expired.cookies["authingo_session"]
    mark = leave_mark(expired, visit(expired, "/orders"))
    assert mark not in token
    assert re.fullmatch("[0-9a-f]{32}", mark)
    assert visit(expired, "/").json() == "stranger"
    assert expired.post("/api/auth/refresh", headers=CLIENT).status_code == 200
    assert visit(expired, "/").json() == "ada"
    age_sessions(expired.app.state.authingo.settings.database_url, 16 * 60)  # type: ignore[attr-defined]
    until(lambda: is_page(visit(expired, "/orders")), "the mark of the token before")


def test_without_scripts_a_browser_gets_past_the_page(expired: TestClient) -> None:
    (href, _) = re.findall('href="([^"]*)"', visit(expired, "/sign-in?next=%2Forders").text)
    assert visit(expired, html.unescape(href)).json() == "stranger"
    assert is_page(visit(expired, "/sign-in?authingo_renewal=" + "0" * 32))


# Without a session


@pytest.mark.parametrize(
    ("path", "next_"),
    [
        ("/orders", "/orders"),
        ("/orders?page=2&q=%C3%BC", "/orders?page=2&q=%C3%BC"),
        ("/orders?next=//evil.example", "/orders?next=//evil.example"),
        ("/caf%C3%A9/a%20b", "/caf%C3%A9/a%20b"),
        ("/caf%C3%A9//evil.example", None),
        ("/caf%C3%A9/%2f/evil.example", None),
        ("/caf%C3%A9/%5cevil", None),
        ("/orders?" + "a" * 2_000, None),
        ("/files/a/b?c", "/files/a/b?c"),
    ],
)
def test_a_stranger_is_sent_to_sign_in_and_comes_back(
    stranger: TestClient, path: str, next_: str | None
) -> None:
    answer = visit(stranger, path)
    expected = "/sign-in" if next_ is None else f"/sign-in?next={quote(next_, safe='')}"
    assert location(answer) == expected
    assert answer.headers["cache-control"] == "no-store"
    assert "Sec-Fetch-Dest" in answer.headers["vary"]


def test_the_sign_in_page_is_the_one_of_the_settings() -> None:
    settings = settings_from({"database_url": IN_MEMORY, "links": {"sign_in": "/welcome/in"}})
    app = application(Auth(settings))

    @app.get("/welcome/in")
    async def guarded_by_mistake(user: PageUser) -> str:
        return user.name

    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        assert location(visit(client, "/orders")) == "/welcome/in?next=%2Forders"
        assert code(visit(client, "/welcome/in?next=%2F")) == (401, "no_session"), "not in circles"


def test_the_ready_made_sign_in_page_is_the_one_where_it_is_on() -> None:
    pages = {"enabled": True, "path": "/shop/in"}
    settings = {"database_url": IN_MEMORY, "pages": pages, "public_url": "https://testserver/shop"}
    app = application(Auth(settings_from(settings)))
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        sign_in = location(visit(client, "/orders"))
        assert sign_in == "/shop/in/sign-in?next=%2Forders"
        assert visit(client, sign_in).status_code == 200


@pytest.mark.parametrize(  # servers differ in what `path` has
    ("sent", "path"),
    [
        ("/orders", "/below/orders"),
        ("/below/orders", "/below/orders"),
        ("/below/sub/orders", "/below/sub/orders"),
    ],
)
def test_next_is_what_the_browser_sees_behind_a_proxy_that_strips_a_prefix(
    sent: str, path: str
) -> None:
    auth = memory_auth()
    outer = FastAPI()
    sub = FastAPI()
    auth.install(outer)
    auth.install(sub, routes=False)
    for app in (outer, sub):

        @app.get("/orders")
        async def orders(user: PageUser) -> str:
            return user.name

    outer.mount("/sub", sub)
    options: Any = {"base_url": "https://testserver", "follow_redirects": False}
    with TestClient(outer, root_path="/below", **options) as client:
        answer = visit(client, sent)
        assert location(answer) == "/sign-in?next=" + quote(path, safe="")


def test_a_handler_of_your_own_still_gets_the_error() -> None:
    app = application(memory_auth())

    @app.exception_handler(errors.NoSession)
    async def own(request: Request, error: errors.NoSession) -> PlainTextResponse:
        return PlainTextResponse(f"mine: {error.code}", 418)

    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        assert visit(client, "/orders").text == "mine: no_session"


# Forms


def test_a_form_without_an_active_session_gets_a_page_that_leads_back(
    expired: TestClient, stranger: TestClient
) -> None:
    for client, refresh in ((expired, 'data-refresh="/api/auth/refresh"'), (stranger, "<main>")):
        answer = visit(client, "/notes", "POST", **SENT)
        assert is_page(answer)
        assert refresh in answer.text
        assert "data-mark" not in answer.text
        assert "Go back" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert code(visit(client, "/notes", "POST", **{**SENT, "Accept": "*/*"}))[0] == 401
    elsewhere = {**SENT, "Sec_Fetch_Site": "cross-site"}
    assert code(visit(expired, "/notes", "POST", **elsewhere)) == (403, "origin_not_allowed")
    assert code(visit(expired, "/orders", "POST", **SENT)) == (403, "missing_client_header")


@pytest.mark.parametrize("encoding", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_the_page_can_send_again_what_was_typed(expired: TestClient, encoding: str) -> None:
    typed = {"text": '"><script>alert(1)</script>\n&amp; more', "a'b": ""}
    sent: dict[str, Any] = {"data": typed}
    if encoding == "multipart/form-data":
        sent = {"files": [(name, (None, value)) for name, value in typed.items()]}
    headers = {**OPENED, "Sec-Fetch-Site": "same-origin"}
    answer = expired.post("/notes?a=1&b=2", headers=headers, **sent)
    assert is_page(answer)
    assert re.findall('action="([^"]*)"', answer.text) == ["/notes?a=1&amp;b=2"]
    fields = re.findall('<input type="hidden" name="([^"]*)" value="([^"]*)">', answer.text)
    assert {html.unescape(name): html.unescape(value) for name, value in fields} == typed
    assert answer.text.count("<script>") == 1
    assert "Send it again" in answer.text


def test_what_cannot_be_sent_again_leads_back(expired: TestClient) -> None:
    headers = {**OPENED, "Sec-Fetch-Site": "same-origin"}
    with_file = expired.post("/notes", headers=headers, files={"text": ("a.txt", b"x")})
    large = expired.post("/notes", headers=headers, data={"text": "x" * 300_000})
    broken = {**headers, "Content-Type": "multipart/form-data; boundary=x"}
    nonsense = expired.post("/notes", headers=broken, content=b"nonsense")
    half = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n+2AA-\r\n--x--\r\n'
    broken["Content-Type"] += "; charset=utf-7"  # half a character, which no page can hold
    for answer in (
        with_file,
        large,
        nonsense,
        expired.post("/notes", headers=broken, content=half),
    ):
        assert is_page(answer)
        assert "<form" not in answer.text
        assert "Go back" in answer.text


# htmx


def test_htmx_is_led_to_the_sign_in_page_and_back_to_where_it_was(
    expired: TestClient, stranger: TestClient
) -> None:
    at = {"HX_Current_URL": "https://testserver/board?x=1#y"}
    for client in (expired, stranger):
        answer = visit(client, "/orders", **HTMX, **at)
        assert answer.status_code == 401
        assert answer.json()["code"] in {"session_expired", "no_session"}
        assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fboard%3Fx%3D1"
        for bad in ("https://testserver//evil.example", "nonsense", "http://[", ""):
            answer = visit(client, "/orders", **HTMX, HX_Current_URL=bad)
            assert answer.headers["hx-redirect"] == "/sign-in"
        at_sign_in = {"HX_Current_URL": "https://testserver/sign-in?next=%2Fboard"}
        assert "hx-redirect" not in visit(client, "/orders", **HTMX, **at_sign_in).headers


def test_htmx_that_renews_by_itself_is_led_nowhere(
    expired: TestClient, stranger: TestClient
) -> None:
    """A program whose scripts send the client header has a client of its own."""
    for client in (expired, stranger):
        for path, method in (("/orders", "GET"), ("/notes", "POST")):
            answer = visit(client, path, method, **HTMX, X_Authingo_Client="true")
            assert answer.status_code == 401
            assert not {"hx-redirect", "hx-trigger"} & answer.headers.keys()


@pytest.mark.parametrize("name", ["HX_Boosted", "HX_History_Restore_Request"])
def test_htmx_opens_a_whole_page_as_a_browser_does(
    expired: TestClient, stranger: TestClient, name: str
) -> None:
    for client in (expired, stranger):
        answer = visit(client, "/orders?a=1", **HTMX, **{name: "true"})
        assert answer.headers["hx-redirect"] == "/orders?a=1"


def test_htmx_does_not_leave_what_was_typed(expired: TestClient, stranger: TestClient) -> None:
    for client, event in ((expired, "session_expired"), (stranger, "no_session")):
        answer = visit(client, "/notes", "POST", **SENT, **HTMX)
        assert code(answer) == (401, event)
        assert answer.headers["hx-trigger"] == f"authingo:{event}"
        assert "hx-redirect" not in answer.headers


# The OpenAPI document


def test_the_openapi_document_says_what_a_browser_gets(stranger: TestClient) -> None:
    paths = stranger.get("/openapi.json").json()["paths"]
    page, head = paths["/orders"]["get"]["responses"], paths["/orders"]["head"]["responses"]
    assert {"application/json", "text/html"} == page["401"]["content"].keys()
    assert page["303"]["headers"].keys() == {"Location"}
    assert "303" not in head
    assert "text/html" in paths["/notes"]["post"]["responses"]["401"]["content"]
    optional = paths["/"]["get"]
    assert optional["security"] == [{"AuthingoSession": []}, {}]
    assert "303" not in optional["responses"]
