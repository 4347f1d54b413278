"""The bar of long commands."""

from __future__ import annotations

import importlib
import io
import re

import pytest

progress = importlib.import_module("authingo.cli.progress").progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, total: int | None, *done: int) -> str:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    with progress("pruning", total, unit="rows") as advance:
        for number in done:
            advance(number)
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", terminal.getvalue())


def test_the_total_is_never_less_than_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted before goes on growing while it is worked off."""
    assert "40/100" in shown(monkeypatch, 100, 40)
    text = shown(monkeypatch, 100, 60, 60)
    assert "120/120" in text
    assert "120/100" not in text


def test_nothing_to_do_and_no_total_are_shown_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "0/0" in shown(monkeypatch, 0, 0)
    assert "7/?" in shown(monkeypatch, None, 7)


def test_nothing_is_written_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("pruning", 10, unit="rows") as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")
