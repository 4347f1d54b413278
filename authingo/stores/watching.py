"""The watchers of a store: a program may have several caches on one store."""

from __future__ import annotations

from authingo.stores import RevocationListener


class Watchers:
    """Passes each notice on to all watchers. It is a `RevocationListener` itself."""

    def __init__(self) -> None:
        self._all: list[RevocationListener] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, revoked: RevocationListener) -> None:
        """Notify this watcher too from now on."""
        self._all.append(revoked)

    def drop(self, user_id: str) -> None:
        """See RevocationListener."""
        for revoked in self._all:
            revoked.drop(user_id)

    def drop_all(self) -> None:
        """See RevocationListener."""
        for revoked in self._all:
            revoked.drop_all()
