"""Check mail: whether the mail server takes any, and whether some has not been delivered."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from authingo.errors import StoreUnavailable
from authingo.findings import Finding, fail, ok, warn
from authingo.mail.delivery import NotDelivered, check_server
from authingo.mail.servers import MailServer
from authingo.mail.settings import MAIL_HELD_BACK, MailSettings, require_mail

from .recorded import recorded

if TYPE_CHECKING:
    from authingo.config import Settings
    from authingo.stores import Store

_LONG = timedelta(minutes=10)  # that a mail waits; a server delivers one within seconds


async def examine(store: Store, settings: Settings) -> list[Finding]:
    """Check mail, which is on."""
    found = [await _server(settings.of(MailSettings), require_mail(settings))]
    try:
        await store.open(create=False)
        found += [await _queue(store), await _failed(store), await _held_back(store)]
    except StoreUnavailable:
        pass  # already reported
    return found


async def _server(mail: MailSettings, server: MailServer) -> Finding:
    """Connect and sign in, without sending anything."""
    if server.directory is not None:
        return warn(
            "mail_server",
            f"mails are written to {server.directory}, and nobody receives them",
            "in production set mail.url to a mail server",
        )
    try:
        await check_server(server, sender=mail.sender or "")
    except NotDelivered as error:
        return fail("mail_server", error.reason, "correct mail.url, or see the log of that server")
    return ok("mail_server", f"{server.host} takes mail")


async def _queue(store: Store) -> Finding:
    """Look for how long mail has waited, by the database's clock."""
    oldest = await store.mails.page(failed=False, limit=1)
    waits = (await store.mails.counts()).waits
    if waits is None or waits < _LONG:
        return ok("mail_queue", "no mail has waited for long")
    minutes = f"{waits.total_seconds() / 60:.0f} minutes"
    error = oldest[0].error if oldest else None
    if error:
        return warn(
            "mail_queue",
            f"a mail has waited for {minutes}: {error}",
            "`authingo mail list --queued` shows when it is tried again",
        )
    return warn(
        "mail_queue",
        f"a mail has waited for {minutes}",
        "start a server, or run `authingo mail send` from cron",
    )


async def _failed(store: Store) -> Finding:
    failed = (await store.mails.counts()).failed
    if not failed:
        return ok("mail_failed", "no mail has failed")
    return warn(
        "mail_failed",
        f"{failed:,} {'mail has' if failed == 1 else 'mails have'} failed in the last 30 days",
        "`authingo mail list --failed` says why, and `authingo mail retry` tries again",
    )


async def _held_back(store: Store) -> Finding:
    """Look whether a server has held mails back during the last day."""
    held = await recorded(store, MAIL_HELD_BACK)
    if not held:
        return ok("mail_to_strangers", "no mail to addresses that were never proved has waited")
    return warn(
        "mail_to_strangers",
        f"at {held[0].at:%H:%M} UTC as many mails to addresses that were never proved had been "
        "asked for as may be sent in an hour",
        "`authingo events list` shows who signs up; raise mail.to_strangers_per_hour if you "
        "expect as many new users",
    )
