"""Somebody who uses a front end of `authingo init` in a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PASSWORD = "correct horse battery"


class Person:
    """Somebody with a browser of their own."""

    def __init__(self, context: BrowserContext, url: str, email: str) -> None:
        self.context = context
        self.url = url
        self.email = email
        self.complaints: list[str] = []  # of the pages' scripts
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        # That an answer was a 401, or that there was no network, is meant to happen.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def open(self) -> Page:
        page = self.context.new_page()
        page.goto(self.url)
        return page

    def sign_up(self) -> Page:
        page = self.open()
        self.fill_sign_up(page)
        is_signed_in(page)
        return page

    def fill_sign_up(self, page: Page) -> None:
        page.get_by_role("button", name="Create an account").click()
        fill(page, Name="Ada", Email=self.email, Password=PASSWORD)
        page.get_by_role("button", name="Create account").click()

    def sign_in(self, password: str = PASSWORD) -> Page:
        page = self.open()
        fill(page, Email=self.email, Password=password)
        page.get_by_role("button", name="Sign in").click()
        return page

    def ask_for_link(self, page: Page) -> None:
        page.get_by_role("button", name="Forgot your password?").click()
        fill(page, Email=self.email)
        page.get_by_role("button", name="Send me a link").click()

    def follow(self, link: str) -> Page:
        """Open the link of a mail, whose token must not stay in the address bar."""
        page = self.context.new_page()
        page.goto(link)
        page.wait_for_function("location.hash === ''")
        return page

    def tokens(self) -> set[str]:
        """Return those of the session: what is left after a sign-out opens nothing."""
        cookies = self.context.cookies()
        return {one["value"] for one in cookies if not one["name"].endswith("_device")}

    def cookie_values(self) -> set[str]:
        return {cookie["value"] for cookie in self.context.cookies()}


def fill(page: Page, **values: str) -> None:
    for label, value in values.items():
        labelled = page.get_by_label(label.replace("_", " "), exact=True)
        labelled.and_(page.locator(":visible")).fill(value)


def is_signed_in(page: Page) -> None:
    page.get_by_role("heading", name="Hello, Ada").wait_for()


def is_signed_out(page: Page) -> None:
    page.get_by_role("heading", name="Welcome back").wait_for()


def fits(page: Page, name: str) -> None:
    """Hold that nothing needs sideways scrolling; `AUTHINGO_TEST_SCREENSHOTS` gets a picture."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    if directory := os.environ.get("AUTHINGO_TEST_SCREENSHOTS"):
        page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


def problem_of(page: Page, label: str) -> str:
    """Return what is said to be wrong with a field, right below it and in its description."""
    field = page.get_by_label(label, exact=True).and_(page.locator("[aria-invalid=true]"))
    field.wait_for()
    said = page.locator(f"[id='{field.get_attribute('aria-describedby')}']")
    above, below = field.bounding_box(), said.bounding_box()
    assert above
    assert below
    assert 0 <= below["y"] - (above["y"] + above["height"]) < 20
    text: str = said.inner_text()  # Any, where Playwright is not installed
    return text


def ask(page: Page) -> None:
    """Let the page call the guarded route of the program, and see the answer."""
    with page.expect_response(lambda answer: answer.url.endswith("/api/me") and answer.ok):
        page.get_by_role("button", name="Ask again").click()
    page.locator("pre").get_by_text('"email"').wait_for()
