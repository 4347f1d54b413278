"""`authingo mail`, and what doctor says of mail."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
from authingo.cli.checks.mail import examine

from authingo import Auth
from authingo.config import load
from authingo.findings import Finding
from authingo.mail.sign_ups import SignUps
from tests.command import Runner, Served
from tests.mail.inbox import link_in, mail_settings, text_of
from tests.mail.server import Fault, SMTPServer

EMAIL = "ada@example.com"
GIVEN_UP = "550 5.1.1 no such mailbox"


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def runner(authingo: Runner, mails: SMTPServer) -> Runner:
    """A runner with mail, and one user."""
    mail = mail_settings(mails)
    (authingo.directory / "authingo.toml").write_text(
        f'public_url = "https://example.com"\n[mail]\nfrom = "{mail["from"]}"\n'
    )
    (authingo.directory / "authingo.toml").chmod(0o600)
    authingo.env["AUTHINGO_MAIL__URL"] = str(mail["url"])
    asyncio.run(_with_auth(authingo, lambda auth: auth.create_user(email=EMAIL)))
    return authingo


async def _with_auth(runner: Runner, work: Callable[[Auth], Awaitable[object]]) -> None:
    file = runner.directory / "authingo.toml"
    auth = Auth(load(file if file.exists() else None, runner.env))
    await auth.open()
    await work(auth)
    await auth.close()


def ask(runner: Runner) -> None:
    """Queue a mail to Ada, where no server runs that would send it."""
    assert runner("users", "send-reset", EMAIL).code == 0


def test_mail_is_sent_from_cron_and_prints_nothing(runner: Runner, mails: SMTPServer) -> None:
    for _ in range(3):
        ask(runner)
    assert len(json.loads(runner("mail", "list", "--json").out)) == 3
    ran = runner("mail", "send")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert [one.recipients for one in mails.received] == [[EMAIL]] * 3
    assert runner("mail", "send", "--json").json == {"handled": 0}
    listed = runner("mail", "list")
    assert (listed.out, listed.err) == ("", "no mails\n")


def test_a_mail_that_failed_is_listed_and_tried_again(runner: Runner, mails: SMTPServer) -> None:
    mails.fault = Fault("RCPT", GIVEN_UP)
    ask(runner)
    assert runner("mail", "send").code == 0
    [failed] = json.loads(runner("mail", "list", "--failed", "--json").out)
    assert (failed["state"], failed["error"]) == ("failed", GIVEN_UP)
    assert runner("mail", "list", "--queued", "--json").json == []
    [row] = csv.DictReader(io.StringIO(runner("mail", "list", "--csv").out))
    assert (row["id"], row["address"], row["state"]) == (failed["id"], EMAIL, "failed")
    table = runner("mail", "list").out
    assert EMAIL in table
    assert failed["id"] in table

    mails.fault = None
    for wrong in ([], [failed["id"], "--all"]):
        assert runner("mail", "retry", *wrong).code == 2
    unknown = runner("mail", "retry", "mail_01k8k0kjeq35dddc53scrltlls", "--json")
    assert (unknown.code, json.loads(unknown.err)["code"]) == (1, "not_found")
    retried = runner("mail", "retry", failed["id"])
    assert (retried.code, retried.err) == (0, "1 mail will be tried again\n")
    assert runner("mail", "send").code == 0
    assert len(mails.received) == 1


def test_an_operator_sends_a_link_to_choose_a_password(runner: Runner, mails: SMTPServer) -> None:
    ran = runner("users", "send-reset", EMAIL)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith(f"queued a mail to {EMAIL}; ")
    assert runner("mail", "send").code == 0
    assert link_in(mails.received[0]).startswith("https://example.com/reset-password#token=")
    unknown = runner("users", "send-reset", "nobody@example.com", "--json")
    assert (unknown.code, json.loads(unknown.err)["code"]) == (1, "not_found")
    assert runner("users", "disable", EMAIL, "--yes").code == 0
    disabled = runner("users", "send-reset", EMAIL)
    assert (disabled.code, disabled.out) == (2, "")
    assert "disabled" in disabled.err
    assert runner("mail", "list", "--json").json == []


def test_a_link_is_right_if_the_address_of_the_site_ends_with_a_slash(
    runner: Runner, mails: SMTPServer
) -> None:
    ask(runner)
    assert runner("mail", "send", AUTHINGO_PUBLIC_URL="https://example.com/").code == 0
    assert link_in(mails.received[0]).startswith("https://example.com/reset-password#token=")


def test_a_server_that_is_down_is_reported_and_loses_nothing(
    runner: Runner, unused_port: int
) -> None:
    ask(runner)
    runner.env["AUTHINGO_MAIL__URL"] = f"smtp://127.0.0.1:{unused_port}"
    ran = runner("mail", "send")
    assert (ran.code, ran.out) == (1, "")
    assert "the mail server takes no mail" in ran.err
    assert len(json.loads(runner("mail", "list", "--queued", "--json").out)) == 1


def test_a_test_mail_says_that_mail_works(runner: Runner, mails: SMTPServer) -> None:
    ran = runner("mail", "test", "you@example.com")
    assert (ran.code, ran.err) == (0, "the mail server took a mail to you@example.com\n")
    assert "This is a test" in text_of(mails.received[0])
    refused = runner("mail", "test", "nobody")
    assert (refused.code, refused.err) == (1, "error: address is not an email address\n")
    mails.fault = Fault("RCPT", GIVEN_UP)
    ran = runner("mail", "test", "you@example.com")
    assert ran.code == 1
    assert f"the mail was not delivered: {GIVEN_UP}" in ran.err
    mails.fault = Fault("end", "drop")
    ran = runner("mail", "test", "you@example.com")
    assert ran.code == 1
    assert "the mail may have been delivered" in ran.err


def test_a_test_mail_into_a_directory_names_the_directory(runner: Runner) -> None:
    inbox = runner.directory / "inbox"
    runner.env["AUTHINGO_MAIL__URL"] = inbox.as_uri()
    ran = runner("mail", "test", "you@example.com")
    assert (ran.code, ran.err) == (0, f"wrote a mail to you@example.com into {inbox}\n")
    assert len(list(inbox.glob("*.eml"))) == 1


def test_people_see_what_became_of_the_mail(runner: Runner, mails: SMTPServer) -> None:
    assert runner("mail", "retry", "--all").err == "no mail has failed: nothing to try again\n"
    ask(runner)
    mails.fault = Fault("RCPT", GIVEN_UP)
    sent = runner.on_terminal("mail", "send")
    assert sent.code == 0
    assert sent.out.endswith("handled 1 mail: 0 still queued, 1 failed\r\n")
    listed = runner.on_terminal("mail", "list", "--failed", columns=80)
    assert listed.code == 0
    assert "550 5.1.1" in listed.out, "a narrow terminal has room for the reason"


def test_without_mail_the_commands_say_what_to_set(authingo: Runner) -> None:
    asyncio.run(_with_auth(authingo, lambda auth: auth.create_user(email=EMAIL)))
    for arguments in (["mail", "send"], ["mail", "test", EMAIL], ["users", "send-reset", EMAIL]):
        ran = authingo(*arguments)
        assert (ran.code, ran.out) == (1, "")
        assert "mail is off" in ran.err
        assert "set mail.url and mail.from" in ran.err


@pytest.mark.parametrize(
    ("mail", "problem"),
    [
        ({"url": "smtp://mail.example.com"}, "mail.url"),
        ({"url": "https://mail.example.com"}, "mail.url"),
        ({"url": "smtps://mail.example.com", "from": "nobody"}, "mail.from"),
        ({"url": "smtps://mail.example.com"}, "mail.from"),
        ({"url": "smtps://m.example.com", "from": "a@b.example", "colour": "red"}, "mail.colour"),
        ({"url": "smtps://m.example.com", "from": "a@b.example", "templates": "no"}, "mail.templ"),
    ],
)
def test_what_cannot_work_is_refused_at_the_start(
    bare: Runner, mail: dict[str, str], problem: str
) -> None:
    lines = [f'{key} = "{value}"' for key, value in mail.items()]
    text = "\n".join(['public_url = "https://example.com"', "[mail]", *lines])
    (bare.directory / "authingo.toml").write_text(text)
    ran = bare("migrate")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {problem}")


def test_doctor_looks_at_mail(runner: Runner, mails: SMTPServer, unused_port: int) -> None:
    def checks() -> dict[str, tuple[str, str]]:
        found = json.loads(runner("doctor", "--json").out)["checks"]
        return {one["name"]: (one["status"], one["message"]) for one in found}

    assert {name: checks()[name][0] for name in ("mail_server", "mail_queue", "mail_failed")} == {
        "mail_server": "ok",
        "mail_queue": "ok",
        "mail_failed": "ok",
    }
    assert mails.received == []
    mails.fault = Fault("RCPT", GIVEN_UP)
    ask(runner)
    assert runner("mail", "send").code == 0
    assert checks()["mail_failed"] == ("warn", "1 mail has failed in the last 30 days")
    runner.env["AUTHINGO_MAIL__URL"] = f"smtp://user:hunter2hunter2@127.0.0.1:{unused_port}"
    status, message = checks()["mail_server"]
    assert status == "fail"
    assert "hunter2" not in message


def test_doctor_says_what_a_mail_waits_for(
    runner: Runner, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authingo.cli.checks.mail._LONG", timedelta(0))
    ask(runner)
    waiting = _finding(runner, "mail_queue")
    assert waiting.message == "a mail has waited for 0 minutes"
    assert "authingo mail send" in str(waiting.hint)
    mails.fault = Fault("RCPT", "450 4.7.1 Greylisted")
    assert runner("mail", "send").code == 0
    put_off = _finding(runner, "mail_queue")
    assert put_off.message == "a mail has waited for 0 minutes: 450 4.7.1 Greylisted"
    assert "authingo mail list" in str(put_off.hint)


def _finding(runner: Runner, name: str) -> Finding:
    async def look() -> Finding:
        auth = Auth(load(runner.directory / "authingo.toml", runner.env))
        found: list[Finding] = await examine(auth.store, auth.settings)
        await auth.store.close()
        return next(one for one in found if one.name == name)

    return asyncio.run(look())


def test_a_development_server_says_where_mail_goes(runner: Runner, mails: SMTPServer) -> None:
    runner.env["AUTHINGO_MAIL__URL"] = mails.url("user:hunter2hunter2")
    server = Served(runner)
    server.end()
    assert f", mail to {mails.url()}\n" in server.said
    assert "hunter2" not in server.said


def test_the_address_of_the_mail_server_may_be_in_a_file(runner: Runner, mails: SMTPServer) -> None:
    file = runner.directory / "mail_url"
    file.write_text(runner.env.pop("AUTHINGO_MAIL__URL") + "\n")
    file.chmod(0o600)
    assert runner("mail", "test", EMAIL, AUTHINGO_MAIL__URL_FILE=str(file)).code == 0
    assert len(mails.received) == 1


def test_doctor_says_that_mails_to_strangers_were_held_back(runner: Runner) -> None:
    runner.env["AUTHINGO_MAIL__VERIFICATION"] = "required"
    runner.env["AUTHINGO_MAIL__TO_STRANGERS_PER_HOUR"] = "1"

    async def sign_up() -> None:
        auth = Auth(load(runner.directory / "authingo.toml", runner.env))
        await auth.open()
        for number in range(2):
            await auth.capability(SignUps).request(
                email=f"{number}@example.com", password="correct horse battery", name="Ada"
            )
        await auth.close()

    assert _finding(runner, "mail_to_strangers").status == "ok"
    asyncio.run(sign_up())
    assert runner("mail", "send").code == 0
    held_back = _finding(runner, "mail_to_strangers")
    assert held_back.status == "warn"
    assert "mail.to_strangers_per_hour" in str(held_back.hint)
