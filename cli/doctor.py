"""`authingo doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .running import AsJSON, ConfigFile, command, fail, with_auth
from .values import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from authingo.auth import Auth
    from authingo.config import Settings
    from authingo.findings import Finding

    from .browsers.places import Place

_LABEL = 16  # columns of a check's name
_WIDEST = 110  # columns of a line: longer ones are hard to read
_INDENT = " " * (_LABEL + 6)

Section = tuple[str, "Iterable[Finding]"]


@command
def doctor(
    *,
    front: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The address of the pages: predict whether cookies stick between it and --api.",
            show_default=False,
        ),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where browsers find the API; else public_url.", show_default=False
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Look at a running server, from outside and without a credential.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            envvar="WEB_CONCURRENCY",
            show_default=False,
            help="Processes that share the database; else 1.",
        ),
    ] = 1,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Look for problems and say how to fix them. Changes nothing.

    Without options: the configuration, the database, its schema, and this machine.
    With --front or --url, only what they name. Exits with 1 if a check fails.
    """
    from authingo.errors import ConfigError

    report = _Report(as_json=as_json)
    try:
        for title, found in _sections(front, api, url, workers, config):
            report.add(title, found)
    except ConfigError as error:
        from authingo.findings import fail as failed

        hint = error.hint or "correct it: docs/settings.md lists the settings"
        report.add("Configuration", [failed("configuration", error.message, hint)])
    report.close()


def _sections(
    front: str | None, api: str | None, url: str | None, workers: int, config: str | None
) -> Iterator[Section]:
    """Run the checks, one section after the other."""
    from authingo.cli.errors import UsageError

    from authingo.config import find, load

    pages, server = _address("--front", front), _address("--url", url)
    given = _address("--api", api)
    if given is not None and pages is None:
        raise UsageError("--api goes with --front: where are the pages?")
    settings = load(config)
    if pages is not None:
        from .checks import pair

        routes = given or _address("public_url", settings.public_origin)
        if routes is None:
            raise UsageError("--front goes with --api: where do browsers find the API?")
        yield "Cookies", pair.predict(pages, routes, settings)
    if server is not None:
        from .checks.server import examine

        yield "Server", examine(server, settings)
    if pages is None and server is None:
        from .checks import configuration, passwords

        yield (
            "Configuration",
            [
                *configuration.files(find(config), settings.plugins),
                *configuration.settings(settings),
            ],
        )
        yield "Database", _database(config, settings, workers)
        if mail := _mail(config, settings):
            yield "Mail", mail
        yield "This machine", [passwords.cost(settings.passwords.bcrypt_cost)]


def _database(config: str | None, settings: Settings, workers: int) -> list[Finding]:
    from .checks.database import examine

    async def work(auth: Auth) -> list[Finding]:
        return await examine(auth.store, settings, workers=workers)

    return with_auth(config, work, opened=False)


def _mail(config: str | None, settings: Settings) -> list[Finding]:
    from authingo.mail.settings import sends_mail

    async def work(auth: Auth) -> list[Finding]:
        from .checks.mail import examine

        return await examine(auth.store, settings)

    return with_auth(config, work, opened=False) if sends_mail(settings) else []


def _address(option: str, url: str | None) -> Place | None:
    from authingo.cli.errors import UsageError

    from .browsers.places import address

    if url is None:
        return None
    try:
        return address(url)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from None


_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red")}


class _Report:
    """Shows findings as they come: lines for people, one JSON value for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._found: list[Finding] = []

    def add(self, title: str, found: Iterable[Finding]) -> None:
        """Take the findings of a section, and show each to people as soon as it is found."""
        if not self._as_json:
            output.data(("\n" if self._found else "") + output.styled(title, "bold"))
        for one in found:
            self._found.append(one)
            if not self._as_json:
                self._show(one)

    def _show(self, one: Finding) -> None:
        mark, colour = _MARKS[one.status]
        label = one.name.replace("_", " ").ljust(_LABEL)
        message = _wrapped(one.message, _INDENT)
        output.data(f"  {output.styled(mark, colour)} {label}  {message}")
        if one.hint:
            output.data(
                f"{_INDENT}{output.styled('→', 'dim')} {_wrapped(one.hint, _INDENT + '  ')}"
            )
        sys.stdout.flush()

    def close(self) -> None:
        """Sum up, and exit with 1 if a check failed."""
        from authingo.cli.errors import ChecksFailed

        failed = [one.name for one in self._found if one.status == "fail"]
        warned = sum(one.status == "warn" for one in self._found)
        if self._as_json:
            output.as_json({"ok": not failed, "checks": [_json(one) for one in self._found]})
        sys.stdout.flush()
        if failed:
            fail(ChecksFailed(failed), as_json=self._as_json)
        if not self._as_json:
            output.note(
                f"\n{len(self._found)} checks: "
                + (f"{output.count(warned, 'warning')}, none failed" if warned else "all is well")
            )


def _json(finding: Finding) -> dict[str, str | None]:
    return {
        "name": finding.name,
        "status": finding.status,
        "message": finding.message,
        "hint": finding.hint,
    }


def _wrapped(text: str, indent: str) -> str:
    """Wrap a text at the terminal's width, with its further lines indented.

    Without a terminal it is not wrapped.
    """
    import shutil
    import textwrap

    shown = output.plain(text)
    if not sys.stdout.isatty():
        return shown
    columns = min(shutil.get_terminal_size().columns, _WIDEST)
    width = max(columns - len(indent), 30)
    lines = textwrap.wrap(shown, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{indent}".join(lines)
