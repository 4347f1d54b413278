"""Long lists: read in pages by key, all of them for programs, the first ones for people.

A page is read, printed and forgotten, so that a million rows take no more memory
than a thousand. The next one begins after the last id, which costs the database as
little as the first did, and misses nobody who is added or deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Generic, TypeVar

import typer

from . import output
from .values import whole_number

Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(1),
        help="At most this many; without it 50 in a table, and all of them for programs.",
        show_default=False,
    ),
]
After = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Only those after this one.", show_default=False),
]

T = TypeVar("T")

_PAGE = 50  # rows read at once, at most
_DRAWN = 1000  # rows of one table, at least
_TABLE_LIMIT = 50  # rows shown to people who ask for no number


class Listing(Generic[T]):
    """What is listed: how a page after an id is read, and what the id of a row is."""

    def __init__(
        self,
        fetch: Callable[[str | None, int], Awaitable[list[T]]],
        id_of: Callable[[T], str],
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> None:
        self._fetch = fetch
        self._id_of = id_of
        self._after = after
        self._limit = limit

    async def pages(self, limit: int | None = None) -> AsyncIterator[list[T]]:
        """Read page after page; `limit` counts where the list has none of its own."""
        from authingo.pace import Pace

        left, after, pace = self._limit or limit, self._after, Pace(_PAGE)
        while left is None or left > 0:
            size = pace.size if left is None else min(pace.size, left)
            page = await self._fetch(after, size)
            if page:
                yield page
            if len(page) < size:
                return
            after = self._id_of(page[-1])
            left = None if left is None else left - size
            await pace.rest()

    async def print_json(self, to_json: Callable[[T], object]) -> None:
        """Print an array."""
        array = output.JSONArray()
        async for page in self.pages():
            for row in page:
                array.add(to_json(row))
        array.close()

    async def print_table(self, draw: Callable[[list[T]], None], *, none: str) -> None:
        """Draw a table of as many as fit in one, and say how to go on where that is not all."""
        last, rows = None, list[T]()
        async for page in self.pages(_TABLE_LIMIT):
            last = self._id_of(page[-1])
            rows += page
            if len(rows) >= _DRAWN:
                draw(rows)
                rows = []
        if rows:
            draw(rows)
        if last is None:
            output.note(none)
        elif await self._fetch(last, 1):
            output.note(f"there are more: --after {last}, or --limit")


async def check_after(
    after: str | None, prefix: str, find: Callable[[str], Awaitable[object]]
) -> None:
    """Look whether the id of `--after` is one, and say where nothing has it any more.

    Raises:
        UsageError: it cannot be one.
    """
    from authingo.errors import UsageError
    from authingo.models import is_id

    if after is None:
        return
    if not is_id(after, prefix):
        raise UsageError(
            "--after takes an id from this list", hint=f"one that begins with {prefix}"
        )
    if await find(after) is None:
        output.note(f"note: nothing has the id {after} (any more); the list goes on after it")
