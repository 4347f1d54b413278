"""`authingo users`: the group of commands, and those that need no file of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from . import (
    output,
    user_addresses,
    user_export,
    user_import,
    user_list,
    user_passwords,
    user_roles,
    user_set,
)
from .asking import Yes, confirm, require_terminal
from .running import AsJSON, ConfigFile, Who, command, with_auth
from .tree import App

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import User

    Done = tuple[User, str]  # the user as they are now, and the message to print

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
    """Show a user, and how many sessions and recognized browsers they have."""

    async def work(auth: Auth) -> tuple[User, str, int]:
        user = await auth.find_user(who)
        sessions = await _sessions_in_short(auth, user)
        return user, sessions, await auth.store.devices.count(user.id)

    user, sessions, browsers = with_auth(config, work)
    if as_json:
        output.as_json(output.user_json(user))
        return
    since = f" since {output.moment(user.disabled_at)}" if user.disabled_at else ""
    if user.delete_at:
        since += f", will be deleted after {output.moment(user.delete_at)}"
    facts = {
        "email": user.email,
        "verified": user_list.verified(user),
        "name": user.name,
        "id": user.id,
        "state": user_list.state_of(user) + since,
        "roles": " ".join(user.roles) or "none",
        "created": output.moment(user.created_at),
        "changed": output.moment(user.updated_at),
        "sessions": sessions,
        "browsers": f"{browsers} recognized" if browsers else "none recognized",
    }
    if profile := user.stored_profile:
        from authingo.profile import whole

        facts |= {f"profile.{name}": json.dumps(one) for name, one in whole(profile).items()}
    width = max(10, *(len(fact) + 1 for fact in facts))
    for fact, value in facts.items():
        output.data(f"{fact:{width}}{output.plain(value)}")


app.command(
    "set-password",
    epilog="Example: authingo users set-password ada@example.com --generate-password",
)(user_passwords.set_password)


@app.command("disable", epilog="Example: authingo users disable ada@example.com --yes")
@command
def disable(
    who: Who, *, yes: Yes = False, as_json: AsJSON = False, config: ConfigFile = None
) -> None:
    """End all sessions of a user, and prevent new ones until they are enabled. Asks first."""
    require_terminal(yes=yes)

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        if user.disabled_at:
            return user, f"{output.named(user)} is disabled already: nothing was changed"
        await _confirm(auth, user, "Disable this user and end their sessions?", yes=yes)
        changed = await auth.disable_user(user)
        ended = output.count(changed.ended, "session")
        return changed.user, f"disabled {output.named(user)} and ended {ended}"

    output.changed_user(*with_auth(config, work), as_json=as_json)


@app.command("enable", epilog="Example: authingo users enable ada@example.com")
@command
def enable(who: Who, *, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Let a disabled user sign in again."""

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        if not user.disabled_at and not user.delete_at:
            return user, f"{output.named(user)} is not disabled: nothing was changed"
        enabled = (await auth.enable_user(user)).user
        if enabled.delete_at:
            keep = "`authingo users keep` cancels that"
            return enabled, f"{output.named(user)} is still to be deleted: {keep}"
        return enabled, f"enabled {output.named(user)}"

    output.changed_user(*with_auth(config, work), as_json=as_json)


app.command("set", epilog=user_set.EPILOG)(user_set.set_fields)
app.command("roles", epilog=user_roles.EPILOG)(user_roles.roles)
app.command("verify", epilog="Example: authingo users verify ada@example.com")(
    user_addresses.verify
)
app.command(
    "set-email",
    epilog="Example: authingo users set-email ada@example.com ada@example.net --verified",
)(user_addresses.set_email)


@app.command("send-reset", epilog="Example: authingo users send-reset ada@example.com")
@command
def send_reset(who: Who, *, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Queue a mail to a user with a link to choose a new password, or their first one.

    A running server delivers it, or `authingo mail send`. Nothing else changes until the
    link is used: the user stays signed in, and the old password still works.
    """

    async def work(auth: Auth) -> Done:
        from authingo.cli.errors import UsageError

        from authingo.mail.resets import PasswordResets

        user = await auth.find_user(who)
        if user.disabled_at:
            raise UsageError(
                f"{output.named(user)} is disabled, and gets no link",
                hint="`authingo users enable` lets the user sign in again",
            )
        await auth.capability(PasswordResets).send(user)
        return user, output.queued_mail(user)

    output.changed_user(*with_auth(config, work), as_json=as_json)


@app.command("delete", epilog="Example: authingo users delete ada@example.com --yes")
@command
def delete(
    who: Who, *, yes: Yes = False, as_json: AsJSON = False, config: ConfigFile = None
) -> None:
    """Delete a user and all their sessions. Asks first: there is no way back.

    Their events stay in `authingo events list`, under their id. Where a server has a hook for
    "user_deleted", the user is disabled, and the server deletes them within seconds.
    """
    require_terminal(yes=yes)

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        await _confirm(auth, user, "Delete this user and their sessions for good?", yes=yes)
        if await auth.delete_user(user):
            return user, f"deleted {output.named(user)}"
        return user, (
            f"disabled {output.named(user)}: a server deletes the user, "
            "because a hook of your program takes part"
        )

    output.changed_user(*with_auth(config, work), as_json=as_json)


@app.command("data", epilog="Example: authingo users data ada@example.com > ada.json")
@command
def data(who: Who, *, config: ConfigFile = None) -> None:
    """Print everything that is stored about a user as JSON, without secrets, to give it to them."""

    async def work(auth: Auth) -> dict[str, object]:
        return await auth.export_user(await auth.find_user(who))

    output.as_json(with_auth(config, work))


@app.command("keep", epilog="Example: authingo users keep ada@example.com")
@command
def keep(who: Who, *, as_json: AsJSON = False, config: ConfigFile = None) -> None:
    """Keep a user who is to be deleted. They sign in again, unless they are disabled."""

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        if not user.delete_at:
            return user, f"{output.named(user)} will not be deleted: nothing was changed"
        kept = await auth.cancel_deletion(user)
        still = ", who is still disabled" if kept.disabled_at else ""
        return kept, f"kept {output.named(user)}{still}"

    output.changed_user(*with_auth(config, work), as_json=as_json)


app.command("import", epilog=user_import.EPILOG)(command(user_import.import_users))
app.command("export", epilog=user_export.EPILOG)(command(user_export.export_users))


async def _confirm(auth: Auth, user: User, question: str, *, yes: bool) -> None:
    """Show the user and what will end, and ask for confirmation."""
    if not yes:
        sessions = await _sessions_in_short(auth, user)
        output.note(f"{output.named(user)}, {output.plain(user.name)}")
        output.note(f"sessions: {output.plain(sessions)}")
        confirm(question, yes=yes)


async def _sessions_in_short(auth: Auth, user: User) -> str:
    """Return how many sessions a user has, and when and from where the latest was used."""
    count = await auth.store.sessions.count_refreshable(user_id=user.id)
    last = await auth.store.sessions.of_user(user.id, limit=1)
    if not last:
        return "none"
    where = f" from {last[0].ip}" if last[0].ip else ""
    return f"{count}, last used {output.moment(last[0].last_used_at)}{where}"
