"""Passwords: the policy for new ones, and hashing that nobody is locked in by.

Schemes, told apart by their tag and never by the length of a password:

- `$2b$12$…`: bcrypt over the UTF-8 bytes, for passwords of up to 72 bytes. Any
  other system can verify it.
- `$bcrypt-hmac-sha384$2b$12$…`: for longer ones. bcrypt reads 72 bytes, so the
  password is first reduced to base64(HMAC-SHA-384(key = the raw 16-byte bcrypt
  salt, password)), 64 bytes. Keyed with the salt, so that a digest leaked
  elsewhere ("password shucking") is of no use here; base64, so that no NUL
  byte ends it early.
- What other systems made and `authingo users import` took in: `authingo.foreign_hashes`.
- `!`: no password at all, so that nothing signs in until `set_password` gives one.

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
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import TypeVar

from authingo import foreign_hashes
from authingo.errors import Busy
from authingo.loops import OneLoop

T = TypeVar("T")

_MAX_BCRYPT = 72  # bytes that bcrypt reads
MAX_LENGTH = 256  # code points of a new password
NO_PASSWORD = "!"  # noqa: S105 - the hash of a user who has none: it verifies nothing
_LINE = 10  # who may wait for one thread; at a quarter of a second each, within the patience
_PATIENCE = 3.0  # seconds in the line
_NICENESS = 10  # of the threads that hash
_TAG = "$bcrypt-hmac-sha384"
_PATTERN = re.compile(
    r"(?P<tag>\$bcrypt-hmac-sha384)?"
    r"(?P<bcrypt>\$2(?P<variant>[aby])\$(?P<cost>0[4-9]|1[0-5])"
    r"\$(?P<salt>[./A-Za-z0-9]{21}[.Oeu])[./A-Za-z0-9]{31})",  # 132 bits spell 128
    re.ASCII,
)
_BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BASE64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = str.maketrans(_BCRYPT_ALPHABET, _BASE64_ALPHABET)
_TO_BCRYPT = str.maketrans(_BASE64_ALPHABET, _BCRYPT_ALPHABET)


def is_hash(stored: str) -> bool:
    """Tell whether a stored hash is one that can be verified: bcrypt of cost 4 to 15, or foreign.

    See `authingo.foreign_hashes` for those, and for their bounds.
    """
    if _PATTERN.fullmatch(stored):
        return True
    return foreign_hashes.recognize(stored) is not None


def problem_with(password: str, *, email: str, min_length: int = 8) -> str | None:
    """Say what is wrong with a new password, or return None.

    `min_length` to 256 code points, no composition rules, not on the list of
    common passwords, not the email or its local part (NIST SP 800-63B-4
    §3.1.1.2; ASVS 5.0 V6.2.1, V6.2.4, V6.2.5, V6.2.9, V6.2.11).
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

    More would only make everybody wait longer. Who finds all of them taken waits in a
    short line, for a short time, and is then told that it is busy: a flood of
    sign-ins cannot pile up work that nobody waits for any more (ASVS 5.0 V2.4.1,
    CWE-400). A caller that is cancelled leaves the line.
    """

    def __init__(self, *, cost: int = 12, threads: int | None = None) -> None:
        self.cost = cost
        self._threads = threads or _cores_of_this_process()
        # bcrypt lets go of the interpreter lock, so threads use all cores.
        self._pool = ThreadPoolExecutor(
            self._threads, thread_name_prefix="authingo-hash", initializer=_give_way
        )
        self._loop = OneLoop(lambda _: self._begin_line())
        self._begin_line()

    def _begin_line(self) -> None:
        self._free = asyncio.Semaphore(self._threads)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """Hash a password that the policy has accepted.

        Raises:
            Busy: too many others are being hashed.
        """
        return await self._run(hash_password, password, self.cost)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Compare, in the same time whatever the answer is (ASVS 5.0 V6.3.8).

        `stored` is None for an account that does not exist. A malformed hash,
        a foreign scheme or a password that cannot be encoded is a mismatch.

        Raises:
            Busy: too many others are being hashed.
        """
        return await self._run(verify_password, password, stored, self.cost)

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether a hash that just verified is weaker than what `hash` makes now."""
        match = _PATTERN.fullmatch(stored)
        return match is None or int(match["cost"]) < self.cost or match["variant"] != "b"

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        self._loop.enter()
        await self._take_place()
        loop, place = asyncio.get_running_loop(), self._free

        def free(_: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(place.release)

        # The place is free when the thread is, also if the caller has gone meanwhile.
        try:
            future = self._pool.submit(work, *args)
        except BaseException:
            place.release()
            raise
        future.add_done_callback(free)
        return await asyncio.wrap_future(future)

    def refuse_if_full(self) -> None:
        """Tell whoever could not even wait that it is busy, before anything is spent on them.

        Raises:
            Busy: so many are being hashed and waiting.
        """
        if self._free.locked() and self._waiting >= _LINE * self._threads:
            raise Busy

    async def _take_place(self) -> None:
        self.refuse_if_full()
        self._waiting += 1
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._free.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            self._waiting -= 1


def hash_password(password: str, cost: int, salt: bytes | None = None) -> str:
    """Hash under the scheme that fits the password. `salt`: 16 bytes, random unless a test pins it.

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


def verify_password(password: str, stored: str | None, cost: int) -> bool:
    """Compare a password with a stored hash, doing the work of `cost` at least in any case.

    Also where it matches: the user may be disabled, and the answer then is a failure like
    any other. What is not equal: a hash that is dearer than `cost` takes longer than an
    account that does not exist, until its first sign-in; a foreign one is topped up by
    what it took, give or take a few hundredths.
    """
    encoded = _encode(password)
    matches, spent = False, 0
    if stored is not None and encoded is not None and b"\x00" not in encoded:
        # A library may refuse what looks like a hash of its own: nobody gets in by that.
        with contextlib.suppress(ValueError):
            matches, spent = _compare(password, encoded, stored)
    _spend(2**cost - spent)
    return matches


def _compare(password: str, encoded: bytes, stored: str) -> tuple[bool, int]:
    """Return whether it matches, and how many rounds of bcrypt the comparison was worth."""
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
    """Do the work of so many rounds of bcrypt: cost c takes 2^c, so one hash for each bit."""
    import bcrypt  # noqa: PLC0415 - a native module that most commands never need

    for cost in range(4, max(rounds, 0).bit_length()):
        if rounds >> cost & 1:
            bcrypt.hashpw(b"nobody", f"$2b${cost:02d}$".encode() + b"." * 22)


@cache
def _seconds_of_a_round() -> float:
    """Measure a round of bcrypt in a second of the processor, once, by the best of three."""
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
    """Let whoever answers requests go first: hashing takes every core there is.

    Linux alone has a priority for each thread; elsewhere it would be the process's.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _cores_of_this_process() -> int:
    """Divide the cores among the workers, as WEB_CONCURRENCY tells them to uvicorn too."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    workers = os.environ.get("WEB_CONCURRENCY", "")
    return max(1, cores // int(workers)) if workers.isdigit() and int(workers) else cores
