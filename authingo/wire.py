"""Users and sessions as JSON: the same over HTTP and on the command line."""

from __future__ import annotations

import json
from datetime import datetime

import msgspec

from authingo.models import Event, Session, StoredSession, User


def user_json(user: User) -> dict[str, object]:
    """Return a user as JSON, as in docs/http.md: the fields that are not secret."""
    shown: dict[str, object] = {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "email_verified": user.email_verified,
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
        "roles": user.roles,
    }
    profile = user.stored_profile
    return shown if profile is None or profile.shown is None else shown | {"profile": profile.shown}


def session_json(session: Session) -> dict[str, object]:
    """Return a session as JSON, as docs/http.md shows it. Never a token or a digest."""
    return {
        "id": session.id,
        "user_id": session.user_id,
        "created_at": timestamp(session.created_at),
        "expires_at": timestamp(session.expires_at),
        "refresh_expires_at": timestamp(session.refresh_expires_at),
        "authenticated_at": timestamp(session.authenticated_at),
        "methods": session.methods,
    }


def listed_session_json(session: Session, *, current: bool) -> dict[str, object]:
    """Return a session with the details that its user knows: address, browser, last use."""
    return {
        **session_json(session),
        "ip": session.ip,
        "user_agent": session.user_agent,
        "last_used_at": timestamp(session.last_used_at),
        "current": current,
    }


def stored_session_json(stored: StoredSession) -> dict[str, object]:
    """S for an operator: whose it is, where it was last used from, and its state."""
    session = stored.session
    return {
        **session_json(session),
        "email": stored.user.email,
        "ip": session.ip,
        "user_agent": session.user_agent,
        "last_used_at": timestamp(session.last_used_at),
        "state": "refreshable" if stored.refreshable else "expired",
    }


def event_json(event: Event) -> dict[str, object]:
    """Return an event as the log and the command line show it."""
    return {
        "id": event.id,
        "at": timestamp(event.at),
        "event": event.name,
        "user_id": event.user_id,
        "session_id": event.session_id,
        "ip": event.ip,
        "count": event.count,
    }


def json_line(value: object) -> str:
    """Return a value as `json.dumps` does, in a third of the time, for lists of a million rows."""
    try:
        text = msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
    except (OverflowError, TypeError, UnicodeEncodeError):  # a number that is larger, for instance
        return json.dumps(value)
    return text if text.isascii() and text.isprintable() else json.dumps(value)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and Z. `isoformat` takes ten times as long."""
    text: str = msgspec.to_builtins(moment)
    return text if moment.microsecond else f"{text[:-1]}.000000Z"
