"""`authingo users verify` and `set-email`: whose address it is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .asking import Yes, confirm, has_terminal, require_terminal
from .running import AsJSON, ConfigFile, Who, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import ChangedUser, User

    Done = tuple[User, str]  # the user as they are now, and the message to print


@command
def verify(
    who: Who,
    *,
    evict: Annotated[
        bool,
        typer.Option(
            "--evict",
            help="Remove what somebody else may have added who signed up with the address.",
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Mark the email of a user as verified, because you know that it is theirs.

    Anybody can sign up with the address of another person. So this says what the account keeps,
    and asks on a terminal whether to go on if that is anything. With --evict, which always asks,
    the owner of the address gets the account without a password and without all that: sessions,
    links, recognized browsers and credentials end, and the name becomes the part of the address
    before the @. Roles of your own program are not touched. The owner chooses a password with
    the link that `authingo users send-reset` sends.
    """
    if evict:
        require_terminal(yes=yes)

    async def work(auth: Auth) -> Done:
        user = await auth.find_user(who)
        shown = output.named(user)
        if user.email_verified:
            return user, f"{shown} is verified already: nothing was changed"
        kept = await _what_it_has(auth, user)
        if evict:
            gone = ", ".join(["the name", *kept])
            _ask(user, f"removes: {gone}", "Remove that, and verify the address?", yes=yes)
            return await auth.verify_email(user, evict=True), f"verified {shown}; removed: {gone}"
        stays = ", ".join(kept)
        if kept and not yes and has_terminal():
            output.note("somebody else who signed up with the address could have added that;")
            output.note("--evict removes it")
            _ask(user, f"keeps: {stays}", "Verify the address all the same?", yes=yes)
        verified = await auth.verify_email(user)
        return verified, f"verified {shown}" + (f"; it keeps: {stays}" if kept else "")

    user, said = with_auth(config, work)
    output.changed_user(user, said, as_json=as_json)


@command
def set_email(
    who: Who,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new email.", show_default=False)],
    *,
    verified: Annotated[
        bool, typer.Option("--verified", help="Mark the new email as verified.")
    ] = False,
    yes: Yes = False,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Give a user another email, end their sessions and forget their browsers. Asks first.

    The new email counts as not verified unless you say so. The password stays, and links to
    choose another one stop working. With mail on, both addresses get a mail that says when it
    happened; neither mail names the other address.
    """
    require_terminal(yes=yes)

    async def work(auth: Auth) -> tuple[ChangedUser, str]:
        from authingo import inputs
        from authingo.models import ChangedUser

        user = await auth.find_user(who)
        if inputs.normalize_email(new) == user.email:
            return ChangedUser(user, 0), f"{output.named(user)} has it already: nothing was changed"
        await auth.check_new_user(email=new)  # before it asks: whether it is an address, and free
        _ask(user, f"new email: {output.plain(new)}", "Change the email of this user?", yes=yes)
        changed = await auth.update_user(user, email=new, verified=verified)
        ended = output.count(changed.ended, "session")
        what = f"changed the email of {output.named(user)} to {output.plain(changed.user.email)}"
        return changed, f"{what}, and ended {ended}"

    changed, said = with_auth(config, work)
    output.changed_user(changed.user, said, as_json=as_json)


async def _what_it_has(auth: Auth, user: User) -> list[str]:
    """Return what an account has by which somebody could get in."""
    from authingo.passwords import NO_PASSWORD

    known = await auth.store.users.by_email(user.email)
    sessions = await auth.store.sessions.count_refreshable(user_id=user.id)
    browsers = await auth.store.devices.count(user.id)
    kinds = Counter(one.kind for one in await auth.store.credentials.of_user(user.id))
    parts = [
        "the password" if known and known.password_hash != NO_PASSWORD else "",
        output.count(sessions, "session") if sessions else "",
        output.count(browsers, "recognized browser") if browsers else "",
        *(f"{kind}: {number}" for kind, number in sorted(kinds.items())),
    ]
    return [one for one in parts if one]


def _ask(user: User, fact: str, question: str, *, yes: bool) -> None:
    if not yes:
        output.note(f"{output.named(user)}, {output.plain(user.name)}")
        output.note(fact)
        confirm(question, yes=yes)
