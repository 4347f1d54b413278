"""The pages and the client together with pages of a program's own, as docs/pages.md has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pytest
from fastapi import FastAPI, Form, HTTPException
from fastapi.responses import HTMLResponse, Response

from authingo import Auth
from authingo.config import Settings, settings_from
from authingo.fastapi import CurrentUser, PageUser
from tests.htmx import htmx_script
from tests.pages.visitor import Visitor, fill, is_signed_in, sees
from tests.server import ADA, LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
DOCUMENT = (Path(__file__).parent.parent.parent / "docs/pages.md").read_text()
(EXAMPLE,) = re.findall(r"```js\n// app\.js\n(.*?)```", DOCUMENT, re.DOTALL)
(WITH_HTMX,) = re.findall(r"```js\n// htmx\.js.*?\n(.*?)```", DOCUMENT, re.DOTALL)
PAGE = """<!doctype html>
<p id="who"></p><button id="sign-out">Sign out</button>
<script type="module" src="/app.js"></script>"""
BOARD = """<!doctype html>
<script src="/htmx.min.js" defer></script>
<script type="module" src="/htmx.js"></script>
<button hx-get="/api/hello" hx-target="#said">Say hello</button>
<form hx-post="/api/hello" hx-target="#said"><input name="word"><button>Send</button></form>
<p id="said"></p>"""


def program(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app, pages=True)

    @app.get("/orders", response_class=HTMLResponse)
    def orders_page() -> str:
        return PAGE

    @app.get("/for-users", response_class=HTMLResponse)
    def for_users(user: PageUser) -> str:
        return f"<p>Hello {user.name}</p>"

    @app.get("/app.js")
    def script() -> Response:
        return Response(EXAMPLE, media_type="text/javascript")

    @app.get("/board", response_class=HTMLResponse)
    def board() -> str:
        return BOARD

    @app.get("/{name}.js")
    def htmx(name: str) -> Response:
        content = {"htmx.min": htmx_script(), "htmx": WITH_HTMX.encode()}[name]
        return Response(content, media_type="text/javascript")

    @app.get("/api/hello", response_class=HTMLResponse)
    def hello(user: CurrentUser) -> str:
        return f"Hello {user.name}"

    @app.post("/api/hello", response_class=HTMLResponse)
    def answer(user: CurrentUser, word: Annotated[str, Form()]) -> str:
        if word == "beer":
            raise HTTPException(401, "There is none.")
        return f"{user.name} said {word}"

    @app.get("/api/orders")
    def orders(user: CurrentUser) -> list[str]:
        return [user.name]

    return app


@pytest.fixture
def visitor(chromium: Browser, sqlite_url: str) -> Iterator[Visitor]:
    def settings(url: str) -> Settings:
        own = {"database_url": sqlite_url, "public_url": url, "passwords": {"bcrypt_cost": 4}}
        return settings_from(own)

    server = LiveServer(settings, program)
    visitor = Visitor(chromium.new_context(), server)
    yield visitor
    visitor.context.close()
    server.stop()
    assert visitor.broken == []


def test_a_page_of_a_program_uses_it(visitor: Visitor) -> None:
    is_signed_in(visitor.sign_up())
    visitor.server.age_sessions(20 * 60)
    with visitor.context.expect_event("response", lambda one: one.url.endswith("/refresh")):
        page = visitor.open(f"{visitor.server.url}/orders")
        page.locator("#who", has_text="Ada").wait_for()
    page.wait_for_load_state("networkidle")
    assert visitor.sent.count("GET /api/orders") in {1, 2}, "repeated if it was sent too early"
    page.get_by_role("button", name="Sign out").click()
    page.locator("#who", has_text="Nobody").wait_for()


def test_a_page_for_users_sends_strangers_to_sign_in_and_back(visitor: Visitor) -> None:
    visitor.server.browser().sign_up()
    page = visitor.open(f"{visitor.server.url}/for-users?a=1")
    sees(page, "Sign in")
    assert page.url == f"{visitor.server.url}/auth/sign-in?next=%2Ffor-users%3Fa%3D1"
    fill(page, email=ADA["email"], password=ADA["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Hello Ada").wait_for()
    assert page.url == f"{visitor.server.url}/for-users?a=1"


def test_htmx_uses_it(visitor: Visitor) -> None:
    is_signed_in(visitor.sign_up())
    page = visitor.open(f"{visitor.server.url}/board")
    said = page.locator("#said")
    visitor.server.age_sessions(20 * 60)
    page.get_by_role("button", name="Say hello").click()
    said.get_by_text("Hello Ada", exact=True).wait_for()
    visitor.server.age_sessions(20 * 60)
    page.locator("[name=word]").fill("milk")
    page.get_by_role("button", name="Send").click()
    said.get_by_text("Ada said milk").wait_for()
    assert visitor.sent.count("POST /api/auth/refresh") == 2
    asked = visitor.sent.count("POST /api/hello")
    page.locator("[name=word]").fill("beer")
    with page.expect_response("**/api/auth/session"):  # a 401 of the program's own is not repeated
        page.get_by_role("button", name="Send").click()
    page.wait_for_load_state("networkidle")
    assert visitor.sent.count("POST /api/hello") == asked + 1
    visitor.context.clear_cookies()
    page.get_by_role("button", name="Say hello").click()
    sees(page, "Sign in")
    assert page.url == f"{visitor.server.url}/auth/sign-in?next=%2Fboard"
    errors = [one for one in visitor.broken if not one.startswith("Response Status Error Code 401")]
    visitor.broken[:] = errors  # htmx reports what the script then takes care of
