"""Chromium for tests, or a word on why there is none.

Needs Chromium and the `browser` extra; without them tests skip, and say so.
`AUTHINGO_REQUIRE_BROWSER=1` makes that a failure.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("AUTHINGO_REQUIRE_BROWSER") == "1":
        pytest.fail(f"AUTHINGO_REQUIRE_BROWSER=1, and {reason}", pytrace=False)
    sys.stderr.write(f"\nNOT TESTED IN A BROWSER: {reason}\n")
    pytest.skip(reason)


def need_chromium() -> str:
    """Return the command, or skip before anything is built for it."""
    if importlib.util.find_spec("playwright") is None:
        skip_or_fail("Playwright is missing: it comes with the `browser` extra")
    command = shutil.which("chromium") or shutil.which("google-chrome")
    if command is None:
        skip_or_fail("there is neither chromium nor google-chrome")
    return command


@contextlib.contextmanager
def open_chromium(*flags: str) -> Iterator[Browser]:
    command = need_chromium()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra of its own

    with sync_playwright() as playwright:
        # No sandbox: as root there is none, and only pages of our own are opened.
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox", *flags])
        yield browser
        browser.close()


@pytest.fixture(scope="module")  # while it lives, its event loop stands in the way of others
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser
