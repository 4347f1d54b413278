"""What a page or a mail looks like in a browser: whether it can be read, and pictures of it.

`AUTHINGO_TEST_SCREENSHOTS=DIR` keeps what is seen.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEPT = os.environ.get("AUTHINGO_TEST_SCREENSHOTS")

# Contrast of every text that is seen (WCAG 2.2, 1.4.3: 4.5 to 1), worst first.
CONTRASTS = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = "canvas";  // what the browser paints where nobody else does
  const canvas = parse(getComputedStyle(probe).color);
  probe.remove();
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const rgb = parse(getComputedStyle(at).backgroundColor);
      if (rgb.length === 3 || rgb[3] === 1) return rgb;
    }
    return canvas;
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


def look(page: Page, name: str) -> None:
    """Require that everything can be read and nothing sticks out, and keep a picture."""
    page.mouse.move(0, 0)
    worst = page.evaluate(CONTRASTS)
    assert worst[0][0] >= 4.5, worst
    room = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(room) == 0, "nothing sticks out"
    if KEPT:
        page.screenshot(path=Path(KEPT) / f"{name}.png")
