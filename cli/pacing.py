"""How fast commands go through all users: at full speed while nobody else uses the database.

Beside a server they take short steps and rest as long as they work, so that sign-ins and session
checks hardly notice. Whether there is a server is asked again and again, because one may start at
any moment. Where it cannot be found out, they rest.
"""

from __future__ import annotations

import contextlib
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .values import one_of

if TYPE_CHECKING:
    from authingo.auth import Auth

_EVERY = 0.5  # seconds between two looks at who is connected
_NOTICED = 5.0  # seconds of work beside others after which the command says that it rests
UNKNOWN = "unknown"  # among `rested_for`: it cannot be found out who is connected


class PaceChoice(StrEnum):
    """What `--pace` takes."""

    full = "full"
    gentle = "gentle"


PaceOption = Annotated[
    PaceChoice | None,
    typer.Option(
        "--pace",
        metavar="full|gentle",
        parser=one_of(PaceChoice),
        autocompletion=lambda: list(PaceChoice),
        help="full never rests, gentle always does, so that servers stay quick. By default it "
        "rests while other programs are connected to the database.",
        show_default=False,
    ),
]


class Alone:
    """Whether nobody else uses the database, or as `--pace` says.

    `rested_for` has the names of the programs for which the command has rested.
    """

    def __init__(self, auth: Auth, pace: PaceChoice | None) -> None:
        self.rested_for: list[str] = []
        self._maintenance = auth.store.maintenance
        self._pace = pace
        self._alone = False
        self._asked_at: float | None = None
        self._beside_others = 0.0  # seconds

    async def __call__(self) -> bool:
        """Return it as it was half a second ago at most."""
        from authingo import clock

        if self._pace is not None:
            return self._pace is PaceChoice.full
        now = clock.now()
        if self._asked_at is None or now - self._asked_at >= _EVERY:
            if self._asked_at is not None and not self._alone:
                self._beside_others += now - self._asked_at
            self._asked_at = now
            await self._ask()
        return self._alone

    async def _ask(self) -> None:
        from authingo.errors import StoreUnavailable

        others = None
        with contextlib.suppress(StoreUnavailable):  # the next step meets the same, and reports it
            others = await self._maintenance.others()
        self._alone = others == []
        names = [UNKNOWN] if others is None else [name or "without a name" for name in others]
        self.rested_for = sorted({*self.rested_for, *names})

    def say(self) -> None:
        """Tell people at a terminal why it took so long."""
        if self._beside_others >= _NOTICED and sys.stderr.isatty():
            names = ", ".join(map(output.plain, self.rested_for))
            output.note(
                f"rested between the steps, because other programs are connected: {names}"
                " (--pace full does not rest)"
            )
