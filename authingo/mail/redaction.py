"""Keep secrets out of what is remembered of a server's words."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection
from email.message import EmailMessage

from authingo.mail.servers import MailServer

_TOKEN = re.compile(r"[A-Za-z0-9_-]{19,}", re.ASCII)  # 112 bits or more
_SHORT = 5  # characters, which other words may have by chance


def credentials_of(server: MailServer) -> set[str]:
    """Return user and password, and how AUTH PLAIN and LOGIN write them (RFC 4616 §2)."""
    user, password = server.user or "", server.password or ""
    plain = [user.encode(), password.encode(), f"\0{user}\0{password}".encode()]
    return {user, password, *(b64encode(one).decode() for one in plain)} - {""}


def tokens_in(message: EmailMessage) -> set[str]:
    """Return everything in a mail that could be the token of a link.

    A filter against spam may quote the link that it refuses a mail for.
    """
    text = message.get_body(("plain",))  # has every link that the HTML has
    return set(_TOKEN.findall(text.get_content())) if text else set()


def without(secrets: Collection[str], words: str) -> str:
    """Return words with stars in place of each secret.

    A short one, such as the "app" of a mail server on this machine, may also be a part of other
    words, which stay.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        pattern = re.escape(secret)
        if len(secret) < _SHORT:
            pattern = rf"(?<![^\W_]){pattern}(?![^\W_])"
        words = re.sub(pattern, "***", words)
    return words
