"""`authingo users verify` and `set-email`, on both stores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from authingo import Auth
from authingo.models import User
from tests.cli.people import Office
from tests.command import Runner
from tests.mail.inbox import mail_settings, text_of
from tests.mail.server import SMTPServer

Make = Callable[..., dict[str, Any]]
PASSWORD = "correct horse battery"
EMAIL, NEW = "ada@example.com", "ada@example.net"
EVICT = ["users", "verify", EMAIL, "--evict"]
SET = ["users", "set-email", EMAIL, NEW]


@pytest.fixture
def office(authingo: Runner) -> Office:
    return Office(authingo)


@pytest.fixture
def mails(authingo: Runner) -> Iterator[SMTPServer]:
    """Mail is on."""
    with SMTPServer() as server:
        table = mail_settings(server)
        authingo.env.update(
            AUTHINGO_PUBLIC_URL="https://example.com",
            AUTHINGO_MAIL__URL=str(table["url"]),
            AUTHINGO_MAIL__FROM=str(table["from"]),
        )
        yield server


def find(office: Office, email: str) -> User:
    async def work(auth: Auth) -> User:
        return await auth.find_user(email)

    return office.run(work)


def test_verify_says_what_the_account_keeps(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    """Somebody else could have added it. A script is not asked."""
    user = make_user(EMAIL)
    session = office.sign_in(EMAIL)
    ran = authingo("users", "verify", EMAIL)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        f"verified {EMAIL} ({user['id']}); "
        "it keeps: the password, 1 session, 1 recognized browser\n"
    )
    assert office.is_signed_in(session)


def test_verify_asks_on_a_terminal_where_the_account_keeps_something(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    make_user(EMAIL)
    ran = authingo.on_terminal("users", "verify", EMAIL, answers=[("[y/N] ", "no\n")])
    assert ran.code == 1
    assert "keeps: the password" in ran.out
    assert "--evict" in ran.out
    assert not find(office, EMAIL).email_verified
    ran = authingo.on_terminal("users", "verify", EMAIL, answers=[("[y/N] ", "y\n")])
    assert ran.code == 0
    assert find(office, EMAIL).email_verified
    office.run(lambda auth: auth.create_user(email="grace@example.com"))
    nothing = authingo.on_terminal("users", "verify", "grace@example.com")
    assert (nothing.code, "keeps" in nothing.out) == (0, False)


def test_the_owner_of_an_address_gets_the_account_without_what_somebody_else_added(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    user = make_user(EMAIL, "--name", "Mallory")
    session = office.sign_in(EMAIL)
    ran = authingo(*EVICT, "--yes")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == (
        f"verified {EMAIL} ({user['id']}); "
        "removed: the name, the password, 1 session, 1 recognized browser\n"
    )
    owned = find(office, EMAIL)
    assert (owned.name, owned.email_verified) == ("ada", True)
    assert not office.is_signed_in(session)
    assert not office.opens(EMAIL, PASSWORD)
    assert office.events(user["id"]) == ["user_created", "email_verified", "user_evicted"]


def test_an_eviction_asks_and_takes_nothing_but_yes(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    make_user(EMAIL, "--name", "Mallory")
    nobody_to_ask = authingo(*EVICT)
    assert (nobody_to_ask.code, "--yes" in nobody_to_ask.err) == (2, True)
    refused = authingo.on_terminal(*EVICT, answers=[("[y/N] ", "\n")])
    assert (refused.code, "removes: the name, the password" in refused.out) == (1, True)
    assert office.opens(EMAIL, PASSWORD)
    assert find(office, EMAIL).name == "Mallory"


def test_nobody_is_evicted_twice(authingo: Runner, make_user: Make, office: Office) -> None:
    """The owner keeps what they have added since."""
    make_user(EMAIL)
    assert authingo(*EVICT, "--yes").code == 0
    new = ["set-password", EMAIL, "--password-stdin"]
    assert authingo("users", *new, stdin="another whole sentence\n").code == 0
    again = authingo(*EVICT, "--yes", "--json")
    assert (again.code, again.json["email_verified"]) == (0, True)
    assert office.opens(EMAIL, "another whole sentence")


def test_another_email_ends_sessions_and_is_not_verified(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    user = make_user(EMAIL, "--verified")
    session = office.sign_in(EMAIL)
    ran = authingo("users", "set-email", EMAIL, "ADA@example.NET", "--yes")
    assert (ran.code, ran.out) == (0, "")
    said = f"changed the email of {EMAIL} ({user['id']}) to {NEW}, and ended 1 session\n"
    assert ran.err == said
    assert not find(office, NEW).email_verified
    assert not office.is_signed_in(session)
    assert office.opens(NEW, PASSWORD)
    assert not office.opens(EMAIL, PASSWORD)
    again = authingo("users", "set-email", user["id"], NEW, "--yes")
    assert (again.code, "nothing was changed" in again.err) == (0, True)
    back = authingo("users", "set-email", NEW, EMAIL, "--verified", "--yes", "--json")
    assert (back.json["email"], back.json["email_verified"]) == (EMAIL, True)
    assert office.events(user["id"]) == ["user_created", "email_changed", "email_changed"]


def test_another_email_asks_unless_it_cannot_be_used(
    authingo: Runner, make_user: Make, office: Office
) -> None:
    make_user(EMAIL)
    make_user("grace@example.com")
    assert authingo(*SET).code == 2, "there is nobody to ask"
    refused = authingo.on_terminal(*SET, answers=[("[y/N] ", "no\n")])
    assert (refused.code, f"new email: {NEW}" in refused.out) == (1, True)
    for new, code in (("grace@example.com", "email_taken"), ("ada", "invalid_input")):
        ran = authingo("users", "set-email", EMAIL, new, "--yes", "--json")
        assert (ran.code, json.loads(ran.err)["code"]) == (1, code)
        assert "[y/N]" not in authingo.on_terminal("users", "set-email", EMAIL, new).out
    assert office.opens(EMAIL, PASSWORD)


def test_both_addresses_learn_of_a_change_and_neither_mail_names_the_other(
    authingo: Runner, make_user: Make, mails: SMTPServer
) -> None:
    make_user(EMAIL, "--name", "Mallory, call 555 now")
    assert authingo("users", "send-reset", EMAIL).code == 0
    assert authingo(*SET, "--yes").code == 0
    assert authingo("mail", "send").code == 0
    received = {to: one for one in mails.received for to in one.recipients}
    assert sorted(received) == [EMAIL, NEW], "and no link to the address that is no longer theirs"
    for one in received.values():
        assert one.message["Subject"] == "An account at Example has another address"
        said = one.message.as_string().replace(str(one.message["To"]), "", 1)
        for text in (said, text_of(one)):
            assert EMAIL not in text
            assert NEW not in text
            assert "Mallory" not in text
        assert "From: an operator" in text_of(one)
