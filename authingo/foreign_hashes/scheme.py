"""The common parts of all schemes."""

from __future__ import annotations

import importlib.util
import re
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from authingo.errors import ConfigError

MAX_MEMORY = 128 * 1024 * 1024  # bytes, of each thread that hashes
SALT = r"(?P<salt>[!-#%-~]{1,128})"  # printable, no space and no $


@dataclass(frozen=True, slots=True)
class Extra:
    """A library that only some schemes need, which an extra of authingo installs."""

    name: str
    package: str
    module: str

    def is_installed(self) -> bool:
        """Return whether it can be imported here."""
        return _can_import(self.module)

    def not_installed(self) -> ConfigError:
        """Return the error for a program that needs it and does not have it."""
        return ConfigError(
            f"there are {self.name} hashes, and {self.package}, which verifies them,"
            " is not installed",
            hint=f"pip install {self.package}, here and wherever users sign in",
        )


@cache
def _can_import(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@dataclass(frozen=True, slots=True)
class Scheme:
    """How hashes of one kind are written, and how they are verified.

    `read` returns what compares a password with the hash, or None if the hash is too
    expensive; it raises ValueError if the hash is malformed. `clock` measures the time
    that the comparison takes, in seconds. Where several spellings of a password match,
    `spelling` returns the one that the other system hashed.

    `work` says how many rounds of something a hash takes, which compares hashes of one
    scheme; `without_secrets` returns one that takes as many and is nobody's, and what is
    before the secrets of it.
    """

    name: str
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str]], Callable[[str], bool] | None]
    work: Callable[[re.Match[str]], int]
    without_secrets: Callable[[re.Match[str]], tuple[str, str]]
    clock: Callable[[], float] = time.thread_time
    extra: Extra | None = None
    spelling: Callable[[str], str] = str


def blanked(fill: str, *groups: str) -> Callable[[re.Match[str]], tuple[str, str]]:
    """Return what writes this character in place of each that is secret.

    `groups`: those of the pattern, in their order; `=` stays, so that Base64 keeps its length.
    """

    def without_secrets(stored: re.Match[str]) -> tuple[str, str]:
        text = stored[0]
        for group in groups:
            begins, ends = stored.span(group)
            text = text[:begins] + re.sub("[^=]", fill, text[begins:ends]) + text[ends:]
        return text, text[: stored.start(groups[0])]

    return without_secrets


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which digits and letters are those of ASCII."""
    return re.compile(pattern, re.ASCII)


def decoded(text: str) -> bytes:
    """Decode Base64 (RFC 4648, section 4).

    Raises:
        ValueError: it is not Base64.
    """
    return b64decode(text, validate=True)


def decoded_bare(text: str) -> bytes:
    """Decode Base64 without its padding, in which passlib writes `.` in place of `+`.

    Raises:
        ValueError: it is not that.
    """
    return decoded(text.replace(".", "+") + "=" * (-len(text) % 4))
