"""What the pages look like: narrow and wide, light and dark, and what axe finds in each state.

`AUTHINGO_TEST_SCREENSHOTS=DIR` keeps what is seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from authingo.pages.texts import read_texts
from tests import looks
from tests.mail.inbox import link_in, wait_for
from tests.mail.server import SMTPServer
from tests.pages.visitor import Visitor, accessible, fill, is_signed_in, sees
from tests.server import ADA, LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1920, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_can_be_read_and_used(
    start: Callable[..., LiveServer],
    visit: Callable[..., Visitor],
    mails: SMTPServer,
    scheme: str,
    width: int,
) -> None:
    size = {"width": width, "height": 1080 if width > 500 else 844}
    server = start(mail={"verification": "optional", "email_code": True})
    visitor = visit(server, color_scheme=scheme, viewport=size, reduced_motion="reduce")

    def look(page: Page, name: str) -> None:
        looks.look(page, f"pages-{scheme}-{width}-{name}")
        assert accessible(page) == []

    page = visitor.open("sign-in")
    page.wait_for_load_state("networkidle")
    look(page, "sign-in")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("#password-error:visible").wait_for()
    look(page, "errors")
    for _ in range(6):
        fill(page, email="eve@example.com", password="not the password")
        with page.expect_response("**/sign-in"):
            page.locator("#password-form .main").click()
    page.locator(".main[aria-disabled=true]").wait_for()
    look(page, "too-many")
    page.get_by_role("button", name="Send me a code by email").click()
    fill(page, email="eve@example.com")
    look(page, "code")
    page.get_by_role("button", name="Send the code").click()
    page.locator("#code:focus").wait_for()
    look(page, "code-sent")
    page = visitor.open("sign-up", page)
    fill(page, **{**ADA, "password": "twelve chars"})
    look(page, "sign-up")
    fill(page, password=ADA["password"])
    page.get_by_role("button", name="Create account").click()
    is_signed_in(page)
    server.browser().sign_in()
    page.reload()
    is_signed_in(page)
    look(page, "account")
    page.get_by_role("button", name="Change email").click()
    page.get_by_role("button", name="Change password").click()
    look(page, "account-forms")
    server.age_sessions(11 * 60)
    fill(page, new_email="new@example.com")
    page.get_by_role("button", name="Send a link to the new address").click()
    page.locator("#recent[open]").wait_for()
    look(page, "recent")
    page.locator("#recent-password-input").fill(ADA["password"])
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("A mail is on its way to new@example.com.").wait_for()
    page.locator("#email-waiting").wait_for()
    look(page, "account-sent")
    link = next(link_in(one) for one in wait_for(mails, 2) if "new@" in one.recipients[0])
    visitor.open(link, page)
    look(page, "change-email")
    page.get_by_role("button", name="Change email").click()
    sees(page, "Your email is changed")
    look(page, "done")
    visitor.open("verify-email", page)
    sees(page, "This link does not work any more")
    look(page, "over")
    for name in ("forgot-password", "reset-password#token=a", "undo-email-change#token=a", "no"):
        visitor.open(name, page)
        look(page, name.partition("#")[0])
    visitor.open("forgot-password", page)
    fill(page, email=ADA["email"])
    page.get_by_role("button", name="Send the link").click()
    sees(page, "Look into your mailbox")
    look(page, "mailbox")
    visitor.context.set_offline(True)
    page.get_by_text("You are offline.").wait_for()
    look(page, "offline")
    visitor.context.set_offline(False)


def twice_as_long(own_file: Callable[[str, str], str]) -> str:
    """Write a catalogue with every text twice as long, from right to left."""
    lines = ['language = "ar"', 'direction = "rtl"']
    for name, text in read_texts(None).items():
        if "." in name:
            said = text.translate(str.maketrans("aeiou", "áéíóú", "{}"))
            lines.append(f"{name} = {json.dumps(f'{text} {said}', ensure_ascii=False)}")
    return own_file("texts.toml", "\n".join(lines))


@pytest.mark.parametrize(("width", "letters"), [(1280, 100), (320, 100), (1280, 200), (390, 200)])
def test_texts_may_be_twice_as_long_and_large_and_run_from_right_to_left(
    start: Callable[..., LiveServer],
    visit: Callable[..., Visitor],
    own_file: Callable[[str, str], str],
    width: int,
    letters: int,
) -> None:
    """A page that is zoomed to 200 % is one of half the width; this doubles the letters only."""
    pages = {"enabled": True, "name": "Example", "texts": twice_as_long(own_file)}
    server = start(mail={"email_code": True, "verification": "optional"}, pages=pages)
    server.browser().sign_up()
    visitor = visit(server, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = visitor.context.new_page()

    def look(name: str) -> None:
        page.evaluate(f"document.documentElement.style.fontSize = '{letters}%'")
        looks.look(page, f"pages-rtl-{width}-{letters}-{name}")
        assert accessible(page) == []

    for name in ("sign-in", "sign-up", "forgot-password", "undo-email-change#token=a", "no"):
        visitor.open(name, page)
        look(name.partition("#")[0])
    visitor.open("sign-in", page)
    fill(page, email=ADA["email"], password=ADA["password"])
    page.locator("#password-form .main").click()
    page.locator("#sessions-list li:not(.bone)").first.wait_for()
    for button in page.locator("[data-open]").all():
        button.click()
    fill(page, new_email="new@example.com")
    page.locator("#email-form .main").click()
    page.locator("#email-waiting").wait_for()
    page.locator("[data-open=email-form]").click()
    look("account")
