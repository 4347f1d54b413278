"""What every kind of mail looks like, in a real browser: light and dark, narrow and wide.

`AUTHINGO_TEST_SCREENSHOTS=DIR` keeps what is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.looks import look
from tests.mail.test_messages import KINDS, rendered

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [900, 320])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mail_can_be_read(
    chromium: Browser, scheme: Literal["light", "dark"], width: int
) -> None:
    context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    try:
        page = context.new_page()
        for kind in KINDS:
            page.set_content(rendered(kind).html)
            dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (dark == "rgb(18, 20, 18)") is (scheme == "dark")
            look(page, f"mail-{kind}-{scheme}-{width}")
    finally:
        context.close()
