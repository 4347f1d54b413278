"""Long lists are read by key in pages: each row once, no more than was asked for."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import pytest

from authingo import clock
from authingo.ids import is_id, new_id

NO_ROOM = "no room for: size (a wider terminal or --json shows all)\n"

Listing = importlib.import_module("authingo.cli.listing").Listing


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: 0.0)  # no page takes longer than it should


class Rows:
    """A million rows that are made when they are asked for."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.asked: list[tuple[str | None, int]] = []

    async def fetch(self, after: str | None, limit: int) -> list[int]:
        self.asked.append((after, limit))
        first = 0 if after is None else int(after) + 1
        return list(range(first, min(first + limit, self._count)))

    def pages(self, **options: Any) -> list[list[int]]:
        async def read() -> list[list[int]]:
            return [page async for page in Listing(self.fetch, str, **options).pages()]

        return asyncio.run(read())

    def table(self, limit: int | None) -> list[list[int]]:
        drawn: list[list[int]] = []
        listing = Listing(self.fetch, str, after=None, limit=limit)

        def draw(rows: list[int]) -> list[str]:
            drawn.append(rows)
            return ["size"] if len(rows) == 1000 else []

        asyncio.run(listing.print_table(draw, none="none"))
        return drawn


@pytest.mark.parametrize(
    ("count", "after", "limit", "sizes"),
    [
        (0, None, None, []),
        (49, None, None, [49]),
        (50, None, None, [50]),
        (120, None, None, [50, 50, 20]),
        (120, "9", None, [50, 50, 10]),
        (120, None, 1, [1]),
        (120, None, 50, [50]),
        (120, None, 51, [50, 1]),
        (120, "118", 51, [1]),
        (120, "119", None, []),
    ],
)
def test_each_row_is_read_once(
    count: int, after: str | None, limit: int | None, sizes: list[int]
) -> None:
    pages = Rows(count).pages(after=after, limit=limit)
    assert [len(page) for page in pages] == sizes
    first = int(after or -1) + 1
    assert [row for page in pages for row in page] == list(range(first, first + sum(sizes)))


def test_no_more_is_read_than_asked_for() -> None:
    rows = Rows(10_000)
    rows.pages(after=None, limit=70)
    assert rows.asked == [(None, 50), ("49", 20)]


def test_people_get_fifty_rows_and_are_told_of_more(capsys: pytest.CaptureFixture[str]) -> None:
    for count, limit, sizes, said in (
        (0, None, [], "none\n"),
        (50, None, [50], ""),
        (51, None, [50], "there are more: --after 49, or --limit N\n"),
        (2500, 2500, [1000, 1000, 500], NO_ROOM),
        (2500, 1200, [1000, 200], f"{NO_ROOM}there are more: --after 1199, or --limit N\n"),
    ):
        assert [len(page) for page in Rows(count).table(limit)] == sizes
        assert capsys.readouterr().err == said


def test_an_id_is_known_by_its_spelling() -> None:
    assert is_id(new_id("usr_"), "usr_")
    assert is_id("usr_1", "usr_")
    assert is_id("usr_usr_" + "x" * 60, "usr_")
    for text in ("", "usr_", "ses_1", "usr_1@example.com", "usr_é", "usr_1\n", "usr_" + "x" * 65):
        assert not is_id(text, "usr_"), text
