"""What has to work in every browser, in the engines of all: Chromium, Firefox, WebKit.

The page of `authingo serve`, and what `authingo init --react` and `--next` write, built. What
goes deeper is tested in Chromium, with Playwright.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command import Runner, Served
from tests.engines import ENGINES, open_engine
from tests.frontends import FrontEnd, NetworkedSite
from tests.network import Network
from tests.program import free_port, run_program
from tests.server import ADA
from tests.tab import Tab, until
from tests.test_readme import PROGRAM

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("built by npm")]

_people = count(1)


@dataclass
class Words:
    """What is written on a front end."""

    to_sign_up: str
    sign_up: str
    to_sign_in: str | None  # where the form is not there at once
    ask: str
    no_network: str
    signed_in: str
    signed_out: str


PAGE = Words(
    to_sign_up="New account",
    sign_up="Sign up",
    to_sign_in="Existing account",
    ask="Ask who I am",
    no_network="The server does not answer.",
    signed_in="Sign out",
    signed_out="You are signed out",
)
EXAMPLE = Words(
    to_sign_up="Create an account",
    sign_up="Create account",
    to_sign_in=None,
    ask="Ask again",
    no_network="No connection.",
    signed_in="Hello, Ada",
    signed_out="Welcome back",
)


class Person:
    """Somebody who signs up with a browser of their own."""

    def __init__(self, driver: WebDriver, site: NetworkedSite) -> None:
        self._driver = driver
        self._site = site
        self._words = PAGE if site.kind == "page" else EXAMPLE
        self._email = f"engine{next(_people)}@example.com"
        self._tabs: list[Tab] = []

    def open(self) -> Tab:
        self._tabs.append(Tab(self._driver, self._site.url, new=bool(self._tabs)))
        return self._tabs[-1]

    def sign_up(self) -> Tab:
        tab = self.open()
        tab.press(self._words.to_sign_up)
        tab.fill(Name=ADA["name"], Email=self._email, Password=ADA["password"])
        tab.press(self._words.sign_up)
        self.is_signed_in(tab)
        return tab

    def sign_in(self, tab: Tab) -> None:
        if self._words.to_sign_in:
            tab.press(self._words.to_sign_in)
        tab.fill(Email=self._email, Password=ADA["password"])
        tab.press("Sign in")

    def ask(self, tab: Tab) -> None:
        """Make a request that needs a session."""
        tab.press(self._words.ask)

    def is_signed_in(self, tab: Tab) -> None:
        tab.sees(self._words.signed_in)

    def is_signed_out(self, tab: Tab) -> None:
        tab.sees(self._words.signed_out)

    def sees_the_network_is_gone(self, tab: Tab) -> None:
        tab.sees(self._words.no_network)

    def sees_the_network_is_back(self, tab: Tab) -> None:
        tab.sees_no(self._words.no_network)

    def expire(self) -> None:
        self._site.expire(self._email)

    def leave(self) -> None:
        """Forget the cookies and close all tabs but one."""
        for path in ("/", "/api/auth/refresh"):
            self._driver.get(self._site.url + path)
            self._driver.delete_all_cookies()
        self._driver.get("about:blank")
        *others, last = self._driver.window_handles
        for one in others:
            self._driver.switch_to.window(one)
            self._driver.close()
        self._driver.switch_to.window(last)


@pytest.fixture(scope="module")
def chromium_driver() -> Iterator[WebDriver]:
    with open_engine("chromium") as driver:
        yield driver


@pytest.fixture(scope="module")
def firefox_driver() -> Iterator[WebDriver]:
    with open_engine("firefox") as driver:
        yield driver


@pytest.fixture(scope="module")
def webkit_driver() -> Iterator[WebDriver]:
    with open_engine("webkit") as driver:
        yield driver


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def driver(request: pytest.FixtureRequest, engine: str) -> WebDriver:
    running: WebDriver = request.getfixturevalue(f"{engine}_driver")
    return running


@pytest.fixture(scope="module")
def page_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetworkedSite]:
    directory = tmp_path_factory.mktemp("page")
    port = free_port()
    with Network(port).up() as network:
        url = f"http://localhost:{network.port}"
        server = Served(Runner(directory, AUTHINGO_PUBLIC_URL=url), port=port)
        yield NetworkedSite("page", url, directory / "authingo.db", network)
        server.end()


@pytest.fixture(scope="module")
def react_site(react: FrontEnd) -> Iterator[NetworkedSite]:
    with react.built() as site:
        yield site


@pytest.fixture(scope="module")
def next_site(next_js: FrontEnd) -> Iterator[NetworkedSite]:
    with next_js.built() as site:
        yield site


@pytest.fixture(params=["page", "react", "next"])
def site(request: pytest.FixtureRequest, driver: WebDriver) -> NetworkedSite:
    running: NetworkedSite = request.getfixturevalue(
        f"{request.param}_site"
    )  # not without an engine
    return running


@pytest.fixture
def ada(driver: WebDriver, site: NetworkedSite) -> Iterator[Person]:
    person = Person(driver, site)
    yield person
    person.leave()


def test_a_reload_keeps_the_session_and_a_sign_out_ends_it(ada: Person) -> None:
    tab = ada.sign_up()
    assert tab.run("return document.cookie") == "", "no script sees a cookie"
    tab.reload()
    ada.is_signed_in(tab)
    tab.press("Sign out")
    ada.is_signed_out(tab)
    (left,) = tab.cookies()
    assert left.endswith("authingo_device"), "which opens nothing"
    tab.reload()
    ada.is_signed_out(tab)
    ada.sign_in(tab)
    ada.is_signed_in(tab)


def test_an_expired_session_is_renewed_and_nothing_is_seen_of_it(ada: Person) -> None:
    tab = ada.sign_up()
    before = tab.cookies()
    tab.run("window.samePage = true")
    ada.expire()
    ada.ask(tab)
    until(lambda: tab.cookies() != before, lambda: "the session was not renewed")
    assert tab.cookies().keys() == before.keys()
    ada.is_signed_in(tab)
    assert tab.run("return window.samePage")
    ada.expire()
    tab.reload()
    ada.is_signed_in(tab)


def test_a_sign_out_and_a_sign_in_are_seen_in_every_tab(ada: Person) -> None:
    tabs = [ada.sign_up(), ada.open(), ada.open()]
    for tab in tabs:
        ada.is_signed_in(tab)
    tabs[1].press("Sign out")
    for tab in tabs:
        ada.is_signed_out(tab)
    ada.sign_in(tabs[2])
    for tab in tabs:
        ada.is_signed_in(tab)


def test_without_a_network_nobody_is_signed_out(ada: Person, site: NetworkedSite) -> None:
    tab = ada.sign_up()
    with site.network.cut():
        ada.ask(tab)
        ada.sees_the_network_is_gone(tab)
        ada.is_signed_in(tab)
    ada.ask(tab)
    ada.sees_the_network_is_back(tab)
    ada.is_signed_in(tab)
    tab.reload()
    ada.is_signed_in(tab)


SIGN_UP_AND_ASK = """
const [body] = arguments;
const headers = { "X-Authingo-Client": "true", "Content-Type": "application/json" };
const send = async (method, path, body) =>
  (await fetch(path, { method, headers, body: body && JSON.stringify(body) })).status;
const both = async () =>
  [await send("POST", "/api/auth/sign-up", body), await send("GET", "/api/me")];
return both();
"""


@pytest.mark.parametrize("is_set", [True, False], ids=["public_url", "no public_url"])
def test_webkit_keeps_cookies_of_plain_http_only_with_public_url(
    driver: WebDriver, engine: str, is_set: bool, tmp_path: Path
) -> None:
    """Without it they are Secure, which other engines accept from localhost.

    The server has to recognize the engine, which only the engine itself can prove.
    """
    logging = 'import logging\n\nlogging.basicConfig(filename="log.txt")\n'
    (tmp_path / "main.py").write_text(PROGRAM + logging)
    port = free_port()
    url = f"http://localhost:{port}"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    env |= {"AUTHINGO_PUBLIC_URL": url} if is_set else {}
    with run_program(tmp_path, env, port=port):
        driver.get(f"{url}/openapi.json")  # any page of the same origin
        statuses = driver.execute_script(SIGN_UP_AND_ASK, ADA)
        kept = is_set or engine != "webkit"
        assert statuses == [200, 200 if kept else 401]
        said = (tmp_path / "log.txt").read_text()
        assert kept != ("it drops the cookies" in said), "only where it happens, the log says so"
        driver.delete_all_cookies()
        driver.get("about:blank")


def test_the_link_of_a_mail_in_the_inbox_leads_to_a_new_password(
    driver: WebDriver, tmp_path: Path
) -> None:
    server = Served(Runner(tmp_path))
    try:
        tab = Tab(driver, server.said.split()[1], new=False)
        tab.press("New account")
        tab.fill(Name=ADA["name"], Email=ADA["email"], Password=ADA["password"])
        tab.press("Sign up")
        tab.press("Sign out")
        tab.press("Existing account")
        tab.press("Forgot your password?")
        tab.fill(Email=ADA["email"])
        tab.press("Send the mail")
        tab.press_in_frame("Mail: Choose a new password", "Choose password")
        tab.fill(**{"New password": "a whole new sentence"})
        assert tab.run("return location.href") == f"http://127.0.0.1:{server.port}/"
        tab.press("Save password")
        tab.sees("The password is saved")
        tab.fill(Email=ADA["email"], Password="a whole new sentence")
        tab.press("Sign in")
        tab.sees("Sign out")
    finally:
        driver.get("about:blank")
        driver.delete_all_cookies()
        server.end()
