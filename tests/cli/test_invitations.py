"""`authingo users create --invite`: the user chooses the first password, by a link."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.command import Runner
from tests.database import execute
from tests.mail.inbox import link_in, mail_settings, text_of, token_in, wait_for
from tests.mail.server import SMTPServer
from tests.server import LiveServer

EMAIL, CHOSEN = "ada@example.com", "a whole new sentence"
INVITE = ["users", "create", EMAIL, "--name", "Countess", "--invite"]
SUBJECT = "An account for you at Example"


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def runner(authingo: Runner, mails: SMTPServer) -> Runner:
    """A runner with mail."""
    table = mail_settings(mails)
    authingo.env.update(
        AUTHINGO_PUBLIC_URL="https://example.com",
        AUTHINGO_MAIL__URL=str(table["url"]),
        AUTHINGO_MAIL__FROM=str(table["from"]),
    )
    return authingo


@pytest.fixture
def server(mails: SMTPServer, serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(mail=mail_settings(mails))


def test_somebody_who_was_invited_chooses_a_password_and_gets_in(
    runner: Runner, server: LiveServer, mails: SMTPServer
) -> None:
    """With the name that the operator gave them. Nobody else was in the account."""
    ran = runner(*INVITE)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith(f"created {EMAIL} (usr_")
    assert f"and queued a mail to {EMAIL}; a server delivers it" in ran.err
    (mail,) = wait_for(mails, 1)
    assert (mail.recipients, mail.message["Subject"]) == ([EMAIL], SUBJECT)
    assert "7 days" in text_of(mail)
    assert "Countess" not in mail.message.as_string()
    browser = server.browser()
    assert browser.sign_in(email=EMAIL).code == "invalid_credentials"
    body = {"token": token_in(mail), "new_password": CHOSEN}
    assert browser.post("/reset-password", body).json == {"success": True}
    signed_in = browser.sign_in(email=EMAIL, password=CHOSEN).json["user"]
    assert (signed_in["name"], signed_in["email_verified"]) == ("Countess", True)
    assert browser.post("/reset-password", body).code == "invalid_token"
    events = runner("events", "list", "--user", EMAIL, "--json").json
    assert "user_evicted" not in {one["event"] for one in events}


def test_another_invitation_is_sent_until_there_is_a_password(
    runner: Runner, mails: SMTPServer
) -> None:
    """What is sent too late is not sent at all."""
    assert runner(*INVITE).code == 0
    assert runner("users", "send-reset", EMAIL).code == 0
    assert runner("mail", "send").code == 0
    assert [one.message["Subject"] for one in mails.received] == [SUBJECT] * 2
    assert runner("users", "send-reset", EMAIL).code == 0
    stdin = CHOSEN + "\n"
    assert runner("users", "set-password", EMAIL, "--password-stdin", stdin=stdin).code == 0
    assert runner("users", "send-reset", EMAIL).code == 0
    assert runner("mail", "send").code == 0
    later = [one.message["Subject"] for one in mails.received[2:]]
    assert sorted(later) == [
        "Choose a new password for Example",
        "Your password for Example was changed",
    ]


def test_the_link_of_an_invitation_works_for_a_week(runner: Runner, mails: SMTPServer) -> None:
    assert runner(*INVITE).code == 0
    assert runner("mail", "send").code == 0
    assert link_in(mails.received[0]).startswith("https://example.com/reset-password#token=")
    url = runner.env["AUTHINGO_DATABASE_URL"]
    week = {
        "postgresql": "expires_at - now() > interval '6 days 23 hours'",
        "sqlite": "expires_at / 1e6 - unixepoch() > 6 * 86400 + 82800",
    }[url.partition(":")[0]]
    assert execute(url, f"SELECT count(*) FROM authingo_secrets WHERE {week}") == [(2,)]


def test_nothing_is_written_where_no_invitation_can_be_sent(authingo: Runner) -> None:
    ran = authingo(*INVITE, "--json")
    error = json.loads(ran.err)
    assert (ran.code, error["message"]) == (1, "mail is off")
    assert "mail.url" in error["hint"]
    assert authingo("users", "list", "--json").json == []


def test_an_invitation_is_not_for_who_is_there_or_gets_a_password(runner: Runner) -> None:
    for option in ("--password-stdin", "--generate-password"):
        ran = runner(*INVITE, option, stdin="correct horse battery\n")
        assert (ran.code, "the user chooses the password" in ran.err) == (2, True)
    assert runner("users", "create", EMAIL, "--generate-password").code == 0
    taken = runner(*INVITE, "--json")
    assert (taken.code, json.loads(taken.err)["code"]) == (1, "email_taken")
    again = runner(*INVITE, "--if-missing")
    assert (again.code, "exists already: nothing was changed" in again.err) == (0, True)
    assert runner("mail", "list", "--json").json == []
