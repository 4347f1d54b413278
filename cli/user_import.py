"""`authingo users import`."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from . import output
from .interruption import WaitedFor, interruptible
from .pacing import Alone, PaceOption
from .progress import progress
from .running import AsJSON, ConfigFile, with_auth
from .values import one_of

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.importing import Failed, HashConfig, UserImport


class System(StrEnum):
    """The system that the users come from. The library has the same list; a test compares them."""

    aspnet = "aspnet"
    authingo = "authingo"
    authingo_go = "authingo-go"
    auth0 = "auth0"
    better_auth = "better-auth"
    django = "django"
    fastapi_users = "fastapi-users"
    firebase = "firebase"
    keycloak = "keycloak"
    pocketbase = "pocketbase"
    supabase = "supabase"
    wordpress = "wordpress"


EPILOG = "Example: authingo users import users.csv --from better-auth --dry-run"


def import_users(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="JSON in any layout, or CSV with a header; - is standard input."
        ),
    ],
    *,
    system: Annotated[
        System,
        typer.Option(
            "--from",
            metavar="SYSTEM",
            parser=one_of(System),
            autocompletion=lambda: list(System),
            help=f"The system that wrote the file: {', '.join(System)}.",
        ),
    ] = System.authingo,
    hash_config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Firebase's password hash parameters, as its console shows them."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, but write nothing.")
    ] = False,
    pace: PaceOption = None,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Import the users of another system, with their passwords.

    Users whose email is known already are skipped, so you can repeat it after an interruption.
    Users get new ids and keep their time of creation. A line that cannot be imported is reported
    with the reason, and the import goes on. docs/import.md says how to export from each system.
    """
    from authingo.importing import UserImport

    parameters = _hash_config(hash_config, system)
    report: _JSONReport | _TextReport = _JSONReport() if as_json else _TextReport(dry_run=dry_run)

    async def work(auth: Auth) -> UserImport:
        await auth.ping()  # before reading a file that may be long
        with interruptible() as waiting, _opened(file, waiting) as source:
            importing = UserImport(
                auth.store,
                system.value,
                hash_config=parameters,
                dry_run=dry_run,
                on_failed=report.failed,
            )
            alone = Alone(auth, pace)
            try:
                with progress("importing", _lines_of(source), unit="users") as advance:
                    await importing.read(
                        io.BufferedReader(source), on_progress=advance, is_alone=alone
                    )
            finally:  # also after an error or Ctrl-C, to report what was done
                report.close(importing, alone)
            _say_what_is_slowest(importing, auth.settings.passwords.bcrypt_cost)
            return importing

    if with_auth(config, work, gives_way=True).failed:
        sys.stdout.flush()
        raise typer.Exit(1)


def _say_what_is_slowest(done: UserImport, cost: int) -> None:
    from authingo.passwords import slowest_of

    if slowest := slowest_of(done.kinds.values(), cost):
        kind, milliseconds = slowest
        output.note(
            f"the slowest hash, {output.plain(kind.begins)}…, takes"
            f" {milliseconds:.0f} ms here, longer than bcrypt at cost {cost}: every sign-in takes"
            " as long until its owners have signed in, so that timing reveals no accounts"
        )


class _TextReport:
    """Prints each failed line at once, and the counts at the end, to stderr."""

    def __init__(self, *, dry_run: bool) -> None:
        self._would = "would have " if dry_run else ""

    def failed(self, line: Failed) -> None:
        output.note(f"line {line.line}: {output.plain(line.message)} ({line.code})")

    def close(self, done: UserImport, alone: Alone) -> None:
        parts = [f"{self._would}imported {output.count(done.imported, 'user')}"]
        if done.skipped:
            parts.append(f"skipped {done.skipped:,} who exist already")
        if done.failed:
            parts.append(f"{output.count(done.failed, 'line')} failed")
        output.note(", ".join(parts))
        if done.without_password:
            output.note(
                f"{output.count(done.without_password, 'user')} without a password:"
                " use authingo users set-password to set one"
            )
        alone.say()


class _JSONReport:
    """Writes the JSON value piece by piece, so that a million failures take no memory."""

    def __init__(self) -> None:
        self._separator = '{"failed": ['

    def failed(self, line: Failed) -> None:
        told = {"line": line.line, "code": line.code, "message": line.message}
        sys.stdout.write(self._separator + json.dumps(told))
        self._separator = ",\n"

    def close(self, done: UserImport, alone: Alone) -> None:
        if self._separator != ",\n":
            sys.stdout.write(self._separator)
        counts = {"imported": done.imported, "skipped": done.skipped}
        told = {**counts, "rested_for": alone.rested_for}
        sys.stdout.write("], " + json.dumps(told)[1:] + "\n")


def _hash_config(file: Path | None, system: System) -> HashConfig | None:
    """Read the parameters from a file. One is a secret, so it must not be an argument."""
    from authingo.cli.errors import UsageError

    from authingo.importing import HashConfig, Unreadable

    if (file is None) is (system is System.firebase):
        raise UsageError(
            "--hash-config and --from firebase go together",
            hint="docs/import.md says where Firebase shows the parameters",
        )
    if file is None:
        return None
    try:
        return HashConfig.parse(file.read_text("utf-8-sig"))
    except OSError as error:
        raise Unreadable(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{file} is not UTF-8 text") from None


def _opened(file: str, waiting: AbstractContextManager[None]) -> WaitedFor:
    from authingo.importing import Unreadable

    try:
        return WaitedFor(sys.stdin.fileno() if file == "-" else file, waiting)
    except OSError as error:
        raise Unreadable(f"cannot read {file}: {error.strerror}") from None


def _lines_of(source: BinaryIO) -> int | None:
    """Count the lines of a file for a progress bar; None if a line is not one user."""
    if not sys.stderr.isatty() or not _is_file(source):
        return None
    begins = source.tell()
    start = source.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")
    source.seek(begins)
    if start.startswith(b"[") or re.match(rb"\{\s*\n", start):
        return None
    lines = sum(chunk.count(b"\n") for chunk in iter(_reads(source), b""))
    source.seek(begins)
    return lines if lines > 1 else None


def _reads(source: BinaryIO) -> Callable[[], bytes]:
    return lambda: source.read(1024 * 1024)


def _is_file(source: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(source.fileno()).st_mode)
