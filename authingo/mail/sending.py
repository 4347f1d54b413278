"""Deliver the queued mails, off the requests that caused them.

Any process that serves delivers, and so does `authingo mail send`. The store leases a mail to one
of them at a time. No delivery begins that could outlast the lease, and no transaction is open
meanwhile. A process that is killed loses nothing: its leases run out, and another process tries
again. At most the mail that was on its way arrives twice, with the same Message-ID.

Mail is sent at least once, not exactly once, because a mail server that has accepted a mail may
fail to say so (RFC 1047).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

from authingo import clock, events
from authingo.attempts import Outcome
from authingo.config import Settings
from authingo.core import Core
from authingo.errors import Busy, MailNotSent, StoreUnavailable, TooManyRequests
from authingo.ids import new_id
from authingo.mail.asked import HELD_BACK
from authingo.mail.delivery import Delivery, MaybeDelivered, NotDelivered, deliver
from authingo.mail.kinds import KINDS
from authingo.mail.links import Content
from authingo.mail.mailboxes import read_mailbox
from authingo.mail.messages import Look, compose, render
from authingo.mail.queue import Queue
from authingo.mail.settings import (
    MAIL_FAILED,
    MAIL_SENT,
    MailSettings,
    require_mail,
)
from authingo.stores.mails import Mail

LEASE = timedelta(seconds=90)
_MOST_TO_WRITE = 30.0  # seconds of it; `deliver` may take the others
_UNCERTAIN = 3  # tries of unknown outcome, after which a mail counts as sent
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 3600.0  # seconds between tries of a mail that was refused
_LOOK = 10.0  # seconds between looks into the queue, for mails that another process queued
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds while the mail server takes no mail at all
_GRACE = 5.0  # seconds for what is on its way when the server ends

_log = logging.getLogger("authingo")


class Sender:
    """Delivers what is due."""

    def __init__(self, core: Core) -> None:
        """Read the settings of mail.

        Raises:
            ConfigError: mail is off.
        """
        self._core = core
        self._server = require_mail(core.settings)
        self._from = core.settings.of(MailSettings).sender or ""
        self._look = look_of(core.settings)

    async def send_all(self) -> int:
        """Deliver everything that is due now, and return how many mails were taken.

        Raises:
            MailNotSent, StoreUnavailable: as `send_next`.
        """
        total = 0
        async with self.delivery() as delivery:
            while await self.send_next(delivery):
                total += 1
        return total

    def delivery(self) -> Delivery:
        """Return what several mails may share, to be entered with `async with`."""
        return Delivery(self._server, sender=self._from)

    async def send_test(self, recipient: str) -> None:
        """Deliver a mail that says that mail works, at once and only once.

        Raises:
            MailNotSent: it was not delivered, or it is not known whether it was.
        """
        message = self._compose("test", Content({}), recipient, new_id("mail_"), "")
        try:
            await deliver(self._server, message, sender=self._from, recipient=recipient)
        except NotDelivered as error:
            raise MailNotSent(f"the mail was not delivered: {error.reason}") from None
        except MaybeDelivered as error:
            raise MailNotSent(f"the mail may have been delivered: {error.reason}") from None

    async def send_next(self, delivery: Delivery) -> Mail | None:
        """Deliver the mail that is due for longest, and return it. None: no mail is due.

        One at a time, so that a process that is killed leaves at most one that may have been
        delivered.

        Raises:
            MailNotSent: the mail server takes no mail at all. The mail is due again.
            StoreUnavailable: as every verb of the store.
        """
        store, deliver_by = await self._core.opened(), clock.now() + _MOST_TO_WRITE
        taken = await store.mails.take(limit=1, lease=LEASE)
        for mail in taken:
            await self._send(mail, delivery, deliver_by=deliver_by)
        return taken[0] if taken else None

    async def seconds_until_due(self) -> float:
        """Return how long to wait for the next mail, but not longer than until the next look."""
        store = await self._core.opened()
        due = await store.mails.next_due()
        return _LOOK if due is None else min(due.total_seconds(), _LOOK)

    async def _send(self, mail: Mail, delivery: Delivery, *, deliver_by: float) -> None:
        """Deliver one mail. One that cannot be written keeps no other from being sent."""
        store = await self._core.opened()
        if mail.late and not mail.due:
            await store.mails.done(mail)
            return
        if mail.late:
            await self._give_up(mail, mail.error or "it was too late to deliver it")
            return
        try:
            content, message = await KINDS[mail.kind](self._core, mail), None
            if content is not None:
                to = mail.address or read_mailbox(self._from).address
                message = self._compose(mail.kind, content, to, mail.id, mail.language)
        except StoreUnavailable:
            raise
        except TooManyRequests as error:
            await store.mails.try_again(
                mail,
                after=timedelta(seconds=error.retry_after),
                error=HELD_BACK,
                uncertain=False,
            )
            return
        except Busy as error:
            await self._try_again(mail, error.message)
            return
        except Exception as error:  # noqa: BLE001 - such as a template of the user's own
            _log.exception("a mail of the kind %r cannot be written", mail.kind)
            await self._try_again(mail, f"it cannot be written: {type(error).__name__}")
            return
        if content is None or message is None or not mail.due:
            await store.mails.done(mail)
        elif clock.now() > deliver_by:  # another process could take it meanwhile
            await self._forget(content)
            await self._try_again(mail, "it took too long to write it")
        else:
            await self._deliver(mail, content, message, delivery)

    async def _deliver(
        self, mail: Mail, content: Content, message: EmailMessage, delivery: Delivery
    ) -> None:
        store = await self._core.opened()
        try:
            await delivery.deliver(message, recipient=mail.address)
        except MaybeDelivered as error:
            if mail.uncertain + 1 >= _UNCERTAIN:
                await self._sent(mail)
            else:
                await self._try_again(mail, error.reason, uncertain=True)
        except NotDelivered as error:
            await self._forget(content)
            if error.permanent:
                await self._give_up(mail, error.reason)
            elif error.unreachable:
                await store.mails.try_again(
                    mail, after=timedelta(0), error=error.reason, uncertain=False
                )
                raise MailNotSent(f"the mail server takes no mail: {error.reason}") from None
            else:
                await self._try_again(mail, error.reason)
        else:
            await self._sent(mail)

    async def _forget(self, content: Content) -> None:
        """End the token of a mail that nobody has."""
        if content.link:
            store = await self._core.opened()
            await store.secrets.forget(content.link.purpose, content.link.forgotten)

    async def _sent(self, mail: Mail) -> None:
        sent, store = events.happened(MAIL_SENT, user_id=mail.user_id), await self._core.opened()
        if await store.mails.done(mail, outcome=Outcome(events=(sent,))):
            events.publish(self._core.store, sent)

    def _compose(
        self, kind: str, content: Content, recipient: str, mail_id: str, language: str
    ) -> EmailMessage:
        template = content.template or kind
        written = render(template, content.values, look=self._look, language=language)
        return compose(written, sender=self._from, recipient=recipient, message_id=mail_id)

    async def _try_again(self, mail: Mail, error: str, *, uncertain: bool = False) -> None:
        seconds = min(_FIRST_WAIT * 2 ** min(mail.tries - 1, 20), _LONGEST_WAIT)
        store = await self._core.opened()
        await store.mails.try_again(
            mail, after=timedelta(seconds=seconds), error=error, uncertain=uncertain
        )

    async def _give_up(self, mail: Mail, error: str) -> None:
        store = await self._core.opened()
        failed = events.happened(MAIL_FAILED, user_id=mail.user_id)
        if await store.mails.fail(mail, error=error, outcome=Outcome(events=(failed,))):
            # What the server said often repeats the address, which no log may have.
            _log.warning("the mail %s was not delivered: `authingo mail list` says why", mail.id)
            events.publish(self._core.store, failed)


def look_of(settings: Settings) -> Look:
    """Return how the mails of a site look."""
    mail = settings.of(MailSettings)
    own = read_mailbox(mail.sender or "")
    templates = Path(settings.directory, mail.templates) if mail.templates else None
    return Look(
        name=own.name or own.domain,
        public_url=settings.public_url or "",
        colour=mail.colour,
        templates=templates,
    )


@contextlib.asynccontextmanager
async def deliver_in_background(core: Core) -> AsyncIterator[None]:
    """Deliver mail while a server runs, where mail is on."""
    if not core.settings.of(MailSettings).by_itself:
        yield
        return
    closing = asyncio.Event()
    task = asyncio.create_task(_deliver_until(closing, core))
    try:
        yield
    finally:
        closing.set()
        core.capability(Queue).wake()
        done, _ = await asyncio.wait({task}, timeout=_GRACE)
        if not done:  # its leases run out, and another process tries again
            task.cancel()
            await asyncio.wait({task})


async def _deliver_until(closing: asyncio.Event, core: Core) -> None:
    """Deliver what is due, and wait for more. While the server is unreachable, ask it rarely."""
    sender, queue, pause = Sender(core), core.capability(Queue), _FIRST_PAUSE
    while not closing.is_set():
        try:
            async with sender.delivery() as delivery:
                while await sender.send_next(delivery) and not closing.is_set():
                    pass
            pause = _FIRST_PAUSE  # not earlier: what nobody gets needs no mail server
            await queue.wait(await sender.seconds_until_due())
            continue
        except MailNotSent as error:
            if pause == _FIRST_PAUSE:
                _log.warning("%s (mail waits in the queue)", error)
        except StoreUnavailable as error:
            _log.warning("no mail can be sent for now: %s", error.explained)
        except Exception:  # noqa: BLE001 - one mistake must not end the delivery of all mail
            _log.exception("delivering mail failed")
        with contextlib.suppress(TimeoutError):  # not woken by each request for another mail
            await asyncio.wait_for(closing.wait(), pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
