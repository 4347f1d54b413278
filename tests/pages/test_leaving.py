"""A user takes their data along and deletes the account, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mail.inbox import link_in, wait_for
from tests.mail.server import SMTPServer
from tests.pages.visitor import Visitor, fill, is_signed_in, sees
from tests.server import ADA, LiveServer

pytestmark = pytest.mark.browser
Start = Callable[..., LiveServer]
Visit = Callable[..., Visitor]


def test_the_data_comes_as_a_file_after_a_proof(start: Start, visit: Visit) -> None:
    server = start()
    page = visit(server).sign_up()
    is_signed_in(page)
    server.age_sessions(11 * 60)
    page.get_by_role("button", name="Download my data").click()
    dialog = page.locator("#recent[open]")
    dialog.locator("#recent-password-input").fill(ADA["password"])
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Go on").click()
    exported = json.loads(Path(download.value.path()).read_text())
    assert exported["user"]["email"] == ADA["email"]
    page.get_by_text("Your browser saves the file.").wait_for()
    page.get_by_role("button", name="Download my data").click()
    page.get_by_text("Too many attempts. Try again in 60 minutes.").wait_for()


def test_the_account_is_deleted_and_kept_with_the_mail(
    start: Start, visit: Visit, mails: SMTPServer
) -> None:
    server = start(mail={"verification": "off"}, users={"deletion_grace": "7d"})
    page = visit(server).sign_up()
    is_signed_in(page)
    page.get_by_role("button", name="Delete account").click()
    fill(page, email="somebody@example.com")
    page.get_by_role("button", name="Delete my account").click()
    page.locator("#deletion-email-error", has_text="not the address of your account").wait_for()
    fill(page, email=ADA["email"])
    page.get_by_role("button", name="Delete my account").click()
    page.wait_for_url("**/auth/sign-in")
    page.get_by_text("your account is deleted or soon will be").wait_for()
    page.goto(link_in(wait_for(mails, 1)[0]))
    fill(page, email=ADA["email"])
    page.get_by_role("button", name="Keep my account").click()
    sees(page, "Your account is kept")
    page.get_by_role("link", name="Sign in").click()
    fill(page, email=ADA["email"], password=ADA["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_signed_in(page)
