"""Mail goes to a real server, and every fault of it is understood."""

from __future__ import annotations

import asyncio
import logging
import socket
from base64 import b64encode
from email.message import EmailMessage

import pytest

from authingo.mail import smtp
from authingo.mail.delivery import MaybeDelivered, NotDelivered, check_server, deliver
from authingo.mail.servers import read_mail_url
from tests.mail.server import Fault, SMTPServer
from tests.tls import Certificates

pytestmark = pytest.mark.anyio

TOKEN = "4f8Jq2dJc0oXn1vT5yZb7w9A3kR6mE8uI0pLsGhNtQy"
PASSWORD = "hunter2 säkret"
ENCODED = "hunter2%20s%C3%A4kret"


def mail(text: str = "Hello\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "app@example.com", "ada@example.com"
    message["Subject"], message["Message-ID"] = "Hello", "<mail_1@example.com>"
    message.set_content(text)
    return message


async def send(
    server: SMTPServer,
    *,
    credentials: str = "",
    host: str = "127.0.0.1",
    url: str = "",
    message: EmailMessage | None = None,
    sender: str = "Acme <app@example.com>",
    recipient: str = "ada@example.com",
) -> None:
    to = read_mail_url(url or server.url(credentials, host))
    await deliver(to, message or mail(), sender=sender, recipient=recipient)


async def refused(server: SMTPServer, **options: str) -> NotDelivered:
    with pytest.raises(NotDelivered) as error:
        await send(server, **options)  # type: ignore[arg-type]
    assert not server.received
    if server.commands:
        assert error.value.__context__ is None, "a log would have the server's own words"
    return error.value


async def test_a_mail_arrives() -> None:
    with SMTPServer() as server:
        await send(server)
    (received,) = server.received
    assert (received.sender, received.recipients) == ("app@example.com", ["ada@example.com"])
    assert received.message["Subject"] == "Hello"
    assert received.message.get_content().splitlines() == ["Hello"]
    assert "EHLO example.com" in server.commands, "not the name of this machine"
    assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_a_mail_arrives_over_tls_with_a_password(
    tls: str, certificates: Certificates
) -> None:
    with SMTPServer(
        tls=tls,  # type: ignore[arg-type]
        certificates=certificates,
        credentials=("ada@example.com", PASSWORD),
    ) as server:
        await send(server, credentials=f"ada@example.com:{ENCODED}")
    assert [one.user for one in server.received] == ["ada@example.com"]


async def test_nothing_is_said_before_starttls(certificates: Certificates) -> None:
    with SMTPServer(
        tls="starttls", certificates=certificates, credentials=("ada", PASSWORD)
    ) as server:
        await send(server, credentials=f"ada:{ENCODED}")
    said = [command.partition(" ")[0] for command in server.commands]
    assert said == ["greeting", "EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize("text", [".\n", ".\r\n.\nQUIT\n", "a\r.\rb", "..", "\n", ".", "x" * 3000])
async def test_what_looks_like_the_end_of_a_mail_does_not_end_it(text: str) -> None:
    with SMTPServer() as server:
        await send(server, message=mail(text))
    (received,) = server.received
    lines = received.message.get_content().splitlines()
    assert [one for one in lines if one] == [one for one in text.splitlines() if one]


async def test_a_bare_line_end_in_a_message_is_no_line_end_of_smtp() -> None:
    """Some servers take LF . LF for the end; what follows would be commands."""
    raw = b"Subject: x\n\na\n.\nMAIL FROM:<eve@example.com>\r.\rb"
    message = mail()
    message.as_bytes = lambda *_, **__: raw  # type: ignore[method-assign]
    with SMTPServer() as server:
        await send(server, message=message)
    (received,) = server.received
    assert b"a\r\n.\r\nMAIL FROM:<eve@example.com>\r\n.\r\nb\r\n" in received.raw


async def test_a_domain_with_other_letters_is_sent_as_punycode() -> None:
    with SMTPServer() as server:
        await send(server, recipient="ada@bücher.example", sender="app@bücher.example")
    (received,) = server.received
    assert received.recipients == ["ada@xn--bcher-kva.example"]
    assert received.sender == "app@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "address",
    [
        "Ada <ada@example.com>",
        "ada@example.com> NOTIFY=NEVER",
        "ada@example.com\r\nRCPT TO:<eve@example.com>",
        "<ada@example.com>, <eve@example.com>",
        "ada@example.com\0",
        "ädä@example.com",
        "ada",
        "",
    ],
)
async def test_what_is_no_address_reaches_no_server(address: str) -> None:
    with SMTPServer() as server:
        error = await refused(server, recipient=address)
    assert error.permanent
    assert "recipient" in error.reason
    assert not server.commands


@pytest.mark.parametrize(
    ("fault", "permanent"),
    [
        (Fault("greeting", "421 4.7.0 Too many connections"), False),
        (Fault("greeting", "554 5.7.1 Your network is blocked"), False),
        (Fault("greeting", "SSH-2.0-OpenSSH_9.2"), False),
        (Fault("greeting", "drop"), False),
        (Fault("EHLO", "drop"), False),
        (Fault("EHLO", "421 4.3.2 Shutting down"), False),
        (Fault("MAIL", "451 4.3.0 Try again later"), False),
        (Fault("MAIL", "550 5.7.1 You may not send as app@example.com"), False),
        (Fault("MAIL", "drop"), False),
        (Fault("RCPT", "421 4.3.2 Shutting down"), False),
        (Fault("RCPT", "451 4.7.1 Greylisted"), False),
        (Fault("RCPT", "550 5.1.1 No such user"), True),
        (Fault("RCPT", "530 5.7.0 Authentication required"), False),
        (Fault("RCPT", "drop"), False),
        (Fault("DATA", "451 4.3.0 Try again later"), False),
        (Fault("DATA", "554 5.5.1 No valid recipients"), True),
        (Fault("DATA", "250 I do not know DATA"), False),
        (Fault("DATA", "drop"), False),
        (Fault("end", "421 4.3.2 Shutting down"), False),
        (Fault("end", "451 4.3.0 Try again later"), False),
        (Fault("end", "550 5.7.1 Looks like spam"), True),
    ],
    ids=str,
)
async def test_a_mail_was_surely_not_delivered(fault: Fault, *, permanent: bool) -> None:
    with SMTPServer(fault=fault) as server:
        error = await refused(server)
    assert error.permanent is permanent
    assert error.unreachable is (fault.at in {"greeting", "EHLO", "MAIL"})
    if fault.how[:1] in {"4", "5"}:
        assert error.reason == fault.how


@pytest.mark.parametrize(
    "fault",
    [Fault("end", "drop"), Fault("end", "garbage"), Fault("end", "354 Go on")],
    ids=str,
)
async def test_a_mail_may_have_been_delivered(fault: Fault) -> None:
    with (
        SMTPServer(fault=fault) as server,
        pytest.raises(MaybeDelivered, match="after the mail was sent") as error,
    ):
        await send(server)
    assert error.value.__context__ is None


@pytest.mark.parametrize("how", ["drop", "500 5.5.1 What?"])
async def test_a_mail_was_delivered_however_the_goodbye_goes(how: str) -> None:
    with SMTPServer(fault=Fault("QUIT", how)) as server:
        await send(server)
    assert len(server.received) == 1


async def test_nobody_waits_long_for_a_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "_GOODBYE", 0)
    with SMTPServer(fault=Fault("QUIT", "hang")) as server:
        await send(server)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("greeting", NotDelivered),
        ("EHLO", NotDelivered),
        ("MAIL", NotDelivered),
        ("RCPT", NotDelivered),
        ("DATA", NotDelivered),
        ("end", MaybeDelivered),
    ],
)
async def test_a_server_that_hangs_is_given_up(
    at: str, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    with SMTPServer(fault=Fault(at, "hang")) as server:  # type: ignore[arg-type]
        error = await given_up(server, server.url(), monkeypatch)
    assert type(error) is expected
    assert str(error).startswith("no answer in 58 seconds")


async def given_up(server: SMTPServer, url: str, monkeypatch: pytest.MonkeyPatch) -> BaseException:
    """Let the deadline pass as soon as the server hangs."""
    assert smtp._PATIENCE + smtp._GOODBYE == 60
    assert 0 < (smtp.time_limit().when() or 0) <= asyncio.get_running_loop().time() + 58
    deadline = asyncio.timeout(None)
    monkeypatch.setattr(smtp, "time_limit", lambda: deadline)
    task = asyncio.create_task(send(server, url=url))
    await asyncio.to_thread(server.hanging.wait)
    deadline.reschedule(0)
    (error,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(error, BaseException)
    return error


async def test_a_server_that_hangs_in_starttls_is_given_up(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SMTPServer(
        tls="starttls", certificates=certificates, fault=Fault("STARTTLS", "hang")
    ) as server:
        error = await given_up(server, server.url(), monkeypatch)
    assert str(error) == "no answer in 58 seconds, while starting TLS"


async def test_a_port_with_tls_from_the_start_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says nothing, because it waits for the first byte of TLS."""
    with SMTPServer(fault=Fault("greeting", "hang")) as server:
        url = server.url().replace("smtp:", "smtp+starttls:")
        error = await given_up(server, url, monkeypatch)
    assert "perhaps mail.url must begin with smtps://" in str(error)


async def test_a_port_that_wants_starttls_is_noticed(certificates: Certificates) -> None:
    with SMTPServer(tls="starttls", certificates=certificates) as server:
        url = server.url().replace("smtp+starttls:", "smtps:")
        error = await refused(server, url=url)
    assert "perhaps mail.url must begin with smtp+starttls://" in error.reason


async def test_a_mail_is_not_sent_without_the_starttls_that_was_asked_for() -> None:
    """Whoever is in between can remove the offer (RFC 3207 §6)."""
    with SMTPServer() as server:
        url = server.url("ada:hunter2").replace("smtp:", "smtp+starttls:")
        error = await refused(server, url=url)
    assert "STARTTLS" in error.reason
    assert not error.permanent
    assert not [one for one in server.commands if one.startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize("how", ["220 Go on, but without TLS", "454 4.7.0 No TLS today", "drop"])
async def test_a_mail_is_not_sent_if_starttls_fails(how: str, certificates: Certificates) -> None:
    with SMTPServer(
        tls="starttls", certificates=certificates, fault=Fault("STARTTLS", how)
    ) as server:
        error = await refused(server, credentials="ada:hunter2")
    assert not error.permanent
    assert not [one for one in server.commands if one.startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_a_certificate_of_an_unknown_authority_is_refused(
    tls: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates["others.pem"]))
    with SMTPServer(tls=tls, certificates=certificates) as server:  # type: ignore[arg-type]
        error = await refused(server, credentials="ada:hunter2")
    assert "the certificate of 127.0.0.1 is not valid" in error.reason
    assert not error.permanent


@pytest.mark.parametrize("tls", ["tls", "starttls"])
async def test_a_certificate_for_another_name_is_refused(
    tls: str, certificates: Certificates
) -> None:
    with SMTPServer(tls=tls, certificates=certificates) as server:  # type: ignore[arg-type]
        error = await refused(server, credentials="ada:hunter2", host="localhost")
    assert "not valid for 'localhost'" in error.reason


async def test_nobody_listens() -> None:
    with SMTPServer() as server:
        url = server.url()
    error = await refused(server, url=url)
    assert error.unreachable
    assert not error.permanent
    port = url.rpartition(":")[2]
    assert error.reason == f"Connection refused, while connecting to 127.0.0.1, port {port}"


async def test_nobody_listens_at_any_of_several_addresses(
    unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", unused_port))
        for last in (1, 2)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    error = await refused(SMTPServer(), url=f"smtp://localhost:{unused_port}")
    assert error.reason == f"Connection refused, while connecting to localhost, port {unused_port}"


@pytest.mark.parametrize("tls", ["none", "tls", "starttls"])
async def test_a_wrong_password_is_not_repeated(
    tls: str, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # the server's own
    with SMTPServer(
        tls=tls,  # type: ignore[arg-type]
        certificates=certificates if tls != "none" else None,
        credentials=("ada@example.com", "another"),
    ) as server:
        error = await refused(server, credentials=f"ada@example.com:{ENCODED}")
    assert error.reason == "535 5.7.8 *** may not sign in with ***"
    assert not error.permanent
    said = repr(error) + caplog.text
    for secret in (PASSWORD, "hunter2", "ada@example.com"):
        assert secret not in said
        assert b64encode(secret.encode()).decode().rstrip("=") not in said


async def test_what_the_library_sends_is_not_repeated() -> None:
    plain = b64encode(f"\0ada\0{PASSWORD}".encode()).decode()
    fault = Fault("AUTH", f"501 5.5.2 Syntax error: AUTH PLAIN {plain}")
    with SMTPServer(fault=fault, credentials=("ada", PASSWORD)) as server:
        error = await refused(server, credentials=f"ada:{ENCODED}")
    assert error.reason == "501 5.5.2 Syntax error: AUTH PLAIN ***"


async def test_what_is_no_answer_at_all_is_not_repeated_with_a_password() -> None:
    fault = Fault("AUTH", f"no {PASSWORD}")
    with SMTPServer(fault=fault, credentials=("ada", PASSWORD)) as server:
        error = await refused(server, credentials=f"ada:{ENCODED}")
    assert "no ***" in error.reason
    assert "hunter2" not in error.reason


async def test_short_credentials_do_not_make_other_words_unreadable() -> None:
    fault = Fault("AUTH", "535 5.7.8 app may not sign in with app, which happens")
    with SMTPServer(fault=fault, credentials=("app", "another")) as server:
        error = await refused(server, credentials="app:app")
    assert error.reason == "535 5.7.8 *** may not sign in with ***, which happens"


async def test_a_missing_password_is_not_the_recipients_fault() -> None:
    with SMTPServer(credentials=("ada", PASSWORD)) as server:
        error = await refused(server)
    assert error.reason.startswith("530 ")
    assert not error.permanent


async def test_a_link_that_the_server_complains_about_is_not_repeated() -> None:
    link = f"https://example.com/reset#token={TOKEN}"
    with (
        SMTPServer(fault=Fault("end", f"554 5.7.1 {link} looks like spam")) as server,
        pytest.raises(NotDelivered) as error,
    ):
        await send(server, message=mail(f"Go to\n{link}\n"))
    assert error.value.reason == "554 5.7.1 https://example.com/reset#token=*** looks like spam"


async def test_a_reason_is_one_printable_line_of_500_characters_at_most() -> None:
    words = "550-5.1.1 No\x1b[31m such\r\n550 5.1.1 user \x07" + "x" * 600
    with SMTPServer(fault=Fault("RCPT", words)) as server:
        error = await refused(server)
    assert error.reason.startswith("550 5.1.1 No [31m such 5.1.1 user xxx")
    assert len(error.reason) == 500


async def test_a_worker_can_stop_while_a_mail_is_sent() -> None:
    with SMTPServer(fault=Fault("end", "hang")) as server:
        task = asyncio.create_task(send(server))
        await asyncio.to_thread(server.hanging.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_server_can_be_checked_without_a_mail(certificates: Certificates) -> None:
    with SMTPServer(
        tls="starttls", certificates=certificates, credentials=("ada", PASSWORD)
    ) as server:
        await check_server(read_mail_url(server.url(f"ada:{ENCODED}")), sender="app@example.com")
        with pytest.raises(NotDelivered, match=r"^535 "):
            await check_server(read_mail_url(server.url("ada:x")), sender="app@example.com")
    assert not [one for one in server.commands if one.startswith("MAIL")]
