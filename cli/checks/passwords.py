"""What a password costs on this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from authingo.config import Settings
from authingo.findings import Finding, fail, ok, warn

if TYPE_CHECKING:
    from authingo.stores import Store

_TARGET = 0.25  # seconds: users do not mind them, but an attacker who guesses does
_LEAST = 10  # OWASP Password Storage Cheat Sheet, bcrypt
_MOST = 15  # what `passwords.bcrypt_cost` takes
_TIMED = 9  # a higher cost is not timed but computed, since each step doubles the time
_LONG = 1000  # milliseconds that users do mind
_RUNS = 3  # only the quickest one counts: the others waited for something


def cost(configured: int) -> Finding:
    """Time bcrypt at the configured cost (ASVS 5.0 V11.4.2)."""
    from authingo.passwords import hash_password

    at = min(configured, _TIMED)
    seconds = min(_timed(lambda: hash_password("correct horse", at)) for _ in range(_RUNS))
    return judge(configured, seconds * 2 ** (configured - at))


def judge(configured: int, seconds: float) -> Finding:
    """Judge a cost that takes this long, and recommend the one nearest to a quarter of a second."""
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


async def stored(store: Store, settings: Settings) -> Finding:
    """Say what the slowest stored hash costs, because every sign-in takes as long."""
    from authingo.passwords import slowest_of

    name, configured = "slowest_hash", settings.passwords.bcrypt_cost
    slowest = slowest_of(await store.hash_kinds.find(), configured)
    if slowest is None:
        return ok(name, f"no hash costs more than passwords.bcrypt_cost, {configured}")
    kind, milliseconds = slowest
    told = f"{kind.begins}… takes {milliseconds:.0f} ms here, and so does every sign-in"
    hint = (
        "it is so that nobody learns by the time who has an account. Each is replaced when its "
        "owner signs in, and `authingo sessions prune` notices when none is left"
    )
    if milliseconds > _LONG:
        return warn(name, told, hint)
    return ok(name, told)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return max(time.perf_counter() - began, 1e-6)
