"""The two programs of docs/server-rendered.md in a browser."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import looks
from tests.documents import blocks, read
from tests.engines import open_engine
from tests.frontends import Site
from tests.htmx import htmx_script
from tests.pages.visitor import accessible
from tests.person import fill
from tests.program import free_port, run_program
from tests.server import ADA
from tests.tab import Tab
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page
    from selenium.webdriver.remote.webdriver import WebDriver

pytestmark = pytest.mark.browser

PAGE = read("docs/server-rendered.md")
JINJA, HTMX = PAGE.split("\n## htmx")
(AGAIN,) = (one for one in blocks(PAGE, "js") if "pageshow" in one)


@contextlib.contextmanager
def running(section: str, directory: Path) -> Iterator[Site]:
    """Write the program that a section shows, and run it."""
    for language in ("python", "html", "js"):
        for block in blocks(section, language):
            first, _, rest = block.partition("\n")
            file = directory / re.sub(r"[^\w./-]", "", first).removeprefix("//")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(rest)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    database = directory / "authingo.db"
    env = {
        "PATH": os.environ["PATH"],
        "AUTHINGO_DATABASE_URL": f"sqlite:///{database}",
        "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
        "AUTHINGO_PUBLIC_URL": url,
    }
    with run_program(directory, env, port=port):
        yield Site("server-rendered", url, database)


@pytest.fixture(scope="module")
def jinja(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running(JINJA, tmp_path_factory.mktemp("jinja")) as site:
        yield site


@pytest.fixture(scope="module")
def htmx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("htmx")
    (directory / "static").mkdir()
    (directory / "static" / "htmx.min.js").write_bytes(htmx_script())
    with running(HTMX, directory) as site:
        yield site


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Serve a page of another site that links to the address in its query."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f'<a id="link" href="{self.path.partition("?")[2]}">Go</a>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://localhost:{server.server_port}/?"  # not the site that 127.0.0.1 is
    server.shutdown()
    server.server_close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    context.set_default_timeout(20_000)
    yield context
    context.close()


def sign_up(context: BrowserContext, site: Site, email: str) -> Page:
    page = context.new_page()
    page.goto(f"{site.url}/sign-up")
    fill(page, Name="Ada", Email=email, Password=ADA["password"])
    page.get_by_role("button", name="Create account").click()
    shows_notes(page)
    return page


def sign_in(page: Page, email: str) -> None:
    fill(page, Email=email, Password=ADA["password"])
    page.get_by_role("button", name="Sign in").click()


def shows_notes(page: Page) -> None:
    page.get_by_role("heading", name="Notes of Ada").wait_for()
    page.wait_for_load_state()  # before htmx runs, a browser would send its form in the usual way


def shows_sign_in(page: Page) -> None:
    page.get_by_role("heading", name="Sign in").wait_for()


def add(page: Page, note: str) -> None:
    fill(page, Note=note)
    page.get_by_role("button", name="Add").click()


def see(page: Page, note: str) -> None:
    page.get_by_role("listitem").filter(has_text=note).wait_for()


# Jinja2


def test_a_stranger_signs_in_and_comes_back(context: BrowserContext, jinja: Site) -> None:
    page = sign_up(context, jinja, "back@example.com")
    add(page, "milk")
    see(page, "milk")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").wait_for()
    page.goto(f"{jinja.url}/notes?page=2")
    shows_sign_in(page)
    fill(page, Email="back@example.com", Password="wrong horse battery")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").wait_for()
    sign_in(page, "back@example.com")
    see(page, "milk")
    assert page.url == f"{jinja.url}/notes?page=2"


def test_a_link_cannot_lead_to_another_site(context: BrowserContext, jinja: Site) -> None:
    page = sign_up(context, jinja, "evil@example.com")
    context.clear_cookies()
    for value in ("//evil.example", "/%5Cevil.example", "/%09/evil.example", "https:evil.example"):
        page.goto(f"{jinja.url}/sign-in?next={value}")
        assert page.locator("[name=next]").input_value() == "/notes"
    page.evaluate("document.querySelector('[name=next]').value = '//evil.example'")
    sign_in(page, "evil@example.com")
    shows_notes(page)


def test_a_session_that_expires_is_renewed(
    context: BrowserContext, jinja: Site, elsewhere: str
) -> None:
    page = sign_up(context, jinja, "expiry@example.com")
    jinja.expire("expiry@example.com")
    page.goto(f"{jinja.url}/notes?page=3#end")  # while a page is open
    shows_notes(page)
    assert page.url == f"{jinja.url}/notes?page=3#end"
    jinja.expire("expiry@example.com")
    page.close()
    page = context.new_page()  # while it is closed
    page.goto(f"{jinja.url}/")
    page.get_by_text("Hello, Ada").wait_for()
    jinja.expire("expiry@example.com")
    page.goto(f"{elsewhere}{jinja.url}/notes")
    page.locator("#link").click()  # on another site
    shows_notes(page)
    jinja.expire("expiry@example.com")
    page.goto(f"{jinja.url}/sign-in?next=/notes?page=4")
    shows_notes(page)
    assert page.url == f"{jinja.url}/notes?page=4"


def test_a_session_that_cannot_be_renewed_leads_to_the_sign_in_page(
    context: BrowserContext, jinja: Site
) -> None:
    page = sign_up(context, jinja, "over@example.com")
    jinja.expire("over@example.com")
    context.clear_cookies(name="authingo_refresh")
    page.goto(f"{jinja.url}/notes")
    shows_sign_in(page)
    assert page.url == f"{jinja.url}/sign-in?next=%2Fnotes"
    page.goto(f"{jinja.url}/")
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, "over@example.com")
    shows_notes(page)


def test_without_a_server_a_page_says_so_and_tries_again(
    context: BrowserContext, jinja: Site
) -> None:
    page = sign_up(context, jinja, "offline@example.com")
    jinja.expire("offline@example.com")
    page.route("**/refresh", lambda route: route.abort())
    page.goto(f"{jinja.url}/notes")
    page.get_by_role("heading", name="could not be renewed").wait_for()
    page.unroute("**/refresh")
    page.get_by_role("button", name="Try again").click()
    shows_notes(page)


def test_a_form_whose_session_expired_loses_nothing(context: BrowserContext, jinja: Site) -> None:
    page = sign_up(context, jinja, "form@example.com")
    jinja.expire("form@example.com")
    add(page, "a long story")
    page.get_by_role("heading", name="This has not been sent yet").wait_for()
    with page.expect_request(lambda request: request.method == "POST") as again:
        page.get_by_role("button", name="Send it again").click()
    see(page, "a long story")
    assert again.value.all_headers()["origin"] == jinja.url, "for a browser without Sec-Fetch-Site"


def test_a_form_of_somebody_signed_out_loses_nothing(context: BrowserContext, jinja: Site) -> None:
    page = sign_up(context, jinja, "tabs@example.com")
    other = context.new_page()
    other.goto(f"{jinja.url}/notes")
    other.get_by_role("button", name="Sign out").click()
    add(page, "another story")
    page.get_by_role("heading", name="you are signed out").wait_for()
    with context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in another tab").click()
    sign_in(opened.value, "tabs@example.com")
    opened.value.get_by_text("Hello, Ada").wait_for()
    page.get_by_role("button", name="Go back").click()
    assert page.get_by_label("Note").input_value() == "another story"
    page.get_by_role("button", name="Add").click()
    see(page, "another story")


def test_two_tabs_renew_at_the_same_time(context: BrowserContext, jinja: Site) -> None:
    first = sign_up(context, jinja, "both@example.com")
    second = context.new_page()
    jinja.expire("both@example.com")
    for page in (first, second):
        page.goto(f"{jinja.url}/notes", wait_until="commit")
    for page in (first, second):
        shows_notes(page)


def test_the_back_button_shows_nothing_after_a_sign_out(
    context: BrowserContext, jinja: Site
) -> None:
    page = sign_up(context, jinja, "leaver@example.com")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").wait_for()
    page.go_back()
    shows_sign_in(page)


def test_without_scripts_there_is_a_message_and_a_way_to_sign_in(
    chromium: Browser, jinja: Site
) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = sign_up(context, jinja, "plain@example.com")
    jinja.expire("plain@example.com")
    page.goto(f"{jinja.url}/notes")
    page.get_by_role("heading", name="Your session has expired").wait_for()
    page.get_by_role("link", name="sign in again").click()
    shows_sign_in(page)
    sign_in(page, "plain@example.com")
    shows_notes(page)
    context.close()


def test_another_site_cannot_send_a_form(
    context: BrowserContext, jinja: Site, elsewhere: str
) -> None:
    page = sign_up(context, jinja, "victim@example.com")
    page.goto(elsewhere)
    page.evaluate(
        """url => {
          document.body.innerHTML = `<form method="post" action="${url}/sign-out"></form>`;
          document.forms[0].submit();
        }""",
        jinja.url,
    )
    page.get_by_text("origin_not_allowed").wait_for()
    page.goto(f"{jinja.url}/notes")
    shows_notes(page)


@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_in_between_can_be_read(
    chromium: Browser, jinja: Site, scheme: Any, width: int
) -> None:
    context = chromium.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    email = f"looks-{scheme}-{width}@example.com"
    page = sign_up(context, jinja, email)
    form = page.url

    def look(name: str) -> None:
        looks.look(page, f"renewal-{name}-{scheme}-{width}")
        assert accessible(page) == []

    jinja.expire(email)
    page.route("**/refresh", lambda route: route.abort())
    page.goto(form)
    page.get_by_role("heading", name="could not be renewed").wait_for()
    look("failed")
    page.unroute("**/refresh")
    page.get_by_role("button", name="Try again").click()
    shows_notes(page)
    jinja.expire(email)
    page.route("**/refresh", lambda route: route.abort())
    add(page, "a long story")
    page.get_by_role("heading", name="your session has expired").wait_for()
    look("form-failed")
    page.unroute("**/refresh")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("heading", name="This has not been sent yet").wait_for()
    look("form")
    page.goto(form)
    shows_notes(page)
    context.clear_cookies()
    add(page, "another story")
    page.get_by_role("heading", name="you are signed out").wait_for()
    look("form-signed-out")
    context.close()


# htmx


def test_htmx_works_on_when_a_session_expires(context: BrowserContext, htmx: Site) -> None:
    page = context.new_page()
    page.goto(f"{htmx.url}/notes")
    page.get_by_role("link", name="Create an account").click()
    fill(page, Name="Ada", Email="htmx@example.com", Password=ADA["password"])
    page.get_by_role("button", name="Create account").click()
    shows_notes(page)
    add(page, "milk")
    see(page, "milk")
    htmx.expire("htmx@example.com")
    add(page, "bread")  # the script renews, and sends it again
    see(page, "bread")
    htmx.expire("htmx@example.com")
    with page.expect_event("framenavigated", lambda frame: "/sign-in?" in frame.url):
        page.get_by_role("button", name="Look again").click()
    page.wait_for_url("**/notes")
    see(page, "bread")
    htmx.expire("htmx@example.com")
    page.reload()
    see(page, "bread")


def test_htmx_keeps_what_somebody_typed_who_is_signed_out(
    context: BrowserContext, htmx: Site
) -> None:
    page = context.new_page()
    page.goto(f"{htmx.url}/auth/sign-up?next=/notes")
    fill(page, Name="Ada", Email="typed@example.com", Password=ADA["password"])
    page.get_by_role("button", name="Create account").click()
    shows_notes(page)
    context.clear_cookies()
    add(page, "a story")
    page.get_by_role("alert").filter(has_text="You are signed out").wait_for()
    assert page.get_by_label("Note").input_value() == "a story"
    page.get_by_role("button", name="Look again").click()
    shows_sign_in(page)


# Other engines


@pytest.mark.parametrize("name", ["firefox", "webkit"])
def test_both_programs_in_other_engines(jinja: Site, htmx: Site, elsewhere: str, name: str) -> None:
    with open_engine(name) as driver:
        use_htmx(driver, htmx, f"{name}@example.com")
        use(driver, jinja, elsewhere, f"{name}@example.com")
        tab = Tab(driver, f"{jinja.url}/notes", new=False)
        if name == "webkit":  # over plain http it shows from memory what is not to be stored
            tab.run(AGAIN)
        tab.press("Sign out")
        tab.sees("create an account")
        tab.run("history.back()")
        tab.sees("Password")


def use(driver: WebDriver, site: Site, elsewhere: str, email: str) -> None:
    tab = Tab(driver, f"{site.url}/sign-up", new=False)
    tab.fill(Name="Ada", Email=email, Password=ADA["password"])
    tab.press("Create account")
    tab.sees("Notes of Ada")
    site.expire(email)
    tab.reload()
    tab.sees("Notes of Ada")
    site.expire(email)
    tab.driver.get(f"{elsewhere}{site.url}/notes")
    tab.run("document.querySelector('#link').click()")
    tab.sees("Notes of Ada")
    site.expire(email)
    tab.fill(Note="a long story")
    tab.press("Add")
    tab.sees("This has not been sent yet")
    tab.press("Send it again")
    tab.sees("a long story")


def use_htmx(driver: WebDriver, site: Site, email: str) -> None:
    tab = Tab(driver, f"{site.url}/auth/sign-up?next=/notes", new=False)
    tab.fill(Name="Ada", Email=email, Password=ADA["password"])
    tab.press("Create account")
    tab.sees("Notes of Ada")
    tab.is_loaded()
    site.expire(email)
    tab.fill(Note="milk")
    tab.press("Add")
    tab.sees("milk")
    site.expire(email)
    tab.run("window.before = true")
    tab.press("Look again")  # by way of the sign-in page
    again = "return !window.before && location.pathname === '/notes'"
    until(lambda: tab.run(again), "it does not come back")
    tab.is_loaded()
    tab.sees("milk")
    tab.press("Sign out")
    tab.sees("New here?")
