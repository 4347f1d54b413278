"""What a script of the page could read, in a real browser."""

from __future__ import annotations

import pytest

from tests.page.watched import Watched, noticed, sign_up, signed_in
from tests.server import ADA

pytestmark = pytest.mark.browser


COLLECT = """async () => {
  const answer = await fetch("/api/auth/refresh", {
    method: "POST", headers: { "X-Authingo-Client": "true" },
  });
  return JSON.stringify([
    document.cookie, document.documentElement.outerHTML, location.href, window.name,
    {...localStorage}, {...sessionStorage}, await indexedDB.databases(),
    performance.getEntries().map((entry) => entry.toJSON()), window.overheard,
    [...answer.headers], await answer.text(), answer.url,
    [...document.querySelectorAll("input")].map((input) => input.value),
  ]);
}"""
OVERHEAR = """() => {
  window.overheard = [];
  new BroadcastChannel("authingo/api/auth").onmessage = ({ data }) => window.overheard.push(data);
}"""


def test_no_token_and_no_password_is_where_a_script_could_read_it(browser: Watched) -> None:
    first, second = browser.tab(), browser.tab()
    second.evaluate(OVERHEAR)
    secrets: set[str] = {ADA["password"]}

    def remember() -> None:
        secrets.update(str(one.get("value")) for one in browser.context.cookies())

    sign_up(first)
    remember()
    first.locator("#refresh").click()
    noticed(first, "both tokens are new")
    signed_in(second)
    remember()
    texts = [page.evaluate(COLLECT) for page in (first, second)]
    remember()
    assert "renewed" in texts[1], "what the tabs tell each other was overheard"
    assert len(secrets) > 6
    for text in texts:
        for secret in secrets:
            assert secret not in text
    assert first.evaluate("document.cookie") == ""


def test_an_exchange_can_be_copied_as_curl(browser: Watched) -> None:
    browser.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = browser.tab()
    sign_up(page)
    page.locator("#log details[open] button").click()
    page.locator("#log button", has_text="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl -i -b jar.txt -c jar.txt -X POST 'http://127.0.0.1:")
    assert "YOUR PASSWORD" in copied
    assert ADA["password"] not in copied
