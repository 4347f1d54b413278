"""Users delete their own accounts: at once, or after a while in which they can undo it.

A thief with a stolen session must not delete an account, so this needs a recent authentication
(ASVS 5.0 V7.5.1). While a changed address can be taken back, its account stays. Otherwise a thief
could change the address, and leave its owner nothing to take back.
"""

from __future__ import annotations

import logging
from datetime import datetime

from authingo import arguments, events, sessions
from authingo.attempts import Outcome
from authingo.capabilities import lasting_purposes
from authingo.core import Core
from authingo.errors import NoSession, NoSuchUser, Refused, StoreUnavailable, UserReferenced
from authingo.models import NO_CLIENT, Client, Event, User, UserAndSession
from authingo.reauthentication import Reauthentication
from authingo.stores import Store

_PAGE = 100  # users that are looked for at once

_log = logging.getLogger("authingo")


class Deletion:
    """The use cases about the deletion of an account. See Auth."""

    def __init__(self, core: Core) -> None:
        self._core = core

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
        try:
            await self._delete(user)
        except UserReferenced:
            return  # which is in the log
        except Refused as error:
            _log.error("the user %s was not deleted: %s", user.id, error)

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

        One whom a table of the application refers to, or whom a hook refuses to delete, stays, and
        may not sign in; the log says why. Where hooks of a server take part in a deletion, only
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
                try:
                    count += await self._delete(user)
                except StoreUnavailable:
                    raise
                except UserReferenced:
                    continue  # which is in the log
                except Exception:  # noqa: BLE001 - a hook; it must not stop the other deletions
                    _log.exception("the user %s was not deleted", user.id)
        return count
