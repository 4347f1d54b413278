"""Mail that is written to a directory instead."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from authingo.mail.delivery import NotDelivered, check_server, deliver
from authingo.mail.messages import Message, compose
from authingo.mail.servers import MailServer

pytestmark = pytest.mark.anyio

LINK = "https://example.com/reset-password#token=4f8Jq2dJc0oXn1vT5yZb7w9A3kR6mE8uI0pLsGhNtQy"


def mail(message_id: str = "mail_1") -> EmailMessage:
    message = Message(subject="Hello", text=f"Go to\n{LINK}\n", html="<p>Hello")
    return compose(
        message, sender="app@example.com", recipient="ada@example.com", message_id=message_id
    )


async def write(directory: Path, message: EmailMessage) -> None:
    server = MailServer(directory=directory)
    await deliver(server, message, sender="app@example.com", recipient="ada@example.com")


async def test_a_mail_is_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    await write(tmp_path / "mail", mail())
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700
    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == "mail_1.eml"
    assert file.stat().st_mode & 0o777 == 0o600
    read = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (read["To"], read["Subject"]) == ("ada@example.com", "Hello")
    assert f"\r\n{LINK}\r\n".encode() in file.read_bytes(), "to copy it from a terminal"


async def test_the_next_try_replaces_the_file(tmp_path: Path) -> None:
    for _ in range(2):
        await write(tmp_path, mail())
    await write(tmp_path, mail("mail_2"))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mail_1.eml", "mail_2.eml"]


async def test_half_a_mail_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def full(descriptor: int) -> None:
        seen.extend(one.name for one in tmp_path.glob("*.eml"))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NotDelivered, match="No space left on device") as error:
        await write(tmp_path, mail())
    assert not error.value.permanent
    assert not seen
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize("what", ["missing/mail", "file", "file/mail"])
async def test_what_is_no_directory_is_refused(what: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotDelivered, match="cannot write to") as error:
        await write(tmp_path / what, mail())
    assert not error.value.permanent


@pytest.mark.parametrize("name", ["../x", "a/b", ".x", "x" * 101])
async def test_a_message_id_names_no_file_elsewhere(name: str, tmp_path: Path) -> None:
    message = mail()
    message.replace_header("Message-ID", f"<{name}@example.com>")
    with pytest.raises(NotDelivered):
        await write(tmp_path / "mail", message)
    assert not list(tmp_path.rglob("*.eml"))


async def test_a_directory_needs_no_check(tmp_path: Path) -> None:
    await check_server(MailServer(directory=tmp_path), sender="app@example.com")
