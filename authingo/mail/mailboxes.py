"""Read mailboxes, as in `Acme <mail@acme.example>`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address
from functools import lru_cache

from authingo.inputs import clean_name, normalize_email

_NAMED = re.compile(r"(?P<name>[^<>]*[^<>\s])\s*<(?P<address>[^<>]*)>")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address in its normal form, which is ASCII, and a name, which may be empty."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        """What is after the @."""
        return self.address.rpartition("@")[2]

    @property
    def header(self) -> Address:
        """What a From or To has."""
        return Address(display_name=self.name, addr_spec=self.address)


@lru_cache(maxsize=8)  # one sender for all mails
def read_mailbox(text: str) -> Mailbox:
    """Read `Name <address>`, `"Name" <address>`, or an address.

    Raises:
        ValueError: it is none of them. The message repeats nothing of it.
    """
    named = _NAMED.fullmatch(text.strip())
    if named is None:
        return read_address(text.strip())
    name = clean_name(named["name"].removeprefix('"').removesuffix('"'))
    if name is None:
        raise ValueError("must have a name of 1 to 200 characters before the <address>")
    return Mailbox(name, read_address(named["address"]).address)


def read_address(text: str) -> Mailbox:
    """Read an address without a name, as normalize_email does.

    Raises:
        ValueError: it is none. The message repeats nothing of it.
    """
    address = normalize_email(text)
    if address is None:
        raise ValueError("must be an address such as mail@acme.example, in ASCII before the @")
    return Mailbox("", address)
