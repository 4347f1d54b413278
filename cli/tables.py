"""Tables for people, as wide as the terminal allows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from . import output

_GAP = "  "
_SHORTEST = 8  # cells that a column keeps at least when it is cut


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: its header.
        rank: 0 is always shown; the higher it is, the sooner the column is left out.
        whole: it is never cut, because half an id is useless.
        enough: the width that is enough for it if other columns need the room.
        least: its smallest width, for longer rows that are printed later.
    """

    name: str
    rank: int = 0
    whole: bool = False
    enough: int = 24
    least: int = 0


class Table:
    """Rows under headers. Columns that do not fit are left out by rank, or cut.

    Without a terminal nothing is left out or cut, because its reader wants all of it. Every
    cell is made `plain` here.
    """

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Measure the rows; those printed later get the same widths."""
        from rich.cells import cell_len

        self._columns = columns
        self._widths = [
            max(column.least, *map(cell_len, cells))
            for column, cells in zip(columns, _turned(columns, rows), strict=True)
        ]
        self._cuts = sys.stdout.isatty()
        self._shown = list(range(len(columns)))
        if self._cuts:
            self._fit(_terminal_width())

    def print_header(self) -> None:
        """Print the names of the columns that are shown."""
        names = [column.name for column in self._columns]
        cells = [
            output.styled(name, "bold") + padded.removeprefix(name)
            for name, padded in zip(
                (names[at] for at in self._shown), self._cells(names), strict=True
            )
        ]
        output.data(_GAP.join(cells).rstrip())

    def print_row(self, row: Sequence[str]) -> None:
        """Print a row."""
        output.data(_GAP.join(self._cells(row)).rstrip())

    @property
    def left_out(self) -> list[str]:
        """The columns there was no room for."""
        return [one.name for at, one in enumerate(self._columns) if at not in self._shown]

    def _fit(self, width: int) -> None:
        """Choose which columns to show, by rank, and cut the widest until they fit."""
        by_rank = sorted(self._shown, key=lambda at: self._columns[at].rank)
        self._shown = []
        for at in by_rank:
            fits = self._total([*self._shown, at], self._needs) <= width
            if fits or not self._columns[at].rank:
                self._shown.append(at)
        self._shown.sort()
        cut = [at for at in self._shown if not self._columns[at].whole]
        while cut and self._total(self._shown, self._widths) > width:
            widest = max(cut, key=self._spare)
            if self._widths[widest] <= _SHORTEST:
                break  # nothing sensible is left to cut
            self._widths[widest] -= 1

    def _spare(self, at: int) -> tuple[int, int]:
        return max(self._widths[at] - self._columns[at].enough, 0), self._widths[at]

    @property
    def _needs(self) -> list[int]:
        return [
            width if one.whole else min(width, one.enough)
            for one, width in zip(self._columns, self._widths, strict=True)
        ]

    @staticmethod
    def _total(shown: Sequence[int], widths: Sequence[int]) -> int:
        return sum(widths[at] for at in shown) + len(_GAP) * (len(shown) - 1)

    def _cells(self, row: Sequence[str]) -> list[str]:
        return [self._cell(output.plain(row[at]), self._widths[at]) for at in self._shown]

    def _cell(self, text: str, width: int) -> str:
        from rich.cells import cell_len, set_cell_size

        length = cell_len(text)
        if length > width and self._cuts:
            return set_cell_size(text, width - 1) + "…"
        return text + " " * (width - length)


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Print a table at once, and return the columns there was no room for."""
    table = Table(columns, rows)
    table.print_header()
    for row in rows:
        table.print_row(row)
    return table.left_out


def note_left_out(names: Sequence[str]) -> None:
    """Say on stderr which columns there was no room for."""
    if names:
        output.note(f"no room for: {', '.join(names)} (a wider terminal or --json shows all)")


def _turned(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[one.name, *(output.plain(row[at]) for row in rows)] for at, one in enumerate(columns)]


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size((80, 24)).columns
