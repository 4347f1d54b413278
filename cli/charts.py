"""Draw numbers as bars, with characters that the terminal can show."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from . import output

_BLOCKS = " ▏▎▍▌▋▊▉█"  # from no eighth of a cell to all eight
_LONGEST = 40  # cells of a bar, however wide the terminal
_SHORTEST = 3  # with less room than this, there are numbers and no bars
_CUT, _CUT_ASCII = "»", ">"
_STANDS_OUT = 10  # times the usual number
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Series:
    """A column of a chart: its name, the colour of its bars, a number for each row."""

    name: str
    colour: str
    values: Sequence[int]

    @property
    def digits(self) -> int:
        """How wide its widest number is."""
        return max(len(f"{value:,}") for value in self.values)


def chart(header: str, labels: Sequence[str], columns: Sequence[Series]) -> list[str]:
    """Draw a line for each label: the number of each column, and a bar beside it.

    It is as wide as the terminal (or COLUMNS), else 80 cells. Each column has a scale of
    its own, because there are a hundred sign-ins for each sign-up.
    """
    first = max(map(len, [header, *labels]))
    taken = first + sum(len(_GAP) + one.digits + 1 for one in columns)
    room = (shutil.get_terminal_size((80, 24)).columns - taken) // len(columns)
    room = min(room, _LONGEST) if room >= _SHORTEST else 0
    drawn = [_column(one, room) for one in columns]
    heads = [output.styled(header, "bold") + " " * (first - len(header))]
    rows = zip([*heads, *(label.ljust(first) for label in labels)], *drawn, strict=True)
    return [_GAP.join(cells).rstrip() for cells in rows]


def _column(series: Series, room: int) -> list[str]:
    """Return the cells of a column, the header first, all of one width."""
    width = max(len(series.name), series.digits + (room and room + 1))
    padding = " " * (width - len(series.name))
    head = output.styled(series.name, "bold")
    cells = [head + padding if room else padding + head]
    scale = scale_of(series.values)
    for value in series.values:
        number = f"{value:,}".rjust(series.digits if room else width)
        drawn = bar(value, scale, room, blocks=_has_blocks())
        padding = " " * (width - len(number) - 1 - len(drawn))
        cells.append(f"{number} {output.styled(drawn, series.colour)}{padding}" if room else number)
    return cells


def scale_of(values: Sequence[int]) -> int:
    """Return the number that is drawn as a full bar.

    Usually that is the largest. But if one stands out, all other bars would shrink to a dot,
    and their differences could not be seen. Then it is the largest that does not stand out.
    """
    there_are = sorted(value for value in values if value > 0)
    if not there_are:
        return 0
    common = there_are[(len(there_are) - 1) // 2]
    return max(value for value in there_are if value <= _STANDS_OUT * common)


def bar(value: int, scale: int, room: int, *, blocks: bool) -> str:
    """Draw a number as a bar: `scale` fills the room, and anything above 0 can be seen.

    The bar of a number beyond the scale ends with `cut_mark`.
    """
    if value <= 0:
        return ""
    full = _BLOCKS[8] if blocks else "#"
    if value > scale:
        return full * (room - 1) + (_CUT if blocks else _CUT_ASCII)
    if not blocks:
        return full * max(1, round(value / scale * room))
    eighths = max(1, round(value / scale * room * 8))
    return _BLOCKS[8] * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def cut_mark() -> str:
    """Return the mark at the end of a bar that is cut off."""
    return _CUT if _has_blocks() else _CUT_ASCII


def _has_blocks() -> bool:
    try:
        (_BLOCKS + _CUT).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
