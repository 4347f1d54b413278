"""What somebody does with the links in mails, at any front end of `authingo init`."""

from __future__ import annotations

from pathlib import Path

from tests.links import link_to
from tests.person import PASSWORD, Person, fill, is_signed_in

NEW = "a whole new sentence"


def forgets_the_password(ada: Person, mails: Path) -> None:
    page = ada.sign_up()
    page.get_by_role("button", name="Sign out").click()
    ada.ask_for_link(page)
    page.get_by_role("status").filter(has_text="a mail").wait_for()
    link = link_to(ada.email, "/reset-password", mails)
    page = ada.follow(link)
    ada.context.set_offline(True)
    fill(page, New_password=NEW)
    page.get_by_role("button", name="Save password").click()
    page.get_by_role("alert").filter(has_text="No connection").or_(
        page.get_by_role("alert").filter(has_text="cannot be reached")
    ).wait_for()
    ada.context.set_offline(False)
    fill(page, New_password="short")
    page.get_by_role("button", name="Save password").click()
    page.get_by_text("This must have at least 8 characters.").wait_for()
    fill(page, New_password=NEW)
    page.get_by_role("button", name="Save password").click()
    page.get_by_role("status").filter(has_text="Your password is saved").wait_for()
    page.get_by_role("link", name="To the application").click()
    fill(page, Email=ada.email, Password=NEW)
    page.get_by_role("button", name="Sign in").click()
    # Not as Ada: nobody had proved the address, so the name may have been a stranger's.
    page.get_by_role("heading", name="Hello, ").wait_for()
    used = ada.follow(link)
    fill(used, New_password="yet another sentence")
    used.get_by_role("button", name="Save password").click()
    used.get_by_text("was used, has expired, or was replaced").wait_for()
    another = used.get_by_role("button", name="Send me another link")
    if another.count():
        another.click()
    fill(used, Email=ada.email)
    used.get_by_role("button", name="Send me a link").click()
    used.get_by_role("status").filter(has_text="a mail").wait_for()


def opens_the_page_of_a_link_without_one(ada: Person) -> None:
    page = ada.follow(f"{ada.url}/reset-password")
    page.get_by_text("The link is not complete.").wait_for()
    assert page.get_by_role("button", name="Save password").count() == 0


def verifies_the_address(ada: Person, elsewhere: Person, mails: Path) -> None:
    ada.sign_up()
    link = link_to(ada.email, "/verify-email", mails)
    stranger = elsewhere.follow(link)
    stranger.get_by_role("button", name="Confirm address").click()
    fill(stranger, Password="not the password")
    stranger.get_by_role("button", name="Confirm address").click()
    stranger.get_by_text("The email or the password is wrong").wait_for()
    page = ada.follow(link)
    page.get_by_role("button", name="Confirm address").click()
    page.get_by_role("status").filter(has_text="is confirmed").wait_for()
    fill(stranger, Password=PASSWORD)
    stranger.get_by_role("button", name="Confirm address").click()
    stranger.get_by_text("was used, has expired, or was replaced").wait_for()
    page.get_by_role("link", name="To the application").click()
    is_signed_in(page)
