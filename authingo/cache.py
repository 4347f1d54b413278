"""Sessions in memory: quick to check, and forgotten as soon as they end.

An answer of the store is kept under a digest of the token, for `sessions.cache` at most and
never past the session's own deadline. The store notifies this cache of every revocation,
whichever program made it. Before each answer from memory, the store confirms that these
notices still arrive (see `Store.watch`). If they do not, the cache forgets everything and
asks the store each time (ASVS 5.0 V7.4.1).

An ordinary refresh is no such change: the token that it replaces stays valid for the grace. The
session says for how long an answer about it may be kept (`TokenMatch.remembered`), and the store
notifies of each refresh whose grace could end before that. So nobody is answered from memory by a
token that has ended.

A notice can arrive while the store is being asked about the same user. Then the answer is
not kept, because it may be older than the change, and no second notice would remove it. So
nothing outdated is kept, whether the notice or the answer comes first.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from itertools import islice
from typing import Any

from authingo import clock
from authingo.errors import NoSession, SessionExpired
from authingo.last_use import LastUse
from authingo.models import TokenMatch, UserAndSession, WrongSecret
from authingo.stores import Freshness, Store
from authingo.tokens import session_key

_SIZE = 10_000  # sessions, some three kilobytes each without the profile
_BYTES = 16 * 1024 * 1024  # of profiles as stored; in memory each takes a few times that
_NOTICES = 1_000  # users for whom the last notice is recorded separately


def encode(token: str) -> bytes:
    """Return a token's text as bytes, whatever is in it."""
    return token.encode("utf-8", "surrogatepass")


class Remembered:
    """A user and a session in memory.

    The HTTP layer keeps its prepared answer in `reply`.
    """

    __slots__ = ("reply", "size", "until", "user_and_session")

    def __init__(self, user_and_session: UserAndSession, until: float) -> None:
        self.user_and_session = user_and_session
        self.reply: Any = None
        self.until = until  # by authingo.clock
        profile = user_and_session.user.stored_profile
        self.size = 0 if profile is None else len(profile.text or "")


class SessionCache:
    """Finds the user of a session token: `recall` from memory, `ask` from the store."""

    def __init__(self, store: Store, last_use: LastUse, *, longest: timedelta) -> None:
        """Start empty. `longest` is the lifetime of an entry; 0 turns the cache off."""
        self._sessions = store.sessions
        self._is_notified = store.is_notified
        self._last_use = last_use  # only told of answers from the store: those in memory are recent
        self._longest = longest.total_seconds()
        # The oldest first, by a digest of the token's text exactly as sent. That takes half the
        # time of the store's digest, which is of the decoded token. BLAKE2b comes with Python,
        # reads a token in one block, and is quicker for such a short text than OpenSSL (RFC 7693;
        # ASVS 5.0 V11.4.1).
        self._known: dict[bytes, Remembered] = {}
        self._of_user: dict[str, set[bytes]] = {}
        self._bytes = 0  # of the profiles in it
        self._notices = 0  # received so far
        self._notice_of: dict[str, int] = {}  # for each user, the number of the last notice
        self._notice_of_all = 0  # the number of the last notice about all users
        self._freshness = store.watch(self) if self._longest else Freshness()

    def recall(self, token: bytes | None) -> Remembered | None:
        """Return an active session from memory, or None if the store must be asked. Never waits."""
        if not token or not self._known:
            return None
        now = clock.now()
        if now >= self._freshness.until and not self._is_notified():
            self.drop_all()
            return None
        key = blake2b(token).digest()
        found = self._known.get(key)  # only now: is_notified may have removed it
        if found is not None and now >= found.until:
            self._drop(key, found)
            return None
        return found

    async def ask(self, token: str | None) -> UserAndSession:
        """Return the user and session of a token from the store; see `look_up`."""
        return (await self.look_up(token)).user_and_session

    async def look_up(self, token: str | None) -> TokenMatch:
        """Return what the store knows of an accepted token, and remember its user and session.

        The token that the last rotation replaced stays valid for a grace period, so that a
        page that was loading while another tab refreshed keeps working.

        Raises:
            NoSession: there is no such session. A misspelt token is not even looked up.
            SessionExpired: the token has expired or was replaced, but a refresh may still renew the
                session. So the answer is the same for a token with another secret, and for one
                of the form of earlier versions, because only its session would know it.
        """
        key = session_key(token)
        if key is None or token is None:
            raise NoSession
        is_notified = self._longest > 0 and self._is_notified()
        asked_at, notices = clock.now() if is_notified else 0.0, self._notices
        match = await self._sessions.by_token(key)
        if match is None and key.session_id is not None:
            raise NoSession
        if match is None or isinstance(match, WrongSecret) or not match.active:
            raise SessionExpired
        self._last_use.note(match)
        if is_notified and self._is_current(match.user.id, notices):
            life = min(self._longest, match.active_for.total_seconds())
            if match.remembered is not None:
                life = min(life, match.remembered.total_seconds())
            known = Remembered(match.user_and_session, asked_at + life)
            self._keep(blake2b(encode(token)).digest(), known)
        return match

    def drop(self, user_id: str) -> None:
        """Forget the sessions of a user; see RevocationListener."""
        self._notices += 1
        self._notice_of[user_id] = self._notices
        if len(self._notice_of) > _NOTICES:
            self._notice_of.clear()
            self._notice_of_all = self._notices
        for key in self._of_user.pop(user_id, ()):
            self._bytes -= self._known.pop(key).size

    def drop_all(self) -> None:
        """Forget all sessions; see RevocationListener."""
        self._notices += 1
        self._notice_of_all = self._notices
        self._notice_of.clear()
        self._known.clear()
        self._of_user.clear()
        self._bytes = 0

    def _is_current(self, user_id: str, notices: int) -> bool:
        """Return whether no notice about a user has come since there were this many notices.

        The store may still have to pass on some. It does so at the latest when it is next asked,
        and `recall` asks it before it uses the answer.
        """
        return max(self._notice_of_all, self._notice_of.get(user_id, 0)) <= notices

    def _keep(self, key: bytes, new: Remembered) -> None:
        if old := self._known.get(key):
            self._drop(key, old)
        self._known[key] = new
        self._bytes += new.size
        self._of_user.setdefault(new.user_and_session.user.id, set()).add(key)
        # Most entries have the same lifetime, so the oldest end first. An entry that ends earlier
        # stays here until it is among the oldest, but `recall` does not use it.
        for oldest in list(islice(self._known, 2)):
            known = self._known[oldest]
            if len(self._known) > _SIZE or known.until <= clock.now():
                self._drop(oldest, known)
        while self._bytes > _BYTES:
            oldest = next(iter(self._known))
            self._drop(oldest, self._known[oldest])

    def _drop(self, key: bytes, known: Remembered) -> None:
        del self._known[key]
        self._bytes -= known.size
        keys = self._of_user[known.user_and_session.user.id]
        keys.discard(key)
        if not keys:
            del self._of_user[known.user_and_session.user.id]
