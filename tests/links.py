"""Mails that a program of the tests writes into a directory, and the links and codes in them."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from pathlib import Path

from tests.waiting import until


def mail_into(directory: Path) -> dict[str, str]:
    """Return the variables that let a program write its mails there."""
    return {
        "AUTHINGO_MAIL__URL": directory.as_uri(),
        "AUTHINGO_MAIL__FROM": "My application <no-reply@example.com>",
        "AUTHINGO_MAIL__EMAIL_CODE": "true",
    }


def link_to(email: str, page: str, directory: Path, *, but: str = "") -> str:
    """Wait for a mail to an address with a link to a page, and return the newest such link.

    Args:
        email: whom the mail is to.
        page: what the link leads to.
        directory: where the mails are.
        but: the newest link so far, if there is one.
    """
    return _line(rf".*{re.escape(page)}#token=.*", email, directory, but)


def code_to(email: str, directory: Path, *, but: str = "") -> str:
    """Wait for a mail to an address with a code, and return the newest one. See `link_to`."""
    return _line("[A-Z]{4}-[A-Z]{4}", email, directory, but)


def _line(pattern: str, email: str, directory: Path, but: str) -> str:
    found: list[str] = []

    def came() -> bool:
        files = sorted(directory.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        for file in files:
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            body = mail.get_body(("plain",))
            lines = str(body.get_content()).splitlines() if body else []
            if str(mail["To"]) == email:
                found.extend(one for one in lines if re.fullmatch(pattern, one))
        return bool(found) and found[-1] != but

    until(came, f"no mail to {email} has {pattern}")
    return found[-1]
