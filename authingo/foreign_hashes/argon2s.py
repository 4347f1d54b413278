"""Argon2 (RFC 9106): `$argon2id$v=19$m=65536,t=3,p=4$salt$key`, also `argon2i` and `argon2d`.

As argon2-cffi, pwdlib, passlib, Laravel and Django write it; an export of Keycloak has the
same in other words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial

from authingo.foreign_hashes.scheme import MAX_MEMORY, Extra, Scheme, blanked, compiled

_MAX_WORK = 2**20  # KiB, all passes together: a second on a core of 2024
_MAX_LANES = 16  # each of which is a thread


def _read(stored: re.Match[str]) -> Callable[[str], bool] | None:
    memory, passes, lanes = int(stored["m"]), int(stored["t"]), int(stored["p"])
    affordable = (
        8 * lanes <= memory <= MAX_MEMORY // 1024
        and memory * passes <= _MAX_WORK
        and lanes <= _MAX_LANES
    )
    return partial(_matches, stored[0], stored["kind"]) if affordable else None


def _matches(stored: str, kind: str, password: str) -> bool:
    from argon2 import Type, exceptions, low_level  # noqa: PLC0415 - an extra

    try:
        return low_level.verify_secret(stored.encode(), password.encode(), Type[kind.upper()])
    except (exceptions.VerificationError, exceptions.InvalidHashError):
        return False


SCHEMES = (
    Scheme(
        "argon2",
        compiled(
            r"\$argon2(?P<kind>id|i|d)\$v=(?:16|19)\$m=(?P<m>[1-9]\d{0,7}),t=(?P<t>[1-9]\d{0,4}),"
            r"p=(?P<p>[1-9]\d{0,2})\$(?P<salt>[A-Za-z0-9+/]{11,86})\$(?P<key>[A-Za-z0-9+/]{16,86})"
        ),
        _read,
        lambda stored: int(stored["m"]) * int(stored["t"]),
        blanked("A", "salt", "key"),
        time.perf_counter,  # each lane has a thread, so only the wall's clock sees them all
        Extra("argon2", "argon2-cffi", "argon2"),
    ),
)
