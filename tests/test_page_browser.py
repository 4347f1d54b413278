"""The page of `authingo serve` in a real browser: all that can happen to a session there.

`AUTHINGO_TEST_SCREENSHOTS=DIR` keeps what the last test sees, light and dark, narrow and wide.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.command import Runner, Served
from tests.server import ADA

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

pytestmark = pytest.mark.browser

KEPT = os.environ.get("AUTHINGO_TEST_SCREENSHOTS")

# Long enough for a slow machine to act within, short enough to be waited for.
SHORT = {"AUTHINGO_SESSIONS__SESSION_LIFETIME": "3s"}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Start `authingo serve`, with any variables."""
    running: list[Served] = []

    def started(port: int = 0, **variables: str) -> Served:
        server = Served(Runner(tmp_path, **variables), port=port)
        running.append(server)
        return server

    yield started
    for server in running:
        if server.process.poll() is None:
            server.end()


class Watched:
    """A browser profile with the page in its tabs, which must never break a rule of its own."""

    def __init__(self, context: BrowserContext, server: Served) -> None:
        self.context = context
        self.server = server
        self.address = f"http://127.0.0.1:{server.port}/"
        self.sent: list[str] = []
        self.broken: list[str] = []
        context.set_default_timeout(20_000)
        context.on("request", lambda request: self._note(request.method, request.url))

    def tab(self) -> Page:
        """Open the page in a new tab, and wait until it knows who is signed in."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.broken.append(str(error)))
        page.on("console", lambda message: self._judge(message.type, message.text))
        page.goto(self.address)
        page.locator("#signed-out:visible, #signed-in:visible").first.wait_for()
        return page

    def count(self, request: str) -> int:
        return self.sent.count(request)

    def _note(self, method: str, url: str) -> None:
        if not url.startswith(self.address):
            self.broken.append(f"asked another host: {url}")
        self.sent.append(f"{method} /{url.removeprefix(self.address).removeprefix('api/auth/')}")

    def _judge(self, kind: str, text: str) -> None:
        # Chromium calls a 401 and a lost connection errors; those are wanted.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.broken.append(text)


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """Open a profile of its own for a server; several if asked several times."""
    opened: list[Watched] = []

    def one(server: Served, **options: Any) -> Watched:
        opened.append(Watched(chromium.new_context(**options), server))
        return opened[-1]

    yield one
    for watched in opened:
        watched.context.close()
    assert [rule for watched in opened for rule in watched.broken] == []


@pytest.fixture
def browser(start: Callable[..., Served], open_browser: Callable[..., Watched]) -> Watched:
    """A browser at a server with the default lifetimes."""
    return open_browser(start())


@pytest.fixture
def short(start: Callable[..., Served], open_browser: Callable[..., Watched]) -> Watched:
    """A browser at a server whose session tokens live for seconds."""
    return open_browser(start(**SHORT))


def fill_in(page: Page, **changes: str) -> None:
    for name, value in {**ADA, **changes}.items():
        page.locator(f"#up-{name}").fill(value)


def sign_up(page: Page) -> None:
    fill_in(page)
    page.locator("#sign-up button").click()
    signed_in(page)
    page.locator("#session-list li").first.wait_for()


def sign_in(page: Page, password: str = ADA["password"]) -> None:
    page.locator("#show-sign-in").click()
    page.locator("#sign-in [name=email]").fill(ADA["email"])
    page.locator("#sign-in [name=password]").fill(password)
    page.locator("#sign-in button").click()


def signed_in(page: Page, name: str = ADA["name"]) -> None:
    page.locator("#signed-in:visible", has_text=name).wait_for()


def signed_out(page: Page) -> None:
    page.locator("#signed-out:visible").wait_for()


def expired(page: Page) -> None:
    page.locator("#life-session .left", has_text="expired").wait_for()


def noticed(page: Page, text: str) -> None:
    page.locator("#notice", has_text=text).wait_for()


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for something that is not to be seen on a page, and let the browser go on meanwhile."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def log(page: Page) -> list[str]:
    """What the wire says, the oldest first: `POST /sign-up 200`, with the code of an error."""
    lines = page.locator("#log summary").all_inner_texts()
    flat = [" ".join(line.replace("/api/auth", "").split()) for line in reversed(lines)]
    return [
        re.sub(r"^(\S+ \S+ (?:\d+|no answer)(?: [a-z]+_[a-z_]+)?) .*$", r"\1", one) for one in flat
    ]


def test_a_sign_up_shows_the_session_and_what_went_over_the_wire(browser: Watched) -> None:
    page = browser.tab()
    assert log(page) == ["GET /session 401 no_session"]
    sign_up(page)
    assert log(page)[1:] == ["POST /sign-up 200", "GET /sessions 200"]
    noticed(page, "Welcome")
    assert re.fullmatch(r"1[45]:\d\d", page.locator("#life-session .left").inner_text())
    assert page.locator("#life-refresh .left").inner_text() in {"30 d", "29 d 23 h"}
    assert page.locator("#life-absolute .left").inner_text() in {"90 d", "89 d 23 h"}
    assert "with which yours agrees" in page.locator("#clock").inner_text()
    (entry,) = page.locator("#log details[open]").all()
    text = entry.inner_text()
    assert '"password": "••••••••"' in text
    assert ADA["password"] not in text
    assert f'"email": "{ADA["email"]}"' in text
    for shown in ("200 OK", "X-Authingo-Client: true", "Cache-Control: no-store"):
        assert shown in text
    session, refresh = (one.inner_text() for one in entry.locator(".cookie").all())
    for shown in ("authingo_session", "Path=/\n", "Max-Age=2592000", "HttpOnly", "SameSite=Lax"):
        assert shown in session
    for shown in ("authingo_refresh", "Path=/api/auth/refresh", "SameSite=Strict", "no Secure"):
        assert shown in refresh
    page.locator("#sign-out").click()
    signed_out(page)
    assert "Cookie cleared: authingo_refresh" in page.locator("#log details[open]").inner_text()
    assert page.context.cookies() == []


def test_a_reload_keeps_the_session(browser: Watched) -> None:
    page = browser.tab()
    sign_up(page)
    page.reload()
    signed_in(page)
    assert browser.count("POST /refresh") == 0


@pytest.mark.parametrize(("hours", "said"), [(1, "ahead"), (-1, "behind")])
def test_the_countdown_is_by_the_servers_clock(browser: Watched, hours: int, said: str) -> None:
    browser.context.add_init_script(
        f"const real = Date.now; Date.now = () => real() + {hours} * 3_600_000;"
    )
    page = browser.tab()
    sign_up(page)
    page.locator("#clock", has_text=re.compile(rf"yours is 3[56]\d\d seconds {said}")).wait_for()
    assert re.fullmatch(r"1[45]:\d\d", page.locator("#life-session .left").inner_text())


def test_a_date_that_a_busy_server_made_late_is_no_difference(browser: Watched) -> None:
    """A Date has whole seconds and is made once a second, or less often under load."""

    def delay(route: Route) -> None:
        answer = route.fetch()
        late = formatdate(int(time.time()) - 2, usegmt=True)  # by two to three seconds
        route.fulfill(response=answer, headers={**answer.headers, "date": late})

    browser.context.route("**/api/auth/**", delay)
    page = browser.tab()
    sign_up(page)
    assert "with which yours agrees" in page.locator("#clock").inner_text()


def test_an_expired_session_is_refreshed_silently(short: Watched) -> None:
    page = short.tab()
    sign_up(page)
    expired(page)
    before = len(log(page))
    page.locator("#list").click()
    noticed(page, "1 session.")
    assert log(page)[before:] == [
        "GET /sessions 401 session_expired",
        "GET /session 401 session_expired",
        "POST /refresh 200",
        "GET /sessions 200",
    ]
    signed_in(page)
    assert "authingo_refresh=…" in page.locator("#log details[open]").inner_text()


def test_a_refresh_by_hand_renews_the_countdown(short: Watched) -> None:
    page = short.tab()
    sign_up(page)
    expired(page)
    page.locator("#refresh").click()
    noticed(page, "both tokens are new")
    page.locator("#life-session:not(.expired)").wait_for()


def test_two_tabs_that_wake_up_at_the_same_moment_refresh_once(short: Watched) -> None:
    first = short.tab()
    sign_up(first)
    second = short.tab()
    signed_in(second)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    short.context.route("**/api/auth/refresh", hold)
    short.context.set_offline(True)
    expired(first)
    expired(second)
    short.context.set_offline(False)  # both hear of it at once
    for page in (first, second):  # and both find out, before either is renewed
        page.locator("#log summary", has_text="session_expired").first.wait_for()
    until(first, lambda: bool(held))
    held[0].continue_()
    for page in (first, second):
        page.locator("#life-session:not(.expired)").wait_for()
        page.locator("#log summary", has_text="again, with the new session").wait_for()
        signed_in(page)
    assert short.count("POST /refresh") == 1
    assert sum(log(page).count("POST /refresh 200") for page in (first, second)) == 1


def test_a_lost_network_signs_nobody_out(short: Watched) -> None:
    page = short.tab()
    sign_up(page)
    short.context.set_offline(True)
    page.locator("#check").click()
    page.locator("#offline:visible").wait_for()
    assert log(page)[-1] == "GET /session no answer"
    signed_in(page)
    expired(page)
    page.locator("#refresh").click()
    page.locator("#log summary", has_text="/refresh no answer").wait_for()
    signed_in(page)
    short.context.set_offline(False)
    page.locator("#offline").wait_for(state="hidden")
    page.locator("#life-session:not(.expired)").wait_for()
    signed_in(page)


def test_an_answer_lost_on_the_way_signs_nobody_out(short: Watched) -> None:
    """The server rotates, the browser does not hear of it: within the grace it asks again."""
    page = short.tab()
    sign_up(page)

    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    short.context.route("**/api/auth/refresh", lose, times=1)
    page.locator("#refresh").click()
    page.locator("#offline:visible").wait_for()
    signed_in(page)
    page.locator("#refresh").click()
    noticed(page, "both tokens are new")
    page.locator("#offline").wait_for(state="hidden")


def test_a_server_that_was_away_is_found_again(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    server = start()
    browser = open_browser(server)
    page = browser.tab()
    sign_up(page)
    server.end(signal.SIGKILL)
    page.locator("#retry").wait_for(state="hidden")
    page.locator("#check").click()
    page.locator("#offline:visible").wait_for()
    start(port=server.port)
    page.locator("#retry").click()
    page.locator("#offline").wait_for(state="hidden")
    signed_in(page)


def test_a_sign_out_in_one_tab_is_seen_in_the_other(browser: Watched) -> None:
    first, second = browser.tab(), browser.tab()
    sign_up(first)
    signed_in(second)
    first.locator("#sign-out").click()
    for page in (first, second):
        signed_out(page)
    noticed(second, "Signed out in another tab.")
    sign_in(second)
    for page in (second, first):
        signed_in(page)


def test_a_session_ended_elsewhere_is_noticed_in_every_tab(
    browser: Watched, open_browser: Callable[..., Watched]
) -> None:
    first, second = browser.tab(), browser.tab()
    sign_up(first)
    signed_in(second)
    other = open_browser(browser.server).tab()
    sign_in(other)
    signed_in(other)
    other.locator("#end-others").click()
    noticed(other, "1 session ended.")
    first.locator("#check").click()
    for page in (first, second):
        signed_out(page)
        noticed(page, "ended elsewhere")
    signed_in(other)


def test_sessions_are_listed_and_ended_one_by_one(
    browser: Watched, open_browser: Callable[..., Watched]
) -> None:
    page = browser.tab()
    sign_up(page)
    assert page.locator("#end-others").is_hidden()
    other = open_browser(browser.server, user_agent="Mozilla/5.0 (X11; Linux) Firefox/150.0").tab()
    sign_in(other)
    signed_in(other)
    page.locator("#list").click()
    noticed(page, "2 sessions.")
    (mine,) = page.locator("#session-list li", has_text="this one").all()
    assert "Chrome" in mine.inner_text()
    assert mine.locator("button").count() == 0
    page.get_by_role("button", name="End the session of Firefox 150 on Linux at 127.0.0.1").click()
    noticed(page, "1 session ended.")
    page.locator("#session-list li").nth(1).wait_for(state="hidden")
    other.locator("#check").click()
    signed_out(other)


def test_a_changed_password_begins_a_new_session(browser: Watched) -> None:
    page, other = browser.tab(), browser.tab()
    sign_up(page)
    signed_in(other)
    page.locator("#old-password").fill("not the password")
    page.locator("#new-password").fill("another correct horse")
    page.locator("#change-password button").click()
    page.locator("#old-password-error", has_text="The current password is wrong.").wait_for()
    page.locator("#old-password:focus").fill(ADA["password"])
    page.keyboard.press("Enter")
    noticed(page, "Password changed.")
    assert page.locator("#change-password input[name]").first.input_value() == ""
    other.locator("#check").click()
    noticed(other, "The session is good.")
    other.locator("#sign-out").click()
    signed_out(page)
    sign_in(page, "another correct horse")
    signed_in(page)


def test_a_session_that_expired_for_good_says_so(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    lives = {
        "AUTHINGO_SESSIONS__REFRESH_LIFETIME": "4s",
        "AUTHINGO_SESSIONS__ABSOLUTE_LIFETIME": "4s",
    }
    page = open_browser(start(**SHORT, **lives)).tab()
    sign_up(page)
    page.locator("#life-refresh .left", has_text="expired").wait_for()
    page.locator("#check").click()
    signed_out(page)
    assert re.match(r"The session (has expired|was ended)", page.locator("#notice").inner_text())


def test_a_stolen_refresh_token_that_comes_back_is_explained(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    browser = open_browser(start(AUTHINGO_SESSIONS__REFRESH_GRACE="0"))
    page = browser.tab()
    sign_up(page)
    stolen: Any = browser.context.cookies()
    page.locator("#refresh").click()
    noticed(page, "both tokens are new")
    browser.context.add_cookies(stolen)
    page.locator("#refresh").click()
    signed_out(page)
    noticed(page, "used twice")


def test_errors_stand_next_to_their_fields(browser: Watched) -> None:
    page = browser.tab()
    page.locator("#sign-up button").click()
    for name, text in {
        "name": "Name must be 1 to 200 characters on one line.",
        "email": "Email is not an email address.",
        "password": "Password must have at least 8 characters.",
    }.items():
        field = page.locator(f"#up-{name}[aria-invalid=true]")
        field.wait_for()
        described = (field.get_attribute("aria-describedby") or "").split()
        assert page.locator(f"#{described[-1]}:visible").inner_text() == text
    assert page.locator("#up-name:focus").count() == 1, "the first one has the focus"
    sign_up(page)
    assert page.locator("[aria-invalid]").count() == 0
    page.locator("#sign-out").click()
    page.locator("#show-sign-up").click()
    fill_in(page)
    page.keyboard.press("Enter")
    page.locator("#up-email-error", has_text="already an account").wait_for()
    assert page.locator("#up-email:focus[aria-invalid=true]").count() == 1
    sign_in(page, "a wrong password")
    page.locator("#in-password-error", has_text="The email or the password is wrong.").wait_for()
    assert page.locator("#in-password:focus[aria-invalid=true]").count() == 1


def test_an_error_of_no_field_stands_above_the_form(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    page = open_browser(start(AUTHINGO_SIGN_UP="false")).tab()
    fill_in(page)
    page.locator("#sign-up button").click()
    page.get_by_role("alert").filter(has_text="Sign-up is closed.").wait_for()


def test_a_page_of_another_port_than_public_url_says_what_is_wrong(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    page = open_browser(start(AUTHINGO_PUBLIC_URL="http://localhost:5173")).tab()
    assert "pages of http://localhost:5173 alone" in page.locator("#misplaced").inner_text()


def test_names_of_strangers_are_text(browser: Watched) -> None:
    page = browser.tab()
    name = "<img src=x onerror=alert(1)><b>Ada</b>"
    fill_in(page, name=name)
    page.keyboard.press("Enter")
    signed_in(page, name)
    assert page.locator("#in-title").inner_text() == name


def test_a_keyboard_is_enough(browser: Watched) -> None:
    page = browser.tab()

    def tab_to(selector: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.locator(f"{selector}:focus").count():
                break
        focused = page.locator(f"{selector}:focus")
        assert focused.count() == 1, f"Tab does not reach {selector}"
        assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"

    tab_to(".skip")
    page.keyboard.press("Enter")
    for field in ("name", "email", "password"):
        tab_to(f"#up-{field}")
        page.keyboard.type(ADA[field])
    page.keyboard.press("Enter")
    signed_in(page)
    assert page.locator("#in-title:focus").count() == 1, "the focus is where it goes on"
    tab_to("#sign-out")
    tab_to("#refresh")
    page.keyboard.press("Space")
    noticed(page, "both tokens are new")
    tab_to("#log summary")
    page.keyboard.press("Enter")
    page.locator("#flows").evaluate("node => node.focus()")
    tab_to("#sign-out")
    page.keyboard.press("Enter")
    signed_out(page)
    assert page.locator("#out-title:focus").count() == 1


COLLECT = """async () => {
  const answer = await fetch("/api/auth/refresh", {
    method: "POST", headers: { "X-Authingo-Client": "true" },
  });
  return JSON.stringify([
    document.cookie, document.documentElement.outerHTML, location.href, window.name,
    {...localStorage}, {...sessionStorage}, await indexedDB.databases(),
    performance.getEntries().map((entry) => entry.toJSON()), window.overheard,
    [...answer.headers], await answer.text(), answer.url,
    [...document.querySelectorAll("input")].map((input) => input.value),
  ]);
}"""
OVERHEAR = """() => {
  window.overheard = [];
  new BroadcastChannel("authingo/api/auth").onmessage = ({ data }) => window.overheard.push(data);
}"""


def test_no_token_and_no_password_is_where_a_script_could_read_it(browser: Watched) -> None:
    first, second = browser.tab(), browser.tab()
    second.evaluate(OVERHEAR)
    secrets: set[str] = {ADA["password"]}

    def remember() -> None:
        secrets.update(str(one.get("value")) for one in browser.context.cookies())

    sign_up(first)
    remember()
    first.locator("#refresh").click()
    noticed(first, "both tokens are new")
    signed_in(second)
    remember()
    texts = [page.evaluate(COLLECT) for page in (first, second)]
    remember()
    assert "renewed" in texts[1], "what the tabs tell each other was overheard"
    assert len(secrets) > 6
    for text in texts:
        for secret in secrets:
            assert secret not in text
    assert first.evaluate("document.cookie") == ""


def test_an_exchange_can_be_copied_as_curl(browser: Watched) -> None:
    browser.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = browser.tab()
    sign_up(page)
    page.locator("#log details[open] button").click()
    page.locator("#log button", has_text="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -i -b jar.txt -c jar.txt -X POST 'http://127.0.0.1:")
    assert "YOUR PASSWORD" in copied
    assert ADA["password"] not in copied


# Contrast of every text that is seen (WCAG 2.2, 1.4.3: 4.5 to 1), worst first.
CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const rgb = parse(getComputedStyle(at).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
    const [a, b] = [parse(getComputedStyle(node).color), behind(node)].map(light);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.trim()]);
  }
  return found.sort((a, b) => a[0] - b[0]).slice(0, 5);
}"""


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(
    start: Callable[..., Served], open_browser: Callable[..., Watched], scheme: str, width: int
) -> None:
    size = {"width": width, "height": 1400 if width > 500 else 844}
    browser = open_browser(start(), color_scheme=scheme, viewport=size, reduced_motion="reduce")
    page = browser.tab()

    def look(name: str) -> None:
        page.mouse.move(0, 0)
        worst = page.evaluate(CONTRASTS)
        assert worst[0][0] >= 4.5, worst
        room = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(room) == 0, "nothing sticks out"
        if KEPT:
            page.screenshot(path=Path(KEPT) / f"{scheme}-{width}-{name}.png")

    look("signed-out")
    page.locator("#sign-up button").click()
    page.locator("#up-name-error:visible").wait_for()
    look("errors")
    sign_up(page)
    look("signed-in")
    browser.context.set_offline(True)
    page.locator("#check").click()
    page.locator("#offline:visible").wait_for()
    look("offline")
