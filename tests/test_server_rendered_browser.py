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
from tests.engines import open_engine, open_engine_without_scripts
from tests.frontends import NetworkedSite, Site
from tests.htmx import htmx_script
from tests.network import Network
from tests.pages.visitor import accessible
from tests.person import fill
from tests.program import free_port, run_program
from tests.server import ADA
from tests.tab import Tab
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

PAGE = read("docs/server-rendered.md")
JINJA, HTMX = PAGE.split("\n## htmx")
(AGAIN,) = (one for one in blocks(PAGE, "js") if "pageshow" in one)


@contextlib.contextmanager
def running(section: str, directory: Path) -> Iterator[NetworkedSite]:
    """Write the program that a section shows, and run it behind a network."""
    for language in ("python", "html", "js"):
        for block in blocks(section, language):
            first, _, rest = block.partition("\n")
            file = directory / re.sub(r"[^\w./-]", "", first).removeprefix("//")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(rest)
    port = free_port()
    database = directory / "authingo.db"
    with Network(port).up() as network:
        url = f"http://127.0.0.1:{network.port}"
        env = {
            "PATH": os.environ["PATH"],
            "AUTHINGO_DATABASE_URL": f"sqlite:///{database}",
            "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
            "AUTHINGO_PUBLIC_URL": url,
        }
        with run_program(directory, env, port=port):
            yield NetworkedSite("server-rendered", url, database, network)


@pytest.fixture(scope="module")
def jinja(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkedSite]:
    with running(JINJA, tmp_path_factory.mktemp("jinja")) as site:
        yield site


@pytest.fixture(scope="module")
def htmx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkedSite]:
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

OTHERS = ["firefox", "webkit"]


@pytest.mark.parametrize("name", OTHERS)
def test_both_programs_in_other_engines(
    jinja: NetworkedSite, htmx: NetworkedSite, elsewhere: str, name: str
) -> None:
    """What they do on other sites, with two tabs and without a network as well."""
    email = f"{name}@example.com"
    with open_engine(name) as driver:
        tab = Tab(driver, f"{htmx.url}/auth/sign-up?next=/notes", new=False)
        use_htmx(tab, htmx, email)
        use_htmx_without_a_network(tab, htmx, email)
        use_htmx_in_two_tabs(tab, htmx, email)
        tab.press("Sign out")
        tab.sees("New here?")

        tab.go_to(f"{jinja.url}/sign-up")
        use(tab, jinja, elsewhere, email)
        use_without_a_network(tab, jinja, email)
        use_in_two_tabs(tab, jinja, email, name)
        if name == "webkit":  # over plain http it shows from memory what is not to be stored
            tab.run(AGAIN)
        tab.press("Sign out")
        tab.sees("create an account")
        tab.run("history.back()")
        tab.sees("Password")


def use(tab: Tab, site: Site, elsewhere: str, email: str) -> None:
    tab.fill(Name="Ada", Email=email, Password=ADA["password"])
    tab.press("Create account")
    tab.sees("Notes of Ada")
    site.expire(email)
    tab.reload()
    tab.sees("Notes of Ada")
    site.expire(email)
    tab.go_to(f"{elsewhere}{site.url}/notes")
    tab.run("document.querySelector('#link').click()")
    tab.sees("Notes of Ada")
    site.expire(email)
    tab.fill(Note="a long story")
    tab.press("Add")
    tab.sees("This has not been sent yet")
    tab.press("Send it again")
    tab.sees("a long story")


def use_without_a_network(tab: Tab, site: NetworkedSite, email: str) -> None:
    """It is gone while a session is renewed: for a page, and for a form."""
    site.expire(email)
    with site.network.losing("POST /api/auth/refresh"):
        tab.reload()
        tab.sees("Your session could not be renewed")
    tab.press("Try again")
    tab.sees("Notes of Ada")
    site.expire(email)
    tab.fill(Note="a lost story")
    with site.network.losing("POST /api/auth/refresh"):
        tab.press("Add")
        tab.sees("the server may be out of reach")
    tab.press("Try again")
    tab.sees("This has not been sent yet")
    tab.press("Send it again")
    tab.sees("a lost story")


def use_in_two_tabs(tab: Tab, site: Site, email: str, engine: str) -> None:
    """The session expires in both, and then one of them signs out."""
    other = Tab(tab.driver, f"{site.url}/notes")
    site.expire(email)
    for one in (tab, other):
        one.run("window.before = true; setTimeout(() => location.reload())")
    for one in (tab, other):
        comes_back(one)
        one.sees("Notes of Ada")
    other.press("Sign out")
    other.sees("create an account")
    tab.fill(Note="another story")
    tab.press("Add")
    tab.sees("you are signed out")
    opened = tab.follow_to_new_tab("Sign in in another tab")
    sign_in_again(opened, email)
    opened.sees("Hello, Ada")
    if engine != "firefox":  # which keeps nothing of a page that is not to be stored
        tab.press("Go back")
        tab.holds("Note", "another story")
        tab.press("Add")
    else:
        tab.press("Send it again")
    tab.sees("another story")
    for one in (opened, other):
        one.close()


def use_htmx(tab: Tab, site: Site, email: str) -> None:
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
    comes_back(tab)
    tab.is_loaded()
    tab.sees("milk")


def use_htmx_without_a_network(tab: Tab, site: NetworkedSite, email: str) -> None:
    """All of it is gone, or only what renews the session."""
    tab.fill(Note="bread")
    with site.network.cut():
        tab.press("Add")
        tab.sees("The server cannot be reached.")
        tab.holds("Note", "bread")
    tab.press("Add")
    tab.sees("bread")
    tab.sees_no("The server cannot be reached.")
    site.expire(email)
    tab.fill(Note="eggs")
    with site.network.losing("POST /api/auth/refresh"):
        tab.press("Add")
        tab.sees("The server cannot be reached.")
    tab.press("Add")
    tab.sees("eggs")


def use_htmx_in_two_tabs(tab: Tab, site: Site, email: str) -> None:
    """The session expires in both, and then one of them signs out."""
    other = Tab(tab.driver, f"{site.url}/notes")
    other.sees("Notes of Ada")
    other.is_loaded()
    tab.fill(Note="salt")
    other.fill(Note="pepper")
    site.expire(email)
    for one in (tab, other):
        one.run("document.querySelector('form button').click()")
    tab.sees("salt")
    other.sees("pepper")
    other.press("Sign out")
    other.sees("New here?")
    tab.fill(Note="sugar")
    tab.press("Add")
    tab.sees("You are signed out.")
    tab.holds("Note", "sugar")
    opened = tab.follow_to_new_tab("Sign in in another tab")
    sign_in_again(opened, email)
    opened.sees("Your account")
    tab.press("Add")
    tab.sees("sugar")
    tab.sees_no("You are signed out.")
    for one in (opened, other):
        one.close()


def sign_in_again(tab: Tab, email: str) -> None:
    tab.fill(Email=email, Password=ADA["password"])
    tab.press("Sign in")


def comes_back(tab: Tab) -> None:
    """Wait for a document of the notes in which no script has set `window.before`."""
    again = "return !window.before && location.pathname === '/notes'"
    until(lambda: tab.run(again), "it does not come back")


@pytest.mark.parametrize("name", OTHERS)
def test_both_programs_without_scripts_in_other_engines(jinja: Site, htmx: Site, name: str) -> None:
    email = f"{name}-plain@example.com"
    with open_engine_without_scripts(name) as driver:
        tab = Tab(driver, f"{htmx.url}/notes", new=False)
        tab.sees("This page needs JavaScript.")  # the ready-made page to sign in
        tab.go_to(f"{jinja.url}/sign-up")
        tab.fill(Name="Ada", Email=email, Password=ADA["password"])
        tab.press("Create account")
        tab.sees("Notes of Ada")
        jinja.expire(email)
        tab.reload()
        tab.sees("Your session has expired")
        tab.follow("sign in again")
        sign_in_again(tab, email)
        tab.sees("Notes of Ada")
        jinja.expire(email)
        tab.fill(Note="a long story")
        tab.press("Add")
        tab.sees("This has not been sent: your session has expired")
        opened = tab.follow_to_new_tab("Sign in in another tab")
        sign_in_again(opened, email)
        opened.sees("Hello, Ada")
        tab.press("Send it again")
        tab.sees("a long story")
