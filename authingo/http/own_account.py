"""The routes of users about their whole account: delete it."""

from __future__ import annotations

from msgspec import Struct

from authingo.auth import Auth
from authingo.config import Settings
from authingo.errors import UserReferenced
from authingo.http.answers import Time
from authingo.http.replies import Reply
from authingo.http.requests import Request
from authingo.http.route import Route
from authingo.wire import timestamp


class AuthingoDeletion(Struct):
    """Whether the account is gone. Otherwise it will be deleted at `delete_at`."""

    deleted: bool
    delete_at: Time | None


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
