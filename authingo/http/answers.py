"""What the routes answer with, as the OpenAPI document describes it. `authingo.wire` writes it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class AuthingoUser(Struct):
    """A person with an account."""

    id: str
    email: str
    name: str
    email_verified: bool
    created_at: Time
    updated_at: Time
    roles: list[str]


class AuthingoSession(Struct):
    """One sign-in on one device."""

    id: str
    user_id: str
    created_at: Time
    expires_at: Time
    refresh_expires_at: Time
    authenticated_at: Time
    methods: list[str]


class AuthingoListedSession(AuthingoSession):
    """A session as its user sees it in a list."""

    ip: str | None
    user_agent: str | None
    last_used_at: Time
    current: bool


class AuthingoSignedIn(Struct):
    """Who is signed in."""

    user: AuthingoUser
    session: AuthingoSession


class AuthingoSessions(Struct):
    """Where a user is signed in."""

    sessions: list[AuthingoListedSession]


class AuthingoRevoked(Struct):
    """How many sessions ended."""

    revoked: int


class AuthingoSignedOut(Struct):
    """The session has ended."""

    success: bool


class AuthingoHealth(Struct):
    """The database answers."""

    status: str


class AuthingoError(Struct, omit_defaults=True):
    """`code` is stable, `message` is for people, `fields` says what is wrong with each.

    `methods`, with `reauthentication_required`: how the user can prove again who they are.
    """

    code: str
    message: str
    fields: dict[str, str] = {}
    methods: list[str] = []
