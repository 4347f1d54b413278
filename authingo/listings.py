"""Users and events in pages, for the administration of a program."""

from __future__ import annotations

from authingo import arguments, events, roles
from authingo.core import Core
from authingo.ids import is_id
from authingo.models import Event, User


class Listings:
    """The use cases that list users and events, and change nothing."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def list_users(
        self, *, search: str | None, role: str | None, after: User | str | None, limit: int
    ) -> list[User]:
        """See Auth."""
        after = after.id if isinstance(after, User) else after
        arguments.require_text_or_none(role=role)
        arguments.refuse(
            {
                "role": None if role is None else roles.problem_with(role),
                "search": arguments.problem_with_search(search),
                "after": _problem_with_id("after", after, "usr_"),
                "limit": arguments.problem_with_limit(limit),
            }
        )
        store = await self._core.opened()
        return await store.users.page(search=search, role=role, after=after, limit=limit)

    async def list_events(
        self,
        *,
        user: User | str | None,
        name: str | None,
        before: Event | str | None,
        after: Event | str | None,
        limit: int,
        newest: bool,
    ) -> list[Event]:
        """See Auth."""
        before = before.id if isinstance(before, Event) else before
        after = after.id if isinstance(after, Event) else after
        arguments.require_text_or_none(name=name)
        known = events.names(self._core.settings.plugins)
        arguments.refuse(
            {
                "name": None if name is None or name in known else f"is not one of {known}",
                "before": _problem_with_id("before", before, "evt_"),
                "after": _problem_with_id("after", after, "evt_"),
                "limit": arguments.problem_with_limit(limit),
            }
        )
        user_id = None if user is None else arguments.user_id(user)
        store = await self._core.opened()
        return await store.events.page(
            user_id=user_id, name=name, before=before, after=after, limit=limit, newest=newest
        )


def _problem_with_id(name: str, given: str | None, prefix: str) -> str | None:
    arguments.require_text_or_none(**{name: given})
    return None if given is None or is_id(given, prefix) else f"must be an id that begins {prefix}"
