"""What somebody does with the links and codes in mails, at any front end of `authingo init`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.generated_database import expire, forget_password, forget_proof
from tests.links import code_to, link_to
from tests.person import PASSWORD, Person, fill, is_signed_in, is_signed_out

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def signs_in_with_a_code(ada: Person, database: Path) -> None:
    mails, new = database.with_name("mail"), f"new.{ada.email}"
    page = ada.sign_up()
    confirms(ada, link_to(ada.email, "/verify-email", mails))
    page.get_by_role("button", name="Sign out").click()
    first = asks_for_a_code(page, ada.email, mails)
    page.keyboard.type("not-a-code")
    page.keyboard.press("Enter")
    page.get_by_text("is not valid").locator("visible=true").wait_for()
    page.locator("[autocomplete=one-time-code][aria-invalid=true]:focus").wait_for()
    page.get_by_role("button", name="Send another code").click()
    fill(page, Email=ada.email)
    page.keyboard.press("Enter")
    code = code_to(ada.email, mails, but=first)
    page.get_by_label("Code").and_(page.locator(":focus")).fill(code.lower())
    page.keyboard.press("Enter")
    is_signed_in(page)

    forget_password(database, ada.email)
    forget_proof(database, ada.email)
    asks_for_a_change(page, new)
    page.get_by_text("You have no password here").locator("visible=true").wait_for()
    sent = code_to(ada.email, mails, but=code)
    page.get_by_label("Code").and_(page.locator(":focus")).fill("not-a-code")
    page.keyboard.press("Enter")
    page.get_by_text("is not valid").locator("visible=true").wait_for()
    page.get_by_role("button", name="Send another code").click()
    page.get_by_role("status").filter(has_text="No mail was sent: you have had several").wait_for()
    fill(page, Code=sent)
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="to the new address").wait_for()
    assert page.get_by_label("Code").locator(":visible").count() == 0


def asks_for_a_code(page: Page, email: str, mails: Path) -> str:
    """Ask for a code to sign in, and return the one that is mailed."""
    fill(page, Email=email)
    page.get_by_role("button", name="Email me a code instead").click()
    fill(page, Email=email)
    page.get_by_role("button", name="Send me a code").click()
    page.get_by_text(f"If there is an account with {email}").wait_for()
    page.get_by_label("Code").and_(page.locator(":focus[autocomplete=one-time-code]")).wait_for()
    return code_to(email, mails)


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


def asks_for_the_link_again(ada: Person, mails: Path) -> None:
    page = ada.sign_up()
    first = link_to(ada.email, "/verify-email", mails)
    page.get_by_text(f"{ada.email} is not confirmed yet.").wait_for()
    page.get_by_role("button", name="Send the link again").click()
    page.get_by_role("status").filter(has_text="A mail is on its way.").wait_for()
    confirms(ada, link_to(ada.email, "/verify-email", mails, but=first))
    page.reload()
    is_signed_in(page)
    page.get_by_text(ada.email, exact=True).first.wait_for()
    assert page.get_by_role("button", name="Send the link again").count() == 0


def changes_the_address(ada: Person, elsewhere: Person, database: Path) -> None:
    mails, new = database.with_name("mail"), f"new.{ada.email}"
    page = ada.sign_up()
    confirms(ada, link_to(ada.email, "/verify-email", mails))
    asks_for_a_change(page, "nobody")
    page.get_by_text("This is not an email address").wait_for()
    forget_proof(database, ada.email)
    asks_for_a_change(page, new)
    proof = page.locator("form", has=page.get_by_role("button", name="Change address"))
    proof.get_by_label("Current password").fill("not the password")
    page.get_by_role("button", name="Change address").click()
    proof.get_by_text("The current password is wrong").wait_for()
    proof.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change address").click()
    page.get_by_role("status").filter(has_text="to the new address").wait_for()
    assert proof.get_by_label("Current password").locator(":visible").count() == 0

    link = link_to(new, "/change-email", mails)
    stranger = elsewhere.follow(link)
    stranger.get_by_role("button", name="Confirm new address").click()
    fill(stranger, Password="not the password")
    stranger.get_by_role("button", name="Confirm new address").click()
    stranger.get_by_text("The email or the password is wrong").wait_for()
    expire(database, ada.email)
    changed = ada.follow(link)
    expire(database, ada.email)
    changed.get_by_role("button", name="Confirm new address").click()
    changed.get_by_role("status").filter(has_text="your email address now").wait_for()
    changed.get_by_role("link", name="To the application").click()
    changed.get_by_text(new, exact=True).first.wait_for()
    fill(stranger, Password=PASSWORD)
    stranger.get_by_role("button", name="Confirm new address").click()
    stranger.get_by_text("was used, has expired, or was replaced").wait_for()

    undone = elsewhere.follow(link_to(ada.email, "/undo-email-change", mails))
    fill(undone, Your_old_email_address=new)
    undone.get_by_role("button", name="Undo the change").click()
    undone.get_by_text("This is not the address that the mail was sent to.").wait_for()
    fill(undone, Your_old_email_address=ada.email)
    undone.get_by_role("button", name="Undo the change").click()
    undone.get_by_role("status").filter(has_text="has its old address again").wait_for()
    link_to(ada.email, "/reset-password", mails)
    changed.reload()
    is_signed_out(changed)


def asks_for_an_address_that_is_taken(ada: Person, other: Person, mails: Path) -> None:
    other.sign_up()
    page = ada.sign_up()
    asks_for_a_change(page, other.email)
    page.get_by_role("status").filter(has_text="to the new address").wait_for()
    refused = ada.follow(link_to(other.email, "/change-email", mails))
    refused.get_by_role("button", name="Confirm new address").click()
    refused.get_by_role("alert").filter(has_text="already an account with this email").wait_for()
    page.reload()
    page.get_by_text(f"{ada.email} is not confirmed yet.").wait_for()


def looks_at_a_change(
    page: Page, other: Person, database: Path, look: Callable[[Page, str], None]
) -> None:
    """Go through the pages of a change, from the account of another browser on."""
    email = page.get_by_text("is not confirmed yet").inner_text().split()[0]
    new = f"new.{email}"
    asks_for_a_change(page, new)
    page.get_by_role("status").filter(has_text="to the new address").wait_for()
    forget_proof(database, email)
    asks_for_a_change(page, f"newer.{email}")
    page.get_by_text("shows that it is you").locator("visible=true").wait_for()
    look(page, "proof")
    page = other.follow(link_to(new, "/change-email", database.with_name("mail")))
    page.get_by_role("button", name="Confirm new address").click()
    page.get_by_role("textbox", name="Password", exact=True).wait_for()
    look(page, "change")
    fill(page, Password=PASSWORD)
    page.get_by_role("button", name="Confirm new address").click()
    page.get_by_role("status").filter(has_text="your email address now").wait_for()
    page = other.follow(f"{other.url}/undo-email-change#token=unknown")
    fill(page, Your_old_email_address=email)
    look(page, "undo")
    page.get_by_role("button", name="Undo the change").click()
    page.get_by_text("ask the people who run this site").wait_for()
    look(page, "undo-over")


def looks_at_a_code(ada: Person, database: Path, look: Callable[[Page, str], None]) -> None:
    """Sign in by code with an address that is not verified, and be asked for another code."""
    page = ada.sign_up()
    page.get_by_role("button", name="Sign out").click()
    code = asks_for_a_code(page, ada.email, database.with_name("mail"))
    look(page, "code")
    fill(page, Code="not-a-code")
    page.keyboard.press("Enter")
    page.locator("[aria-invalid=true]:focus").wait_for()
    look(page, "code-wrong")
    fill(page, Code=code)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()
    forget_proof(database, ada.email)
    asks_for_a_change(page, f"new.{ada.email}")
    page.get_by_text("You have no password here").locator("visible=true").wait_for()
    look(page, "code-proof")


def asks_for_a_change(page: Page, new: str) -> None:
    fill(page, New_email_address=new)
    page.get_by_role("button", name="Change address").click()


def confirms(ada: Person, link: str) -> None:
    """Follow the link to verify an address."""
    page = ada.follow(link)
    page.get_by_role("button", name="Confirm address").click()
    page.get_by_role("status").filter(has_text="is confirmed").wait_for()
    page.close()
