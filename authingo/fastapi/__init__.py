"""The integration with FastAPI and other ASGI applications."""

from authingo.fastapi.forms import (
    FromBrowser,
    clear_session_cookies,
    from_browser,
    next_path,
    set_session_cookies,
)
from authingo.fastapi.guards import (
    CurrentSession,
    CurrentUser,
    FormUser,
    FreshUser,
    OptionalPageUser,
    OptionalUser,
    PageUser,
    current_session,
    current_user,
    form_user,
    fresh_user,
    optional_page_user,
    optional_user,
    own_form,
    page_user,
)
from authingo.fastapi.restrictions import (
    RequirePermission,
    RequireRole,
    VerifiedUser,
    verified_user,
)

__all__ = [
    "CurrentSession",
    "CurrentUser",
    "FormUser",
    "FreshUser",
    "FromBrowser",
    "OptionalPageUser",
    "OptionalUser",
    "PageUser",
    "RequirePermission",
    "RequireRole",
    "VerifiedUser",
    "clear_session_cookies",
    "current_session",
    "current_user",
    "form_user",
    "fresh_user",
    "from_browser",
    "next_path",
    "optional_page_user",
    "optional_user",
    "own_form",
    "page_user",
    "set_session_cookies",
    "verified_user",
]
