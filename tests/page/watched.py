"""A browser profile with the page in its tabs, and what a person does there."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.command import Served
from tests.server import ADA

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

# Long enough for a slow machine to act within, short enough to be waited for.
SHORT = {"AUTHINGO_SESSIONS__SESSION_LIFETIME": "3s"}


class Watched:
    """A browser profile with the page in its tabs, which must never break a rule of its own."""

    def __init__(self, context: BrowserContext, server: Served) -> None:
        self.context = context
        self.server = server
        self.address = f"http://127.0.0.1:{server.port}/"
        self.sent: list[str] = []
        self.broken: list[str] = []
        context.set_default_timeout(20_000)
        context.on("request", lambda request: self._note(request.method, request.url))

    def tab(self) -> Page:
        """Open the page in a new tab, and wait until it knows who is signed in."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.broken.append(str(error)))
        page.on("console", lambda message: self._judge(message.type, message.text))
        page.goto(self.address)
        page.locator("#signed-out:visible, #signed-in:visible").first.wait_for()
        return page

    def inbox(self) -> Page:
        """Open the address that the server printed, which opens its inbox too."""
        page = self.tab()
        self.open_inbox(page)
        return page

    def open_inbox(self, page: Page) -> None:
        page.goto(self.printed)
        page.locator("#inbox-locked").wait_for(state="hidden")

    @property
    def printed(self) -> str:
        """The address that the server printed first."""
        return self.server.said.split()[1]

    def count(self, request: str) -> int:
        return self.sent.count(request)

    def _note(self, method: str, url: str) -> None:
        if not url.startswith(self.address):
            self.broken.append(f"asked another host: {url}")
        self.sent.append(f"{method} /{url.removeprefix(self.address).removeprefix('api/auth/')}")

    def _judge(self, kind: str, text: str) -> None:
        # Chromium calls a 401 and a lost connection errors; those are wanted.
        if kind in {"error", "warning"} and not text.startswith("Failed to load resource"):
            self.broken.append(text)


def fill_in(page: Page, **changes: str) -> None:
    for name, value in {**ADA, **changes}.items():
        page.locator(f"#up-{name}").fill(value)


def sign_up(page: Page) -> None:
    fill_in(page)
    page.locator("#sign-up button").click()
    signed_in(page)
    page.locator("#session-list li").first.wait_for()


def sign_in(page: Page, password: str = ADA["password"]) -> None:
    page.locator("#show-sign-in").click()
    page.locator("#sign-in [name=email]").fill(ADA["email"])
    page.locator("#sign-in [name=password]").fill(password)
    page.locator("#sign-in .main").click()


def signed_in(page: Page, name: str = ADA["name"]) -> None:
    page.locator("#signed-in:visible", has_text=name).wait_for()


def signed_out(page: Page) -> None:
    page.locator("#signed-out:visible").wait_for()


def expired(page: Page) -> None:
    page.locator("#life-session .left", has_text="expired").wait_for()


def opened_mail(page: Page, subject: str) -> Locator:
    """Open a mail, unless it has opened by itself, and return its frame."""
    mail = page.locator("#mails .mail", has_text=subject).first
    mail.evaluate("mail => { mail.open = true; }")
    return mail.locator("iframe")


def noticed(page: Page, text: str) -> None:
    page.locator("#notice", has_text=text).wait_for()


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait for something that is not to be seen on a page, and let the browser go on meanwhile."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def log(page: Page) -> list[str]:
    """What the wire says, the oldest first: `POST /sign-up 200`, with the code of an error."""
    lines = page.locator("#log summary").all_inner_texts()
    flat = [" ".join(line.replace("/api/auth", "").split()) for line in reversed(lines)]
    return [
        re.sub(r"^(\S+ \S+ (?:\d+|no answer)(?: [a-z]+_[a-z_]+)?) .*$", r"\1", one) for one in flat
    ]
