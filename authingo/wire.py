"""Users and sessions as JSON: the same over HTTP and on the command line."""

from __future__ import annotations

from datetime import datetime

from authingo.models import Session, User


def user_json(user: User) -> dict[str, object]:
    """U of the contract: what everybody may see who may see the user."""
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "email_verified": user.email_verified,
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
    }


def session_json(session: Session) -> dict[str, object]:
    """S of the contract. Never a token or a digest."""
    return {
        "id": session.id,
        "user_id": session.user_id,
        "created_at": timestamp(session.created_at),
        "expires_at": timestamp(session.expires_at),
        "refresh_expires_at": timestamp(session.refresh_expires_at),
    }


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds and Z."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
