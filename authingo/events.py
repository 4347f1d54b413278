"""What happened, for whoever watches: one JSON line each on the logger `authingo.events`.

An event names who and what by id, never a token, a password, a hash or anything
else a client sent (ASVS 5.0 V16.2.5, V16.3.1).
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal

EventName = Literal[
    "sign_up",
    "sign_in",
    "sign_in_failed",
    "sign_out",
    "password_changed",
    "password_hash_malformed",
    "refresh_reused",
]

_log = logging.getLogger("authingo.events")


def emit(event: EventName, *, user_id: str | None = None, session_id: str | None = None) -> None:
    """Record that something happened, now."""
    facts = {"event": event, "user_id": user_id, "session_id": session_id}
    line = {
        "at": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        **{name: value for name, value in facts.items() if value is not None},
    }
    _log.info(json.dumps(line))
