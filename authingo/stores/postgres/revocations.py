"""Listen for changes of users' sessions, and hear of each as soon as it is committed.

Triggers send a notice in the transaction that revokes (migration 0003). One connection, which
is outside the pool, listens for notices. Heartbeats prove that this works: once a second, a
heartbeat is sent as revocations are, by a commit through the pool, and must arrive here.
Notices arrive in the order of their commits. So when a heartbeat arrives, all notices before
it have arrived too. The proof holds until `TRUST` seconds after that heartbeat was sent. Then
no session may be answered from memory. So whatever fails, a revocation that was committed
longer than `TRUST` ago is known here.

Each heartbeat also describes the triggers. If one is missing, no heartbeat is sent. If they
differ from those in the previous heartbeat, everything in memory is forgotten.

A pooling proxy lends a connection for one transaction only, so no notices arrive through it.
It is noticed because the server process that answers is not the one that the connection
names. A proxy that hides this is noticed because heartbeats do not arrive.
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
from authingo.stores import Freshness, RevocationListener
from authingo.stores.postgres.failures import translated

CHANNEL = "authingo"
BEAT = 1.0  # seconds between two heartbeats
TRUST = 2.0  # seconds from the sending of the last heartbeat that came back
_PATIENCE = 5.0  # seconds without a heartbeat until the connection is given up
_RETRY = 1.0  # seconds until another connection is tried
_LONG_RETRY = 30.0  # the same, if an operator must fix something first

# Sends a heartbeat that describes the triggers as they are at that moment. It sends none if a
# trigger is missing or disabled, or if logical replication fills the tables, because that fires
# no triggers. A change to a trigger gives its row another xmin or oid, even if it is undone later.
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
    """Raised if notices do not reach the listening connection; the message says why."""


class Revocations:
    """Listens from the first call of `is_notified` on, and reconnects by itself."""

    def __init__(
        self,
        revoked: RevocationListener,
        *,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        send: Callable[[str], Awaitable[object]],
    ) -> None:
        """Do nothing yet.

        Args:
            revoked: is notified.
            connect: makes a connection that no proxy lends to others.
            send: runs `HEARTBEAT` with this text through the pool, as revocations go. It
                returns the row, or None if the triggers are not as they must be.
        """
        self._revoked = revoked
        self._connect = connect
        self._send = send
        # Until `freshness.until`, every revocation older than `TRUST` was passed on.
        self.freshness = Freshness()
        self._sent: dict[str, float] = {}  # heartbeats under way, and when they were sent
        self._triggers: str | None = None  # as the last heartbeat described them
        self._listening: asyncio.Task[None] | None = None
        self._said: str | None = None  # the warning that was logged last, if it still holds
        self._heard = asyncio.Event()  # set when the first heartbeat arrives

    def is_notified(self) -> bool:
        """See Store. If no task is listening, start one."""
        if clock.now() < self.freshness.until:
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
        """Give up what belongs to an event loop that is not used any more."""
        listening, self._listening = self._listening, None
        if listening is not None:
            call_in(loop, listening.cancel)
        self._heard = asyncio.Event()
        self._trust_nothing()

    async def prove(self) -> None:
        """Check that listening works: listen until one heartbeat arrives, then stop.

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
            reason, pause = "the connection that listens for revocations was lost", _RETRY
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
            # All that is in memory may be outdated. From here on, every notice arrives.
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
                if now < self.freshness.until:
                    heard, heard_at = True, now
                    self._say(None)
                elif now - heard_at > _PATIENCE:
                    if heard or not sent:
                        return  # the connection worked before, or no heartbeat was sent: try again
                    raise CannotHear(
                        "what is notified through database_url does not arrive "
                        "(a pooling proxy? then set listen_url to a direct connection)"
                    )
        finally:
            connection.terminate()

    async def _inspect(self, connection: asyncpg.Connection) -> None:
        if connection.get_server_pid() != await connection.fetchval("SELECT pg_backend_pid()"):
            raise CannotHear(
                "database_url goes through a pooling proxy, which passes on no notices: "
                "set listen_url to a direct connection"
            )

    async def _beat(self) -> bool:
        """Send a heartbeat, and return whether it was sent."""
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
                self.freshness.until = sent + TRUST
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
        self.freshness.until = 0.0
        self._sent.clear()  # asyncpg may still hand over what it had read
        self._revoked.drop_all()

    def _say(self, what: str | None) -> None:
        """Log a warning, unless it was logged last. None means that all is well again."""
        if what is not None and what != self._said:
            _log.warning("%s", what)
        elif what is None and self._said is not None:
            _log.warning("sessions are answered from memory again")
        self._said = what
