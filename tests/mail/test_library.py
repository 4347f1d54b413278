"""The library for SMTP is an extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

from authingo.errors import ConfigError
from authingo.mail.delivery import deliver, require_library
from authingo.mail.messages import Message, compose
from authingo.mail.servers import read_mail_url

IMPORTED = "import sys, authingo.mail.delivery, authingo.mail.messages; print(*sys.modules)"


@pytest.mark.anyio
async def test_without_it_an_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiosmtplib", None)
    monkeypatch.setattr("authingo.mail.delivery.find_spec", lambda _: None)
    server, people = read_mail_url("smtp://localhost"), ("app@example.com", "ada@example.com")
    message = Message(subject="Hello", text="Hello", html="Hello")
    mail = compose(message, sender=people[0], recipient=people[1], message_id="mail_1")
    with pytest.raises(ConfigError) as error:
        await deliver(server, mail, sender=people[0], recipient=people[1])
    assert "authingo[mail]" in error.value.explained
    require_library(read_mail_url("file:///var/mail"))


def test_it_is_imported_only_when_a_mail_is_sent() -> None:
    command = [sys.executable, "-c", IMPORTED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "authingo.mail.delivery" in done.stdout.split()
    assert not {"aiosmtplib", "email_validator"} & set(done.stdout.split())
