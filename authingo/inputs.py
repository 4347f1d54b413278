"""Normalize the emails and names that users type."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_EMAIL = 254  # characters: RFC 5321 §4.5.3.1.3 allows 256, with the angle brackets
MAX_NAME = 200  # characters
_SHORT = 200  # characters of an address that is far from the limit, whatever its domain becomes
_MAX_LOCAL = 64  # characters before the @: RFC 5321 §4.5.3.1.1
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*", re.ASCII)
MAX_TRIED = 1024  # characters of a password that sign-in checks; sign-up never accepts longer ones


def normalize_email(text: str) -> str | None:
    """Return the normal form of an email address, or None if it is not one.

    email-validator checks it, without DNS. The local part must be ASCII. In the normal form, an
    internationalized domain is written as punycode, and everything is lower-case. It is
    lower-cased here and never by a database, whose locale may differ. Special-use domains
    (RFC 6761: .test, .local, localhost) are accepted like any other.

    Anything longer than 254 characters is refused before it is parsed: normalizing 16 KiB of
    combining characters takes a tenth of a second (CWE-400). This is the length of the text as
    typed: punycode only makes an internationalized domain longer, and no user types hundreds of
    characters that normalizing would join or drop.
    """
    if len(text) > MAX_EMAIL:
        return None
    local, _, domain = text.rpartition("@")
    if len(text) <= _SHORT and len(local) <= _MAX_LOCAL and _PLAIN_LOCAL.fullmatch(local):
        # Of a plain address only the domain needs the library, and most users share a few domains.
        ending = _ending(domain)
        return None if ending is None else local.lower() + ending
    return _normalized(text)


@lru_cache(maxsize=1024)
def _ending(domain: str) -> str | None:
    """Return what the normal form of an address in this domain ends with, from the @ on."""
    normal = _normalized(f"a@{domain}")
    return None if normal is None else normal.removeprefix("a")


def _normalized(text: str) -> str | None:
    import email_validator  # noqa: PLC0415 - its IDNA tables cost the command line 30 ms

    # The library has a global list of special-use domains, which other code in the process may use.
    # Adding a label avoids the check without changing that list.
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
    # Without SMTPUTF8 there is always an ASCII form.
    return (valid.ascii_email or "").removesuffix(borrowed).lower() or None


def mailbox(email: str) -> str:
    """Return an email without the tag that many mail servers allow: `ada+shop@` is `ada@`."""
    local, at, domain = email.rpartition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def clean_name(text: str) -> str | None:
    """Return the name without surrounding space, or None if it is not 1 to 200 plain characters.

    Control characters (line breaks, escapes), lone surrogates and unassigned
    line separators are refused: a name is shown on one line, on terminals too.
    """
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME:
        return None
    if name.isascii() and name.isprintable():
        return name
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in name):
        return None
    return name
