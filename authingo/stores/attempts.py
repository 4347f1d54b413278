"""Counts of attempts. An attempt is counted before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from authingo.attempts import CountedAttempt, CountingRule


class Attempts(Protocol):
    """The counts of a store. Recording an Outcome ends a count or reduces it by one."""

    async def count(self, email: str | None, rules: Sequence[CountingRule]) -> CountedAttempt:
        """Find an account, and count an attempt by the first rule whose condition is met.

        The last rule has no condition. The attempt is counted under every key of the rule; if the
        limit of one key refuses it, it is counted under none. This is one transaction. So each
        limit holds for any number of attempts at the same moment, by any number of programs.
        """
