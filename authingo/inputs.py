"""What people type about themselves, made one: emails and names."""

from __future__ import annotations

import unicodedata

MAX_NAME = 200  # characters
MAX_TRIED = 1024  # characters of what sign-in tries; longer was never accepted at sign-up


def normalize_email(text: str) -> str | None:
    """Return the one spelling of an email address, or None where it is not one.

    Checked by email-validator without DNS. The local part is ASCII, an
    internationalized domain is its punycode, and all of it is lower-case, folded
    here and never by a database whose locale may differ. Special-use domains
    (RFC 6761: .test, .local, localhost) are addresses like any other.
    """
    import email_validator  # noqa: PLC0415 - its IDNA tables cost the command line 30 ms

    # The library keeps special-use domains in a list of its own that a program
    # may edit, for everybody in the process. Borrowing a label leaves it alone.
    domain = text.rpartition("@")[2].lower()
    special = any(
        domain == name or domain.endswith("." + name)
        for name in email_validator.SPECIAL_USE_DOMAIN_NAMES
    )
    borrowed = ".com" if special else ""
    try:
        valid = email_validator.validate_email(
            text + borrowed, check_deliverability=False, allow_smtputf8=False
        )
    except (email_validator.EmailNotValidError, UnicodeError):
        return None
    # Without SMTPUTF8 there always is an ASCII form.
    return (valid.ascii_email or "").removesuffix(borrowed).lower() or None


def clean_name(text: str) -> str | None:
    """Return the name without surrounding space, or None if it is not 1 to 200 plain characters.

    Control characters (line breaks, escapes), lone surrogates and unassigned
    line separators are refused: a name is shown on one line, on terminals too.
    """
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME:
        return None
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in name):
        return None
    return name
