"""Named parameters, such as `:user_id`, for asyncpg, which only knows numbered ones."""

from __future__ import annotations

import re
from functools import cache

_NAME = re.compile(r"(?<!:):([a-z_]+)")  # does not match a cast such as `::text`


def numbered(statement: str, **parameters: object) -> tuple[str, *tuple[object, ...]]:
    """Return a statement with numbered parameters, and the parameters in that order."""
    text, names = _numbered(statement)
    return text, *(parameters[name] for name in names)


@cache
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    names = tuple(dict.fromkeys(_NAME.findall(statement)))
    return _NAME.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names
