"""Users and events in pages, for the administration of a program."""

from __future__ import annotations

from typing import get_args

from authingo import arguments
from authingo.events import EventName
from authingo.models import Event, User, is_id
from authingo.opening import Opening


class Listings(Opening):
    """The use cases that only read, about everybody."""

    async def list_users(
        self, *, search: str | None = None, after: User | str | None = None, limit: int = 100
    ) -> list[User]:
        """Return a page of users by the time they were created, disabled ones too.

        Args:
            search: a part of the email or the name; ASCII letters match in either case.
            after: the last user of the page before, or their id; nobody needs to have it.
            limit: 1 to 1,000. A page that is not full is the last one.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
        """
        after = after.id if isinstance(after, User) else after
        arguments.refuse(
            {
                "search": arguments.problem_with_search(search),
                "after": _problem_with_id("after", after, "usr_"),
                "limit": arguments.problem_with_limit(limit),
            }
        )
        store = await self._store()
        return await store.list_users(search=search, after=after, limit=limit)

    async def list_events(
        self,
        *,
        user: User | str | None = None,
        name: str | None = None,
        before: Event | str | None = None,
        after: Event | str | None = None,
        limit: int = 100,
        newest: bool = True,
    ) -> list[Event]:
        """Return a page of what happened, the latest first.

        Args:
            user: only those about this user, who may have been deleted since.
            name: only those of this name; see docs/events.md.
            before: only what happened before this event, or the one with this id.
            after: only what happened after it.
            limit: 1 to 1,000. A page that is not full is the last one.
            newest: False returns the earliest first, to read on with `after`.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            NoSuchUser: `user` cannot be the id of one.
        """
        before = before.id if isinstance(before, Event) else before
        after = after.id if isinstance(after, Event) else after
        arguments.require_text_or_none(name=name)
        known = get_args(EventName)
        arguments.refuse(
            {
                "name": None if name is None or name in known else f"is not one of {known}",
                "before": _problem_with_id("before", before, "evt_"),
                "after": _problem_with_id("after", after, "evt_"),
                "limit": arguments.problem_with_limit(limit),
            }
        )
        user_id = None if user is None else arguments.user_id(user)
        store = await self._store()
        return await store.list_events(
            user_id=user_id, name=name, before=before, after=after, limit=limit, newest=newest
        )


def _problem_with_id(name: str, given: str | None, prefix: str) -> str | None:
    arguments.require_text_or_none(**{name: given})
    return None if given is None or is_id(given, prefix) else f"must be an id that begins {prefix}"
