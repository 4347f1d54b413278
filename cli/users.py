"""`authingo users`."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from . import output, user_export, user_import
from .running import AsJSON, ConfigFile, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import User

app = typer.Typer(help="Create and list users.", no_args_is_help=True)
app.command("import", epilog=user_import.EPILOG)(command(user_import.import_users))
app.command("export", epilog=user_export.EPILOG)(command(user_export.export_users))

_PAGE = 1000  # rows read at once
_TABLE_LIMIT = 50  # rows shown to people who ask for no number


@app.command("create", epilog="Example: authingo users create ada@example.com --name Ada")
@command
def create(
    email: Annotated[str, typer.Argument(help="The email to sign in with.", show_default=False)],
    *,
    name: Annotated[
        str | None,
        typer.Option(help="The name; else what stands before the @.", show_default=False),
    ] = None,
    verified: Annotated[
        bool, typer.Option("--verified", help="The email is known to be theirs.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    generate_password: Annotated[
        bool, typer.Option("--generate-password", help="Make one up and print it, once.")
    ] = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Create a user. Asks for the password unless told where to get it."""
    from authingo.errors import UsageError
    from authingo.passwords import generate

    if password_stdin and generate_password:
        raise UsageError("--password-stdin and --generate-password exclude each other")
    if not (password_stdin or generate_password or sys.stdin.isatty()):
        raise UsageError(
            "there is no terminal to ask for the password",
            hint="pipe it in with --password-stdin, or use --generate-password",
        )

    async def work(auth: Auth) -> tuple[User, str]:
        await auth.ping()  # no password is asked for in vain
        if generate_password:
            password = generate()
        else:
            password = _read_password() if password_stdin else _ask_password()
        made = await auth.create_user(email=email, password=password, name=name, verified=verified)
        return made, password

    user, password = with_auth(config, work)
    if as_json:
        shown: dict[str, object] = output.user_json(user)
        if generate_password:
            shown = {"user": shown, "password": password}
        output.as_json(shown)
        return
    output.note(f"created {output.plain(user.email)} ({user.id})")
    if generate_password:
        output.data(password)


@app.command("list", epilog="Example: authingo users list --search example.com --limit 20")
@command
def list_users(
    *,
    search: Annotated[
        str | None, typer.Option(help="A part of the email or the name.", show_default=False)
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many: else 50 in a table, all of them for programs."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only those after this user.", show_default=False),
    ] = None,
    as_json: AsJSON = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    config: ConfigFile = None,
) -> None:
    """List users by the time they were created."""
    from authingo.errors import UsageError

    if as_json and as_csv:
        raise UsageError("--json and --csv exclude each other")

    async def work(auth: Auth) -> None:
        found = _pages(auth, search=search, after=after, limit=limit)
        if as_json:
            await _print_json(found)
        elif as_csv:
            await _print_csv(found)
        else:
            await _print_table(auth, search, after, limit or _TABLE_LIMIT)

    with_auth(config, work)


async def _pages(
    auth: Auth, *, search: str | None, after: str | None, limit: int | None
) -> AsyncIterator[list[User]]:
    left = limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(_PAGE, left)
        page = await auth.store.list_users(search=search, after=after, limit=size)
        yield page
        if len(page) < size:
            return
        after = page[-1].id
        left = None if left is None else left - size


async def _print_json(pages: AsyncIterator[list[User]]) -> None:
    array = output.JSONArray()
    async for page in pages:
        for user in page:
            array.add(output.user_json(user))
    array.close()


async def _print_csv(pages: AsyncIterator[list[User]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    columns = ["id", "email", "name", "email_verified", "created_at", "updated_at", "disabled_at"]
    writer.writerow(columns)
    async for page in pages:
        for user in page:
            shown = output.user_json(user)
            shown["email"], shown["name"] = output.cell(user.email), output.cell(user.name)
            shown["email_verified"] = "true" if user.email_verified else "false"
            writer.writerow([shown[column] for column in columns])


async def _print_table(auth: Auth, search: str | None, after: str | None, limit: int) -> None:
    found = await auth.store.list_users(search=search, after=after, limit=limit + 1)
    shown = found[:limit]
    if not shown:
        output.note("no users")
        return
    output.table(
        ["email", "name", "state", "created", "id"],
        [
            [
                output.plain(user.email),
                output.plain(user.name),
                _state(user),
                f"{user.created_at:%Y-%m-%d}",
                user.id,
            ]
            for user in shown
        ],
        optional=("id",),  # every command takes the email as well
    )
    if len(found) > limit:
        output.note(f"there are more: --after {shown[-1].id}, or --limit")


def _state(user: User) -> str:
    if user.disabled_at:
        return "disabled"
    return "verified" if user.email_verified else "active"


def _read_password() -> str:
    from authingo.errors import UsageError

    try:
        text = sys.stdin.buffer.read(64 * 1024).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("the password on standard input is not UTF-8") from None
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise UsageError("there is no password on standard input")
    return password


def _ask_password() -> str:
    import getpass

    from authingo.errors import UsageError

    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise UsageError("the two passwords differ")
    return password
