"""A connection that closes itself when nothing refers to it any more."""

from __future__ import annotations

import sqlite3


class Handle(sqlite3.Connection):
    """A connection of a store that closes itself, because not every program can close the store.

    A mounted `auth.handler` has no lifespan, and neither has a TestClient without `with`. There,
    `Auth.close` is never called. Python 3.13 warns about each connection that is left to the
    garbage collector (ResourceWarning), and programs could do nothing about the warning.
    """

    def __del__(self) -> None:
        self.close()
