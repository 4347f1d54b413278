"""What can come of a try to deliver a mail, besides success."""

from __future__ import annotations

_LONGEST_REASON = 500  # characters


class _NoSuccess(Exception):
    """Delivery was not confirmed.

    `reason` is what the server said, or what happened: one printable line of at most 500
    characters, without credentials.
    """

    def __init__(self, reason: str) -> None:
        self.reason = one_line(reason)[:_LONGEST_REASON]
        super().__init__(self.reason)


class NotDelivered(_NoSuccess):
    """The mail was surely not delivered.

    `permanent` says that the server refused this recipient or this mail for good, so that
    trying again is useless (RFC 5321 §4.2.1). `unreachable` says that the server takes no mail at
    all, or none from this sender, so that trying another mail is useless too.
    """

    def __init__(self, reason: str, *, permanent: bool = False, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.unreachable = unreachable


class MaybeDelivered(_NoSuccess):
    """The mail was sent, but the server did not say whether it takes it (RFC 5321 §4.5.3.2.6)."""


def one_line(text: str) -> str:
    """Return a text with everything that is not printable replaced by single spaces.

    It cannot begin a line of its own in a header, a log or a terminal (CWE-93, CWE-117).
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
