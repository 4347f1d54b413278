"""`authingo cookies`."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from . import output
from .running import AsJSON, ConfigFile, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.config import Settings

    from .cookie_sources import Given
    from .cookie_verdicts import Verdict

app = typer.Typer(help="Explain cookies.", no_args_is_help=True)

_MAX_INPUT = 1024 * 1024  # bytes
_TOKEN = re.compile(r"-[A-Za-z0-9_-]{42}|-[A-Za-z0-9_-]{63}")


class TakesTokens(TyperCommand):
    """A command that one token in 64, which begins with a dash, does not take for an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put such tokens behind `--`, where everything is an argument."""
        tokens = [arg for arg in args if _TOKEN.fullmatch(arg)]
        if tokens and "--" not in args:
            args = [*(arg for arg in args if arg not in tokens), "--", *tokens]
        return super().parse_args(ctx, args)


@app.callback()
def _cookies() -> None:
    pass


@app.command("inspect", cls=TakesTokens, epilog="Example: pbpaste | authingo cookies inspect")
@command
def inspect(
    value: Annotated[
        str | None,
        typer.Argument(
            help="A Cookie or Set-Cookie header, the output of curl -i, a cookie jar or its "
            "file, or a bare value. Else, or with -, standard input.",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Explain cookies: whose, what state and why, how long, and what is wrong.

    Changes nothing and never prints a token. Prefer standard input: arguments are
    seen by other users of the machine and stay in the history of the shell.
    """
    from .cookie_sources import read_cookies

    given = read_cookies(_text(value))
    settings, verdicts = _judge(given, config)
    if as_json:
        output.as_json({"cookies": [_json(verdict) for verdict in verdicts]})
        return
    output.data("\n\n".join(_describe(verdict, settings) for verdict in verdicts))


def _text(value: str | None) -> str:
    from pathlib import Path

    from authingo.errors import UsageError

    if value is not None and value != "-":
        if len(value) < 1024 and "\n" not in value and Path(value).is_file():
            return _decode(Path(value).read_bytes()[: _MAX_INPUT + 1])
        output.note("note: arguments are seen by others on this machine; prefer standard input")
        return value
    if value is None and sys.stdin.isatty():
        raise UsageError(
            "there is nothing to inspect", hint="pipe a header in, or name it as an argument"
        )
    return _decode(sys.stdin.buffer.read(_MAX_INPUT + 1))


def _decode(raw: bytes) -> str:
    from authingo.errors import UsageError

    if len(raw) > _MAX_INPUT:
        raise UsageError("the input is larger than 1 MiB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("the input is not text in UTF-8") from None


def _judge(given: list[Given], config: str | None) -> tuple[Settings, list[Verdict]]:
    """Judge each cookie; a database is opened only if there is a token to look up."""
    from authingo.config import load

    from .cookie_verdicts import Inspector

    settings = load(config)
    inspector = Inspector(settings, given)
    if not inspector.needs_store:
        return settings, inspector.without_store()

    async def work(auth: Auth) -> list[Verdict]:
        return await inspector.with_store(auth.store)

    return settings, with_auth(config, work)


def _json(verdict: Verdict) -> dict[str, Any]:
    from authingo.wire import session_json

    return {
        "name": verdict.name,
        "kind": verdict.kind,
        "state": verdict.state,
        "user": output.user_json(verdict.user) if verdict.user else None,
        "session": session_json(verdict.session) if verdict.session else None,
        "attributes": verdict.attributes,
        "problems": verdict.problems,
    }


def _describe(verdict: Verdict, settings: Settings) -> str:
    kind = "not a cookie of authingo" if verdict.kind == "unknown" else f"{verdict.kind} token"
    name = output.plain(verdict.name) or "a bare value"
    lines = [f"{name}: {kind}", f"  state     {verdict.state}: {verdict.reason}"]
    if verdict.user is not None:
        who = f"{output.plain(verdict.user.name)} <{output.plain(verdict.user.email)}>"
        lines.append(f"  user      {who}")
        lines.append(f"            {verdict.user.id}")
    if verdict.session is not None:
        session = verdict.session
        lines.append(f"  session   {session.id}")
        lines.append(f"            signed in {_when(session.created_at)}")
        lines.append(f"            session token until {_when(session.expires_at)}")
        lines.append(f"            refresh until {_when(session.refresh_expires_at)}")
    if verdict.attributes is not None:
        shown = "; ".join(_attribute(name, value) for name, value in verdict.attributes.items())
        lines.append(f"  sent with {output.plain(shown) or 'no attributes'}")
    lines += [f"  problem   {output.plain(problem)}" for problem in verdict.problems]
    if verdict.kind != "unknown" and not verdict.problems:
        lines.append(f"  problems  none, for {settings.public_url or 'any https address'}")
    return "\n".join(lines)


def _attribute(name: str, value: object) -> str:
    return name if value is True else f"{name}={value}"


def _when(moment: datetime) -> str:
    away = (moment - datetime.now(UTC)).total_seconds()
    size, unit = abs(away), "second"
    for limit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if size >= limit:
            size, unit = size / limit, name
            break
    count = int(size)
    span = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC ({'in ' + span if away > 0 else span + ' ago'})"
