"""What happened, for whoever watches: a row in the store, and a JSON line in the log.

The line goes to the logger `authingo.events`. An event names who and what by id,
and the address it came from; never a token, a password, a hash, an email or
anything else a client sent (ASVS 5.0 V16.2.1, V16.2.5, V16.3.1 to V16.3.3).
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from authingo.errors import StoreUnavailable
from authingo.models import Event, Outcome
from authingo.stores import Store
from authingo.wire import event_json

EventName = Literal[
    "sign_up",
    "sign_in",
    "sign_in_failed",
    "sign_out",
    "password_changed",
    "password_change_failed",
    "password_hash_malformed",
    "password_check_failed",
    "password_set",
    "refresh_reused",
    "session_revoked",
    "limit_reached",
    "proxy_not_trusted",
    "user_created",
    "user_disabled",
    "user_enabled",
    "email_verified",
    "email_changed",
    "name_changed",
    "user_deleted",
    "users_import_began",
    "users_imported",
]

_log = logging.getLogger("authingo.events")


def happened(
    name: EventName,
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    ip: str | None = None,
    count: int | None = None,
) -> Event:
    """Make the event of something that happens now."""
    return Event(
        at=datetime.now(UTC), name=name, user_id=user_id, session_id=session_id, ip=ip, count=count
    )


def log(*events: Event) -> None:
    """Write a line each."""
    for event in events:
        _log.info(json.dumps({key: value for key, value in event_json(event).items() if value}))


async def record(store: Store, *events: Event) -> None:
    """Record what happened, if anything, by itself, and log it.

    What it is about has been done and is about to be acknowledged, so a store
    that fails here is no reason to fail: the line in the log is left.
    """
    if not events:
        return
    log(*events)
    try:
        await store.record(Outcome(events=events))
    except StoreUnavailable as error:
        logging.getLogger("authingo").warning("the event was not stored: %s", error.explained)
