"""Passwords: the policy for new ones, and hashes that other systems can verify.

Schemes are distinguished by their tag and never by the length of a password:

- `$2b$12$…`: bcrypt over the UTF-8 bytes, for passwords of up to 72 bytes. Any other system
  can verify it.
- `$bcrypt-hmac-sha384$2b$12$…`: for longer passwords. bcrypt reads only 72 bytes, so the password
  is first reduced to base64(HMAC-SHA-384(key = the raw 16-byte bcrypt salt, password)), which has
  64 bytes. The HMAC is keyed with the salt, so that a digest leaked elsewhere ("password
  shucking") is of no use here. It is in base64, so that no NUL byte ends it early.
- Hashes of other systems, from `authingo users import`: see `authingo.foreign_hashes`.
- `!`: no password. No sign-in succeeds until `set_password` sets one.

bcrypt at cost 12 (OWASP Password Storage Cheat Sheet; ASVS 5.0 V11.4.2). Nothing
is truncated, and every character counts exactly as received (ASVS 5.0 V6.2.8,
NIST SP 800-63B-4 §3.1.1.2).
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import re
import secrets
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeVar

from authingo import foreign_hashes
from authingo.hashing_queue import HashingQueue
from authingo.loops import OneLoop
from authingo.models import HashKind

T = TypeVar("T")

_MAX_BCRYPT = 72  # bytes that bcrypt reads
MAX_LENGTH = 256  # code points of a new password
NO_PASSWORD = "!"  # noqa: S105 - the hash of a user who has none: it verifies nothing
_NOTICEABLE = 1.05  # times as long; a smaller difference cannot be measured
_NICENESS = 10  # of the threads that hash
_TAG = "$bcrypt-hmac-sha384"
_PATTERN = re.compile(
    r"(?P<tag>\$bcrypt-hmac-sha384)?"
    r"(?P<bcrypt>\$2(?P<variant>[aby])\$(?P<cost>0[4-9]|1[0-5])"
    r"\$(?P<salt>[./A-Za-z0-9]{21}[.Oeu])[./A-Za-z0-9]{31})",  # 22 characters: 132 bits for 128
    re.ASCII,
)
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BASE64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = str.maketrans(_BCRYPT_ALPHABET, _BASE64_ALPHABET)
_TO_BCRYPT = str.maketrans(_BASE64_ALPHABET, _BCRYPT_ALPHABET)


def is_hash(stored: str) -> bool:
    """Return whether a stored hash can be verified: bcrypt of cost 4 to 15, or a foreign one.

    See `authingo.foreign_hashes` for those, and for their bounds.
    """
    if _PATTERN.fullmatch(stored):
        return True
    return foreign_hashes.recognize(stored) is not None


def kind_of(stored: str) -> HashKind | None:
    """Return the kind of all hashes that cost the same as this one; None if it is not a hash."""
    match = _PATTERN.fullmatch(stored)
    return foreign_hashes.kind_of(stored) if match is None else bcrypt_kind(int(match["cost"]))


@cache
def bcrypt_kind(cost: int) -> HashKind:
    """Return the kind of all bcrypt hashes of this cost, such as `PasswordHasher.hash` makes."""
    return HashKind(
        family="bcrypt",
        pattern=f"%$2_${cost:02d}$%",
        sample=f"$2b${cost:02d}$" + "." * 53,
        work=2**cost,
    )


def problem_with(password: str, *, email: str, min_length: int = 8) -> str | None:
    """Return what is wrong with a new password, or None.

    It must have `min_length` to 256 code points. It must not be on the list of common
    passwords, and must not be the email or its local part. There are no composition rules
    (NIST SP 800-63B-4 §3.1.1.2; ASVS 5.0 V6.2.1, V6.2.4, V6.2.5, V6.2.9, V6.2.11).
    """
    if len(password) < min_length:
        return f"must have at least {min_length} characters"
    if len(password) > MAX_LENGTH:
        return f"must have at most {MAX_LENGTH} characters"
    if "\x00" in password or _encode(password) is None:
        return "contains a character that cannot be used"
    folded = password.casefold()
    if folded in {email.casefold(), email.partition("@")[0].casefold()}:
        return "must not be the email"
    if folded in _common_passwords():
        return "is one of the most common passwords"
    return None


def generate() -> str:
    """Draw a password of 20 characters (letters, digits, - and _) with 120 random bits."""
    return secrets.token_urlsafe(15)


class PasswordHasher:
    """Hashes and verifies off the event loop, on as many threads as this process has cores.

    More threads would only make all requests wait longer. If all threads are taken, a request
    waits in a short queue. If that takes too long, the answer is `busy`: a flood of sign-ins
    cannot pile up work that no client waits for any more (ASVS 5.0 V2.4.1, CWE-400).
    The queue is fair between networks; see `authingo.hashing_queue`. A caller that is
    cancelled leaves the queue.

    The argument `network` is any text that identifies the client's network. It is None for a
    program, and for an address that clients share.
    """

    def __init__(
        self,
        *,
        cost: int = 12,
        threads: int | None = None,
        queue: Callable[[int], HashingQueue] = HashingQueue,
    ) -> None:
        """Start the threads when they are needed. `queue`: makes the queue for this many."""
        self.cost = cost
        self._queue = queue
        self._threads = threads or _cores_of_this_process()
        # bcrypt releases the interpreter lock, so threads use all cores.
        self._pool = ThreadPoolExecutor(
            self._threads, thread_name_prefix="authingo-hash", initializer=_give_way
        )
        self.slowest: tuple[str, ...] = ()  # hashes that cost as much as the slowest stored ones
        self._loop = OneLoop(lambda _: self._begin_line())
        self._begin_line()

    def _begin_line(self) -> None:
        self._line = self._queue(self._threads)

    async def hash(self, password: str, *, network: str | None = None) -> str:
        """Hash a password that the policy has accepted.

        Raises:
            Busy: too many passwords are being hashed, or wait for it.
        """
        return await self.run(network, hash_password, password, self.cost)

    async def verify(
        self, password: str, stored: str | None, *, network: str | None = None
    ) -> bool:
        """Compare, in the same time whatever the answer is (ASVS 5.0 V6.3.8).

        That is the time of the slowest stored hash, as far as it is known from `slowest`. `stored`
        is None for an account that does not exist. A malformed hash, an unknown scheme or a
        password that cannot be encoded is a mismatch.

        Raises:
            Busy: too many passwords are being hashed, or wait for it.
        """
        return await self.run(network, verify_password, password, stored, self.cost, self.slowest)

    def refuse_if_full(self, network: str | None = None) -> None:
        """Refuse a request if the queue has no place for it, before any work is done for it.

        Raises:
            Busy: too many passwords are being hashed, and wait for it.
        """
        self._loop.enter()
        self._line.refuse_if_full(network)

    def needs_rehash(self, stored: str) -> bool:
        """Return whether a hash that was just verified is weaker than those that `hash` makes."""
        match = _PATTERN.fullmatch(stored)
        return match is None or int(match["cost"]) < self.cost or match["variant"] != "b"

    async def run(self, network: str | None, work: Callable[..., T], *args: object) -> T:
        """Do work on one of the threads that costs about as much as a hash, and return its result.

        Raises:
            Busy: too many passwords are being hashed, or wait for it.
        """
        self._loop.enter()
        loop, line = asyncio.get_running_loop(), self._line
        await line.take_thread(network)

        def free(_: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(line.free_thread)

        # The thread is free when its work is done, even if the caller was cancelled meanwhile.
        try:
            future = self._pool.submit(work, *args)
        except BaseException:
            line.free_thread()
            raise
        future.add_done_callback(free)
        return await asyncio.wrap_future(future)


def hash_password(password: str, cost: int, salt: bytes | None = None) -> str:
    """Hash with the scheme that fits the password. `salt`: 16 bytes, random unless a test sets it.

    Raises:
        ValueError: the password has a lone surrogate or a NUL.
    """
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    encoded = _encode(password)
    if encoded is None or b"\x00" in encoded:
        raise ValueError("a password with a NUL or a lone surrogate cannot be hashed")
    salt = os.urandom(16) if salt is None else salt
    setting = f"$2b${cost:02d}$" + b64encode(salt).decode().rstrip("=").translate(_TO_BCRYPT)
    if len(encoded) <= _MAX_BCRYPT:
        return bcrypt.hashpw(encoded, setting.encode()).decode()
    return _TAG + bcrypt.hashpw(_reduce(encoded, salt), setting.encode()).decode()


def verify_password(
    password: str, stored: str | None, cost: int, slowest: tuple[str, ...] = ()
) -> bool:
    """Compare a password with a stored hash, doing the same amount of work in any case.

    That is the work of `cost`, or of the slowest of the hashes `slowest`, whichever is more.
    It is done even if the password matches: the user may be disabled, and then the answer is
    a failure like any other. For hashes other than bcrypt, time is measured and converted into
    rounds of bcrypt, so the work is the same only to within a few hundredths.
    """
    encoded = _encode(password)
    matches, spent = False, 0
    if stored is not None and encoded is not None and b"\x00" not in encoded:
        # A library may refuse a hash that looks like one of its own; then the password is wrong.
        with contextlib.suppress(ValueError):
            matches, spent = _compare(password, encoded, stored)
    _spend(max([2**cost, *map(rounds_of, slowest)]) - spent)
    return matches


@lru_cache(maxsize=64)
def rounds_of(stored: str) -> int:
    """Return how many rounds of bcrypt take as long here as comparing a password with this hash.

    If it is not a bcrypt hash, this is measured once: the quicker of two comparisons counts.
    """
    return min(_compare("nobody", b"nobody", stored)[1] for _ in range(2))


def slowest_of(kinds: Iterable[HashKind], cost: int) -> tuple[HashKind, float] | None:
    """Return the kind that takes the longest here, and how many milliseconds.

    Return None if none takes noticeably longer than bcrypt at this cost.
    """
    kind = max(kinds, key=lambda one: rounds_of(one.sample), default=None)
    if kind is None or rounds_of(kind.sample) < 2**cost * _NOTICEABLE:
        return None
    return kind, rounds_of(kind.sample) * _seconds_of_a_round() * 1000


def _compare(password: str, encoded: bytes, stored: str) -> tuple[bool, int]:
    """Return whether they match, and how many rounds of bcrypt take as long as comparing them."""
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    match = _PATTERN.fullmatch(stored)
    if match is None:
        foreign = foreign_hashes.recognize(stored)
        if foreign is None:
            return False, 0
        matches, seconds = foreign.verify(password)
        return matches, int(seconds / _seconds_of_a_round())
    if match["tag"]:
        salt = b64decode(match["salt"].translate(_TO_BASE64) + "==")
        encoded = _reduce(encoded, salt)
    if len(encoded) > _MAX_BCRYPT:  # a plain hash never came from such a password
        return False, 0
    return bcrypt.checkpw(encoded, match["bcrypt"].encode()), 2 ** int(match["cost"])


def _spend(rounds: int) -> None:
    """Do this many rounds of bcrypt. Cost c takes 2^c rounds, so compute one hash for each bit."""
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    for cost in range(4, max(rounds, 0).bit_length()):
        if rounds >> cost & 1:
            bcrypt.hashpw(b"nobody", f"$2b${cost:02d}$".encode() + b"." * 22)


@cache
def _seconds_of_a_round() -> float:
    """Measure the processor time of a round of bcrypt in seconds, once, as the best of three."""
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    took = []
    for _ in range(3):
        began = time.thread_time()
        bcrypt.hashpw(b"nobody", b"$2b$07$" + b"." * 22)
        took.append(time.thread_time() - began)
    return max(min(took), 1e-6) / 2**7


def _reduce(password: bytes, salt: bytes) -> bytes:
    return b64encode(hmac.digest(salt, password, "sha384"))


def _encode(password: str) -> bytes | None:
    try:
        return password.encode()
    except UnicodeEncodeError:
        return None


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(
        files("authingo").joinpath("common_passwords.txt").read_text("utf-8").splitlines()
    )


def _give_way() -> None:
    """Give hashing threads a lower priority than the thread that answers requests.

    Only Linux has a priority for each thread; elsewhere it would be the whole process's.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _cores_of_this_process() -> int:
    """Divide the cores among the workers. WEB_CONCURRENCY is their number, as for uvicorn."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    workers = os.environ.get("WEB_CONCURRENCY", "")
    return max(1, cores // int(workers)) if workers.isdigit() and int(workers) else cores
