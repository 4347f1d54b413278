"""How the program serves the single-page application that `npm run build` makes."""

from pathlib import Path, PurePath

from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

# Scripts, styles and requests of this server only. If your pages load something from elsewhere,
# name where; if the API has another origin, name it in a connect-src.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Pages(StaticFiles):
    """The files of a folder, and index.html for every address that only its script knows.

    So a deep link such as /orders/7 opens, also when the page is reloaded. A missing path below
    /api or /assets, and a missing image or script, stays a 404.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or not is_page(path, scope):
                raise
            path = "index.html"
            response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        # Vite names the files in assets/ for their content; any other may change.
        lasting = PurePath(path).parts[:1] == ("assets",)
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if lasting else "no-cache"
        )
        return response


def is_page(path: str, scope: Scope) -> bool:
    """Return whether a path without a file is an address of the application."""
    first, last = PurePath(path).parts[:1], PurePath(path).name
    if first in {("api",), ("assets",), ("..",)}:
        return False
    return "." not in last or "text/html" in Headers(scope=scope).get("accept", "")
