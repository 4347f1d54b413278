"""Describe cookies to people: one block each, as wide as the terminal, with or without colour."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator

from ..browsers.attributes import Attribute
from ..output import plain
from ..spans import when
from .devices import Device
from .verdicts import Verdict

_WIDEST = 100  # columns of prose
_LABEL = 12
_NAMES_SHOWN = 12
_COLOURS = {"active": "32", "expired": "33", "rotated": "33", "malformed": "31", "unknown": "2"}
_BOLD, _DIM, _RED, _GREEN = "1", "2", "31", "32"


def report(verdicts: list[Verdict]) -> str:
    """Describe the cookies of authingo, and sum up the others in a line."""
    width = min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else 0
    page = _Page(width, coloured=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
    known = [verdict for verdict in verdicts if verdict.kind != "unknown"]
    ours = [verdict for verdict in known if verdict.problems or not verdict.leftover]
    leftovers = len(known) - len(ours)
    others = list(dict.fromkeys(one.name for one in verdicts if one.kind == "unknown"))
    blocks = ["\n".join(page.block(verdict)) for verdict in ours]
    if leftovers:
        blocks.append("\n".join(page.leftovers(leftovers)))
    if others:
        blocks.append("\n".join(page.others(others, alone=not ours)))
        notes = dict.fromkeys(one.note for one in verdicts if one.note)
        blocks += ("\n".join(page.wrapped(note)) for note in notes)
    return "\n\n".join(blocks)


class _Page:
    """Writes lines of a width; 0 sets no limit, for a file or a pipe."""

    def __init__(self, width: int, *, coloured: bool) -> None:
        self._width = width
        self._coloured = coloured
        self._told: set[str] = set()  # ids of sessions and users that were shown before

    def block(self, verdict: Verdict) -> Iterator[str]:
        """Describe one cookie: a headline, its state, whose, its attributes, what is wrong."""
        name = plain(verdict.name) or "a bare value"
        state = self._in(_COLOURS[verdict.standing.state], verdict.standing.state)
        tokens = verdict.kind in {"session", "refresh", "unknown"}
        what = f"{verdict.kind} {'token' if tokens else 'cookie'}"
        source = f", {plain(verdict.source)}" if verdict.source else ""
        times = f" {verdict.times:,} times" if verdict.times > 1 else ""
        yield f"{self._in(_BOLD, name)}: {what}, {state}{source}{times}"
        yield from self._wrapped("  ", verdict.standing.reason)
        for label, text in self._facts(verdict):
            yield from self._labelled(label, text)
        if verdict.compared:
            yield ""
            yield from self._table(verdict.compared)
        if verdict.does:
            yield ""
            for label, text in zip(["a browser"] + [""] * 9, verdict.does, strict=False):
                yield from self._labelled(label, text)
        yield ""
        for problem in verdict.problems:
            yield from self._labelled("problem", problem.text, _RED)
            if problem.fix:
                yield from self._labelled("do", problem.fix)
        if not verdict.problems:
            yield from self._labelled("problems", "none")

    def leftovers(self, count: int) -> Iterator[str]:
        """Sum up what a response expires so that no browser keeps two of one name."""
        headers = "header expires" if count == 1 else "headers expire"
        text = f"{count:,} more {headers} what another cookies.domain or .partitioned may have left"
        yield from self._wrapped("", text)

    def others(self, names: list[str], *, alone: bool) -> Iterator[str]:
        """Name the cookies that are not authingo's, which is no problem."""
        count = len(names)
        shown = names[:_NAMES_SHOWN]
        if count > len(shown):
            shown.append(f"and {count - len(shown):,} more")
        start = f"{count:,} {'' if alone else 'other '}cookie{'' if count == 1 else 's'}"
        text = f"{start}, not of authingo: {', '.join(shown)}"
        yield from self._wrapped("", text)

    def _facts(self, verdict: Verdict) -> Iterator[tuple[str, str]]:
        """Say whose a cookie is and how long it lives, once for each session."""
        standing = verdict.standing
        user, session = standing.user, standing.session
        for device in standing.devices:
            yield from self._account(device)
        if user is None or session is None:
            return
        if session.id in self._told:
            yield "session", f"{session.id}, as above"
            return
        self._told.add(session.id)
        self._told.add(user.id)
        yield "user", f"{user.name} <{user.email}>"
        yield "", user.id
        yield "session", session.id
        yield "signed in", when(session.created_at)
        if standing.state != "rotated":
            yield "token ends", when(session.expires_at)
        yield "refresh by", when(session.refresh_expires_at)
        if standing.ends is not None:
            yield "over by", f"{when(standing.ends)}, whatever refreshes it"

    def _account(self, device: Device) -> Iterator[tuple[str, str]]:
        """Say which account recognizes the browser by a token, and for how long."""
        user, until = device.user, device.until
        if user is None or until is None:
            yield "account", device.reason
            return
        if user.id in self._told:
            yield "account", f"{user.id}, as above"
        else:
            self._told.add(user.id)
            yield "account", f"{user.name} <{user.email}>"
            yield "", user.id
        yield "", device.reason
        yield "until", when(until)

    def _table(self, rows: list[Attribute]) -> Iterator[str]:
        """Write the attributes in columns; in a narrow terminal, their values are cut."""
        cells = [
            (
                plain(row.name),
                plain(row.is_) or "-",
                plain(row.should) or "-",
                "wrong" if row.problems else "ok",
            )
            for row in rows
        ]
        header = ("attribute", "is", "should be", "")
        widths = [max(len(row[i]) for row in (header, *cells)) for i in range(3)]
        room = self._width - 2 - sum(widths) - 6 - len("wrong") if self._width else 0
        if room < 0:
            widths[1] = max(8, widths[1] + room)
        yield self._in(_DIM, "  " + "  ".join(map(str.ljust, header, [*widths, 0])).rstrip())
        for name, is_, should, verdict in cells:
            text = is_ if len(is_) <= widths[1] else is_[: widths[1] - 3] + "..."
            line = "  ".join(map(str.ljust, (name, text, should), widths))
            yield f"  {line}  {self._in(_RED if verdict == 'wrong' else _GREEN, verdict)}"

    def _labelled(self, label: str, text: str, colour: str = _DIM) -> Iterator[str]:
        first = True
        for line in self._lines(text, 2 + _LABEL):
            shown = self._in(colour, f"{label:{_LABEL}}") if label else " " * _LABEL
            yield f"  {shown if first else ' ' * _LABEL}{line}"
            first = False

    def wrapped(self, text: str) -> Iterator[str]:
        """Write a paragraph."""
        return self._wrapped("", text)

    def _wrapped(self, indent: str, text: str) -> Iterator[str]:
        for line in self._lines(text, len(indent)):
            yield indent + line

    def _lines(self, text: str, indent: int) -> list[str]:
        """Wrap a text. Every text of the report passes here, so it is made `plain` here."""
        shown = plain(text)
        if not self._width:
            return [shown]
        return textwrap.wrap(
            shown, max(self._width - indent, 20), break_on_hyphens=False, break_long_words=False
        )

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured and text.strip() else text
