"""What the page looks like, in a real browser: light and dark, narrow and wide.

`AUTHINGO_TEST_SCREENSHOTS=DIR` keeps what is seen.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests import looks
from tests.command import Served
from tests.page.watched import Watched, noticed, opened_mail, sign_up

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(
    start: Callable[..., Served], open_browser: Callable[..., Watched], scheme: str, width: int
) -> None:
    size = {"width": width, "height": 1400 if width > 500 else 844}
    browser = open_browser(
        start(AUTHINGO_MAIL__EMAIL_CODE="true"),
        color_scheme=scheme,
        viewport=size,
        reduced_motion="reduce",
    )
    page = browser.tab()

    def look(name: str) -> None:
        looks.look(page, f"{scheme}-{width}-{name}")

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
    browser.context.set_offline(False)
    page.locator("#offline").wait_for(state="hidden")
    page.locator("#sign-out").click()
    page.locator("#show-sign-in").click()
    page.locator("#show-code").click()
    page.locator("#code-email").fill("ada@example.com")
    look("code")
    page.keyboard.press("Enter")
    page.locator("#code:focus").fill("wrong")
    page.keyboard.press("Enter")
    page.locator("#code-error:visible").wait_for()
    look("code-entry")
    page.locator("#show-sign-in").click()
    page.locator("#show-forgot").click()
    page.locator("#forgot-email").fill("ada@example.com")
    look("forgotten")
    page.locator("#forgot button").click()
    noticed(page, "a mail is on its way")
    look("inbox-locked")
    browser.open_inbox(page)
    frame = opened_mail(page, "Choose a new password")
    frame.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('#mails .mail[open] iframe').height > 300")
    look("inbox")
    link = frame.content_frame.get_by_role("link", name="Choose password")
    link.click()
    page.locator("#link:visible").wait_for()
    page.locator("#link-button").click()
    page.locator("#link-new_password-error:visible").wait_for()
    look("link")
    for name, shown in {"README": "h2", "OpenAPI": "#routes section"}.items():
        page.goto(browser.address)
        page.get_by_role("link", name=name).click()
        page.locator(shown).first.wait_for()
        look(name)
