"""Long lists, read in pages by key: all rows for programs, the first ones for people.

A page is read, printed and forgotten, so a million rows take no more memory than a thousand.
The next page begins after the last id. That costs the database as little as the first page,
and skips no row if others are added or deleted meanwhile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import typer

from . import output
from .tables import note_left_out
from .values import one_of, whole_number

if TYPE_CHECKING:
    from authingo.pace import IsAlone

Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(1),
        help="At most this many; by default 50 in a table, and all of them for programs.",
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
        help="What comes first; by default the newest in a table, and the oldest for programs.",
        show_default=False,
    ),
]

T = TypeVar("T")

_PAGE = 50  # rows read at once, at most
_PAGE_ALONE = 2000  # the same, while nobody else uses the database
_DRAWN = 1000  # rows to collect before they are drawn as one table
_TABLE_LIMIT = 50  # rows of a table without --limit


AsCSV = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]


def one_format(*, as_json: bool, as_csv: bool) -> None:
    """Raise UsageError if both are given."""
    from authingo.cli.errors import UsageError

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")


def is_newest(order: Order | None, *, as_table: bool) -> bool:
    """Return whether the newest comes first. By default it does in a table."""
    return as_table if order is None else order is Order.newest


class Listing(Generic[T]):
    """A list: how to read the page after an id, and how to get the id of a row."""

    def __init__(
        self,
        fetch: Callable[[str | None, int], Awaitable[list[T]]],
        id_of: Callable[[T], str],
        *,
        after: str | None = None,
        limit: int | None = None,
        is_alone: IsAlone | None = None,
    ) -> None:
        self._fetch = fetch
        self._id_of = id_of
        self._after = after
        self._limit = limit
        self._is_alone = is_alone

    async def pages(self, limit: int | None = None) -> AsyncIterator[list[T]]:
        """Read page after page; `limit` applies if the list has none."""
        import asyncio

        from authingo.pace import Pace

        left = self._limit or limit
        pace = Pace(_PAGE, is_alone=self._is_alone, most_alone=_PAGE_ALONE)
        size = pace.size if left is None else min(pace.size, left)
        page = await self._fetch(self._after, size)
        while page:
            left = None if left is None else left - len(page)
            if len(page) < size or left == 0:
                yield page
                return
            await pace.rest()
            size = pace.size if left is None else min(pace.size, left)
            reading = asyncio.ensure_future(self._fetch(self._id_of(page[-1]), size))
            try:
                if pace.alone:  # the database reads the next page while this one is printed
                    await asyncio.sleep(0)
                yield page
                page = await reading
            finally:
                reading.cancel()

    async def print_json(self, to_json: Callable[[T], object]) -> None:
        """Print an array."""
        array = output.JSONArray()
        async for page in self.pages():
            for row in page:
                array.add(to_json(row))
        array.close()

    async def print_csv(self, columns: Sequence[str], to_row: Callable[[T], list[object]]) -> None:
        """Print a header, and a line for each row."""
        written = output.CSV(columns)
        async for page in self.pages():
            for row in page:
                written.add(to_row(row))

    async def print_table(self, draw: Callable[[list[T]], list[str]], *, none: str) -> None:
        """Draw a table of the rows up to the limit, and say how to see the rest.

        Args:
            draw: returns the columns that did not fit.
            none: what to print if the list is empty.
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
            output.note(f"there are more: --after {output.plain(last)}, or --limit N")


async def check_after(
    after: str | None, prefix: str, find: Callable[[str], Awaitable[object]]
) -> None:
    """Check the id of `--after`, and print a note if nothing has it any more.

    Raises:
        UsageError: it is not an id of this list.
    """
    from authingo.cli.errors import UsageError

    from authingo.ids import is_id

    if after is None:
        return
    if not is_id(after, prefix):
        raise UsageError(
            "--after takes an id from this list", hint=f"one that begins with {prefix}"
        )
    if await find(after) is None:
        output.note(f"note: there is nothing with the id {after}; the list goes on after it")
