"""`authingo users set`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from . import output
from .running import AsJSON, ConfigFile, Who, command, with_auth

if TYPE_CHECKING:
    from authingo.auth import Auth
    from authingo.models import User
    from authingo.profile import Profiles

    Done = tuple[User, str]  # the user as they are now, and the message to print

EPILOG = "Example: authingo users set ada@example.com name=Ada profile.plan=pro"


@command
def set_fields(
    who: Who,
    assignments: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE",
            help="The field is `name` or one of the profile, such as `profile.plan`.",
            show_default=False,
        ),
    ],
    *,
    as_json: AsJSON = False,
    config: ConfigFile = None,
) -> None:
    """Change the name of a user, or fields of your own that they have.

    A value is JSON, such as 5, true, null or '["a", "b"]', if the field takes that; otherwise it is
    a text. The setting `profile` names the model of the fields. A change counts at once, in every
    session that the user has.
    """
    from authingo.cli.errors import UsageError

    given: dict[str, str] = {}
    for one in assignments:
        field, equals, value = one.partition("=")
        if not equals:
            raise UsageError(f"{output.plain(one)} is not FIELD=VALUE", hint=EPILOG)
        given[field] = value

    async def work(auth: Auth) -> Done:
        from authingo import profile

        texts = {field: value for field, value in given.items() if field != "name"}
        changes = _changes(profile.of(auth.settings), texts) if texts else None
        before = await auth.find_user(who)
        changed = await auth.update_user(before, name=given.get("name"), profile=changes)
        user = changed.user
        if (user.name, user.stored_profile) == (before.name, before.stored_profile):
            return user, f"{output.named(user)} has that already: nothing was changed"
        return user, f"changed {output.named(user)}: {', '.join(map(output.plain, given))}"

    output.changed_user(*with_auth(config, work), as_json=as_json)


def _changes(profiles: Profiles | None, texts: dict[str, str]) -> dict[str, object]:
    """Return the values of fields of the profile, by their names in it."""
    from authingo.cli.errors import UsageError

    known = [] if profiles is None else [f"profile.{name}" for name in profiles.model.model_fields]
    if unknown := [field for field in texts if field not in known]:
        hint = f"there are {', '.join(['name', *known])}"
        if profiles is None:
            hint = "there is `name`; the setting `profile` names the model of fields of your own"
        raise UsageError(f"users have no field {output.plain(unknown[0])}", hint=hint)
    assert profiles is not None  # noqa: S101 - otherwise every field is unknown
    named = ((field.removeprefix("profile."), text) for field, text in texts.items())
    return {name: _value(profiles, name, text) for name, text in named}


def _value(profiles: Profiles, name: str, text: str) -> object:
    """Return the text as JSON, if it is JSON that the field takes."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if profiles.takes(name, value) else text
