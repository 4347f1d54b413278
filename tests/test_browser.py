"""The README's program in a real browser, whose cookie jar has the last word.

Needs Chromium and the `browser` extra; without them it skips, and says so.
`AUTHINGO_REQUIRE_BROWSER=1` makes that a failure.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.program import run_program
from tests.server import ADA
from tests.test_readme import PROGRAM, blocks

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SEND = """async ([method, path, body]) => {
  const headers = { "X-Authingo-Client": "true" };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}"""


def skip_or_fail(reason: str) -> None:
    if os.environ.get("AUTHINGO_REQUIRE_BROWSER") == "1":
        pytest.fail(f"AUTHINGO_REQUIRE_BROWSER=1, and {reason}", pytrace=False)
    sys.stderr.write(f"\nNOT TESTED IN A BROWSER: {reason}\n")
    pytest.skip(reason)


@pytest.fixture(scope="module")  # while it lives, its event loop stands in the way of others
def chromium() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra of its own
    except ImportError:
        skip_or_fail("Playwright is missing: it comes with the `browser` extra")
    command = shutil.which("chromium") or shutil.which("google-chrome")
    if command is None:
        skip_or_fail("there is neither chromium nor google-chrome")
    with sync_playwright() as playwright:
        # No sandbox: as root there is none, and only pages of our own are opened.
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "main.py").write_text(PROGRAM)
    with run_program(tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}) as port:
        yield port


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_program_works_as_printed(page: Page, port: int, host: str) -> None:
    page.goto(f"http://{host}:{port}/openapi.json")  # any page of the same origin

    def send(method: str, path: str, body: object = None) -> Any:
        return page.evaluate(SEND, [method, path, body])

    assert send("GET", "/api/me")["body"]["code"] == "no_session"
    assert send("POST", "/api/auth/sign-up", ADA)["status"] == 200
    assert send("GET", "/api/me")["body"] == {"email": ADA["email"]}
    assert page.evaluate("document.cookie") == "", "no script sees a cookie"
    origin = f"http://{host}:{port}"
    kept = {one["name"]: one for one in page.context.cookies(f"{origin}/api/me")}
    assert kept.keys() == {"authingo_session"}, "the other one is for /refresh alone"
    everything = {one["name"]: one for one in page.context.cookies(f"{origin}/api/auth/refresh")}
    assert everything.keys() == {"authingo_session", "authingo_refresh"}
    assert all(one["httpOnly"] and one["secure"] for one in everything.values())
    assert everything["authingo_refresh"]["sameSite"] == "Strict"
    assert send("POST", "/api/auth/refresh")["status"] == 200
    renewed = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert renewed["authingo_session"] != kept["authingo_session"]["value"]
    assert send("GET", "/api/me")["status"] == 200
    assert send("POST", "/api/auth/sign-out")["body"] == {"success": True}
    assert page.context.cookies() == []
    assert send("GET", "/api/me")["body"]["code"] == "no_session"
    # The README's own lines for a page.
    (snippet,) = blocks("js")
    page.evaluate(f"async ({{ email, password }}) => {{ {snippet} }}", ADA)
    assert send("GET", "/api/me")["body"] == {"email": ADA["email"]}
