"""What a password costs on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from authingo.findings import Finding, fail, ok, warn

_TARGET = 0.25  # seconds: what a person does not mind, and a guesser does
_LEAST = 10  # OWASP Password Storage Cheat Sheet, bcrypt
_MOST = 15  # what `passwords.bcrypt_cost` takes
_TIMED = 9  # hashing a few times at this cost says it all: each step more takes twice as long
_RUNS = 3  # the quickest one: the others waited for something


def cost(configured: int) -> Finding:
    """Time bcrypt at the configured cost (ASVS 5.0 V11.4.2)."""
    from authingo.passwords import hash_password

    at = min(configured, _TIMED)
    seconds = min(_timed(lambda: hash_password("correct horse", at)) for _ in range(_RUNS))
    return judge(configured, seconds * 2 ** (configured - at))


def judge(configured: int, seconds: float) -> Finding:
    """Judge a cost that takes so long, and recommend the one nearest to a quarter of a second."""
    ideal = configured + math.log2(_TARGET / seconds)
    recommended = min(max(round(ideal), _LEAST), _MOST)
    told = f"bcrypt cost {configured} takes {seconds * 1000:.0f} ms here"
    hint = f"set passwords.bcrypt_cost = {recommended}; hashes are renewed at the next sign-in"
    if configured < _LEAST:
        return fail("password_cost", f"{told}: too cheap to guess (OWASP: {_LEAST} or more)", hint)
    if recommended - configured > 1 or configured - recommended > 1:
        why = "guesses could cost more" if recommended > configured else "sign-ins wait for it"
        return warn("password_cost", f"{told}: {why}", hint)
    return ok("password_cost", f"{told}; nearest to {_TARGET * 1000:.0f} ms is {recommended}")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return max(time.perf_counter() - began, 1e-6)
