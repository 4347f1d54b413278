"""What a capability answers outside of the base path: pages and their files."""

from __future__ import annotations

from typing import Protocol

from authingo.asgi import Scope
from authingo.http.replies import Prepared


class Site(Protocol):
    """Answers requests for some paths."""

    def answer(self, path: str, scope: Scope) -> Prepared | None:
        """Return the answer to a request, or None if the path is not one of its own.

        Args:
            path: as the browser sees it.
            scope: of the request.
        """
