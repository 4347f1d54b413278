"""Codes that come by mail, in a real browser: to sign in, and to prove again who somebody is."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command import Served
from tests.page.watched import (
    Watched,
    log,
    noticed,
    opened_mail,
    sign_up,
    signed_out,
)
from tests.server import ADA

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def read_code(page: Page, subject: str) -> str:
    """Read the code in the latest mail."""
    body = opened_mail(page, subject).content_frame.locator("body")
    body.get_by_text("works once").wait_for()
    found = re.search(r"\b[A-Z]{4}-[A-Z]{4}\b", body.inner_text())
    assert found
    return found[0]


def test_a_code_signs_in_and_proves_again_who_somebody_is(
    start: Callable[..., Served], open_browser: Callable[..., Watched], tmp_path: Path
) -> None:
    page = open_browser(start(AUTHINGO_MAIL__EMAIL_CODE="true")).inbox()
    sign_up(page)
    page.locator("#sign-out").click()
    signed_out(page)
    page.locator("#in-email").fill(ADA["email"])
    page.locator("#show-code").focus()
    page.keyboard.press("Enter")
    page.locator("#code-email:focus").wait_for()
    page.keyboard.press("Enter")
    page.locator("#code:focus").wait_for()
    assert "If there is an account" in page.locator("#code-hint").inner_text()
    page.keyboard.type("BBBB-BBBB")
    page.keyboard.press("Enter")
    page.locator("#code-error", has_text="The link or code is not valid").wait_for()
    code = read_code(page, "Your code to sign in")
    page.locator("#code:focus[aria-invalid=true]").fill(code.lower())
    page.keyboard.press("Enter")
    noticed(page, "Signed in.")
    assert "POST /sign-in/code 200" in log(page)
    assert code.lower() not in (page.locator("#log").text_content() or "").lower()

    # The address had not been verified, so the code has cleared the account: it has no password.
    with contextlib.closing(sqlite3.connect(tmp_path / "authingo.db")) as database, database:
        database.execute("UPDATE authingo_sessions SET authenticated_at = 1")
    page.locator("#new-email").fill("new@example.com")
    page.keyboard.press("Enter")
    page.locator("#proof-code:focus").wait_for()
    assert page.locator("#proof-password:visible").count() == 0
    page.locator("#proof-code").fill("BBBB-BBBB")
    page.keyboard.press("Enter")
    page.locator("#proof-code-error", has_text="The link or code is not valid").wait_for()
    page.locator("#proof-again").click()
    noticed(page, "Another mail with a code")
    page.locator("#inbox-state", has_text="4 mails").wait_for()
    page.locator("#proof-code").fill(read_code(page, "Your code to go on"))
    page.keyboard.press("Enter")
    noticed(page, "A mail to the new address is on its way.")
    assert page.locator("#proof-code:visible").count() == 0


def test_another_code_goes_to_the_same_address(
    start: Callable[..., Served], open_browser: Callable[..., Watched]
) -> None:
    page = open_browser(start(AUTHINGO_MAIL__EMAIL_CODE="true")).tab()
    page.locator("#show-sign-in").click()
    page.locator("#show-code").click()
    page.locator("#ask-code button").click()
    page.locator("#code-email-error:visible").wait_for()
    page.locator("#code-email").fill("nobody@example.com")
    page.keyboard.press("Enter")
    page.locator("#code-hint", has_text="nobody@example.com").wait_for()
    page.locator("#code-again").click()
    assert page.locator("#code-email:focus").input_value() == "nobody@example.com"


def test_where_codes_are_off_none_is_offered(browser: Watched) -> None:
    page = browser.tab()
    page.locator("#show-sign-in").click()
    page.locator("#show-forgot:visible").wait_for()
    assert page.locator("#show-code:visible").count() == 0
    assert "off, unless mail.email_code is set" in page.locator("#facts").inner_text()
    signed_out(page)
