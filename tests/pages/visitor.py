"""Somebody who uses the pages in a browser, which must not break a rule of their policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.server import ADA, LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PASSWORD = ADA["password"]


class Visitor:
    """A browser profile at a server with the pages."""

    def __init__(self, context: BrowserContext, server: LiveServer) -> None:
        self.context = context
        self.server = server
        self.sent: list[str] = []
        self.broken: list[str] = []
        context.set_default_timeout(15_000)
        context.on("request", lambda request: self._note(request.method, request.url))
        context.on("weberror", lambda error: self.broken.append(str(error.error)))
        context.on("console", lambda message: self._judge(message.type, message.text))

    def open(self, name: str, page: Page | None = None) -> Page:
        """Open one of the pages, or an address that a mail holds."""
        page = page or self.context.new_page()
        page.goto(name if name.startswith("http") else f"{self.server.url}/auth/{name}")
        return page

    def sign_up(self) -> Page:
        page = self.open("sign-up")
        fill(page, **ADA)
        page.get_by_role("button", name="Create account").click()
        return page

    def sign_in(self, password: str = PASSWORD) -> Page:
        page = self.open("sign-in")
        fill(page, email=ADA["email"], password=password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        return page

    def _note(self, method: str, url: str) -> None:
        if not url.startswith(self.server.url):
            self.broken.append(f"asked another host: {url}")
        self.sent.append(f"{method} {url.removeprefix(self.server.url)}")

    def _judge(self, kind: str, text: str) -> None:
        # Chromium calls a 401 and a lost connection errors; those are wanted.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.broken.append(text)


def fill(page: Page, **values: str) -> None:
    """Fill in the visible fields by the names that the routes have for them."""
    for name, value in values.items():
        page.locator(f"input[name={name}]:visible").fill(value)


def sees(page: Page, heading: str) -> None:
    page.get_by_role("heading", name=heading, level=1).wait_for()


def is_signed_in(page: Page) -> None:
    sees(page, "Your account")
    page.locator("#sessions-list li:not(.bone)").first.wait_for()


def say_no(page: Page) -> None:
    """Close the question for a proof, and wait until the button that led to it can be pressed."""
    page.keyboard.press("Escape")
    page.locator("#recent").wait_for(state="hidden")
    page.locator("button[aria-busy]").wait_for(state="detached")


def accessible(page: Page) -> list[str]:
    """Return what axe finds wrong with a page as it is now."""
    import axe_playwright_python  # noqa: PLC0415 - comes with an extra

    source = Path(axe_playwright_python.__file__).parent / "axe.min.js"
    page.evaluate(source.read_text("utf-8"))  # the policy of the page refuses a script element
    found = page.evaluate("() => axe.run()")
    return [
        f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']]}"
        for one in found["violations"]
    ]
