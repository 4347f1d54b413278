"""Keep mails in memory, to look at them while developing and in tests."""

from __future__ import annotations

from collections import deque
from email.message import EmailMessage

_MOST = 100  # mails; the oldest go


class Inbox:
    """The last mails of one process. They are gone with it, and never on a disk."""

    def __init__(self) -> None:
        """Begin empty."""
        self._mails: deque[EmailMessage] = deque(maxlen=_MOST)
        self._received = 0

    def add(self, mail: EmailMessage) -> None:
        """Keep a mail."""
        self._mails.append(mail)
        self._received += 1

    def after(self, number: int) -> list[tuple[int, EmailMessage]]:
        """Return the mails that are kept and came after mail `number`, the oldest first.

        They are counted from 1, so everything comes after 0.
        """
        first = self._received - len(self._mails) + 1
        return [pair for pair in enumerate(self._mails, first) if pair[0] > number]
