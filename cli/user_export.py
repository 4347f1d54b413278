"""`authingo users export`."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from . import output, user_list
from .listing import Listing
from .pacing import Alone, PaceOption
from .running import ConfigFile, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import Credentials

_FORMULA = re.compile(r"'*[=+\-@\t\r]")  # formulas, and text that looks already quoted

EPILOG = "Example: authingo users export --with-password-hashes > users.jsonl"


def export_users(
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV instead of JSON lines.")] = False,
    with_password_hashes: Annotated[
        bool, typer.Option("--with-password-hashes", help="Include the password hashes.")
    ] = False,
    pace: PaceOption = None,
    config: ConfigFile = None,
) -> None:
    """Write all users to stdout as JSON, one object per line, for `users import`.

    Without the hashes, imported users need a new password.
    """
    if with_password_hashes and sys.stdout.isatty():
        output.note("warning: password hashes on a terminal stay in its history")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")

    async def work(auth: Auth) -> None:
        write = (
            _csv_writer(user_list.columns(auth), with_password_hashes)
            if as_csv
            else _json_writer(with_password_hashes)
        )

        async def fetch(after: str | None, limit: int) -> list[Credentials]:
            return await auth.store.users.export(after=after, limit=limit)

        alone = Alone(auth, pace)
        users = Listing(fetch, lambda one: one.user.id, is_alone=alone)
        lost = 0
        async for page in users.pages():
            for one in page:
                write(one)
                profile = one.user.stored_profile
                lost += profile is not None and (bool(profile.left) or profile.shown is None)
        if lost:
            output.note(
                f"warning: {output.count(lost, 'user')} had something in the profile that the "
                "model does not accept or does not have: it is not in the export"
            )
        alone.say()

    with_auth(config, work, gives_way=True)


def _hash_of(one: Credentials) -> str | None:
    from authingo.passwords import NO_PASSWORD

    return None if one.password_hash == NO_PASSWORD else one.password_hash


def _json_writer(with_hash: bool) -> Callable[[Credentials], None]:
    def write(one: Credentials) -> None:
        shown = output.user_json(one.user)
        if profile := one.user.stored_profile:
            from authingo.profile import written

            shown["profile"] = written(profile)
        if with_hash:
            shown["password_hash"] = _hash_of(one)
        output.data(output.wire().json_line(shown))

    return write


def _csv_writer(columns: Sequence[str], with_hash: bool) -> Callable[[Credentials], None]:
    columns = [*columns, *(["password_hash"] if with_hash else [])]
    written = output.CSV(columns, _cell)

    def write(one: Credentials) -> None:
        written.add([*user_list.csv_row(one.user), *([_hash_of(one)] if with_hash else [])])

    return write


def _cell(text: str) -> str:
    """Quote a text that a spreadsheet would run (CWE-1236). `users import` undoes that."""
    shown = output.plain(text) if sys.stdout.isatty() else text
    return "'" + shown if _FORMULA.match(shown) else shown
