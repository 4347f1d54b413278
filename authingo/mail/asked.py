"""Mails that somebody asks for: how they are counted, so that nobody is flooded with them."""

from __future__ import annotations

from collections.abc import Sequence

from authingo import events, inputs
from authingo.core import Core
from authingo.limits import MailsCounted
from authingo.mail.settings import MAIL_HELD_BACK, MailSettings
from authingo.models import NO_CLIENT, Client, Credentials, User
from authingo.stores.mails import Mail
from authingo.tokens import DeviceToken

# Why a mail waits that `hold_back_from_strangers` has refused.
HELD_BACK = "too many mails to addresses that were never proved"


async def whom_to_mail(
    core: Core, what: MailsCounted, email: str, devices: Sequence[DeviceToken], client: Client
) -> Credentials | None:
    """Count a request for a mail to an address, and return the account that gets it.

    `what`: the kind of mail.

    Returns:
        None if there is no such account, it may not be used, or it gets no other mail for now.

    Raises:
        TooManyRequests: the network asked for too many mails, to any addresses.
    """
    address = inputs.normalize_email(email)
    account = await count_request(core, address, client)
    user = account.user if account else None
    allowed = await _count_mail(core, what, *_counted_as(user, address or "", devices), client)
    return account if allowed and user and user.may_be_taken_over else None


async def counts_code(
    core: Core, user: User, devices: Sequence[DeviceToken], client: Client
) -> bool:
    """Count a request of a user for a code, and return whether it may be sent now.

    Raises:
        TooManyRequests: the network asked for too many mails, to any addresses.
    """
    await count_request(core, None, client)
    return await _count_mail(core, "codes", *_counted_as(user, user.email, devices), client)


async def counts_unproved(core: Core, address: str, *, asker: User | None = None) -> bool:
    """Count a mail that asks to prove an address, and return whether it may be sent now.

    Tags of an address share one count, whether there is an account or not. An `asker` has a count
    too: otherwise one account could use up the mails that all strangers together may get.
    """
    if asker and not await _count_mail(core, "proofs", asker.id, (), NO_CLIENT):
        return False
    return await _count_mail(core, "proofs", inputs.mailbox(address), (), NO_CLIENT)


async def hold_back_from_strangers(core: Core, mail: Mail) -> None:
    """Count a mail to an address that was never proved, when it is about to be sent.

    Anybody can have such mails sent by signing up, from any number of networks. So there are no
    more of them in an hour than `mail.to_strangers_per_hour`; the others wait. It is counted here
    and not when the mail is asked for, since that would take other statements for an address that
    has an account. A mail counts once, however often the mail server puts it off.

    Raises:
        TooManyRequests: this mail has to wait.
    """
    if mail.error not in {None, HELD_BACK}:  # an earlier try was counted, and then failed
        return
    store, most = await core.opened(), core.settings.of(MailSettings).to_strangers_per_hour
    counted = await store.attempts.count(None, core.limits.mail_to_strangers(most))
    attempt = core.limits.attempt(counted, NO_CLIENT)
    if attempt.uses_up:
        await events.record(store, events.happened(MAIL_HELD_BACK))
    core.limits.require_allowed(attempt)


async def count_request(core: Core, address: str | None, client: Client) -> Credentials | None:
    """Count a request of a network for a mail, and return the account with the address.

    Raises:
        TooManyRequests: the network asked for too many mails, to any addresses.
    """
    store, limits = await core.opened(), core.limits
    asked = limits.attempt(await store.attempts.count(address, limits.mail_request(client)), client)
    limits.require_allowed(asked)
    return asked.account


async def _count_mail(
    core: Core, what: MailsCounted, whose: str, devices: Sequence[DeviceToken], client: Client
) -> bool:
    store, limits = await core.opened(), core.limits
    counted = await store.attempts.count(None, limits.mail(what, whose, devices))
    return limits.allow(limits.attempt(counted, client, devices))


def _counted_as(
    user: User | None, address: str, devices: Sequence[DeviceToken]
) -> tuple[str, Sequence[DeviceToken]]:
    """Return what a mail counts for, and the browsers that may be counted apart.

    Anybody can sign up with tags of an address. So those that were never proved share one count,
    which is not that of the address itself, and their browsers prove nothing. What has no account
    counts only for itself, because nothing is sent to it.
    """
    if user is None or user.email_verified:
        return address, devices
    mailbox = inputs.mailbox(address)
    return (address if address == mailbox else f"tags of {mailbox}"), ()
