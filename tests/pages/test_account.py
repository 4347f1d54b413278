"""The account page in a real browser: everything on it, and what it does without a session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.mail.inbox import link_in, wait_for
from tests.mail.server import SMTPServer
from tests.pages.visitor import Visitor, fill, is_signed_in, say_no, sees
from tests.server import ADA, LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
Start = Callable[..., LiveServer]
Visit = Callable[..., Visitor]
NEW = "new@example.com"


def test_who_is_not_signed_in_is_sent_to_sign_in(start: Start, visit: Visit) -> None:
    page = visit(start()).open("account")
    page.wait_for_url("**/auth/sign-in")
    sees(page, "Sign in")
    assert page.locator("#flash").is_hidden(), "nobody was signed in before"


def test_the_name_is_changed(start: Start, visit: Visit) -> None:
    server = start()
    visitor = visit(server)
    page = visitor.sign_up()
    is_signed_in(page)
    other = visitor.open("account")
    is_signed_in(other)
    page.get_by_role("button", name="Change name").click()
    assert page.locator("#new-name:focus").input_value() == ADA["name"]
    fill(page, name="  ")
    page.get_by_role("button", name="Save name").click()
    page.locator("#new-name-error", has_text="This is needed.").wait_for()
    fill(page, name="<b>Countess</b>")
    page.get_by_role("button", name="Save name").click()
    page.get_by_text("Your name is changed.").wait_for()
    assert page.locator("#profile-name").inner_text() == "<b>Countess</b>"
    assert page.locator("#new-name").is_hidden()
    other.locator("#profile-name", has_text="Countess").wait_for()


def test_the_password_is_changed(start: Start, visit: Visit) -> None:
    server = start()
    other = server.browser()
    page = visit(server).sign_up()
    is_signed_in(page)
    other.sign_in()
    page.get_by_role("button", name="Change password").click()
    assert page.locator("#current-password:focus").count() == 1
    fill(page, current_password="not the password", new_password="another correct horse")
    page.get_by_role("button", name="Save password").click()
    page.locator("#current-password-error", has_text="The password is wrong.").wait_for()
    fill(page, current_password=ADA["password"])
    page.get_by_role("button", name="Save password").click()
    page.get_by_text("Your password is changed.").wait_for()
    assert page.locator("#current-password").is_hidden()
    assert other.get("/session").code == "no_session"
    assert server.browser().sign_in(password="another correct horse").status == 200


def ask_for_change(page: Page) -> None:
    page.get_by_role("button", name="Change email").click()
    fill(page, new_email=NEW)
    page.get_by_role("button", name="Send a link to the new address").click()


def test_the_address_is_changed_after_a_proof_and_changed_back(
    start: Start, visit: Visit, mails: SMTPServer
) -> None:
    server = start(mail={"verification": "optional"})
    visitor = visit(server)
    page = visitor.sign_up()
    is_signed_in(page)
    page.goto(link_in(wait_for(mails, 1)[0]))
    page.get_by_role("button", name="Confirm email").click()
    page.get_by_role("link", name="Continue").click()
    is_signed_in(page)
    server.age_sessions(11 * 60)
    ask_for_change(page)
    dialog = page.locator("#recent[open]")
    dialog.locator("#recent-password-input:focus").wait_for()
    say_no(page)
    assert page.locator("#email-form .whole").is_hidden(), "nothing went wrong"
    page.get_by_role("button", name="Send a link to the new address").click()
    dialog.locator("#recent-password-input").fill("not the password")
    dialog.get_by_role("button", name="Go on").click()
    dialog.locator(".error", has_text="The password is wrong.").wait_for()
    dialog.locator("#recent-password-input").fill(ADA["password"])
    dialog.get_by_role("button", name="Go on").click()
    page.get_by_text(f"A mail is on its way to {NEW}.").wait_for()
    page.goto(link_in(wait_for(mails, 2)[1]))
    page.get_by_role("button", name="Change email").click()
    sees(page, "Your email is changed")
    page.get_by_text(f"Your account has the address {NEW} now.").wait_for()
    undo = next(link_in(one) for one in wait_for(mails, 4)[2:] if one.recipients == [ADA["email"]])
    page.goto(undo)
    fill(page, email="somebody@example.com")
    page.get_by_role("button", name="Restore my address").click()
    page.locator(
        "#old-email-error", has_text="not the address that the mail was sent to"
    ).wait_for()
    fill(page, email=ADA["email"])
    page.get_by_role("button", name="Restore my address").click()
    sees(page, "Your old address is back")
    visitor.open("account", page)
    page.wait_for_url("**/auth/sign-in")


def test_a_change_that_waits_stays_on_the_page_until_it_is_over(
    start: Start, visit: Visit, mails: SMTPServer
) -> None:
    page = visit(start()).sign_up()
    is_signed_in(page)
    waiting = page.locator("#email-waiting")
    assert waiting.is_hidden()
    ask_for_change(page)
    waiting.get_by_text(f"Your address changes to {NEW} when you open the link").wait_for()
    page.reload()
    waiting.get_by_text("You asked for that just now").wait_for()
    wait_for(mails, 1)
    page.get_by_role("button", name="Send it again").click()
    page.get_by_text(f"A mail is on its way to {NEW}.").wait_for()
    link = link_in(wait_for(mails, 2)[1])
    page.get_by_role("button", name="Cancel the change").click()
    page.get_by_text("The change is cancelled. Your address stays.").wait_for()
    waiting.wait_for(state="hidden")
    assert page.locator("#email-title:focus").count() == 1
    page.goto(link)
    page.get_by_role("button", name="Change email").click()
    sees(page, "This link does not work any more")


def test_an_address_is_verified_from_the_account(
    start: Start, visit: Visit, mails: SMTPServer
) -> None:
    page = visit(start(mail={"verification": "optional"})).sign_up()
    is_signed_in(page)
    page.locator("#email-state", has_text="Not confirmed").wait_for()
    page.get_by_role("button", name="Send a link to confirm it").click()
    page.get_by_text(f"A mail is on its way to {ADA['email']}.").wait_for()
    page.goto(link_in(wait_for(mails, 2)[1]))
    page.get_by_role("button", name="Confirm email").click()
    page.get_by_role("link", name="Continue").click()
    page.locator("#email-state", has_text="Confirmed").wait_for()
    assert page.locator("#email-verify").is_hidden()


def test_sessions_are_listed_and_ended(start: Start, visit: Visit) -> None:
    server = start()
    visitor = visit(server)
    page = visitor.sign_up()
    is_signed_in(page)
    page.get_by_text("You are signed in nowhere else.").wait_for()
    others = [server.browser() for _ in range(3)]
    for other in others:
        other.sign_in()
    page.reload()
    is_signed_in(page)
    rows = page.locator("#sessions-list li")
    assert rows.count() == 4
    assert rows.filter(has_text="This device").count() == 1
    rows.get_by_role("button").first.click()
    page.get_by_text("Signed out there.").wait_for()
    rows.nth(3).wait_for(state="detached")
    assert page.locator("#sessions-title:focus").count() == 1
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.get_by_text("Signed out everywhere else.").wait_for()
    page.get_by_text("You are signed in nowhere else.").wait_for()
    assert {other.get("/session").code for other in others} == {"no_session"}


def test_a_session_that_was_ended_elsewhere_is_noticed(start: Start, visit: Visit) -> None:
    server = start()
    visitor = visit(server)
    page = visitor.sign_up()
    is_signed_in(page)
    other = server.browser()
    other.sign_in()
    assert other.request("DELETE", "/sessions").json == {"revoked": 1}
    page.get_by_role("button", name="Change password").click()
    fill(page, current_password=ADA["password"], new_password="another correct horse")
    page.get_by_role("button", name="Save password").click()
    page.wait_for_url("**/auth/sign-in")
    sees(page, "Sign in")


def test_signing_out_in_one_tab_leaves_the_account_in_all(start: Start, visit: Visit) -> None:
    visitor = visit(start())
    first = visitor.sign_up()
    is_signed_in(first)
    second = visitor.open("account")
    is_signed_in(second)
    second.get_by_role("button", name="Sign out", exact=True).first.click()
    second.wait_for_url("**/auth/sign-in")
    first.wait_for_url("**/auth/sign-in")


def test_the_back_button_finds_no_account_after_signing_out(start: Start, visit: Visit) -> None:
    visitor = visit(start())
    page = visitor.sign_up()
    is_signed_in(page)
    visitor.open("forgot-password", page)
    other = visitor.open("account")
    is_signed_in(other)
    other.get_by_role("button", name="Sign out", exact=True).first.click()
    other.wait_for_url("**/auth/sign-in")
    page.go_back()
    page.wait_for_url("**/auth/sign-in")
    sees(page, "Sign in")


def test_an_expired_session_is_renewed_before_anything_is_shown(start: Start, visit: Visit) -> None:
    server = start()
    visitor = visit(server)
    is_signed_in(visitor.sign_up())
    server.age_sessions(20 * 60)
    is_signed_in(visitor.open("account"))


def test_without_a_server_the_account_says_so_and_tries_again(start: Start, visit: Visit) -> None:
    visitor = visit(start())
    page = visitor.sign_up()
    is_signed_in(page)
    page.route("**/api/auth/session", lambda route: route.abort())
    page.reload()
    sees(page, "The account cannot be shown")
    page.get_by_text("The server cannot be reached.").wait_for()
    page.unroute("**/api/auth/session")
    page.get_by_role("button", name="Try again").click()
    is_signed_in(page)


def test_everything_can_be_done_with_the_keyboard(start: Start, visit: Visit) -> None:
    """Sign up, change the password and sign out, with Tab, Enter and typing alone."""
    page = visit(start()).open("sign-up")

    def go_to(selector: str) -> None:
        for _ in range(40):
            if page.locator(f"{selector}:focus").count():
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"no way to {selector}")

    for selector, text in {
        "#name": ADA["name"], "#email": ADA["email"], "#chosen-password": ADA["password"],
    }.items():  # fmt: skip
        go_to(selector)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    is_signed_in(page)
    go_to("[data-open=change-password-form]")
    page.keyboard.press("Enter")
    go_to("#current-password")
    page.keyboard.type(ADA["password"])
    go_to("#new-password")
    page.keyboard.type("another correct horse")
    page.keyboard.press("Enter")
    page.get_by_text("Your password is changed.").wait_for()
    assert page.locator("#password-title:focus").count() == 1
    page.keyboard.press("Shift+Tab")
    go_to("#panel-password [data-open]")
    page.reload()
    is_signed_in(page)
    go_to("#sign-out")
    page.keyboard.press("Enter")
    sees(page, "Sign in")
