"""A real browser: Debian's Chromium, driven by Playwright.

Both are optional; without them a test skips, and says so. `AUTHINGO_REQUIRE_BROWSER=1`
makes that a failure.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextlib.contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start it; while it lives, its event loop stands in the way of others."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra of its own
    except ImportError:
        _skip_or_fail("Playwright is missing: it comes with the `browser` extra")
    command = shutil.which("chromium") or shutil.which("google-chrome")
    if command is None:
        _skip_or_fail("there is neither chromium nor google-chrome")
    with sync_playwright() as playwright:
        # No sandbox: as root there is none, and only pages of our own are opened.
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox"])
        yield browser
        browser.close()


def _skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("AUTHINGO_REQUIRE_BROWSER") == "1":
        pytest.fail(f"AUTHINGO_REQUIRE_BROWSER=1, and {reason}", pytrace=False)
    sys.stderr.write(f"\nNOT TESTED IN A BROWSER: {reason}\n")
    pytest.skip(reason)
