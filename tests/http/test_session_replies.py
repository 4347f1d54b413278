"""The answer to a session check is made again as soon as its user or session has changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from authingo.http import requests
from authingo.http.requests import SessionReplies
from authingo.models import Session, StoredProfile, User, UserAndSession

AT = datetime(2026, 11, 26, 8, 30, 0, 123456, tzinfo=UTC)


def found(name: str = "Ada", session_id: str = "ses_1", secret: str = "") -> UserAndSession:
    user: User = User(
        id="usr_1",
        email="ada@example.com",
        name=name,
        email_verified=True,
        created_at=AT,
        updated_at=AT,
    )
    user.having(StoredProfile(text=secret, value=None, shown=None, fits=True))
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


def kept_of_a_hundred(*, secret: str = "") -> int:
    replies, most = SessionReplies(), 0
    for number in range(100):
        one = found(session_id=f"ses_{number}", secret=secret)
        assert replies.of(one) is replies.of(one), "it is kept, whatever had to go for it"
        most = max(most, len(replies._made))
    return most


def test_no_more_answers_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kept_of_a_hundred() == 100
    monkeypatch.setattr(requests, "_KEPT", 10)
    assert kept_of_a_hundred() == 10


def test_profiles_count_even_if_clients_do_not_see_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_KEPT_BYTES", 100_000)
    assert kept_of_a_hundred() == 100
    assert kept_of_a_hundred(secret="x" * 10_000) == 9


def test_an_answer_that_replaces_another_takes_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_KEPT_BYTES", 30_000)
    replies, eve = SessionReplies(), found(session_id="ses_2")
    answer = replies.of(eve)
    for number in range(10):
        replies.of(found(f"Ada {number}", secret="x" * 10_000))
    assert replies.of(eve) is answer
