"""The session on the page in a real browser: its countdown, its renewal, and every tab."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tests.command import Served
from tests.page.watched import (
    Watched,
    expired,
    log,
    noticed,
    sign_in,
    sign_up,
    signed_in,
    signed_out,
    until,
)
from tests.server import ADA

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.browser


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
    session, refresh, device, each = (one.inner_text() for one in entry.locator(".cookie").all())
    for shown in ("authingo_session", "Path=/\n", "Max-Age=2592000", "SameSite=Lax"):
        assert shown in session
    for shown in ("authingo_refresh", "Path=/api/auth/refresh", "SameSite=Strict"):
        assert shown in refresh
    for shown in ("authingo_device", "strangers can", "Max-Age=31536000", "opens none"):
        assert shown in device
    for shown in ("HttpOnly", "no Secure", "no Domain"):
        assert shown in each
        assert shown not in session + refresh + device, "it is said once"
    noticed(page, "Three cookies")
    page.locator("#sign-out").click()
    signed_out(page)
    cleared = page.locator("#log details[open]").inner_text()
    assert "Cookie cleared: authingo_refresh" in cleared
    assert "Cookie cleared: authingo_device" not in cleared
    assert [one["name"] for one in page.context.cookies()] == ["authingo_device"]


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


def test_what_was_set_is_in_view_without_scrolling(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    server = start()
    wide = open_browser(server, viewport={"width": 1280, "height": 720}).tab()
    sign_up(wide)
    cookies = wide.locator("#log .cookie").all()
    assert len(cookies) == 4, "three, and what all of them say"
    narrow = open_browser(server, viewport={"width": 390, "height": 844}).tab()
    sign_in(narrow)
    signed_in(narrow)
    noticed(narrow, "Signed in.")
    put = narrow.locator("#latest .put")
    assert put.all_inner_texts() == [
        "Cookie set: authingo_session for every route, not read by scripts"
        " or sent by a form of another site",
        "Cookie set: authingo_refresh for /api/auth/refresh only, not read by scripts"
        " or sent for another site",
        "Cookie set: authingo_device for every route, not read by scripts or sent for another site",
    ]
    for page, places in ((wide, cookies), (narrow, put.all())):
        assert page.evaluate("scrollY") == 0
        for place in places:
            box = place.bounding_box()
            assert box
            assert 0 <= box["y"] <= box["y"] + box["height"] <= page.evaluate("innerHeight")


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
    so_far = [log(page).count("POST /refresh 200") for page in (first, second)]
    asked = short.count("POST /refresh")
    short.context.set_offline(False)  # both hear of it at once
    for page in (first, second):  # and both find out, before either is renewed
        page.locator("#log summary", has_text="session_expired").first.wait_for()
    until(first, lambda: bool(held))
    held[0].continue_()
    for page in (first, second):
        page.locator("#life-session:not(.expired)").wait_for()
        page.locator("#log summary", has_text="again, with the new session").wait_for()
        signed_in(page)
    assert short.count("POST /refresh") == asked + 1
    assert sum(log(page).count("POST /refresh 200") for page in (first, second)) == sum(so_far) + 1


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
