"""The rule for `next`: where a sign-in may lead to, as a path of this site.

A page that sends people to any address it is given lends them its name (open redirect: CWE-601;
OWASP ASVS 5.0 V1.2.2, V3.7.2; OWASP "Unvalidated Redirects and Forwards" Cheat Sheet). Such checks
have been passed again and again by values that browsers read in another way than the check did:
`//evil`, `/\\evil`, `/<tab>/evil`, `/.//evil` (WHATWG URL Standard, "URL parsing": a backslash is a
slash, tabs and newlines vanish, dot segments collapse). So the rule does not parse a URL and look
at its host. It names the few characters that a path may have, and a value that has others is not
repaired but refused.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from authingo.config import Settings

LONGEST = 2_000  # characters; longer addresses do not work everywhere
_PATH = re.compile(r"/[!-\[\]-~]*")  # visible ASCII without the backslash
# What would be a slash, a backslash or a control character after one more round of decoding.
_DANGEROUS = re.compile(r"//|%2f|%5c|%[01][0-9a-f]|%7f", re.IGNORECASE)
_CONTROL = re.compile(r"[\0-\x20\x7f]")
_VISIBLE = "".join(map(chr, range(ord("!"), ord("~") + 1)))


def checked_next(value: str | None, settings: Settings) -> str | None:
    """Return a path of this site that a redirect may lead to, or None.

    Check it when it is stored and again when it is used: others may be able to write where it was
    stored, such as in a hidden field or an address.

    A value is a path that begins with one slash. Up to `?` it has no second slash in a row, no
    segment `.` or `..` (nor `%2e`), no backslash, `%2f`, `%5c` or encoded control character, and
    nothing but visible ASCII. After it there is no space or control character. It has at most 2,000
    characters, and is not below `base_path` or a page of authingo, nor the sign-in page: those are
    not what somebody wanted to see before they had to sign in.

    The result is ASCII, so it can be a Location: other characters after `?` are percent-encoded.
    """
    if value is None or len(value) > LONGEST:
        return None
    path, mark, query = value.partition("?")
    if not _PATH.fullmatch(path) or _DANGEROUS.search(path) or _CONTROL.search(query):
        return None
    segments = re.split("[/#]", path.lower().replace("%2e", "."))
    if {".", ".."}.intersection(segments):
        return None
    if any(_is_below(path, own) for own in settings.own_paths) or _is(path, settings.sign_in_path):
        return None
    try:
        result = path + mark + quote(query, safe=_VISIBLE)
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return result if len(result) <= LONGEST else None


def _is(path: str, own: str) -> bool:
    """Return whether a server would find `path` at `own`, a path without encoding."""
    return unquote(path.partition("#")[0]) == own


def _is_below(path: str, own: str) -> bool:
    """Return whether a server would find `path` at or below `own`, a path without encoding."""
    return _is(path, own) or unquote(path.partition("#")[0]).startswith(own + "/")
