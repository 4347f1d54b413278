"""What the page looks like, in a real browser: light and dark, narrow and wide.

`AUTHINGO_TEST_SCREENSHOTS=DIR` keeps what is seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command import Served
from tests.page.watched import Watched, sign_up

pytestmark = pytest.mark.browser

KEPT = os.environ.get("AUTHINGO_TEST_SCREENSHOTS")


# Contrast of every text that is seen (WCAG 2.2, 1.4.3: 4.5 to 1), worst first.
CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const rgb = parse(getComputedStyle(at).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility()) continue;
    const [a, b] = [parse(getComputedStyle(node).color), behind(node)].map(light);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.trim()]);
  }
  return found.sort((a, b) => a[0] - b[0]).slice(0, 5);
}"""


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(
    start: Callable[..., Served], open_browser: Callable[..., Watched], scheme: str, width: int
) -> None:
    size = {"width": width, "height": 1400 if width > 500 else 844}
    browser = open_browser(start(), color_scheme=scheme, viewport=size, reduced_motion="reduce")
    page = browser.tab()

    def look(name: str) -> None:
        page.mouse.move(0, 0)
        worst = page.evaluate(CONTRASTS)
        assert worst[0][0] >= 4.5, worst
        room = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(room) == 0, "nothing sticks out"
        if KEPT:
            page.screenshot(path=Path(KEPT) / f"{scheme}-{width}-{name}.png")

    look("signed-out")
    page.locator("#sign-up button").click()
    page.locator("#up-name-error:visible").wait_for()
    look("errors")
    sign_up(page)
    look("signed-in")
    browser.context.set_offline(True)
    page.locator("#check").click()
    page.locator("#offline:visible").wait_for()
    look("offline")
    browser.context.set_offline(False)
    for name, shown in {"README": "h2", "OpenAPI": "#routes section"}.items():
        page.goto(browser.address)
        page.get_by_role("link", name=name).click()
        page.locator(shown).first.wait_for()
        look(name)
