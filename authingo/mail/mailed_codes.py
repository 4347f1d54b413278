"""Codes in mails: drawn when the mail is delivered, kept as hashes, and tried.

What a code is for has a matter, and `data` of this matter keeps the hashes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from authingo import passwords
from authingo.attempts import Outcome
from authingo.core import Core
from authingo.errors import Busy
from authingo.limits import Attempt
from authingo.mail import codes
from authingo.mail.links import Content
from authingo.mail.notices import said_when, said_where, seen_address
from authingo.mail.settings import SIGN_IN_CODE_PURPOSE
from authingo.models import Client, Credentials
from authingo.stores.mails import Mail, NewMail
from authingo.stores.secrets import Matter

_MINUTES = 10  # from the request, of the code and of the mail that brings it (ASVS 5.0 V6.5.5)
CLEARING_CODE = "sign_in_code_unverified"  # the mail of a code that makes a password unusable
LIFETIME = timedelta(minutes=_MINUTES)
_TRIES = 3
_KEPT = 3  # codes of one request: a mail whose delivery is uncertain is sent again with another


class _Facts(msgspec.Struct):
    """What the mail will need."""

    matter: bytes
    version: int | None  # the user's security version at the request
    at: datetime
    ip: str | None


class Drawn(msgspec.Struct):
    """What a matter keeps: for whom the codes are, and their hashes, which share one salt."""

    user_id: str | None
    version: int | None
    hashes: list[str]


def code_mail(purpose: str, matter: bytes, found: Credentials | None, client: Client) -> NewMail:
    """Return the mail with the code of a matter, which a client asks for now.

    Args:
        purpose: of the matter. It is the kind of the mail too.
        matter: its digest.
        found: who gets the mail; None: it is written like any other, and nobody gets it.
        client: who asks.
    """
    facts = _Facts(
        matter=matter,
        version=found.version if found else None,
        at=datetime.now(UTC),
        ip=seen_address(client),
    )
    return NewMail(
        kind=purpose,
        address=found.user.email if found else "",
        user_id=found.user.id if found else None,
        lifetime=LIFETIME,
        language=client.language or "",
        facts=msgspec.json.encode(facts),
        due=found is not None,
    )


async def drawn_if_right(
    core: Core, purpose: str, key: bytes, code: str, attempt: Attempt, *, if_busy: Outcome
) -> Drawn:
    """Count a try, and return what was drawn; without hashes if the code is not right.

    It takes as long where there is no such matter. The hash comes first, so that a try is not
    used up where there was no time to hash. What it is compared with is read together with the
    count of the try.

    Args:
        core: of the application.
        purpose: of the matter.
        key: its digest.
        code: as it was typed.
        attempt: which was counted before.
        if_busy: what is recorded if nothing was tried.

    Raises:
        Busy: too many passwords are being hashed.
    """
    store, typed = await core.opened(), codes.read(code)
    known = _drawn(await store.secrets.find(purpose, key))
    try:
        hashed = await core.hasher.run(
            attempt.hashes_for,
            codes.hash_code,
            typed or "",
            core.hasher.cost,
            next(iter(known.hashes), None),
        )
    except Busy:
        await store.events.record(if_busy)
        raise
    drawn = _drawn(await store.secrets.count_try(purpose, key, most=_TRIES))
    right = typed is not None and codes.is_one_of(hashed, drawn.hashes)
    return drawn if right else Drawn(user_id=drawn.user_id, version=None, hashes=[])


def _drawn(matter: Matter | None) -> Drawn:
    if matter is None or matter.data is None:
        return Drawn(user_id=None, version=None, hashes=[])
    return msgspec.json.decode(matter.data, type=Drawn)


async def write_code(core: Core, mail: Mail) -> Content | None:
    """Draw the code, and write the mail with it; None where no code is due any more.

    A mail that nobody gets is written too, with a code that leads nowhere, because the hash takes
    time that somebody could measure (ASVS 5.0 V6.3.8). A mail that may have been delivered is
    sent again with another code, and both are good: many mailboxes show only the first of two
    with one Message-ID.

    Raises:
        Busy: too many passwords are being hashed.
    """
    facts = msgspec.json.decode(mail.facts or b"", type=_Facts)
    store, code = await core.opened(), codes.draw()
    before = _drawn(await store.secrets.find(mail.kind, facts.matter)).hashes
    hashed = await core.hasher.run(
        None, codes.hash_code, code, core.hasher.cost, next(iter(before), None)
    )
    found = await store.users.by_email(mail.address)
    same = found is not None and (found.user.id, found.version) == (mail.user_id, facts.version)
    if mail.due and (not same or (found and not found.user.may_be_taken_over)):
        return None
    drawn = Drawn(user_id=mail.user_id, version=facts.version, hashes=[*before, hashed][-_KEPT:])
    if not await store.secrets.put(mail.kind, facts.matter, msgspec.json.encode(drawn)):
        return None  # the browser has signed out, or has asked for another one
    clears = mail.kind == SIGN_IN_CODE_PURPOSE and found is not None and _loses_password(found)
    return Content(
        template=CLEARING_CODE if clears else None,
        values={
            "code": codes.shown(code),
            "minutes": str(_MINUTES),
            "when": said_when(facts.at),
            "where": said_where(facts.ip, otherwise="an address that is not known"),
        },
    )


def _loses_password(found: Credentials) -> bool:
    """Return whether the proof of the mailbox clears the account, so that its owner is warned."""
    return not found.user.email_verified and passwords.is_hash(found.password_hash)
