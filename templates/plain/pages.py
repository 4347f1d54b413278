"""How the files in page/ are served."""

from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

# Allow scripts, styles and requests of this server only, and let no text become markup, so that
# the name of a user can't become a script.
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


# What the links in mails lead to: as in [links] of authingo.toml.
LINKS = {"reset-password", "verify-email", "change-email", "undo-email-change", "undo-deletion"}


class Pages(StaticFiles):
    """The files of a folder, and its index.html at `/` and where links in mails lead to."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response("index.html" if path in LINKS else path, scope)
        response.headers.update(HEADERS)
        return response
