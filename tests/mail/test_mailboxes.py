"""How people write an address, with or without a name."""

from __future__ import annotations

import pytest

from authingo.mail.mailboxes import read_address, read_mailbox


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("mail@acme.example", "", "mail@acme.example"),
        ("Acme <mail@acme.example>", "Acme", "mail@acme.example"),
        ('"Acme, Inc." <mail@acme.example>', "Acme, Inc.", "mail@acme.example"),
        ("  Acme<Mail@Acme.example> ", "Acme", "mail@acme.example"),
        ("Bücher <mail@bücher.example>", "Bücher", "mail@xn--bcher-kva.example"),
        ("root@localhost", "", "root@localhost"),
    ],
)
def test_a_mailbox_is_understood(text: str, name: str, address: str) -> None:
    mailbox = read_mailbox(text)
    assert (mailbox.name, mailbox.address) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Acme",
        "Acme <>",
        "<mail@acme.example>",
        '"" <mail@acme.example>',
        "Acme <mail@acme.example",
        "Acme <eve@evil.example <mail@acme.example>",
        "<eve@evil.example> <mail@acme.example>",
        "eve@evil.example, mail@acme.example",
        "Acme\r\nBcc: eve@evil.example <mail@acme.example>",
        "Acme <mail@acme.example>\r\nBcc: eve@evil.example",
        "mäil@acme.example",
        f"{'x' * 201} <mail@acme.example>",
    ],
)
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="must") as error:
        read_mailbox(text)
    assert "eve" not in str(error.value)


def test_an_address_has_no_name() -> None:
    assert read_address("ada@example.com").address == "ada@example.com"
    with pytest.raises(ValueError, match="must be an address"):
        read_address("Ada <ada@example.com>")
