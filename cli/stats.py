"""`authingo stats`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import output
from .running import AsJSON, ConfigFile, command, with_auth
from .values import whole_number

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import Statistics
    from authingo.stores.mails import MailCounts

_NEW_USERS = "sign_up", "user_created"
_SIGN_INS = ("sign_in",)
_FAILURES = (
    "sign_in_failed",
    "password_check_failed",
    "password_change_failed",
    "refresh_reused",
)
# Counted separately: an attempt that reaches a limit is still tried, and records its own failure.
_LIMITS = ("limit_reached",)
_MAILS = "mail_sent", "mail_failed"


@command
def stats(
    *,
    days: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(1, 3650),
            help="How many days of UTC to show, today included.",
        ),
    ] = 14,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Show how many users and sessions there are, and what happened by day.

    New users, sign-ins and failures are counted from the recorded events, which go back as far as
    `events.retention`, and so are mails, sent and failed. It only reads, and blocks no other
    query. If a count takes longer than `store.timeout`, raise that setting for this run.
    """

    async def work(auth: Auth) -> tuple[Statistics, MailCounts, int, bool]:
        from authingo.mail.settings import sends_mail

        kept = auth.settings.events.retention.days  # days whose events are not pruned yet
        found = await auth.store.maintenance.statistics(days=min(days, kept))
        mails = await auth.store.mails.counts()
        return found, mails, kept, sends_mail(auth.settings) or mails.queued + mails.failed > 0

    found, mails, kept, has_mail = with_auth(config, work)
    if days > kept:
        output.note(
            f"events are kept for {kept} days (events.retention): {days - kept} are left out"
        )
    if as_json:
        output.as_json(_json(found, mails))
        return
    for line in _report(found, mails if has_mail else None, kept):
        output.data(line)


def _json(found: Statistics, mails: MailCounts) -> dict[str, Any]:
    """Return every event name for each day, with 0 for events that did not happen."""
    from authingo import events

    none = dict.fromkeys(events.names(), 0)
    return {
        "users": {"total": found.users, "verified": found.verified, "disabled": found.disabled},
        "sessions": {"refreshable": found.refreshable, "active": found.active},
        "mails": {"queued": mails.queued, "failed": mails.failed},
        "days": [
            {"date": day.date.isoformat(), "events": {**none, **day.events}} for day in found.days
        ],
    }


def _report(found: Statistics, mails: MailCounts | None, kept: int) -> list[str]:
    from .charts import Series, chart, cut_mark

    def by_day(names: Iterable[str]) -> list[int]:
        return [sum(day.events.get(name, 0) for name in names) for day in found.days]

    mark = cut_mark()
    drawn = chart(
        "day (UTC)",
        [f"{day.date:%Y-%m-%d %a}" for day in found.days],
        [
            Series("new users", "green", by_day(_NEW_USERS)),
            Series("sign-ins", "blue", by_day(_SIGN_INS)),
            Series("failures", "red", by_day(_FAILURES)),
        ],
    )
    counts = found.users, found.refreshable, mails.queued if mails else 0
    width = max(len(f"{count:,}") for count in counts)
    return [
        f"users     {found.users:>{width},}  "
        f"{found.verified:,} verified, {found.disabled:,} disabled",
        f"sessions  {found.refreshable:>{width},}  {found.active:,} with an active session token",
        *(
            [f"mails     {mails.queued:>{width},}  queued, {mails.failed:,} failed"]
            if mails
            else []
        ),
        "",
        *drawn,
        "",
        *_totals("new users", found, _NEW_USERS),
        *_totals("failures", found, _FAILURES),
        *_totals("limits", found, _LIMITS),
        *(_totals("mails", found, _MAILS) if mails else []),
        f"Events are kept for {kept} days; each column has its own scale.",
        *([f"{mark} marks a bar that is cut off."] if any(mark in row for row in drawn) else []),
    ]


def _totals(label: str, found: Statistics, names: Iterable[str]) -> list[str]:
    """List the events that a column counts, by the names that `authingo events list` takes."""
    import shutil
    import textwrap

    totals = {name: sum(day.events.get(name, 0) for day in found.days) for name in names}
    parts = [f"{name}\N{NO-BREAK SPACE}{total:,}" for name, total in totals.items() if total]
    lines = textwrap.wrap(
        ", ".join(parts) or "none",
        shutil.get_terminal_size((80, 24)).columns,
        initial_indent=f"{label:9}  ",
        subsequent_indent=" " * 11,
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]
