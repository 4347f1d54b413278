"""The whole account by keyboard alone, where it can be seen at each step what has the focus."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.mail.inbox import link_in, wait_for
from tests.mail.server import SMTPServer
from tests.pages.visitor import Visitor, is_signed_in, say_no, sees
from tests.server import ADA, LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
MOST = 40  # presses of the Tab key until anything on a page is reached

# What has the focus, and whether that can be seen (WCAG 2.2, 2.4.7).
FOCUS = """() => {
  const at = document.activeElement;
  const name = at.getAttribute("aria-label") ?? (at.labels?.[0] ?? at).textContent.trim();
  const style = getComputedStyle(at);
  return { name, seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
}"""


def reach(page: Page, name: str) -> None:
    """Press the Tab key until something has the focus, by its label."""
    passed = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        passed.append(focus["name"])
        if focus["name"] == name:
            assert focus["seen"], f"{name} has the focus, and nothing shows it"
            return
    raise AssertionError(f"{name} is not among {passed}")


def enter(page: Page, **values: str) -> None:
    """Type into fields by their labels, and press Enter in the last one."""
    for label, value in values.items():
        reach(page, label.replace("_", " "))
        write(page, value)
    page.keyboard.press("Enter")


def write(page: Page, value: str) -> None:
    page.keyboard.press("Control+A")
    page.keyboard.type(value)


def press(page: Page, name: str, key: str = "Enter") -> None:
    reach(page, name)
    page.keyboard.press(key)


def test_the_account_needs_no_mouse(
    start: Callable[..., LiveServer], visit: Callable[..., Visitor], mails: SMTPServer
) -> None:
    server = start()
    server.browser().sign_up()
    visitor = visit(server)
    page = visitor.open("sign-in")
    page.wait_for_load_state("networkidle")
    reach(page, "Email")
    page.keyboard.type(ADA["email"])
    reach(page, "Password")
    page.keyboard.type(ADA["password"])
    press(page, "Show password", "Space")
    assert page.evaluate("document.activeElement.value") == ADA["password"]
    page.keyboard.press("Enter")
    is_signed_in(page)

    press(page, "Change name")
    write(page, "Countess")
    page.keyboard.press("Enter")
    page.get_by_text("Your name is changed.").wait_for()
    assert page.evaluate(FOCUS)["name"] == "Profile", "the focus stays where something happened"

    press(page, "Change email", "Space")
    write(page, "new@example.com")
    server.age_sessions(11 * 60)
    page.keyboard.press("Enter")
    page.locator("#recent-password-input:focus").wait_for()
    say_no(page)
    press(page, "Send a link to the new address")
    page.locator("#recent-password-input:focus").wait_for()
    page.keyboard.type(ADA["password"])
    page.keyboard.press("Enter")
    page.get_by_text("A mail is on its way to new@example.com.").wait_for()
    wait_for(mails, 1)

    press(page, "Change password")
    write(page, ADA["password"])
    reach(page, "New password")
    write(page, "another correct horse")
    page.keyboard.press("Enter")
    page.get_by_text("Your password is changed.").wait_for()
    wait_for(mails, 2)

    server.browser().sign_in(password="another correct horse")
    page.reload()
    is_signed_in(page)
    press(page, "Sign out everywhere else")
    page.get_by_text("Signed out everywhere else.").wait_for()

    page.reload()
    is_signed_in(page)
    press(page, "Sign out")
    sees(page, "Sign in")
    page.wait_for_load_state("networkidle")
    press(page, "Forgot your password?")
    sees(page, "Forgot your password?")
    page.wait_for_load_state("networkidle")
    enter(page, Email=ADA["email"])
    sees(page, "Look into your mailbox")
    link = next(link_in(one) for one in wait_for(mails, 3) if "Choose a new" in str(one.message))
    page.goto(link)
    enter(page, New_password="a third correct horse")
    sees(page, "Your password is saved")
    press(page, "Sign in")
    sees(page, "Sign in")
