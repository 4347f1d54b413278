"""How a session ends on the page in a real browser, by whom, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.command import Served
from tests.page.watched import SHORT, Watched, noticed, sign_in, sign_up, signed_in, signed_out
from tests.server import ADA

pytestmark = pytest.mark.browser


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
    page.locator("#new-password").fill(ADA["password"])
    page.locator("#change-password button").click()
    same = "New password must not be the current password."
    page.locator("#new-password-error", has_text=same).wait_for()
    page.locator("#new-password:focus").fill("another correct horse")
    page.keyboard.press("Enter")
    noticed(page, "Password changed.")
    assert page.locator("#change-password input[name]").first.input_value() == ""
    assert page.locator("#new-password:focus").count() == 1, "the focus stays where it was"
    other.locator("#check").click()
    noticed(other, "The session is good.")
    other.locator("#sign-out").click()
    signed_out(page)
    noticed(page, "Signed out in another tab.")
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
