"""The main flows of the pages in the engines of Firefox and Safari too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engines import ENGINES, open_engine
from tests.mail.inbox import link_in, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, LiveServer
from tests.tab import Tab
from tests.waiting import until

pytestmark = pytest.mark.browser
NEW = "new@example.com"
SIGN_OUT = """const options = { method: "POST", headers: { "X-Authingo-Client": "true" } };
fetch("/api/auth/sign-out", options).then(() => (document.title = "Signed out"));"""


@pytest.mark.parametrize("name", ENGINES)
def test_an_account_from_its_beginning_to_a_new_password(
    start: Callable[..., LiveServer], mails: SMTPServer, name: str
) -> None:
    server = start(mail={"verification": "optional"})
    with open_engine(name) as driver:
        tab = Tab(driver, f"{server.url}/auth/sign-up", new=False)
        tab.fill(Name="Ada", Email=ADA["email"], Password=ADA["password"])
        tab.press("Create account")
        tab.sees("You are signed in nowhere else.")
        tab.sees("Not confirmed")

        driver.get(link_in(wait_for(mails, 1)[0]))
        tab.press("Confirm email")
        tab.sees("Your email is confirmed")
        assert tab.run("return location.hash") == ""
        driver.get(f"{server.url}/auth/account")
        tab.sees("Confirmed")

        tab.press("Change name")
        tab.fill(Name="Countess")
        tab.press("Save name")
        tab.sees("Your name is changed.")
        tab.press("Change password")
        tab.fill(**{"Current password": ADA["password"], "New password": "another horse battery"})
        tab.press("Save password")
        tab.sees("Your password is changed.")
        wait_for(mails, 2)
        tab.press("Change email")
        tab.fill(**{"New email": NEW})
        tab.press("Send a link to the new address")
        tab.sees(f"A mail is on its way to {NEW}.")
        driver.get(link_in(wait_for(mails, 3)[2]))
        tab.press("Change email")
        tab.sees("Your email is changed")
        wait_for(mails, 5)

        driver.get(f"{server.url}/auth/account")
        tab.press("Sign out")
        tab.sees("You are signed out.")
        driver.get(f"{server.url}/auth/forgot-password")
        tab.fill(Email=NEW)
        tab.press("Send the link")
        tab.sees("Look into your mailbox")
        driver.get(link_in(wait_for(mails, 6)[5]))
        tab.fill(**{"New password": "a third horse battery"})
        tab.press("Save password")
        tab.sees("Your password is saved")
        driver.get(f"{server.url}/auth/sign-in?next=/auth/account")
        tab.fill(Email=NEW, Password="a third horse battery")
        tab.press("Sign in")
        tab.sees("Countess")

        driver.get(f"{server.url}/auth/forgot-password")
        tab.sees("Send the link")
        tab.run(SIGN_OUT)
        until(lambda: tab.run("return document.title") == "Signed out", "nobody signed out")
        tab.run("history.back()")  # to the account, which a browser may show from memory
        tab.sees("New here?")
