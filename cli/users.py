"""`authingo users`: the tree, and the commands that need no file of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import output, user_export, user_import, user_list, user_passwords
from .asking import Yes, confirm, require_terminal
from .running import AsJSON, ConfigFile, Who, command, with_auth
from .tree import App

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import Session, User

    Done = tuple[User, str]  # the user as they are now, and what to tell people

app = App(help="Look after users.")
app.command("create", epilog="Example: authingo users create ada@example.com --name Ada")(
    user_passwords.create
)
app.command("list", epilog="Example: authingo users list --search example.com --limit 20")(
    user_list.list_users
)


@app.command("show", epilog="Example: authingo users show ada@example.com")
@command
def show(who: Who, *, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Show a user, and how many sessions they have."""

    async def work(auth: Auth) -> tuple[User, list[Session]]:
        user = await auth.find_user(who)
        return user, await auth.list_sessions(user.id)

    user, sessions = with_auth(config, work)
    if as_json:
        output.as_json(output.user_json(user))
        return
    since = f" since {output.moment(user.disabled_at)}" if user.disabled_at else ""
    facts = {
        "email": output.plain(user.email),
        "verified": user_list.verified(user),
        "name": output.plain(user.name),
        "id": user.id,
        "state": user_list.state_of(user) + since,
        "created": output.moment(user.created_at),
        "changed": output.moment(user.updated_at),
        "sessions": _in_short(sessions),
    }
    for fact, value in facts.items():
        output.data(f"{fact:10}{value}")


app.command(
    "set-password",
    epilog="Example: authingo users set-password ada@example.com --generate-password",
)(user_passwords.set_password)


@app.command("disable", epilog="Example: authingo users disable ada@example.com --yes")
@command
def disable(
    who: Who, *, yes: Yes = False, as_json: AsJSON = False, config: ConfigFile = None
) -> None:
    """End all sessions of a user, and let none begin until they are enabled. Asks first."""
    require_terminal(yes=yes)

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        if user.disabled_at:
            return user, f"{_named(user)} is disabled already: nothing was changed"
        await _confirm(auth, user, "Disable this user and end their sessions?", yes=yes)
        changed = await auth.disable_user(user.id)
        ended = output.count(changed.ended, "session")
        return changed.user, f"disabled {_named(user)} and ended {ended}"

    _print(with_auth(config, work), as_json=as_json)


@app.command("enable", epilog="Example: authingo users enable ada@example.com")
@command
def enable(who: Who, *, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Let a disabled user sign in again."""

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        if not user.disabled_at:
            return user, f"{_named(user)} is not disabled: nothing was changed"
        return (await auth.enable_user(user.id)).user, f"enabled {_named(user)}"

    _print(with_auth(config, work), as_json=as_json)


@app.command("verify", epilog="Example: authingo users verify ada@example.com")
@command
def verify(who: Who, *, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Mark the email of a user as known to be theirs."""

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        if user.email_verified:
            return user, f"{_named(user)} is verified already: nothing was changed"
        return await auth.verify_email(user.id), f"verified {_named(user)}"

    _print(with_auth(config, work), as_json=as_json)


@app.command("delete", epilog="Example: authingo users delete ada@example.com --yes")
@command
def delete(
    who: Who, *, yes: Yes = False, as_json: AsJSON = False, config: ConfigFile = None
) -> None:
    """Delete a user and all their sessions. Asks first: there is no way back.

    What happened to them stays in `authingo events list`, under their id.
    """
    require_terminal(yes=yes)

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        await _confirm(auth, user, "Delete this user and their sessions for good?", yes=yes)
        await auth.delete_user(user.id)
        return user, f"deleted {_named(user)}"

    _print(with_auth(config, work), as_json=as_json)


app.command("import", epilog=user_import.EPILOG)(command(user_import.import_users))
app.command("export", epilog=user_export.EPILOG)(command(user_export.export_users))


async def _confirm(auth: Auth, user: User, question: str, *, yes: bool) -> None:
    """Say whom it is about and what will end, and ask."""
    if not yes:
        sessions = await auth.list_sessions(user.id)
        output.note(f"{_named(user)}, {output.plain(user.name)}\nsessions: {_in_short(sessions)}")
        confirm(question, yes=yes)


def _print(done: Done, *, as_json: bool) -> None:
    user, said = done
    if as_json:
        output.as_json(output.user_json(user))
    else:
        output.note(said)


def _named(user: User) -> str:
    return f"{output.plain(user.email)} ({user.id})"


def _in_short(sessions: list[Session]) -> str:
    """Say how many there are, and of the one used last when and from where."""
    if not sessions:
        return "none"
    last = sessions[0]
    where = f" from {output.plain(last.ip)}" if last.ip else ""
    return f"{len(sessions)}, last used {output.moment(last.last_used_at)}{where}"
