"""Those who watch a store: a program may have several caches on one."""

from __future__ import annotations

from authingo.stores import Revoked


class Watchers:
    """Tells all of them, as one `Revoked`."""

    def __init__(self) -> None:
        self._all: list[Revoked] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    def add(self, revoked: Revoked) -> None:
        """Tell this one too from now on."""
        self._all.append(revoked)

    def drop(self, user_id: str) -> None:
        """See Revoked."""
        for revoked in self._all:
            revoked.drop(user_id)

    def drop_all(self) -> None:
        """See Revoked."""
        for revoked in self._all:
            revoked.drop_all()
