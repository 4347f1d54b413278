"""The forms of the page in a real browser: errors, strangers' names, the keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.command import Served
from tests.page.watched import Watched, fill_in, noticed, sign_in, sign_up, signed_in, signed_out
from tests.server import ADA

pytestmark = pytest.mark.browser


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


def test_an_error_takes_the_place_of_an_older_success(browser: Watched) -> None:
    page = browser.tab()
    sign_up(page)
    for number in range(6):
        page.locator("#refresh").click()
        noticed(page, "both tokens are new")
        page.locator("#old-password").fill("not the password")
        page.locator("#new-password").fill("another correct horse")
        page.locator("#change-password button").click()
        if number < 5:
            page.locator("#old-password-error:visible").wait_for()
        else:
            alert = page.locator("#change-password").get_by_role("alert")
            alert.filter(has_text="Too many attempts: try again in").wait_for()
            assert page.locator("#change-password button:focus").count() == 1
        page.locator("#notice:empty").wait_for(state="attached")
    page.locator("#refresh").click()
    noticed(page, "both tokens are new")
    browser.context.set_offline(True)
    page.locator("#check").click()
    page.locator("#offline:visible").wait_for()
    page.locator("#notice:empty").wait_for(state="attached")


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
    assert "only pages of http://localhost:5173" in page.locator("#misplaced").inner_text()


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
