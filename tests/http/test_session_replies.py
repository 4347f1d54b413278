"""The answer to a session check is made again as soon as its user or session has changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from authingo.http import requests
from authingo.http.requests import SessionReplies
from authingo.models import Session, User, UserAndSession

AT = datetime(2026, 11, 26, 8, 30, 0, 123456, tzinfo=UTC)


def found(name: str = "Ada", session_id: str = "ses_1") -> UserAndSession:
    user: User = User(
        id="usr_1",
        email="ada@example.com",
        name=name,
        email_verified=True,
        created_at=AT,
        updated_at=AT,
    )
    session = Session(
        id=session_id,
        user_id=user.id,
        created_at=AT,
        last_used_at=AT,
        expires_at=AT,
        refresh_expires_at=AT,
        ip=None,
        user_agent=None,
        authenticated_at=AT,
        methods=("password",),
    )
    return UserAndSession(user, session)


def test_the_same_user_and_session_are_answered_with_the_same_reply() -> None:
    replies, ada = SessionReplies(), found()
    assert replies.of(ada) is replies.of(ada)


def test_a_change_of_the_user_is_in_the_next_answer() -> None:
    replies = SessionReplies()
    names = [json.loads(replies.of(found(name)).body)["user"]["name"] for name in ("Ada", "Eve")]
    assert names == ["Ada", "Eve"]


@pytest.mark.parametrize(("limit", "room"), [("_KEPT", 10), ("_KEPT_BYTES", 10_000)])
def test_no_more_answers_are_kept_than_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch, limit: str, room: int
) -> None:
    monkeypatch.setattr(requests, limit, room)
    replies = SessionReplies()
    for number in range(100):
        one = found(session_id=f"ses_{number}")
        assert replies.of(one) is replies.of(one), "kept all the same"
        assert len(replies._made) <= 30, "10, or as many as have 10,000 bytes"
