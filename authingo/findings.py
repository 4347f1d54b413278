"""The results of checks, as `authingo doctor` and the stores report them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    `name` is stable, for programs; `message` says what was found, and `hint` how to
    fix it if it is not ok. Neither ever contains a secret.
    """

    name: str
    status: Status
    message: str
    hint: str | None = None


def ok(name: str, message: str) -> Finding:
    """Report that the check passed."""
    return Finding(name, "ok", message)


def warn(name: str, message: str, hint: str) -> Finding:
    """Report something that works but should be changed."""
    return Finding(name, "warn", message, hint)


def fail(name: str, message: str, hint: str) -> Finding:
    """Report something that does not work, or is unsafe."""
    return Finding(name, "fail", message, hint)
