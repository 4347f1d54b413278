"""What came of each trouble, as a table for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.failover.people import Window

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "high-availability.md"
_HEAD = (
    "What happened",
    "seconds of 503",
    "requests",
    "acknowledged",
    "503",
    "slowest answer",
    "other errors",
    "lost",
    "signed out",
    "revoked, yet alive",
)


@dataclass(frozen=True)
class Row:
    """One trouble."""

    what: str
    window: Window

    @property
    def counted(self) -> list[int]:
        """What must not happen: other errors, then what was lost."""
        window = self.window
        found = (window.strange, window.lost, window.signed_out, window.alive)
        return [len(one) for one in found]

    @property
    def text(self) -> str:
        """A line of the table."""
        window = self.window
        cells = [
            self.what,
            f"{window.seconds_of_503:.1f}",
            f"{window.requests:,}",
            f"{window.acknowledged:,}",
            f"{len(window.unavailable):,}",
            f"{window.slowest:.1f} s",
            *map(str, self.counted),
        ]
        return f"| {' | '.join(cells)} |"


def table(rows: list[Row]) -> str:
    """Return all rows as Markdown."""
    head = f"| {' | '.join(_HEAD)} |"
    return "\n".join([head, f"|---{'|--:' * (len(_HEAD) - 1)}|", *(row.text for row in rows)])


def write(name: str, text: str) -> None:
    """Put it between the markers of that name in the document."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = DOCUMENT.read_text("utf-8").partition(begin)
    after = rest.partition(end)[2]
    DOCUMENT.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")
