"""Make the headers of mails, most of which are the same in every mail.

Python's library parses a header with every assignment and lays it out again for every mail, which
took more than half of the time to write one.
"""

from __future__ import annotations

from email import policy
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import Policy
from functools import lru_cache
from typing import Any

_KEPT = 128  # headers


class _Header(BaseHeader):
    """A header that is laid out once. It does not change, as it is a text."""

    _laid_out: dict[tuple[object, ...], str] | None = None

    def fold(self, *, policy: Policy) -> str:
        self._laid_out = self._laid_out or {}
        # Not by the policy itself: Python's library copies it for each part of a mail.
        how = (policy.max_line_length, policy.linesep, getattr(policy, "utf8", False))
        if how not in self._laid_out:
            self._laid_out[how] = super().fold(policy=policy)
        return self._laid_out[how]


class _Headers(HeaderRegistry):
    """Parses the same header once, as long as it is one of the last few."""

    def __init__(self) -> None:
        super().__init__(base_class=_Header)
        self._type_of = lru_cache(_KEPT)(super().__getitem__)
        self._parsed = lru_cache(_KEPT)(self._parse)

    def __getitem__(self, name: str) -> type[BaseHeader]:
        return self._type_of(name)

    def __call__(self, name: str, value: Any) -> BaseHeader:
        return self._parsed(name, value) if type(value) is str else self._parse(name, value)

    def _parse(self, name: str, value: Any) -> BaseHeader:
        return self[name](name, value)


POLICY = policy.SMTP.clone(header_factory=_Headers())
