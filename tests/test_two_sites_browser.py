"""Pages of one site, the API on another, over https: what react/README.md says of it is so."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.frontends import FrontEnd, Site, npm
from tests.person import Person, ask, is_signed_in, is_signed_out
from tests.program import free_port, run_program
from tests.tls import make_certificate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("built by npm")]

PAGES = """
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

app = FastAPI(openapi_url=None)
app.mount("/", StaticFiles(directory="dist", html=True))
"""
ALLOWED, BLOCKED = 0, 1  # third-party cookies, as Chromium's preferences have it


@dataclass
class Sites:
    """The addresses of the two, and what it takes to serve them."""

    pages: str
    api: str
    directory: Path
    tls: str


@pytest.fixture(scope="module")
def sites(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Sites]:
    """Build the Vite application for an API elsewhere, and serve its pages."""
    directory = tmp_path_factory.mktemp("two-sites")
    made_for_tls = make_certificate(directory)
    react: FrontEnd = request.getfixturevalue("react")  # not without a browser to use it
    tls = f"--ssl-keyfile {made_for_tls.key} --ssl-certfile {made_for_tls.certificate}"
    pages, api = free_port(), free_port()
    made = Sites(f"https://app.shop.test:{pages}", f"https://api.auth.test:{api}", directory, tls)
    web = directory / "web"
    shutil.copytree(react.web, web, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (web / "node_modules").symlink_to(react.web / "node_modules")
    main = web / "src" / "main.tsx"
    main.write_text(main.read_text().replace('baseURL="/api/auth"', f'baseURL="{made.api}"'))
    npm("run build", web)
    (web / "pages.py").write_text(PAGES)
    with run_program(web, dict(os.environ), f"uvicorn pages:app {tls}", pages):
        yield made


@pytest.fixture
def serve_api(sites: Sites, react: FrontEnd, tmp_path: Path) -> Iterator[Callable[[str], Site]]:
    with contextlib.ExitStack() as stack:

        def start(partitioned: str) -> Site:
            env = {
                "PATH": os.environ["PATH"],
                "AUTHINGO_DATABASE_URL": f"sqlite:///{tmp_path}/authingo.db",
                "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
                "AUTHINGO_PUBLIC_URL": sites.api,
                "AUTHINGO_TRUSTED_ORIGINS": sites.pages,
                "AUTHINGO_COOKIES__SAME_SITE": "none",
                "AUTHINGO_COOKIES__PARTITIONED": partitioned,
            }
            port = int(sites.api.rpartition(":")[2])
            stack.enter_context(
                run_program(react.directory, env, f"uvicorn main:app {sites.tls}", port)
            )
            return Site("react", sites.pages, tmp_path / "authingo.db")

        yield start


@pytest.fixture
def browser_that(chromium: Browser, tmp_path: Path) -> Iterator[Callable[[int], BrowserContext]]:
    """A browser with a profile of its own, where that preference is."""
    with contextlib.ExitStack() as stack:

        def start(third_party_cookies: int) -> BrowserContext:
            preferences = tmp_path / "profile" / "Default" / "Preferences"
            preferences.parent.mkdir(parents=True)
            preferences.write_text(
                json.dumps({"profile": {"cookie_controls_mode": third_party_cookies}})
            )
            context = chromium.browser_type.launch_persistent_context(
                tmp_path / "profile",
                executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
                args=["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"],
                ignore_https_errors=True,
            )
            stack.callback(context.close)
            return context

        yield start


@pytest.mark.parametrize(
    ("third_party_cookies", "partitioned"),
    [(ALLOWED, "false"), (ALLOWED, "true"), (BLOCKED, "true")],
    ids=["allowed", "allowed_partitioned", "blocked_partitioned"],
)
def test_a_page_of_another_site_signs_in(
    serve_api: Callable[[str], Site],
    browser_that: Callable[[int], BrowserContext],
    third_party_cookies: int,
    partitioned: str,
) -> None:
    site = serve_api(partitioned)
    ada = Person(browser_that(third_party_cookies), site.url, "ada@example.com")
    page = ada.sign_up()
    page.reload()
    is_signed_in(page)
    ask(page)
    before = ada.tokens()
    assert all(cookie["sameSite"] == "None" for cookie in ada.context.cookies())
    site.expire(ada.email)
    with page.expect_response(lambda answer: answer.url.endswith("/refresh") and answer.ok):
        ask(page)
    assert len(ada.tokens()) == 2
    assert not ada.tokens() & before
    assert page.evaluate("document.cookie") == ""
    other = ada.open()
    is_signed_in(other)
    other.get_by_role("button", name="Sign out").click()
    is_signed_out(page)
    assert ada.tokens() == set()
    assert ada.complaints == []


def test_blocked_third_party_cookies_end_it_at_once(
    serve_api: Callable[[str], Site], browser_that: Callable[[int], BrowserContext]
) -> None:
    """Without Partitioned: the sign-up is answered, and its cookies are thrown away."""
    site = serve_api("false")
    ada = Person(browser_that(BLOCKED), site.url, "ada@example.com")
    with ada.context.expect_event(
        "response", lambda answer: answer.url.endswith("/sign-up") and answer.ok
    ):
        page = ada.open()
        ada.fill_sign_up(page)
    is_signed_out(page)
    assert ada.cookie_values() == set()
    page.reload()
    is_signed_out(page)
