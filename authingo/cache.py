"""Sessions in memory: quick to check, and gone as soon as somebody ends them.

A check that was answered by the store is remembered by a digest of the token, for
`sessions.cache` at most and never past the session's own deadline. The store tells
of every revocation, whoever made it, and vouches for each answer from memory that
it still hears of them (see `Store.watch`); where it does not, everything is
forgotten and the store is asked each time (ASVS 5.0 V7.4.1).

An answer that was being read while its user's sessions changed is not kept: it may
be from before the change, and the notice has passed. So, of a notice and an answer,
whichever comes first, nothing outdated stays.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2s
from itertools import islice
from typing import Any

from authingo import clock
from authingo.last_use import LastUse
from authingo.models import TokenMatch
from authingo.stores import Store, Trust
from authingo.tokens import session_digest

_SIZE = 10_000  # sessions, some three kilobytes each
_NOTICES = 1_000  # users whose last notice is kept apart


class Remembered:
    """A live session in memory.

    `resumed` is of `match`, and `reply`, a place for the HTTP face's prepared answer, is of
    `resumed`: at hand here, because each step further is one more miss of a CPU's cache.
    """

    __slots__ = ("match", "reply", "resumed", "until")

    def __init__(self, match: TokenMatch, until: float) -> None:
        self.match = match
        self.resumed = match.resumed
        self.reply: Any = None
        self.until = until  # by authingo.clock


class SessionCache:
    """Stands before the store's `session_and_user`."""

    def __init__(self, store: Store, last_use: LastUse, *, longest: timedelta) -> None:
        """Remember nothing yet. `longest`: the life of what is remembered; 0 turns it off."""
        self._store = store
        self._hears = store.hears
        self._last_use = last_use  # what is answered from memory was read a moment ago
        self._longest = longest.total_seconds()
        # The oldest first, by a digest of the token's text exactly as it came: every other
        # spelling is another key, and it is half the work of what the store keeps, which is
        # of the bits. BLAKE2s comes with Python and is quicker with so short a text than a
        # call of OpenSSL (RFC 7693; ASVS 5.0 V11.4.1).
        self._known: dict[bytes, Remembered] = {}
        self._of_user: dict[str, set[bytes]] = {}
        self._notices = 0  # so far
        self._notice_of: dict[str, int] = {}  # the number of a user's last one
        self._notice_of_all = 0
        self._trust = store.watch(self) if self._longest else Trust()

    def recall(self, token: bytes | None) -> Remembered | None:
        """Return a live session that is remembered and still proven; None: ask. Never waits."""
        if not token or not self._known:
            return None
        now = clock.now()
        if now >= self._trust.until and not self._hears():
            self.drop_all()
            return None
        key = blake2s(token).digest()
        found = self._known.get(key)  # being asked, the store may have told of a revocation
        if found is not None and now >= found.until:
            self._drop(key, found)
            return None
        return found

    async def find(self, token: str) -> TokenMatch | None:
        """Tell what is known of a token, from memory where that can be relied on.

        None where there is nothing, or the token is misspelt (not even looked up).
        """
        text = token.encode("utf-8", "surrogatepass")
        if found := self.recall(text):
            return found.match
        digest = session_digest(token)
        if digest is None:
            return None
        hears = self._longest > 0 and self._store.hears()
        asked_at, notices = clock.now() if hears else 0.0, self._notices
        match = await self._store.session_and_user(digest)
        if match is None or not match.live:
            return match
        self._last_use.note(match)
        if hears and self._is_current(match.user.id, notices):
            life = min(self._longest, match.live_for.total_seconds())
            self._keep(blake2s(text).digest(), Remembered(match, asked_at + life))
        return match

    def drop(self, user_id: str) -> None:
        """Forget a user; see Revoked."""
        self._notices += 1
        self._notice_of[user_id] = self._notices
        if len(self._notice_of) > _NOTICES:
            self._notice_of.clear()
            self._notice_of_all = self._notices
        for key in self._of_user.pop(user_id, ()):
            del self._known[key]

    def drop_all(self) -> None:
        """Forget everybody; see Revoked."""
        self._notices += 1
        self._notice_of_all = self._notices
        self._notice_of.clear()
        self._known.clear()
        self._of_user.clear()

    def _is_current(self, user_id: str, notices: int) -> bool:
        """Tell whether nothing was heard of a user since there were so many notices.

        What the store has yet to tell it tells when it is next asked, which is before
        the answer is used.
        """
        return max(self._notice_of_all, self._notice_of.get(user_id, 0)) <= notices

    def _keep(self, key: bytes, new: Remembered) -> None:
        if old := self._known.get(key):
            self._drop(key, old)
        self._known[key] = new
        self._of_user.setdefault(new.match.user.id, set()).add(key)
        # Most live as long, so the oldest are the next to end. One that ends before them stays
        # till then, and is not believed: see `recall`.
        for oldest in list(islice(self._known, 2)):
            known = self._known[oldest]
            if len(self._known) > _SIZE or known.until <= clock.now():
                self._drop(oldest, known)

    def _drop(self, key: bytes, known: Remembered) -> None:
        del self._known[key]
        keys = self._of_user[known.match.user.id]
        keys.discard(key)
        if not keys:
            del self._of_user[known.match.user.id]
