"""Long lists: read in pages by key, all of them for programs, the first ones for people.

A page is read, printed and forgotten, so that a million rows take no more memory
than a thousand. The next one begins after the last id, which costs the database as
little as the first did, and misses nobody who is added or deleted meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

import typer

from . import output
from .tables import note_left_out
from .values import one_of, whole_number

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
    typer.Option(metavar="ID", help="Only those that come after this one.", show_default=False),
]


class Order(StrEnum):
    """Which end of a list comes first."""

    oldest = "oldest"
    newest = "newest"


ListOrder = Annotated[
    Order | None,
    typer.Option(
        "--order",
        metavar="oldest|newest",
        parser=one_of(Order),
        autocompletion=lambda: list(Order),
        help="What comes first; without it the newest in a table, and the oldest for programs.",
        show_default=False,
    ),
]

T = TypeVar("T")

_PAGE = 50  # rows read at once, at most
_DRAWN = 1000  # rows of one table, at least
_TABLE_LIMIT = 50  # rows shown to people who ask for no number


AsCSV = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]


def one_format(*, as_json: bool, as_csv: bool) -> None:
    """Raise UsageError where both are wanted."""
    from authingo.errors import UsageError

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")


def is_newest(order: Order | None, *, as_table: bool) -> bool:
    """Tell whether the newest comes first: for people they do, where nothing else is said."""
    return as_table if order is None else order is Order.newest


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

    async def print_csv(self, columns: list[str], to_row: Callable[[T], list[object]]) -> None:
        """Print a header and a line for each. Texts of strangers must be made a `cell`."""
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        async for page in self.pages():
            writer.writerows(map(to_row, page))

    async def print_table(self, draw: Callable[[list[T]], list[str]], *, none: str) -> None:
        """Draw a table of as many as fit in one, and say how to go on where that is not all.

        Args:
            draw: returns the columns there was no room for.
            none: what is said where there is nothing.
        """
        last, rows, left_out = None, list[T](), dict[str, None]()
        async for page in self.pages(_TABLE_LIMIT):
            last = self._id_of(page[-1])
            rows += page
            if len(rows) >= _DRAWN:
                left_out |= dict.fromkeys(draw(rows))
                rows = []
        if rows:
            left_out |= dict.fromkeys(draw(rows))
        note_left_out(list(left_out))
        if last is None:
            output.note(none)
        elif await self._fetch(last, 1):
            output.note(f"there are more: --after {last}, or --limit N")


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
