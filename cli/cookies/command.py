"""`authingo cookies`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from .. import output
from ..running import AsJSON, ConfigFile, command, with_auth
from ..tree import App, Command

if TYPE_CHECKING:
    from authingo.auth import Auth

    from ..browsers.places import Place
    from .devices import Device
    from .sources import Found
    from .verdicts import Verdict

app = App(help="Explain cookies.")

_MAX_INPUT = 64 * 1024 * 1024  # bytes
_FILE = re.compile(r"^(~|/|\./|\.\./)[^\s=;]*$|^[^\s=;]+\.(har|txt|json|jar|log)$", re.IGNORECASE)
_TOKEN = re.compile(r"-[A-Za-z0-9_-]{42}|-[A-Za-z0-9_-]{63}(\.[A-Za-z0-9_-]{64}){0,2}")


class TakesTokens(Command):
    """A command that does not take a token for an option: one in 64 begins with a dash."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put such tokens after `--`, where everything is an argument."""
        tokens = [arg for arg in args if _TOKEN.fullmatch(arg)]
        if tokens and "--" not in args:
            args = [*(arg for arg in args if arg not in tokens), "--", *tokens]
        return super().parse_args(ctx, args)


@app.command(
    "inspect",
    cls=TakesTokens,
    epilog="Example: pbpaste | authingo cookies inspect --url https://app.example.com/",
)
@command
def inspect(
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE",
            help="A Cookie or Set-Cookie header, what a browser's tools copy (as cURL, PowerShell, "
            "fetch for Node.js, HAR, or rows of the table of cookies), the output of curl -i or "
            "-v, a cookie jar, an export of an extension or of Playwright, or a bare value; as "
            "text or the name of a file. Else, or with -, standard input.",
            show_default=False,
        ),
    ] = None,
    *,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="What a browser asks for: tells whether it sends the cookies there, and where "
            "they came from if the input does not say so. Else public_url.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Exit with 1 if a cookie of authingo has a problem, or if there is none.",
        ),
    ] = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Explain cookies: whose, what state and why, how long, and what a browser does with them.

    Changes nothing and never prints a token. Prefer standard input: arguments are
    seen by other users of the machine and stay in the history of the shell.
    """
    from .report import report
    from .sources import read_cookies

    asked = _place(url)
    found = read_cookies(_input(value))
    verdicts = _judge(found, asked, config)
    if found.left_out:
        output.note(
            f"note: {found.left_out:,} more are left out: there are too many different ones"
        )
    if as_json:
        output.as_json({"cookies": [_json(verdict) for verdict in verdicts]})
    else:
        output.data(report(verdicts))
    ours = [verdict for verdict in verdicts if verdict.kind != "unknown"]
    if check and (not ours or any(verdict.problems for verdict in ours)):
        raise typer.Exit(1)


def _place(url: str | None) -> Place | None:
    from authingo.cli.errors import UsageError

    from ..browsers.places import Place

    place = Place.parse(url) if url is not None else None
    if url is not None and (place is None or not place.scheme):
        raise UsageError("--url must be an http or https address such as https://example.com/")
    return place


def _input(value: str | None) -> bytes:
    from pathlib import Path

    from authingo.cli.errors import UsageError

    if value is not None and value != "-":
        try:
            with Path(value).open("rb") as file:
                return _read(file)
        except (OSError, ValueError) as error:
            # A value that is too long, or has a slash in it, fails too: it is not a file's name.
            if isinstance(error, PermissionError | IsADirectoryError):
                raise UsageError(f"cannot read the file: {error.strerror}") from None
        if _FILE.search(value):
            raise UsageError("there is no file of this name")
        output.note("note: arguments are seen by others on this machine; prefer standard input")
        return value.encode("utf-8", "surrogateescape")
    if value is None and sys.stdin.isatty():
        raise UsageError(
            "there is nothing to inspect",
            hint="pipe a header in, or name a file: authingo cookies inspect cookies.txt",
        )
    return _read(sys.stdin.buffer)


def _read(file: BinaryIO) -> bytes:
    from authingo.cli.errors import UsageError

    raw = file.read(_MAX_INPUT + 1)
    if len(raw) > _MAX_INPUT:
        raise UsageError(
            f"the input is larger than {_MAX_INPUT // 1024**2} MiB",
            hint="export fewer requests, or cut out the headers",
        )
    return raw


def _judge(found: Found, asked: Place | None, config: str | None) -> list[Verdict]:
    """Judge each cookie; a database is opened only if there is a token to look up."""
    from authingo.config import load

    from .verdicts import Inspector

    inspector = Inspector(load(config), found, asked)
    if not inspector.needs_store:
        return inspector.without_store()

    async def work(auth: Auth) -> list[Verdict]:
        return await inspector.with_store(auth.store)

    return with_auth(config, work)


def _json(verdict: Verdict) -> dict[str, Any]:
    from authingo.wire import session_json

    standing = verdict.standing
    found: dict[str, Any] = {
        "name": verdict.name,
        "kind": verdict.kind,
        "state": standing.state,
        "user": output.user_json(standing.user) if standing.user else None,
        "session": session_json(standing.session) if standing.session else None,
        "attributes": verdict.attributes,
        "problems": [str(problem) for problem in verdict.problems],
    }
    if verdict.kind == "device":
        found["devices"] = [_device(device) for device in standing.devices]
    return found


def _device(device: Device) -> dict[str, Any]:
    from authingo.wire import timestamp

    return {
        "state": device.state,
        "user": output.user_json(device.user) if device.user else None,
        "expires_at": timestamp(device.until) if device.until else None,
    }
