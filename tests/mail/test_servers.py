"""What people write as `mail.url`, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authingo.errors import ConfigError
from authingo.mail.servers import MailServer, read_mail_url

SECRET = "hunter2"


def refused(url: str) -> str:
    """Return message and hint; neither repeats the password."""
    with pytest.raises(ConfigError) as error:
        read_mail_url(url)
    said = f"{error.value.message} ({error.value.hint})"
    assert said.startswith("mail.url: ")
    assert error.value.hint
    assert SECRET not in said
    assert error.value.__cause__ is None
    return said


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "smtps://ada:pw@mail.example",
            MailServer(host="mail.example", port=465, encryption="tls", user="ada", password="pw"),
        ),
        (
            "smtp+starttls://apikey:SG.x-_y@smtp.sendgrid.net:2525/",
            MailServer(
                host="smtp.sendgrid.net",
                port=2525,
                encryption="starttls",
                user="apikey",
                password="SG.x-_y",
            ),
        ),
        (
            "smtp+starttls://mail.example",
            MailServer(host="mail.example", port=587, encryption="starttls"),
        ),
        ("SMTPS://mail.example", MailServer(host="mail.example", port=465, encryption="tls")),
        ("smtp://localhost", MailServer(host="localhost", port=25)),
        ("smtp://127.0.0.1:1025", MailServer(host="127.0.0.1", port=1025)),
        ("smtp://[::1]:1025", MailServer(host="::1", port=1025)),
        ("file:///var/mail%20box", MailServer(directory=Path("/var/mail box"))),
        ("file://localhost/var/mail", MailServer(directory=Path("/var/mail"))),
    ],
)
def test_what_can_work_is_understood(url: str, expected: MailServer) -> None:
    assert read_mail_url(url) == expected


def test_an_at_sign_may_be_left_as_it_is() -> None:
    server = read_mail_url("smtps://ada@example.com:p@ss@mail.example")
    assert (server.user, server.password, server.host) == (
        "ada@example.com",
        "p@ss",
        "mail.example",
    )


@given(*[st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)] * 2)
def test_users_and_passwords_may_hold_anything_that_is_encoded(user: str, password: str) -> None:
    url = f"smtps://{quote(user, safe='')}:{quote(password, safe='')}@mail.example"
    server = read_mail_url(url)
    assert (server.user, server.password) == (user, password)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must begin with"),
        ("mail.example", "must begin with"),
        (f"mail.example:{SECRET}", "must begin with"),
        (f"smtps:ada:{SECRET}@mail.example", "must begin with"),
        (f"http://ada:{SECRET}@mail.example", "must begin with"),
        (f"smtp+ssl://ada:{SECRET}@mail.example", "write smtps://"),
        (f"submission://ada:{SECRET}@mail.example", "write smtp+starttls://"),
        (f"smtp://ada:{SECRET}@mail.example:587", "loopback"),
        ("smtp://mailpit:1025", "loopback"),
        ("smtp://0.0.0.0", "loopback"),
        ("smtp://127.0.0.1.example", "loopback"),
        (f"smtp://127.0.0.1@{SECRET}.example", "loopback"),
        (f"smtps://{SECRET}@mail.example", "both"),
        (f"smtps://:{SECRET}@mail.example", "both"),
        ("smtps://ada:@mail.example", "both"),
        ("smtps://@mail.example", "both"),
        ("smtps://", "host"),
        (f"smtps://ada:{SECRET}@", "host"),
        (f"smtps://ada:{SECRET}@mail.example:", "host"),
        (f"smtps://ada:{SECRET}@mail example", "host"),
        (f"smtps://ada:{SECRET}@mäil.example", "host"),
        (f"smtps://ada:{SECRET}@a,b", "host"),
        (f"smtps://ada:{SECRET}@mail.example:0", "port"),
        (f"smtps://ada:{SECRET}@mail.example:65536", "port"),
        (f"smtps://ada:{SECRET}@mail.example:smtp", "host"),
        (f"smtps://ada:{SECRET}@mail.example/inbox", "after the host"),
        (f"smtps://ada:{SECRET}@mail.example?verify=no", "after the host"),
        (f"smtps://ada:{SECRET}/1@mail.example", "after the host"),
        (f"smtps://ada:{SECRET}?1@mail.example", "after the host"),
        (f"smtps://ada:{SECRET}#1@mail.example", "after the host"),
        (f"smtps://ada:[{SECRET}@mail.example", "%5B"),
        (f"smtps://ada:{SECRET}%@mail.example", "%25"),
        (f"smtps://ada:{SECRET}%0A@mail.example", "control"),
        (f"smtps://ada:{SECRET}%00@mail.example", "control"),
        (f"smtps://ada:{SECRET}%FF@mail.example", "UTF-8"),
        ("file:mail", "absolute"),
        ("file://mail/box", "absolute"),
        ("file:///", "no directory"),
        ("file:////", "no directory"),
        ("file:///mail?x", "%3F"),
        ("file:///mail#x", "%23"),
        ("file:///mail%00", "control"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(url: str, reason: str) -> None:
    assert reason in refused(url)


@given(st.text(max_size=40) | st.text(max_size=40).map("smtps://{}".format))
def test_any_text_is_a_server_or_refused(url: str) -> None:
    try:
        server = read_mail_url(url)
    except ConfigError as error:
        assert error.message.startswith("mail.url: ")
    else:
        assert server.host or server.directory


@pytest.mark.parametrize(
    ("url", "where"),
    [
        (f"smtps://ada:{SECRET}@mail.example", "smtps://mail.example:465"),
        (f"smtps://{SECRET}:{SECRET}@mail.example", "smtps://mail.example:465"),
        (f"smtp+starttls://a:{SECRET}@mail.example", "smtp+starttls://mail.example:587"),
        (f"smtp://a:{SECRET}@[::1]", "smtp://[::1]:25"),
        ("file:///var/mail%20box", "file:///var/mail%20box"),
    ],
)
def test_neither_user_nor_password_is_shown(url: str, where: str) -> None:
    server = read_mail_url(url)
    assert server.where == where
    assert SECRET not in f"{server!r} {server}"
