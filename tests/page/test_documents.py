"""The README and the OpenAPI document as pages, in a real browser."""

from __future__ import annotations

from importlib.metadata import metadata

import pytest

from tests.page.watched import Watched

pytestmark = pytest.mark.browser


def test_the_readme_is_a_page(browser: Watched) -> None:
    page = browser.tab()
    page.get_by_role("link", name="README").click()
    page.get_by_role("heading", name="authingo", exact=True).wait_for()
    source = str(metadata("authingo").json["description"])
    sections = [line[3:] for line in source.splitlines() if line.startswith("## ")]
    assert page.locator("h2").all_inner_texts() == sections
    tables = [line for line in source.splitlines() if line.startswith("|---")]
    assert page.locator("table").count() == len(tables) > 0
    assert page.locator("pre code", has_text="authingo serve").count()
    for link in page.get_by_role("link").all():
        address = link.get_attribute("href") or ""
        if address.startswith("https://"):
            continue  # somebody may follow it; the page itself asks nobody
        assert page.request.get(browser.address + address.removeprefix("/")).ok, address


def test_the_openapi_document_is_a_page(browser: Watched) -> None:
    page = browser.tab()
    page.get_by_role("link", name="OpenAPI").click()
    page.locator("#routes h2").first.wait_for()
    document = page.request.get(browser.address + "openapi.json").json()
    routes = [
        f"{method.upper()} {path}" for path, here in document["paths"].items() for method in here
    ]
    assert page.locator("#routes h2").all_inner_texts() == [*routes, "Errors"]
    sign_up = page.locator("#routes section", has_text="POST /api/auth/sign-up")
    text = sign_up.inner_text()
    for shown in ("X-Authingo-Client: true", "string, 8 to 256 characters", '"expires_at"'):
        assert shown in text
    assert "a session" in page.locator("section", has_text="GET /api/auth/sessions").inner_text()
    page.get_by_role("link", name="OpenAPI as JSON").click()
    page.wait_for_url("**/openapi.json")
