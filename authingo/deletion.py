"""Users delete their own accounts: at once, or after a while in which they can undo it.

A thief with a stolen session must not delete an account, so this needs a recent authentication
(ASVS 5.0 V7.5.1). While a changed address can be taken back, its account stays. Otherwise a thief
could change the address, and leave its owner nothing to take back.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from authingo import arguments, clock, events, sessions
from authingo.attempts import Outcome
from authingo.capabilities import lasting_purposes
from authingo.core import Core
from authingo.errors import AuthError, NoSession, NoSuchUser, StoreUnavailable, UserReferenced
from authingo.models import NO_CLIENT, Client, Event, User, UserAndSession
from authingo.reauthentication import Reauthentication
from authingo.stores import Store

_PAGE = 100  # users that are looked for at once

_LONGEST = 15.0  # seconds for one deletion: less than a durable hook has
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 86400.0  # seconds before a deletion that failed is tried again
_MOST_FAILURES = 10_000  # users whose failures are remembered

_log = logging.getLogger("authingo")


class _Failures:
    """The users whose deletion has failed in this process, and when to try again.

    A hook that hangs holds locks until its time is over, on SQLite the only one. So the pause
    doubles.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float]] = {}  # when to try again, and the pause

    def wait_for(self, user_id: str) -> bool:
        """Return whether it is too early to try again."""
        again, _ = self._known.get(user_id, (0.0, 0.0))
        return clock.now() < again

    def add(self, user_id: str) -> float:
        """Remember that it has failed, and return for how many seconds to wait."""
        _, before = self._known.pop(user_id, (0.0, 0.0))
        pause = min(2 * before or _FIRST_PAUSE, _LONGEST_PAUSE)
        if len(self._known) >= _MOST_FAILURES:
            del self._known[next(iter(self._known))]
        self._known[user_id] = clock.now() + pause, pause
        return pause

    def forget(self, user_id: str) -> None:
        """Forget the failures of a user who is deleted."""
        self._known.pop(user_id, None)


class Deletion:
    """The use cases about the deletion of an account. See Auth."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._failures = _Failures()

    async def request(self, session_token: str | None, *, client: Client) -> datetime | None:
        """See Auth.request_deletion."""
        arguments.require_client(client)
        caller = await Reauthentication(self._core).require_recent(session_token)
        store, user = await self._core.opened(), caller.user
        grace = self._core.settings.users
        await self._end_surplus(store, user.id, but=caller.session.id)
        if not grace.deletion_grace and await self._delete(user, caller, client=client):
            return None
        scheduled = events.happened(
            "deletion_scheduled", user_id=user.id, session_id=caller.session.id, ip=client.ip
        )
        changed = await store.deletions.schedule(
            user.id,
            caller=caller.session.id,
            grace=grace.deletion_grace,
            keep=lasting_purposes(),
            mails=self._core.notices("deletion_scheduled", user, client),
            outcome=Outcome(events=(scheduled,)),
        )
        if changed is None:  # the session has just ended
            raise NoSession
        self._core.noticed()
        events.publish(store, scheduled)
        return changed.delete_at

    async def delete(self, user: User | str) -> bool:
        """See Auth.delete_user."""
        user_id, store = arguments.user_id(user), await self._core.opened()
        await self._end_surplus(store, user_id)
        if await self._core.passes_deletions_on():
            if await store.users.set_disabled(user_id, disabled=True, delete=True) is None:
                raise NoSuchUser
            await events.record(
                store,
                events.happened("user_disabled", user_id=user_id),
                events.happened("deletion_passed_on", user_id=user_id),
            )
            return False
        done = events.happened("user_deleted", user_id=user_id)
        if not await store.users.delete(user_id, outcome=Outcome(events=(done,))):
            raise NoSuchUser
        events.publish(store, done)
        return True

    async def finish(self, passed_on: Event) -> None:
        """Delete a user whom a process without the hooks wanted to delete.

        The event only says that there is something to do. Whether the user is still to be deleted
        is asked in the transaction that deletes: an operator may have decided otherwise.
        """
        user = await (await self._core.opened()).users.find(passed_on.user_id or "")
        if user is None or user.delete_at is None:
            return
        await self._carry_out(user)

    async def _carry_out(self, user: User) -> bool:
        """Delete a user whose time has come, unless something of the application does not let it.

        Such a user must not stop the other deletions. It is tried again later and later.

        Returns:
            Whether the user was deleted.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        if self._failures.wait_for(user.id):
            return False
        try:
            async with asyncio.timeout(_LONGEST):
                is_deleted = await self._delete(user)
        except Exception as error:  # noqa: BLE001 - a hook may raise anything
            if isinstance(error, StoreUnavailable):  # by a hook that hangs, or by the database?
                await self._core.store.users.find(user.id)
            again = self._failures.add(user.id)
            known = isinstance(error, AuthError)  # its message says all; a traceback adds nothing
            _log.error(
                "the user %s was not deleted, and is tried again in %s min at the earliest: %s",
                user.id,
                round(again / 60),
                getattr(error, "explained", error) if known else repr(error),
                exc_info=None if known else error,
            )
            return False
        self._failures.forget(user.id)
        return is_deleted

    async def _delete(
        self, user: User, caller: UserAndSession | None = None, *, client: Client = NO_CLIENT
    ) -> bool:
        """Delete a user who asks for it, or whose time has come.

        A mail tells those who wanted it themselves. For an operator's `delete`, both times are the
        same (see `users.set_disabled`).
        """
        done = events.happened(
            "user_deleted",
            user_id=user.id,
            session_id=caller.session.id if caller else None,
            ip=client.ip,
        )
        by_operator = user.delete_at is not None and user.delete_at == user.disabled_at
        notices = [] if by_operator else self._core.notices("user_deleted", user, client)
        try:
            is_deleted = await self._core.store.users.delete(
                user.id,
                caller=caller.session.id if caller else None,
                due=caller is None,
                mails=notices,
                outcome=Outcome(events=(done,)),
            )
        except UserReferenced as error:
            if caller is None:
                raise
            _log.warning("the user %s was not deleted: %s", user.id, error)
            raise UserReferenced from None  # the names of tables are for operators
        if is_deleted:
            self._core.noticed()
            events.publish(self._core.store, done)
        return is_deleted

    async def _end_surplus(self, store: Store, user_id: str, *, but: str | None = None) -> None:
        most = self._core.settings.sessions.max_per_user
        await sessions.end_surplus(store, user_id, keep=most, but=but)

    async def cancel(self, user: User | str) -> User:
        """See Auth."""
        user_id, store = arguments.user_id(user), await self._core.opened()
        cancelled = events.happened("deletion_cancelled", user_id=user_id)
        changed = await store.deletions.cancel(user_id, outcome=Outcome(events=(cancelled,)))
        if changed is not None:
            events.publish(store, cancelled)
            return changed
        if (found := await store.users.find(user_id)) is None:
            raise NoSuchUser
        return found

    async def carry_out(self) -> int:
        """Delete the users whose time has come, and return how many.

        One whom a table of the application refers to, or whose hook fails, stays, and may not sign
        in; the log says why. Where hooks of a server take part in a deletion, only
        a server deletes.
        """
        store, after, count = await self._core.opened(), None, 0
        elsewhere = await self._core.passes_deletions_on()
        while due := await store.deletions.due(after=after, limit=_PAGE):
            after = due[-1].id
            for user in due:
                if elsewhere:
                    passed_on = events.happened("deletion_passed_on", user_id=user.id)
                    await events.record(store, passed_on)
                    continue
                count += await self._carry_out(user)
        return count
