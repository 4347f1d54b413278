"""The normal form of an address is that of the library, whether or not its domain is known."""

from __future__ import annotations

import email_validator
import pytest

from authingo.inputs import MAX_EMAIL, normalize_email

LOCALS = (
    "ada",
    "Ada.B+shop",
    "a_b-c",
    "-a-",
    "a..b",
    ".a",
    "a.",
    "",
    "ä",
    "a b",
    "x" * 64,
    "x" * 65,
)
DOMAINS = (
    *(
        "example.com",
        "EXAMPLE.com",
        "münchen.de",
        "xn--mnchen-3ya.de",
        "x_y.com",
        "-x.com",
        "x..com",
    ),
    *(
        "x.com.",
        "com",
        "",
        "[1.2.3.4]",
        "1.2",
        "x.com>",
        " x.com",
        f"{'x' * 63}.de",
        f"{'x' * 64}.de",
    ),
    ".".join(["x" * 60] * 4),
)


def of_library(text: str) -> str | None:
    if len(text) > MAX_EMAIL:
        return None
    try:
        found = email_validator.validate_email(
            text, check_deliverability=False, allow_smtputf8=False
        )
    except (email_validator.EmailNotValidError, UnicodeError):
        return None
    return (found.ascii_email or "").lower() or None


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_address_is_judged_by_the_library(domain: str) -> None:
    for _ in range(2):
        for local in LOCALS:
            address = f"{local}@{domain}"
            assert normalize_email(address) == of_library(address), address
