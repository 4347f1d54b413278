"""The queue is delivered, whatever the mail server does, and no request waits for it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from authingo.mail import messages, sending
from tests.database import execute
from tests.mail.inbox import mail_settings, text_of, token_in, wait_for
from tests.mail.server import Fault, SMTPServer
from tests.program import free_port
from tests.server import ADA, LiveServer
from tests.waiting import until

Serve = Callable[..., LiveServer]


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def serve(mails: SMTPServer, serve: Serve) -> Serve:
    """Start servers that end before the mail server does."""
    return serve


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once, so that no test waits for minutes."""
    monkeypatch.setattr(sending, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(sending, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(sending, "_LONGEST_PAUSE", 0.1)


def ask(server: LiveServer, email: str = ADA["email"]) -> None:
    answer = server.browser().post("/reset-password/request", {"email": email})
    assert (answer.status, answer.json) == (200, {"sent": True})


def rows(server: LiveServer, columns: str) -> list[tuple[object, ...]]:
    return execute(server.database_url, f"SELECT {columns} FROM authingo_mails")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "fault",
    [
        Fault("greeting", "421 4.3.2 not now"),
        Fault("greeting", "drop"),
        Fault("EHLO", "drop"),
        Fault("MAIL", "451 4.3.0 later"),
        Fault("RCPT", "450 4.2.1 busy"),
        Fault("DATA", "drop"),
        Fault("end", "451 4.3.0 later"),
    ],
    ids=lambda fault: f"{fault.at} {fault.how[:4]}",
)
def test_a_mail_arrives_once_after_the_server_has_recovered(
    serve: Serve, mails: SMTPServer, fault: Fault
) -> None:
    """With a link that works: the token of a try that surely failed is replaced."""
    server = serve(mail=mail_settings(mails))
    browser = server.browser()
    browser.sign_up()
    mails.fault = fault
    ask(server)
    until(lambda: [one for (one,) in rows(server, "error") if one], "no try has failed yet")
    mails.fault = None
    (mail,) = wait_for(mails, 1)
    until(lambda: not rows(server, "id"), "the mail is still queued")
    assert len(mails.received) == 1
    new = {"token": token_in(mail), "new_password": "a whole new sentence"}
    assert browser.post("/reset-password", new).status == 200


@pytest.mark.usefixtures("impatient")
def test_a_mail_that_was_perhaps_delivered_is_tried_three_times_with_links_that_all_work(
    serve: Serve, mails: SMTPServer
) -> None:
    """The server took it and did not say so: which of the copies somebody opens is not known."""
    server = serve(mail=mail_settings(mails))
    server.browser().sign_up()
    mails.fault = Fault("end", "drop")
    ask(server)
    until(lambda: not rows(server, "id"), "it is still tried")
    assert sum(one.startswith("DATA") for one in mails.commands) == 3
    [(tokens,)] = execute(
        server.database_url, "SELECT count(*) FROM authingo_secrets WHERE matter IS NOT NULL"
    )
    assert tokens == 3


@pytest.mark.usefixtures("impatient")
def test_a_mail_that_took_too_long_to_write_is_not_sent_in_that_try(
    serve: Serve, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server could take it before it is delivered. The link that was drawn ends."""
    server = serve(mail=mail_settings(mails))
    server.browser().sign_up()
    seconds = itertools.count(step=31)
    with monkeypatch.context() as slow:
        slow.setattr(sending, "clock", SimpleNamespace(now=lambda: next(seconds)))
        ask(server)
        until(lambda: [one for (one,) in rows(server, "error") if one], "no try has ended yet")
        assert mails.received == []
        links = "SELECT count(*) FROM authingo_secrets WHERE purpose = 'reset_password'"
        until(lambda: execute(server.database_url, links) == [(0,)], "its link is still good")
    wait_for(mails, 1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("at", ["RCPT", "end"])
def test_a_mail_that_is_refused_for_good_has_failed_and_stops_no_other(
    serve: Serve, mails: SMTPServer, caplog: pytest.LogCaptureFixture, at: str
) -> None:
    """The log says so, without the address, which mail servers repeat."""
    server = serve(mail=mail_settings(mails))
    server.browser().sign_up()
    refusal = f"550 5.1.1 <{ADA['email']}> no such mailbox"
    mails.fault = Fault("RCPT" if at == "RCPT" else "end", refusal)
    ask(server)
    until(lambda: [one for (one,) in rows(server, "failed_at") if one], "it has not failed")
    mails.fault = None
    server.browser().sign_up(email="grace@example.com")
    ask(server, "grace@example.com")
    (mail,) = wait_for(mails, 1)
    assert mail.recipients == ["grace@example.com"]
    [(failed, error)] = [one for one in rows(server, "id, error") if one[1]]
    assert str(error).startswith("550")
    logged = [one.getMessage() for one in caplog.records if one.name == "authingo"]
    assert [str(failed) in one for one in logged] == [True]
    assert "ada" not in logged[0]
    names = execute(server.database_url, "SELECT name FROM authingo_events")
    assert ("mail_failed",) in names


def down(port: int | None = None) -> dict[str, object]:
    """Return the table [mail] for a port that nobody listens on."""
    url = f"smtp://127.0.0.1:{port or free_port()}"
    return {"url": url, "from": "a@example.com", "verification": "off"}


@pytest.mark.usefixtures("impatient")
def test_no_request_waits_for_a_mail_server_that_is_down(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the backlog goes out when it is up again, at once and not after growing waits."""
    port = free_port()
    server = serve(mail=down(port))
    emails = [f"user{number}@example.com" for number in range(12)]
    for email in emails:
        server.browser().sign_up(email=email)
        ask(server, email)
    until(lambda: [one for (one,) in rows(server, "error") if one], "nothing was tried")
    assert len(rows(server, "id")) == len(emails)
    monkeypatch.setattr(sending, "_FIRST_WAIT", 3600.0)  # whoever is put off would come too late
    with SMTPServer(port=port) as mails:
        received = wait_for(mails, len(emails))
    assert sorted(one.recipients[0] for one in received) == sorted(emails)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("changed", [False, True])
def test_a_link_works_for_an_hour_from_its_delivery_however_late_that_is(
    serve: Serve, mails: SMTPServer, changed: bool
) -> None:
    """And nobody gets one who has changed the password while the server took no mail."""
    server = serve(mail=mail_settings(mails))
    browser = server.browser()
    browser.sign_up()
    mails.fault = Fault("EHLO", "drop")
    ask(server)
    until(lambda: [one for (one,) in rows(server, "error") if one], "nothing was tried")
    # Not that of a try that has not drawn its token yet: it would be taken for no longer due.
    execute(
        server.database_url,
        "UPDATE authingo_secrets SET expires_at = created_at WHERE purpose = 'reset_password'"
        " AND (matter IS NOT NULL OR digest IN (SELECT matter FROM authingo_secrets))",
    )
    if changed:
        new = {"current_password": ADA["password"], "new_password": "a whole new sentence"}
        assert browser.post("/change-password", new).status == 200
    # The try that is on its way may have drawn its token before; the next one has not.
    tried = len(mails.commands)
    until(lambda: len(mails.commands) >= tried + 2, "not tried again")
    mails.fault = None
    (mail,) = wait_for(mails, 1)
    until(lambda: not rows(server, "id"), "the mail is still queued")
    assert len(mails.received) == 1
    if changed:
        assert "was changed" in str(mail.message["Subject"])
    else:
        new = {"token": token_in(mail), "new_password": "a whole new sentence"}
        assert browser.post("/reset-password", new).status == 200


@pytest.mark.usefixtures("impatient")
def test_requests_for_unknown_addresses_do_not_make_it_ask_a_server_that_is_down(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor log again that it is down: nothing of theirs is sent to it."""
    server = serve(mail=down())
    server.browser().sign_up()
    ask(server)
    until(lambda: "waits in the queue" in caplog.text, "nothing was tried")
    for number in range(5):
        ask(server, f"unknown{number}@example.com")
        until(lambda: len(rows(server, "id")) == 1, "it is still queued")
    [tries] = [one for (one,) in rows(server, "tries")]
    until(lambda tries=tries: rows(server, "tries")[0][0] != tries, "not tried again")  # type: ignore[misc]
    assert caplog.text.count("waits in the queue") == 1


def test_a_mail_that_is_too_old_has_failed(serve: Serve, mails: SMTPServer) -> None:
    server = serve(mail=down())
    server.browser().sign_up()
    ask(server)
    until(lambda: [one for (one,) in rows(server, "error") if one], "nothing was tried")
    server.stop()
    past = "created_at" if "sqlite" in server.database_url else "now()"
    execute(server.database_url, f"UPDATE authingo_mails SET deadline = {past}")
    later = serve(mail=mail_settings(mails))
    until(lambda: [one for (one,) in rows(later, "failed_at") if one], "it has not failed")
    assert mails.received == []


def test_a_mail_that_nobody_gets_is_written_all_the_same(
    serve: Serve, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise other requests would wait a little longer if there is such an account."""
    written = []

    def compose(*arguments: Any, **named: Any) -> EmailMessage:
        written.append(arguments[0].subject)
        return messages.compose(*arguments, **named)

    monkeypatch.setattr(sending, "compose", compose)
    server = serve(mail=mail_settings(mails))
    ask(server, "unknown@example.com")
    until(lambda: written and not rows(server, "id"), "it is still queued, or was not written")
    server.browser().sign_up()
    ask(server)
    (mail,) = wait_for(mails, 1)
    assert mail.recipients == [ADA["email"]]
    assert len(written) == 2
    assert len(set(written)) == 1


def test_the_clock_of_a_server_makes_no_mail_too_old(
    serve: Serve, mails: SMTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database judges it, as it judges every deadline."""
    server = serve(mail=mail_settings(mails))
    server.browser().sign_up()
    later = datetime.now(UTC) + timedelta(days=1)
    ahead = SimpleNamespace(now=lambda _: later)
    monkeypatch.setattr(sending, "datetime", ahead, raising=False)
    ask(server)
    wait_for(mails, 1)


def test_your_own_texts_are_used_and_a_broken_one_stops_nothing(
    serve: Serve, mails: SMTPServer, tmp_path: Path
) -> None:
    texts = tmp_path / "texts"
    (texts / "de").mkdir(parents=True)
    (texts / "de/reset_password.txt").write_text("Neues Passwort für $app\n\nHier: $link\n")
    server = serve(mail=mail_settings(mails, templates=str(texts)))
    browser = server.browser()
    browser.sign_up()
    german = {"Accept-Language": "de-AT, en;q=0.5"}
    browser.post("/reset-password/request", {"email": ADA["email"]}, headers=german)
    (mail,) = wait_for(mails, 1)
    assert mail.message["Subject"] == "Neues Passwort für Example"
    assert "Hier: http" in text_of(mail)
    (texts / "de/reset_password.txt").write_text("Kaputt\n\n$nobody\n")
    browser.post("/reset-password/request", {"email": ADA["email"]}, headers=german)
    until(lambda: [one for (one,) in rows(server, "error") if one], "nothing was tried")
    browser.post("/reset-password/request", {"email": ADA["email"]})
    assert wait_for(mails, 2)[1].message["Subject"] == "Choose a new password for Example"


@pytest.mark.usefixtures("impatient")
def test_several_servers_send_each_mail_once(serve: Serve, mails: SMTPServer) -> None:
    servers = [serve(mail=mail_settings(mails)) for _ in range(3)]
    emails = [f"user{number}@example.com" for number in range(20)]
    for number, email in enumerate(emails):
        servers[number % 3].browser().sign_up(email=email)
        ask(servers[number % 3], email)
    until(lambda: not rows(servers[0], "id"), "the queue is not empty")
    assert sorted(one.recipients[0] for one in mails.received) == sorted(emails)
