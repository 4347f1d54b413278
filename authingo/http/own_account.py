"""The routes of users about their whole account: export it, and delete it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from authingo.auth import Auth
from authingo.config import Settings
from authingo.errors import TooManyRequests, UserReferenced
from authingo.http.answers import AuthingoUser, Time
from authingo.http.replies import Reply
from authingo.http.requests import Request
from authingo.http.route import Route
from authingo.wire import timestamp


class AuthingoDeletion(Struct):
    """Whether the account is gone. Otherwise it will be deleted at `delete_at`."""

    deleted: bool
    delete_at: Time | None


class AuthingoExport(Struct):
    """What is stored about the user. docs/deletion.md says what is in each list."""

    user: AuthingoUser
    sessions: list[dict[str, Any]]
    credentials: list[dict[str, Any]]
    secrets: list[dict[str, Any]]
    mails: list[dict[str, Any]]
    events: list[dict[str, Any]]


async def export_user(auth: Auth, request: Request) -> Reply:
    """Return what is stored about the caller, once an hour."""
    return Reply(await auth.request_export(request.session_token, client=request.client))


async def delete_user(auth: Auth, request: Request) -> Reply:
    """Delete the account of the caller, at once or after a while; every session ends."""
    delete_at = await auth.request_deletion(request.session_token, client=request.client)
    return Reply(
        {
            "deleted": delete_at is None,
            "delete_at": timestamp(delete_at) if delete_at else None,
        },
        cookies=tuple(request.cookies.clear(request.host)),
    )


def _may_delete(settings: Settings) -> bool:
    return settings.users.deletion


ROUTES = [
    Route(
        method="GET",
        path="/user/export",
        handle=export_user,
        answer=AuthingoExport,
        errors=(TooManyRequests,),
        session=True,
        recent=True,
    ),
    Route(
        method="DELETE",
        path="/user",
        handle=delete_user,
        answer=AuthingoDeletion,
        errors=(UserReferenced,),
        session=True,
        recent=True,
        enabled=_may_delete,
    ),
]
