"""What is made of a session's row is made again as soon as anything in the row changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from authingo.stores import rows
from authingo.stores.rows import RowModels, RowReader

AT = datetime(2026, 11, 26, 8, 30, 0, 123456, tzinfo=UTC)
USER = ("usr_1", "ada@example.com", "Ada", True, AT, AT, None, "", None, None)
SESSION = ("ses_1", "usr_1", AT, AT, AT, AT, "192.0.2.1", "Firefox", AT, "password")
LATER = AT + timedelta(microseconds=1)
CHANGED = (
    *("usr_2", "eve@example.com", "Eve", False, LATER, LATER, AT, "admin", "{}", AT),
    *("ses_2", "usr_2", LATER, LATER, LATER, LATER, None, "Safari", LATER, "totp"),
)


@pytest.fixture
def resumptions() -> RowModels:
    return RowModels(RowReader(), SimpleNamespace(profiles=None))


def test_a_row_that_reads_the_same_is_not_made_anew(resumptions: RowModels) -> None:
    first = resumptions.of((*USER, *SESSION, "deadline"))
    assert (first.user.name, first.session.user_agent) == ("Ada", "Firefox")
    assert resumptions.of((*USER, *SESSION, "another deadline")) is first


@pytest.mark.parametrize("column", range(len(USER + SESSION)))
def test_any_change_is_seen(resumptions: RowModels, column: int) -> None:
    row = [*USER, *SESSION]
    before = resumptions.of(tuple(row))
    row[column] = CHANGED[column]
    after = resumptions.of(tuple(row))
    assert after is not before


def test_no_more_are_kept_than_there_is_room_for(
    resumptions: RowModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_KEPT", 10)
    for number in range(100):
        made = resumptions.of((*USER, f"ses_{number}", *SESSION[1:]))
        assert made.session.id == f"ses_{number}"
        assert len(resumptions._made) <= 10


def test_profiles_take_no_more_memory_than_there_is_room_for(
    resumptions: RowModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KEPT_BYTES", 1000)
    for number in range(100):
        resumptions.of((*USER[:-2], "x" * 100, None, f"ses_{number}", *SESSION[1:]))
        assert len(resumptions._made) <= 10
