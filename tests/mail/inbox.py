"""What a mail server of the tests has received: links, and what they lead to."""

from __future__ import annotations

import re

from tests.mail.server import Received, SMTPServer
from tests.waiting import until


def mail_settings(mails: SMTPServer, **more: object) -> dict[str, object]:
    """Return the table [mail] for this mail server. A sign-up sends nothing by itself."""
    sender = "Example <no-reply@example.com>"
    return {"url": mails.url(), "from": sender, "verification": "off", **more}


def wait_for(mails: SMTPServer, number: int) -> list[Received]:
    """Wait until the server has received `number` mails, and return them."""
    until(lambda: len(mails.received) >= number, f"there are {len(mails.received)} mails")
    return mails.received


def text_of(received: Received) -> str:
    """Return the text of a mail."""
    body = received.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(received: Received) -> str:
    """Return the link in a mail."""
    (link,) = re.findall(r"http\S+#token=\S+", text_of(received))
    return str(link)


def code_in(received: Received) -> str:
    """Return the code in a mail."""
    (code,) = re.findall(r"^[A-Z]{4}-[A-Z]{4}\b", text_of(received), re.MULTILINE)
    return str(code)


def token_in(received: Received) -> str:
    """Return the token in a mail."""
    return link_in(received).partition("#token=")[2]
