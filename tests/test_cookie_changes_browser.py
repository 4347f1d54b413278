"""Cookie settings changed in a live deployment, seen from a real browser, over https.

Ports do not matter to cookies, so a server with the next settings on another port is,
for a browser's cookie jar, the same deployment.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from authingo.config import Settings, settings_from
from tests.browser import open_chromium
from tests.server import ADA, LiveServer
from tests.test_browser import SEND
from tests.tls import Certificate, make_certificate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

HOST = "app.example.test"
EMBEDDED = {"same_site": "none"}
TRUSTED = ["https://shop.other.test"]
THREE = ["__Host-authingo_device", "authingo_refresh", "authingo_session"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium("--host-resolver-rules=MAP *.test 127.0.0.1") as browser:
        yield browser


@pytest.fixture(scope="module")
def certificate(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True)
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(page: Page, sqlite_url: str, certificate: Certificate) -> Iterator[Callable[..., None]]:
    """Open a page of a server with these settings for cookies."""
    with contextlib.ExitStack() as stack:

        def start(path: str = "", **cookies: Any) -> None:
            def settings_for(url: str) -> Settings:
                return settings_from(
                    {
                        "database_url": f"{sqlite_url}{path}",
                        "public_url": url.replace("http://127.0.0.1", f"https://{HOST}"),
                        "trusted_origins": TRUSTED,
                        "passwords": {"bcrypt_cost": 4},
                        "cookies": cookies,
                    }
                )

            server = LiveServer(settings_for, tls=certificate)
            stack.callback(server.stop)
            page.goto(f"https://{HOST}:{server.port}/openapi.json")

        yield start
        page.context.close()  # and its connections, which the servers would wait for


def send(page: Page, method: str, path: str, body: object = None) -> int:
    answer: dict[str, int] = page.evaluate(SEND, [method, f"/api/auth{path}", body])
    return answer["status"]


def names_of(page: Page) -> list[str]:
    return sorted(one["name"] for one in page.context.cookies())


def sign_in(page: Page) -> int:
    body = {"email": ADA["email"], "password": ADA["password"]}
    return send(page, "POST", "/sign-in", body)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"domain": "example.test"}),
        ({"domain": "example.test"}, {}),
        ({"domain": HOST}, {"domain": "example.test"}),
        (EMBEDDED, {**EMBEDDED, "partitioned": True}),
        ({**EMBEDDED, "partitioned": True}, {}),
        ({**EMBEDDED, "partitioned": True}, {**EMBEDDED, "domain": "example.test"}),
    ],
    ids=["on", "off", "another", "partitioned", "no_longer_partitioned", "both"],
)
def test_a_change_signs_nobody_out_and_lets_everybody_in(
    page: Page, visit: Callable[..., None], old: dict[str, Any], new: dict[str, Any]
) -> None:
    visit(**old)
    assert send(page, "POST", "/sign-up", ADA) == 200
    for settings in (new, old):
        visit(**settings)
        assert send(page, "GET", "/session") == 200, "who was signed in still is"
        assert send(page, "POST", "/refresh") == 200
        assert names_of(page) == THREE
        assert send(page, "GET", "/session") == 200
        assert send(page, "POST", "/refresh") == 200
    visit(**new)
    assert sign_in(page) == 200
    assert send(page, "GET", "/session") == 200
    assert names_of(page) == THREE
    visit(**old)
    assert send(page, "POST", "/sign-out") == 200
    assert names_of(page) == ["__Host-authingo_device"]


def test_two_applications_on_one_host_keep_apart_by_their_prefix(
    page: Page, visit: Callable[..., None]
) -> None:
    visit()
    assert send(page, "POST", "/sign-up", ADA) == 200
    first = page.url
    visit("-shop", prefix="shop")
    assert send(page, "GET", "/session") == 401
    assert send(page, "POST", "/sign-up", ADA) == 200
    shop = page.url
    for at in (first, shop, first):
        page.goto(at)
        assert send(page, "POST", "/refresh") == 200
        assert send(page, "GET", "/session") == 200
    assert send(page, "POST", "/sign-out") == 200
    page.goto(shop)
    assert send(page, "GET", "/session") == 200
