"""What people do with the pages, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.http.test_next_paths import ACCEPTED, REFUSED
from tests.mail.inbox import code_in, link_in, wait_for
from tests.mail.server import SMTPServer
from tests.pages.visitor import Visitor, fill, is_signed_in, sees
from tests.server import ADA, LiveServer

pytestmark = pytest.mark.browser
Start = Callable[..., LiveServer]
Visit = Callable[..., Visitor]


def test_who_signs_up_sees_the_account_and_can_leave_it(start: Start, visit: Visit) -> None:
    visitor = visit(start())
    page = visitor.sign_up()
    is_signed_in(page)
    assert page.locator("#profile-name").inner_text() == ADA["name"]
    page.get_by_role("button", name="Sign out", exact=True).click()
    sees(page, "Sign in")
    page.get_by_text("You are signed out.").wait_for()
    visitor.open("account", page)
    page.wait_for_url("**/auth/sign-in")
    page = visitor.sign_in()
    is_signed_in(page)


def test_sign_up_may_only_send_a_mail(start: Start, visit: Visit, mails: SMTPServer) -> None:
    visitor = visit(start(mail={"verification": "required"}))
    page = visitor.sign_up()
    sees(page, "Look into your mailbox")
    page.get_by_text(f"We have sent a mail to {ADA['email']}.").wait_for()
    page.goto(link_in(wait_for(mails, 1)[0]))
    page.get_by_role("button", name="Confirm email").click()
    sees(page, "Your email is confirmed")
    page.get_by_role("link", name="Continue").click()
    is_signed_in(page)
    page.locator("#email-state", has_text="Confirmed").wait_for()


def test_another_browser_verifies_with_the_password(
    start: Start, visit: Visit, mails: SMTPServer
) -> None:
    server = start(mail={"verification": "required"})
    visit(server).sign_up().get_by_text("We have sent a mail").wait_for()
    link = link_in(wait_for(mails, 1)[0])
    page = visit(server).open(link)
    assert page.locator("#proof-password-field").is_hidden()
    page.get_by_role("button", name="Confirm email").click()
    page.locator("#proof-password:focus").wait_for()
    fill(page, password="a wrong password")
    page.get_by_role("button", name="Confirm email").click()
    page.locator("#proof-password-error", has_text="is wrong").wait_for()
    fill(page, password=ADA["password"])
    page.get_by_role("button", name="Confirm email").click()
    sees(page, "Your email is confirmed")


def test_an_expired_session_is_renewed_to_verify(
    start: Start, visit: Visit, mails: SMTPServer
) -> None:
    server = start(mail={"verification": "optional"})
    visitor = visit(server)
    is_signed_in(visitor.sign_up())
    server.age_sessions(20 * 60)
    page = visitor.open(link_in(wait_for(mails, 1)[0]))
    visitor.sent.clear()
    page.get_by_role("button", name="Confirm email").click()
    sees(page, "Your email is confirmed")
    assert [one for one in visitor.sent if one.startswith("POST")] == [
        "POST /api/auth/verify-email",
        "POST /api/auth/refresh",
        "POST /api/auth/verify-email",
    ]


def test_a_forgotten_password_is_replaced(start: Start, visit: Visit, mails: SMTPServer) -> None:
    server = start()
    server.browser().sign_up()
    visitor = visit(server)
    page = visitor.open("sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    fill(page, email=ADA["email"])
    page.get_by_role("button", name="Send the link").click()
    sees(page, "Look into your mailbox")
    page.goto(link_in(wait_for(mails, 1)[0]))
    assert page.url == f"{server.url}/auth/reset-password", "the token is not in the address bar"
    fill(page, new_password="another correct horse")
    page.get_by_role("button", name="Save password").click()
    sees(page, "Your password is saved")
    page.get_by_role("link", name="Sign in").click()
    fill(page, email=ADA["email"], password="another correct horse")
    page.get_by_role("button", name="Sign in", exact=True).click()
    is_signed_in(page)


def test_a_link_that_was_used_says_so(start: Start, visit: Visit) -> None:
    visitor = visit(start())
    page = visitor.open("reset-password#token=anything")
    fill(page, new_password="another correct horse")
    page.get_by_role("button", name="Save password").click()
    sees(page, "This link does not work any more")
    page.get_by_role("link", name="Send a new link").click()
    sees(page, "Forgot your password?")
    for name in ("reset-password", "change-email"):
        sees(visitor.open(name, page), "This link does not work any more")


def test_a_mailed_code_signs_in(start: Start, visit: Visit, mails: SMTPServer) -> None:
    server = start(mail={"email_code": True})
    server.browser().sign_up()
    page = visit(server).open("sign-in")
    fill(page, email=ADA["email"])
    page.get_by_role("button", name="Send me a code by email").click()
    assert page.locator("#code-email").input_value() == ADA["email"]
    page.get_by_role("button", name="Send the code").click()
    page.get_by_text("a code is on its way").wait_for()
    code = code_in(wait_for(mails, 1)[0])
    fill(page, code="BCDF-GHJK" if code != "BCDF-GHJK" else "BCDF-GHJL")
    page.locator("#code-entry").get_by_role("button", name="Sign in").click()
    page.locator("#code-error", has_text="wrong").wait_for()
    fill(page, code=code)
    page.locator("#code-entry").get_by_role("button", name="Sign in").click()
    is_signed_in(page)


def test_errors_stand_at_their_fields(start: Start, visit: Visit) -> None:
    server = start()
    server.browser().sign_up()
    visitor = visit(server)
    page = visitor.open("sign-up")
    page.get_by_role("button", name="Create account").click()
    assert page.locator("[aria-invalid=true]").count() == 3
    assert page.locator("#name:focus").count() == 1
    fill(page, **{**ADA, "password": "short"})
    page.get_by_role("button", name="Create account").click()
    page.locator("#chosen-password-error", has_text="at least 8 characters").wait_for()
    fill(page, password=ADA["password"])
    page.keyboard.press("Enter")
    page.locator("#email-error", has_text="already an account").wait_for()
    described = page.locator("#email:focus").get_attribute("aria-describedby") or ""
    assert "email-error" in described.split()
    page = visitor.sign_in("not the password")
    page.locator("#password-error", has_text="The email or the password is wrong.").wait_for()


def test_too_many_tries_count_down(start: Start, visit: Visit) -> None:
    page = visit(start()).open("sign-in")
    button = page.locator("#password-form .main")
    for _ in range(6):
        fill(page, email="eve@example.com", password="not the password")
        with page.expect_response("**/sign-in"):
            button.click()
    page.get_by_role("alert").filter(has_text="Too many attempts. Try again in").wait_for()
    page.locator("#password-form .main[aria-disabled=true]", has_text="Wait").wait_for()


def test_a_password_can_be_shown_and_its_length_is_told(start: Start, visit: Visit) -> None:
    page = visit(start(passwords={"min_length": 10, "bcrypt_cost": 4})).open("sign-up")
    password = page.locator("#chosen-password")
    page.get_by_role("button", name="Show password").click()
    assert password.get_attribute("type") == "text"
    page.keyboard.type("nine char")
    assert page.locator("#chosen-password-hint").inner_text() == "One more character."
    page.keyboard.type("acters are more")
    assert page.locator("#chosen-password-hint").inner_text() == "A good length."
    page.get_by_role("button", name="Create account").click()
    assert password.get_attribute("type") == "password"


def test_without_a_network_the_page_says_so(start: Start, visit: Visit) -> None:
    visitor = visit(start())
    page = visitor.open("forgot-password")
    page.wait_for_load_state("networkidle")
    visitor.context.set_offline(True)
    page.get_by_text("You are offline.").wait_for()
    fill(page, email=ADA["email"])
    page.get_by_role("button", name="Send the link").click()
    page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    visitor.context.set_offline(False)
    page.get_by_text("You are offline.").wait_for(state="hidden")
    page.get_by_role("button", name="Send the link").click()
    sees(page, "Look into your mailbox")


def test_without_javascript_there_is_a_plain_message(start: Start, visit: Visit) -> None:
    page = visit(start(), java_script_enabled=False).open("sign-in")
    page.locator("noscript p:visible", has_text="This page needs JavaScript.").wait_for()
    assert page.locator("form:visible").count() == 0


def test_who_is_signed_in_goes_on_to_the_next_page(start: Start, visit: Visit) -> None:
    server = start()
    visitor = visit(server)
    page = visitor.open("sign-in?next=/shop%3Fa%3D1")
    page.get_by_role("link", name="Create an account").click()
    fill(page, **ADA)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(f"{server.url}/shop?a=1")
    visitor.open("sign-in?next=/shop", page)
    page.wait_for_url(f"{server.url}/shop")
    visitor.open("sign-in?next=//evil.example/", page)
    page.wait_for_url(f"{server.url}/auth/account")


def test_the_script_has_the_rule_for_next_that_the_server_has(start: Start, visit: Visit) -> None:
    page = visit(start()).open("sign-in")
    address = (page.locator("script").get_attribute("src") or "").replace("sign-in", "next")
    values = [*ACCEPTED, *REFUSED, "/auth", "/%61uth/sign-in"]
    answers = page.evaluate(
        "async ([at, values]) => values.map((await import(at)).safeNext)", [address, values]
    )
    followed = [value for value, path in zip(values, answers, strict=True) if path is not None]
    assert followed == ACCEPTED


def test_a_page_that_leads_back_is_not_tried_for_ever(start: Start, visit: Visit) -> None:
    """It does not see the session, or is for others: it leads to the sign-in page every time."""
    visitor = visit(start())
    is_signed_in(visitor.sign_up())
    notes = f"{visitor.server.url}/notes"
    back = "<script>location.replace('/auth/sign-in?next=/notes')</script>"
    visitor.context.route(notes, lambda route: route.fulfill(body=back, content_type="text/html"))
    page = visitor.context.new_page()
    page.goto(f"{visitor.server.url}/auth/sign-in?next=/notes", wait_until="commit")
    page.get_by_text("led back here").wait_for()
    assert visitor.sent.count("GET /notes") == 1
    page.get_by_role("link", name="Go to your account").click()
    is_signed_in(page)


def test_a_sign_in_page_of_your_own_is_no_place_to_go_to(start: Start, visit: Visit) -> None:
    page = visit(start(links={"sign_in": "/login"})).open("sign-in")
    address = (page.locator("script").get_attribute("src") or "").replace("sign-in", "next")
    assert page.evaluate(
        "async (at) => ['/login', '/%6cogin?next=/x', '/log'].map((await import(at)).safeNext)",
        address,
    ) == [None, None, "/log"]


def test_the_way_over_the_forgotten_password_keeps_where_to_go(start: Start, visit: Visit) -> None:
    visitor = visit(start())
    page = visitor.open("sign-in?next=/orders")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_role("link", name="Back to sign in").click()
    page.wait_for_url("**/auth/sign-in?next=%2Forders")
