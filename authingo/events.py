"""Record events for operators: a row in the store, and a JSON line in the log.

The line goes to the logger `authingo.events`. An event contains ids and the address that the
request came from. It never contains a token, a password, a hash, an email or anything else
that a client sent (ASVS 5.0 V16.2.1, V16.2.5, V16.3.1 to V16.3.3).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, get_args
from weakref import WeakKeyDictionary

from authingo.attempts import Outcome
from authingo.capabilities import CapabilityEvent, capabilities
from authingo.errors import StoreUnavailable
from authingo.models import Event
from authingo.stores import Store
from authingo.wire import event_json

EventName = Literal[
    "sign_up",
    "sign_in",
    "sign_in_failed",
    "sign_out",
    "reauthenticated",
    "reauthentication_failed",
    "password_changed",
    "password_change_failed",
    "password_hash_malformed",
    "password_check_failed",
    "password_set",
    "refresh_reused",
    "session_revoked",
    "session_evicted",
    "limit_reached",
    "browser_forgotten",
    "proxy_not_trusted",
    "proxy_names_nobody",
    "user_created",
    "user_disabled",
    "user_enabled",
    "email_verified",
    "email_changed",
    "name_changed",
    "roles_changed",
    "profile_changed",
    "profile_left_out",
    "deletion_scheduled",
    "deletion_cancelled",
    "user_deleted",
    "user_exported",
    "deletion_passed_on",
    "user_evicted",
    "users_import_began",
    "users_imported",
]

_log = logging.getLogger("authingo.events")
_listening: WeakKeyDictionary[Store, Callable[[Event], None]] = WeakKeyDictionary()


def names(plugins: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of all events, including those of capabilities and of these plugins."""
    return (*get_args(EventName), *(name for one in capabilities(plugins) for name in one.events))


def happened(
    name: EventName | CapabilityEvent,
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


def listen(store: Store, hear: Callable[[Event], None]) -> None:
    """Call `hear` with each event of what is done with this store."""
    _listening[store] = hear


def publish(store: Store, *events: Event) -> None:
    """Log each event as a line, and hand it to who listens. What it tells of is committed."""
    hear = _listening.get(store)
    for event in events:
        _log.info(json.dumps({key: value for key, value in event_json(event).items() if value}))
        if hear is not None:
            hear(event)


async def record(store: Store, *events: Event) -> None:
    """Record the events, if any, in a separate transaction, and log them.

    The operation itself is done by now and will be acknowledged. So if the store fails now,
    no error is raised; the line in the log remains.
    """
    if events:
        await record_outcome(store, Outcome(events=events))


async def record_outcome(store: Store, outcome: Outcome) -> None:
    """Record an outcome in a separate transaction, as `record` does, and publish its events."""
    publish(store, *outcome.events)
    try:
        await store.events.record(outcome)
    except StoreUnavailable as error:
        logging.getLogger("authingo").warning("the event was not stored: %s", error.explained)
