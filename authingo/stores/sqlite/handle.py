"""A connection that closes itself when nothing refers to it any more."""

from __future__ import annotations

import sqlite3


class Handle(sqlite3.Connection):
    """A connection of a store, which not every program can close.

    A mounted `auth.handler` has no lifespan, and neither has a TestClient without `with`: there the
    store goes without `Auth.close`. Python 3.13 warns about each connection that is left to
    the garbage collector (ResourceWarning), and the user of a library could do nothing about it.
    """

    def __del__(self) -> None:
        self.close()
