"""The integration with FastAPI and other ASGI applications."""

from authingo.fastapi.guards import (
    CurrentSession,
    CurrentUser,
    OptionalUser,
    PageUser,
    current_session,
    current_user,
    optional_user,
    page_user,
)

__all__ = [
    "CurrentSession",
    "CurrentUser",
    "OptionalUser",
    "PageUser",
    "current_session",
    "current_user",
    "optional_user",
    "page_user",
]
