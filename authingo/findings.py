"""What an examination finds, one thing each: how `authingo doctor` and the stores report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    `name` is stable, for programs; `message` says what was found, and `hint` how to
    mend it where it is not ok. Neither ever holds a secret.
    """

    name: str
    status: Status
    message: str
    hint: str | None = None


def ok(name: str, message: str) -> Finding:
    """Report that all is well."""
    return Finding(name, "ok", message)


def warn(name: str, message: str, hint: str) -> Finding:
    """Report what works, and should be otherwise."""
    return Finding(name, "warn", message, hint)


def fail(name: str, message: str, hint: str) -> Finding:
    """Report what does not work, or is unsafe."""
    return Finding(name, "fail", message, hint)
