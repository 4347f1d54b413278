"""`authingo stats`, as a process, on both stores."""

from __future__ import annotations

import importlib
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.command import Runner
from tests.database import execute
from tests.mail.inbox import mail_settings
from tests.mail.server import Fault, SMTPServer

charts = importlib.import_module("authingo.cli.charts")
bar, scale_of = charts.bar, charts.scale_of

DAY = timedelta(days=1)
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
SGR = re.compile(r"\x1b\[\d*m")


@pytest.fixture
def today() -> datetime:
    """Noon of the day on which the test began: it may end on the next."""
    return datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def insert(url: str, name: str, at_noon: datetime, count: int) -> None:
    """Let something happen so often."""
    seconds = int(at_noon.timestamp())
    at = f"{seconds}000000" if url.startswith("sqlite") else f"to_timestamp({seconds})"
    rows = ", ".join(f"('evt_{name}_{seconds}_{n}', {at}, '{name}')" for n in range(count))
    execute(url, f"INSERT INTO authingo_events (id, at, name) VALUES {rows}")


@pytest.fixture
def busy(authingo: Runner, make_user: Any, today: datetime) -> Runner:
    """Two users, and days with sign-ins and failures."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    make_user("ada@example.com", "--verified")
    make_user("bob@example.com")
    yesterday, before = today - DAY, today - 2 * DAY
    insert(url, "sign_up", yesterday, 3)
    insert(url, "sign_in", yesterday, 1200)
    insert(url, "sign_in", before, 600)
    insert(url, "sign_in_failed", yesterday, 4)
    insert(url, "refresh_reused", yesterday, 1)
    insert(url, "sign_in", today - 20 * DAY, 7)
    return authingo


def test_programs_get_every_day_and_every_event(busy: Runner, today: datetime) -> None:
    shown = busy("stats", "--days", "4", "--json")
    assert (shown.code, shown.err) == (0, "")
    assert shown.json["users"] == {"total": 2, "verified": 1, "disabled": 0}
    assert shown.json["sessions"] == {"refreshable": 0, "active": 0}
    days = {day["date"]: day["events"] for day in shown.json["days"]}
    assert list(days) == sorted(days)
    assert len(days) == 4
    before, yesterday = (days[f"{today - ago * DAY:%Y-%m-%d}"] for ago in (2, 1))
    assert {name: n for name, n in before.items() if n} == {"sign_in": 600}
    assert {name: n for name, n in yesterday.items() if n} == {
        "sign_up": 3,
        "sign_in": 1200,
        "sign_in_failed": 4,
        "refresh_reused": 1,
    }
    assert sum(events["user_created"] for events in days.values()) == 2
    assert before.keys() == yesterday.keys() >= {"limit_reached", "sign_out"}


def test_people_get_a_chart_that_fits_the_terminal(busy: Runner, today: datetime) -> None:
    wide = 0
    for columns in (80, 120):
        shown = busy.on_terminal("stats", columns=columns)
        assert shown.code == 0
        lines = SGR.sub("", shown.out).splitlines()
        assert lines[0] == "users     2  1 verified, 0 disabled"
        assert lines[1] == "sessions  0  0 with an active session token"
        assert lines[3].split() == ["day", "(UTC)", "new", "users", "sign-ins", "failures"]
        days = lines[4:18]
        dates = [date.fromisoformat(line[:10]) for line in days]
        assert [line[11:14] for line in days] == [WEEKDAYS[date.weekday()] for date in dates]
        assert dates == [dates[0] + n * DAY for n in range(14)]
        before, yesterday = (dates.index((today - ago * DAY).date()) for ago in (2, 1))
        new, drawn_new, signed_in, full, failed, drawn_failed = days[yesterday].split()[2:]
        assert (new, signed_in, failed) == ("3", "1,200", "5")
        assert set(drawn_new + full + drawn_failed) == {"█"}
        half = days[before].split()[4]
        assert abs(half.count("█") - len(full) / 2) <= 0.5
        assert max(map(len, lines)) <= columns
        assert len(full) > wide
        wide = len(full)
        assert "failures   sign_in_failed 4, refresh_reused 1" in lines
        assert "Events are kept for 90 days" in lines[-1]
    assert SGR.search(shown.out)


def test_mails_are_counted_where_there_are_any(busy: Runner, today: datetime) -> None:
    assert "mails" not in busy("stats").out
    url = busy.env["AUTHINGO_DATABASE_URL"]
    with SMTPServer() as server:
        table = mail_settings(server)
        busy.env.update(
            AUTHINGO_PUBLIC_URL="https://example.com",
            AUTHINGO_MAIL__URL=str(table["url"]),
            AUTHINGO_MAIL__FROM=str(table["from"]),
        )
        assert "mails     0  queued, 0 failed" in busy("stats").out
        for fault in (None, None, Fault("RCPT", "550 no such mailbox")):
            server.fault = fault
            assert busy("users", "send-reset", "ada@example.com").code == 0
            assert busy("mail", "send").code == 0
        assert busy("users", "send-reset", "ada@example.com").code == 0
    insert(url, "mail_sent", today - DAY, 1000)
    shown = busy("stats", "--days", "3")
    assert "mails     1  queued, 1 failed" in shown.out.splitlines()
    assert "mails      mail_sent 1,002, mail_failed 1" in shown.out.splitlines()
    as_json = busy("stats", "--days", "3", "--json").json
    assert as_json["mails"] == {"queued": 1, "failed": 1}
    assert as_json["days"][-2]["events"]["mail_sent"] == 1000
    sent = busy("events", "list", "--event", "mail_sent", "--user", "ada@example.com", "--json")
    assert len(sent.json) == 2


def test_without_a_terminal_nothing_is_coloured_and_without_blocks_bars_are_ascii(
    busy: Runner,
) -> None:
    shown = busy("stats")
    assert "█" in shown.out
    assert "\x1b" not in shown.out
    ascii_only = busy("stats", PYTHONIOENCODING="ascii")
    assert ascii_only.code == 0
    assert "####" in ascii_only.out
    assert ascii_only.out.isascii()
    busy.env["NO_COLOR"] = "1"
    assert "\x1b" not in busy.on_terminal("stats").out


def test_days_that_were_pruned_are_left_out_and_not_shown_as_quiet(bare: Runner) -> None:
    bare.env |= {"AUTHINGO_EVENTS__RETENTION": "5d", "AUTHINGO_DATABASE_URL": "sqlite:///a.db"}
    assert bare("migrate").code == 0
    shown = bare("stats", "--days", "20", "--json")
    assert shown.code == 0
    assert len(shown.json["days"]) == 5
    assert shown.err == "events are kept for 5 days (events.retention): 15 are left out\n"
    nothing = bare("stats", "--days", "2")
    assert (nothing.code, nothing.err) == (0, "")
    assert nothing.out.splitlines()[-4:-1] == [
        "new users  none",
        "failures   none",
        "limits     none",
    ]
    for days in ("0", "-1", "3651", "many"):
        assert bare("stats", "--days", days).code == 2


@pytest.mark.parametrize("blocks", [True, False])
def test_a_bar_is_as_long_as_its_number_and_what_is_not_zero_is_seen(blocks: bool) -> None:
    assert bar(0, 0, 20, blocks=blocks) == bar(0, 10, 20, blocks=blocks) == ""
    full = bar(10, 10, 20, blocks=blocks)
    assert full == ("█" if blocks else "#") * 20
    assert bar(5, 10, 20, blocks=blocks) == full[:10]
    assert bar(1, 1_000_000, 20, blocks=blocks) == ("▏" if blocks else "#")
    lengths = [len(bar(value, 997, 20, blocks=blocks)) for value in range(998)]
    assert lengths == sorted(lengths)
    assert max(lengths) == 20


def test_a_bar_is_drawn_in_eighths_of_a_cell() -> None:
    assert [bar(eighths, 16, 2, blocks=True) for eighths in (1, 4, 8, 9, 15)] == [
        "▏",
        "▌",
        "█",
        "█▏",
        "█▉",
    ]


def test_a_day_that_stands_out_leaves_the_others_their_differences() -> None:
    assert scale_of([3, 900, 8, 0, 5]) == 8
    assert [bar(value, 8, 8, blocks=True) for value in (4, 8, 900)] == [
        "████",
        "████████",
        "███████»",
    ]
    assert bar(900, 8, 8, blocks=False) == "#######>"
    assert scale_of([600, 1200]) == 1200, "twice as many is a difference to be seen"
    assert scale_of([1, 1, 10]) == 10
    assert (scale_of([0, 0]), scale_of([7])) == (0, 7)


def test_a_failure_that_reached_a_limit_is_one_failure(busy: Runner, today: datetime) -> None:
    url = busy.env["AUTHINGO_DATABASE_URL"]
    insert(url, "limit_reached", today - DAY, 2)
    insert(url, "password_check_failed", today - DAY, 60)
    insert(url, "sign_in_failed", today - 2 * DAY, 1)
    shown = busy("stats", "--days", "4").out
    (failures,) = re.findall(r" 65 █+»?$", shown, re.MULTILINE)
    assert failures.endswith("»"), "it stands out beside a day with one"
    assert "» marks a bar that is cut off." in shown
    said = "failures   sign_in_failed 5, password_check_failed 60, refresh_reused 1"
    assert said in shown.splitlines()
    assert "limits     limit_reached 2" in shown.splitlines()
