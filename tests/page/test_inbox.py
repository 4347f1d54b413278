"""The inbox on the page, and the links in its mails, in a real browser."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from authingo.config import LinkSettings
from tests.command import Served
from tests.page.watched import (
    Watched,
    fill_in,
    log,
    noticed,
    opened_mail,
    sign_in,
    sign_up,
    signed_in,
    signed_out,
)
from tests.server import ADA

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator, Page

pytestmark = pytest.mark.browser

NEW = "a new correct horse"


def forget(page: Page, email: str = ADA["email"]) -> None:
    """Ask for a mail with a link, signed out."""
    page.locator("#show-sign-in").click()
    page.locator("#in-email").fill(email)
    page.locator("#show-forgot").click()
    assert page.locator("#forgot-email").input_value() == email
    page.locator("#forgot button").click()
    noticed(page, "a mail is on its way")


def mail(page: Page, subject: str) -> FrameLocator:
    """Return the frame of a mail."""
    return opened_mail(page, subject).content_frame


def follow(page: Page) -> None:
    mail(page, "Choose a new password").get_by_role("link", name="Choose password").click()
    page.locator("#link:visible", has_text="Choose a new password").wait_for()


def choose(page: Page, password: str) -> None:
    page.locator("#link-new_password").fill(password)
    page.locator("#link-button").click()


def test_a_password_is_reset_by_the_link_of_a_mail(browser: Watched) -> None:
    page = browser.inbox()
    assert page.url == browser.address, "the token is not in the address bar"
    sign_up(page)
    page.locator("#sign-out").click()
    signed_out(page)
    forget(page)
    follow(page)
    assert page.url == browser.address, "the token is not in the address bar"
    choose(page, "short")
    page.locator("#link-new_password-error", has_text="at least 8 characters").wait_for()
    choose(page, NEW)
    noticed(page, "The password is saved")
    assert page.locator("#link:visible").count() == 0
    sign_in(page, NEW)
    signed_in(page)
    mail(page, "was changed").get_by_text("From: 127.0.0.1").wait_for()


def test_a_reset_signs_this_browser_out(browser: Watched) -> None:
    page = browser.inbox()
    sign_up(page)
    stranger = browser.context.browser
    assert stranger is not None
    other = stranger.new_context().new_page()
    other.goto(browser.address)
    forget(other)
    follow(page)
    choose(page, NEW)
    noticed(page, "The password is saved")
    signed_out(page)
    other.context.close()


def test_a_link_works_once_and_another_one_can_be_asked_for(browser: Watched) -> None:
    page = browser.inbox()
    sign_up(page)
    page.locator("#sign-out").click()
    forget(page)
    follow(page)
    choose(page, NEW)
    noticed(page, "The password is saved")
    follow(page)
    choose(page, NEW)
    page.get_by_role("alert").filter(has_text="link").wait_for()
    page.locator("#leave-link").click()
    page.locator("#show-sign-in").click()
    assert page.locator("#show-forgot:visible").count() == 1


def confirm(page: Page) -> None:
    """Follow the link that verifies the address, and press the button."""
    mail(page, "Confirm your email").get_by_role("link", name="Confirm address").click()
    page.locator("#link:visible", has_text="Confirm your email address").wait_for()
    assert page.locator("#link-fields input").count() == 0
    page.locator("#link-button").click()


def test_an_address_is_verified_where_its_user_is_signed_in(browser: Watched) -> None:
    page = browser.inbox()
    sign_up(page)
    page.locator("#in-email-line", has_text="not verified").wait_for()
    confirm(page)
    noticed(page, "The address is verified.")
    page.locator("#in-email-line .chip", has_text=re.compile("^verified")).wait_for()
    assert page.locator("#verify:visible").count() == 0


def test_another_link_can_be_asked_for(browser: Watched) -> None:
    page = browser.inbox()
    sign_up(page)
    page.locator("#verify").click()
    noticed(page, "A mail is on its way")
    page.locator("#inbox-state", has_text="2 mails").wait_for()
    confirm(page)
    noticed(page, "The address is verified.")


def test_elsewhere_a_link_asks_for_the_password(
    browser: Watched, open_browser: Callable[..., Watched]
) -> None:
    sign_up(browser.tab())
    page = open_browser(browser.server).inbox()
    confirm(page)
    page.locator("#link-password:focus").wait_for()
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    page.locator("#link-password-error", has_text="wrong").wait_for()
    page.locator("#link-password").fill(ADA["password"])
    page.locator("#link-button").click()
    noticed(page, "The address is verified.")
    signed_in(page)


def test_an_address_is_changed_after_a_proof_and_changed_back(
    browser: Watched, tmp_path: Path
) -> None:
    page = browser.inbox()
    sign_up(page)
    confirm(page)
    noticed(page, "The address is verified.")
    with contextlib.closing(sqlite3.connect(tmp_path / "authingo.db")) as database, database:
        database.execute("UPDATE authingo_sessions SET authenticated_at = 1")
    page.locator("#new-email").fill("new@example.com")
    page.locator("#change-email > button").click()
    page.locator("#proof-password:focus").fill("not the password")
    page.keyboard.press("Enter")
    page.locator("#proof-password-error:visible").wait_for()
    page.locator("#proof-password").fill(ADA["password"])
    page.keyboard.press("Enter")
    noticed(page, "A mail to the new address is on its way.")
    assert page.locator("#proof:visible").count() == 0
    mail(page, "Confirm your new email").get_by_role("link", name="Confirm new address").click()
    page.locator("#link-button", has_text="Confirm new address").click()
    noticed(page, "The address is changed")
    page.locator("#in-email-line", has_text="new@example.com").wait_for()
    mail(page, "has a new email address").get_by_role("link", name="Undo the change").click()
    page.locator("#link-email").fill(ADA["email"])
    page.locator("#link-button").click()
    noticed(page, "The account has its old address again")
    signed_out(page)
    follow(page)
    choose(page, NEW)
    noticed(page, "The password is saved")
    sign_in(page, NEW)
    page.locator("#in-email-line", has_text=ADA["email"]).wait_for()


def test_where_addresses_have_to_be_verified_the_link_begins_the_account(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    page = open_browser(start(AUTHINGO_MAIL__VERIFICATION="required")).inbox()
    fill_in(page)
    page.locator("#sign-up button").click()
    noticed(page, "A mail is on its way.")
    assert page.locator("#signed-in:visible").count() == 0
    frame = page.locator("#mails .mail[open] iframe").content_frame
    frame.get_by_role("link").first.click()
    page.locator("#link-button", has_text="Confirm address").click()
    signed_in(page)


def test_every_link_of_the_settings_has_its_form() -> None:
    script = (Path(__file__).parents[2] / "cli" / "page" / "links.js").read_text()
    table = script.partition("const LINKS = {")[2].partition("\n};")[0]
    named = re.findall(r"^  (\w+): {$", table, re.MULTILINE)
    in_mails = [name for name in LinkSettings.__struct_fields__ if name != "sign_in"]
    assert named == in_mails


def test_without_the_token_no_mail_is_shown(browser: Watched) -> None:
    page = browser.tab()
    sign_up(page)
    page.locator("#sign-out").click()
    forget(page)
    page.locator("#inbox-locked:visible").wait_for()
    assert browser.count("GET /page/inbox?after=0") == 0
    page.goto(f"{browser.address}#inbox=somebody-elses-token")
    with page.expect_response("**/page/inbox?after=0") as refused:
        page.reload()
    page.locator("#inbox-locked:visible").wait_for()
    assert refused.value.status == 403
    assert page.locator("#mails li").count() == 0
    browser.open_inbox(page)
    page.locator("#mails summary", has_text="Choose a new password").wait_for()
    page.reload()
    page.locator("#mails summary", has_text="Choose a new password").wait_for()


def test_a_mail_runs_no_script_and_is_as_high_as_its_text(browser: Watched) -> None:
    page = browser.inbox()
    sign_up(page)
    page.locator("#sign-out").click()
    forget(page)
    mail(page, "Choose a new password").get_by_role("link").first.wait_for()
    frame = page.locator("#mails .mail[open] iframe")
    page.wait_for_function("document.querySelector('#mails .mail[open] iframe').height > 300")
    assert "scripts" not in (frame.get_attribute("sandbox") or "")
    inside = frame.element_handle().content_frame()
    assert inside is not None
    whole = "(({ scrollWidth, scrollHeight }) => [scrollWidth, scrollHeight])"
    sizes = f"[{whole}(document.documentElement), [innerWidth, innerHeight]]"
    needed, given = inside.evaluate(sizes)
    assert needed == given, "nothing has to be scrolled"
    answer = page.request.get(browser.address + (frame.get_attribute("src") or "")[1:])
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-same-origin allow-top-navigation-by-user-activation" in policy


def test_the_wire_shows_no_token(browser: Watched) -> None:
    page = browser.inbox()
    sign_up(page)
    page.locator("#sign-out").click()
    forget(page)
    link = mail(page, "Choose a new password").get_by_role("link").first.get_attribute("href")
    token = (link or "").partition("#token=")[2]
    follow(page)
    choose(page, NEW)
    noticed(page, "The password is saved")
    assert "POST /reset-password 200" in log(page)
    assert len(token) == 43
    assert token not in (page.locator("#log").text_content() or "")


def test_where_mail_goes_elsewhere_there_is_no_inbox(
    start: Callable[..., Served], open_browser: Callable[..., Watched], unused_port: int
) -> None:
    mails = {"AUTHINGO_MAIL__URL": "smtp://127.0.0.1:1", "AUTHINGO_MAIL__FROM": "a@example.com"}
    url = f"http://127.0.0.1:{unused_port}"
    server = start(port=unused_port, AUTHINGO_PUBLIC_URL=url, **mails)
    assert "#inbox" not in server.said
    page = open_browser(server).tab()
    page.locator("#show-sign-in").click()
    page.locator("#show-forgot:visible").wait_for()
    assert page.locator("#inbox:visible").count() == 0
