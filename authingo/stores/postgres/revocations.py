"""Hearing whose sessions are no longer what they were, as soon as that is committed.

Triggers notify from within the revoking transaction (migration 0003). One connection
listens, and is lent to nobody. That it hears is proved, not assumed: once a second
a heartbeat is sent the way revocations go, as a commit through the pool, and must
come back here. Notices arrive in the order of their commits, so a heartbeat that
came back proves that all before it was heard. `TRUST` after the sending of the
last one there is no proof any more, and nothing may be answered from memory: a
revocation that was committed earlier than that ago is known, whatever has failed.
Each heartbeat also says what the triggers are: none is sent without them, and where
they are not those of the one before, everything is forgotten.

A pooling proxy lends a connection for a transaction, so notices reach nobody. It
shows by the process that the connection claims to talk to, which is not the one
that answers; a proxy that hides it shows by heartbeats that never come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable

import asyncpg

from authingo import clock
from authingo.errors import StoreUnavailable
from authingo.loops import call_in
from authingo.stores import Revoked, Trust
from authingo.stores.postgres.failures import translated

CHANNEL = "authingo"
BEAT = 1.0  # seconds between two heartbeats
TRUST = 2.0  # seconds from the sending of the last heartbeat that came back
_PATIENCE = 5.0  # seconds without one, after which another connection is tried
_RETRY = 1.0  # seconds until then
_LONG_RETRY = 30.0  # the same where it takes somebody to mend it

# Sends a heartbeat with what the triggers are at that moment; none where one is missing
# or disabled, nor where logical replication fills the tables, because it fires none of
# them. Whatever is done to a trigger, undone again too, makes another row of it.
HEARTBEAT = f"""\
SELECT pg_notify('{CHANNEL}', $1 || ' ' || triggers) FROM (
    SELECT string_agg(concat(oid, ' ', xmin), ',' ORDER BY oid) AS triggers
    FROM pg_trigger
    WHERE tgrelid IN (to_regclass('authingo_sessions'), to_regclass('authingo_users'))
      AND tgname IN ('authingo_sessions_changed', 'authingo_sessions_deleted',
                     'authingo_sessions_emptied', 'authingo_users_changed',
                     'authingo_users_deleted', 'authingo_users_emptied')
      AND tgenabled IN ('O', 'A')
      AND tgrelid NOT IN (SELECT srrelid FROM pg_subscription_rel)
    HAVING count(*) = 6
) AS all_there"""

_log = logging.getLogger("authingo")


class CannotHear(Exception):
    """Notices do not reach this connection; the message says why."""


class Revocations:
    """Listens from the first question on, and reconnects by itself."""

    def __init__(
        self,
        revoked: Revoked,
        *,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        send: Callable[[str], Awaitable[object]],
    ) -> None:
        """Do nothing yet.

        Args:
            revoked: who is told.
            connect: makes a connection that no proxy lends to others.
            send: runs `HEARTBEAT` with this text on the way that revocations go, and
                returns the row, or None where the triggers are not as they must be.
        """
        self._revoked = revoked
        self._connect = connect
        self._send = send
        self.trust = Trust()  # until then, all that was revoked until `TRUST` ago has been told
        self._sent: dict[str, float] = {}  # heartbeats under way, and when they were sent
        self._triggers: str | None = None  # as the last heartbeat told of them
        self._listening: asyncio.Task[None] | None = None
        self._said: str | None = None
        self._heard = asyncio.Event()  # a heartbeat came back, ever

    def hears(self) -> bool:
        """Tell whether there is trust, and begin to listen where nobody does."""
        if clock.now() < self.trust.until:
            return True
        if self._listening is None or self._listening.done():
            self._listening = asyncio.get_running_loop().create_task(self._run())
        return False

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            listening, self._listening = self._listening, None
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave behind what belongs to an event loop that is not used any more."""
        listening, self._listening = self._listening, None
        if listening is not None:
            call_in(loop, listening.cancel)
        self._heard = asyncio.Event()
        self._trust_nothing()

    async def prove(self) -> None:
        """Listen until one heartbeat was heard, and stop; for somebody who asks whether it works.

        Raises:
            CannotHear: with the reason.
            StoreUnavailable: there is no connection to listen on.
        """
        listening = asyncio.ensure_future(self._listen())
        heard = asyncio.ensure_future(self._heard.wait())
        try:
            await asyncio.wait({listening, heard}, return_when=asyncio.FIRST_COMPLETED)
            if not heard.done():
                listening.result()
                raise CannotHear("the connection that listens was lost")
        finally:
            for task in (listening, heard):
                task.cancel()
            await asyncio.gather(listening, heard, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            reason, pause = "the connection that hears of revocations was lost", _RETRY
            try:
                await self._listen()
            except CannotHear as error:
                reason, pause = str(error), _LONG_RETRY
            except StoreUnavailable as error:
                reason = error.explained
            finally:
                self._trust_nothing()
            self._say(f"sessions are looked up in the database each time: {reason}")
            await asyncio.sleep(pause)

    async def _listen(self) -> None:
        """Listen until the connection is lost."""
        connection = await self._connect()
        lost = asyncio.Event()
        try:
            async with translated(), asyncio.timeout(_PATIENCE):
                await self._inspect(connection)
                connection.add_termination_listener(lambda _: self._lose(lost))
                await connection.add_listener(CHANNEL, self._hear)
            # Nothing from before is known to be current; from here on all is heard.
            self._revoked.drop_all()
            self._sent.clear()
            self._triggers = None
            heard, sent, heard_at = False, False, clock.now()
            while not lost.is_set():
                sent = await self._beat() or sent
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT):
                        await lost.wait()
                now = clock.now()
                if now < self.trust.until:
                    heard, heard_at = True, now
                    self._say(None)
                elif now - heard_at > _PATIENCE:
                    if heard or not sent:
                        return  # it did hear, or had nothing to hear: another one will
                    raise CannotHear(
                        "what is notified through database_url does not arrive "
                        "(a pooling proxy? then set listen_url to a direct connection)"
                    )
        finally:
            connection.terminate()

    async def _inspect(self, connection: asyncpg.Connection) -> None:
        if connection.get_server_pid() != await connection.fetchval("SELECT pg_backend_pid()"):
            raise CannotHear(
                "a pooling proxy lies between, through which nothing can be heard: "
                "set listen_url to a direct connection"
            )

    async def _beat(self) -> bool:
        """Send a heartbeat, and tell whether it was sent: without one there is no trust."""
        text = "!" + secrets.token_hex(8)
        self._sent[text] = clock.now()
        try:
            row = await self._send(text)
        except StoreUnavailable:
            return False
        if row is None:
            raise CannotHear(
                "triggers of authingo are missing or disabled in the database, "
                "or logical replication goes past them"
            )
        return True

    def _hear(self, _connection: object, _pid: int, _channel: str, text: object) -> None:
        assert isinstance(text, str)  # noqa: S101 - asyncpg's type says object
        if text.startswith("!"):
            beat, _, triggers = text.partition(" ")
            if (sent := self._sent.get(beat)) is not None:
                if triggers != self._triggers:
                    self._revoked.drop_all()
                self._triggers = triggers
                self.trust.until = sent + TRUST
                self._heard.set()
                self._sent = {beat: at for beat, at in self._sent.items() if at > sent}
        elif text == "*":
            self._revoked.drop_all()
        else:
            for user_id in text.split(" "):
                self._revoked.drop(user_id)

    def _lose(self, lost: asyncio.Event) -> None:
        self._trust_nothing()
        lost.set()

    def _trust_nothing(self) -> None:
        self.trust.until = 0.0
        self._sent.clear()  # asyncpg may still hand over what it had read
        self._revoked.drop_all()

    def _say(self, what: str | None) -> None:
        """Log it where it is news. None: all is well again."""
        if what is not None and what != self._said:
            _log.warning("%s", what)
        elif what is None and self._said is not None:
            _log.warning("sessions are answered from memory again")
        self._said = what
