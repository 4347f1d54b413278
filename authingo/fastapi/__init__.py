"""The integration with FastAPI and other ASGI applications."""

from authingo.fastapi.guards import (
    CurrentSession,
    CurrentUser,
    FreshUser,
    OptionalUser,
    PageUser,
    current_session,
    current_user,
    fresh_user,
    optional_user,
    page_user,
)

__all__ = [
    "CurrentSession",
    "CurrentUser",
    "FreshUser",
    "OptionalUser",
    "PageUser",
    "current_session",
    "current_user",
    "fresh_user",
    "optional_user",
    "page_user",
]
