"""The main flow of the pages in the engines of Firefox and Safari too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engines import ENGINES, open_engine
from tests.server import ADA, LiveServer
from tests.waiting import until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", ENGINES)
def test_somebody_signs_up_and_out(start: Callable[..., LiveServer], name: str) -> None:
    server = start()
    with open_engine(name) as driver:

        def see(script: str, *values: str) -> Any:
            return driver.execute_script(script, *values)

        driver.get(f"{server.url}/auth/sign-up")
        until(lambda: see("return document.querySelector('.reveal') !== null"), "no form")
        for field, key in {"name": "name", "email": "email", "chosen-password": "password"}.items():
            see("document.getElementById(arguments[0]).value = arguments[1]", field, ADA[key])
        see("document.querySelector('form .main').click()")
        listed = "return document.querySelectorAll('#sessions-list li:not(.bone)').length === 1"
        until(lambda: see(listed), "the account is not shown")
        assert see("return document.getElementById('profile-name').textContent") == ADA["name"]
        see("document.getElementById('sign-out').click()")
        said = "return document.getElementById('flash')?.textContent === 'You are signed out.'"
        until(lambda: see(said), "the sign-in page is not shown")
