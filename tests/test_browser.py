"""The README's program in a real browser, whose cookie jar has the last word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.documents import blocks
from tests.program import run_program
from tests.server import ADA
from tests.test_readme import PROGRAM, README

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SEND = """async ([method, path, body]) => {
  const headers = { "X-Authingo-Client": "true" };
  if (body) headers["Content-Type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}"""


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
    device = "__Host-authingo_device"
    assert kept.keys() == {"authingo_session", device}, "the other one is for /refresh alone"
    everything = {one["name"]: one for one in page.context.cookies(f"{origin}/api/auth/refresh")}
    assert everything.keys() == {"authingo_session", "authingo_refresh", device}
    assert all(one["httpOnly"] and one["secure"] for one in everything.values())
    assert everything["authingo_refresh"]["sameSite"] == "Strict"
    assert everything[device]["sameSite"] == "Strict"
    assert send("POST", "/api/auth/refresh")["status"] == 200
    renewed = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert renewed["authingo_session"] != kept["authingo_session"]["value"]
    assert send("GET", "/api/me")["status"] == 200
    assert send("POST", "/api/auth/sign-out")["body"] == {"success": True}
    assert [one["name"] for one in page.context.cookies()] == [device]
    assert send("GET", "/api/me")["body"]["code"] == "no_session"
    # The README's own lines for a page.
    (snippet,) = blocks(README, "js")
    page.evaluate(f"async ({{ email, password }}) => {{ {snippet} }}", ADA)
    assert send("GET", "/api/me")["body"] == {"email": ADA["email"]}
