"""The main flows of the pages in the engines of Firefox and Safari too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engines import ENGINES, open_engine, open_engine_without_scripts
from tests.mail.inbox import link_in, wait_for
from tests.mail.server import SMTPServer
from tests.network import Network
from tests.server import ADA, LiveServer
from tests.tab import Tab
from tests.waiting import until

pytestmark = pytest.mark.browser
NEW = "new@example.com"
UNREACHABLE = "The server cannot be reached."
SIGN_OUT = """const options = { method: "POST", headers: { "X-Authingo-Client": "true" } };
fetch("/api/auth/sign-out", options).then(() => (document.title = "Signed out"));"""


@pytest.mark.parametrize("name", ENGINES)
def test_an_account_from_its_beginning_to_its_old_address(
    start: Callable[..., LiveServer], mails: SMTPServer, name: str
) -> None:
    network = Network()
    pages = f"http://127.0.0.1:{network.port}/auth"
    server = start(mail={"verification": "optional"}, public_url=pages.removesuffix("/auth"))
    network.server_port = server.port
    with network.up(), open_engine(name) as driver:
        tab = Tab(driver, f"{pages}/sign-up", new=False)
        tab.fill(Name="Ada", Email=ADA["email"], Password=ADA["password"])
        tab.press("Create account")
        tab.sees("You are signed in nowhere else.")
        tab.sees("Not confirmed")

        tab.go_to(link_in(wait_for(mails, 1)[0]))
        tab.press("Confirm email")
        tab.sees("Your email is confirmed")
        assert tab.run("return location.hash") == ""
        tab.go_to(f"{pages}/account")
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
        change_the_address(tab, mails, pages)
        forget_the_password(tab, mails, pages, network)
        use_two_tabs(tab, server, pages)
        lose_the_network(tab, pages, network)
        undo_the_change(tab, mails, pages)

        tab.go_to(f"{pages}/forgot-password")
        tab.sees("Send the link")
        tab.run(SIGN_OUT)
        until(lambda: tab.run("return document.title") == "Signed out", "nobody signed out")
        tab.run("history.back()")  # to the account, which a browser may show from memory
        tab.sees("New here?")


def change_the_address(tab: Tab, mails: SMTPServer, pages: str) -> None:
    tab.press("Change email")
    tab.fill(**{"New email": NEW})
    tab.press("Send a link to the new address")
    tab.sees(f"A mail is on its way to {NEW}.")
    link = link_in(wait_for(mails, 3)[2])
    tab.reload()
    tab.sees(f"Your address changes to {NEW} when you open the link")
    tab.go_to(link)
    tab.press("Change email")
    tab.sees("Your email is changed")
    wait_for(mails, 5)
    tab.go_to(f"{pages}/account")
    tab.press("Sign out")
    tab.sees("You are signed out.")


def forget_the_password(tab: Tab, mails: SMTPServer, pages: str, network: Network) -> None:
    """The network is gone at first: the page says so, and works again afterwards."""
    tab.go_to(f"{pages}/forgot-password")
    tab.fill(Email=NEW)
    with network.cut():
        tab.press("Send the link")
        tab.sees(UNREACHABLE)
    tab.press("Send the link")
    tab.sees("Look into your mailbox")
    tab.go_to(link_in(wait_for(mails, 6)[5]))
    choose(tab, "a third horse battery")
    tab.go_to(f"{pages}/sign-in?next=/auth/account")
    sign_in(tab, NEW, "a third horse battery")


def use_two_tabs(tab: Tab, server: LiveServer, pages: str) -> None:
    """The session expires in both, and then one of them signs out."""
    other = Tab(tab.driver, f"{pages}/account")
    other.sees("Countess")
    server.age_sessions(20 * 60)
    for one, name in ((tab, "Lady"), (other, "Baroness")):
        one.press("Change name")
        one.fill(Name=name)
        one.press("Save name")
        one.sees("Your name is changed.")
    tab.sees("Baroness")
    other.press("Sign out")
    other.sees("You are signed out.")
    tab.sees("New here?")
    sign_in(tab, NEW, "a third horse battery", "Baroness")
    other.close()


def lose_the_network(tab: Tab, pages: str, network: Network) -> None:
    """The account page comes, and nothing else.

    Only Chromium can be made to think that there is no network at all, which has a notice of its
    own (tests/pages/test_flows.py): the other engines have no such command.
    """
    with network.losing("GET /api/auth/session"):
        tab.go_to(f"{pages}/account")
        tab.sees("The account cannot be shown")
        tab.sees(UNREACHABLE)
    tab.press("Try again")
    tab.sees("Baroness")


def undo_the_change(tab: Tab, mails: SMTPServer, pages: str) -> None:
    """It ends every session, which the account page in another tab notices at the next click."""
    other = Tab(tab.driver, f"{pages}/account")
    other.sees("Baroness")
    (undo,) = (one for one in mails.received[3:5] if one.recipients == [ADA["email"]])
    tab.go_to(link_in(undo))
    tab.fill(**{"Your old email": ADA["email"]})
    tab.press("Restore my address")
    tab.sees("Your old address is back")
    assert tab.run("return location.hash") == ""
    other.press("Change name")
    other.fill(Name="Duchess")
    other.press("Save name")
    other.sees("New here?")
    other.close()
    reset = mails.received[-1]
    assert reset.recipients == [ADA["email"]]
    tab.go_to(link_in(reset))
    choose(tab, "a fourth horse battery")
    tab.go_to(f"{pages}/sign-in")
    sign_in(tab, ADA["email"], "a fourth horse battery", "Baroness")


def choose(tab: Tab, password: str) -> None:
    tab.fill(**{"New password": password})
    tab.press("Save password")
    tab.sees("Your password is saved")


def sign_in(tab: Tab, email: str, password: str, name: str = "Countess") -> None:
    tab.fill(Email=email, Password=password)
    tab.press("Sign in")
    tab.sees(name)


PLAIN = ["sign-in", "sign-up", "forgot-password", "reset-password", "verify-email", "change-email"]
PLAIN += ["undo-email-change", "undo-deletion", "account"]


@pytest.mark.parametrize("name", ["firefox", "webkit"])
def test_without_javascript_there_is_a_plain_message(
    start: Callable[..., LiveServer], name: str
) -> None:
    server = start(mail={"verification": "optional"})
    with open_engine_without_scripts(name) as driver:
        tab = Tab(driver, new=False)
        for page in PLAIN:
            tab.go_to(f"{server.url}/auth/{page}")
            tab.sees("This page needs JavaScript.")
            tab.sees_none("form, button")
