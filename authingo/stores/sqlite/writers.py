"""Find other users of the machine who can write a database. If any can, it is not opened.

A user who can write the file can give themselves a session, or give their password to another
account. The files that SQLite replays into it (-wal, -journal) are as good as the file, and a
user who can write the directory can put another file in its place (CWE-732, CWE-379). As for a
configuration file, the primary group of the caller or of the database's owner does not count
as others, because many systems give each user a group of their own.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from authingo.errors import StoreUnavailable
from authingo.owners import group_name, user_name
from authingo.stores.sqlite.permissions import found_of


def require_own(path: Path) -> None:
    """Refuse a database if others can write it or its directory, before SQLite looks at it.

    Raises:
        StoreUnavailable: with the file or directory, who can write it, and what to do.
    """
    if sys.platform == "win32":  # Windows has no such owners and modes
        return
    for why, hint in _openings(path.absolute()):
        raise StoreUnavailable(f"others can write the database {path}: {why}", hint=hint)


def _openings(path: Path) -> Iterator[tuple[str, str]]:
    real = path.resolve()
    found = found_of(real)
    owner = found[real].st_uid if real in found else os.geteuid()
    groups = {os.getegid(), *_primary_group(owner)}
    for file, facts in found.items():
        yield from _of_file(file, facts, groups, {os.geteuid(), 0, owner})
    for directory in dict.fromkeys((path.parent, real.parent)):
        yield from _of_directory(directory, groups)


def _of_file(
    file: Path, facts: os.stat_result, groups: set[int], owners: set[int]
) -> Iterator[tuple[str, str]]:
    if facts.st_uid not in owners:
        owner = user_name(facts.st_uid)
        yield f"{file} belongs to {owner}, and this runs as {_me()}", f"remove it: rm {file}"
    if found := _writers(facts, groups):
        who, bits = found
        yield f"{who} can write {file} (mode {_mode(facts)})", f"chmod {bits} {file}"


def _of_directory(directory: Path, groups: set[int]) -> Iterator[tuple[str, str]]:
    """Find who can replace a file in a directory. In a sticky one, only the owners can."""
    facts = directory.stat()
    found = _writers(facts, {*groups, *_primary_group(facts.st_uid)})
    if found and not facts.st_mode & stat.S_ISVTX:
        who, bits = found
        yield (
            f"{who} can write the directory {directory} (mode {_mode(facts)}), "
            "and so put another database in its place",
            f"chmod {bits} {directory}, or give the database a directory of its own "
            "and let database_url name it",
        )


def _writers(facts: os.stat_result, groups: set[int]) -> tuple[str, str] | None:
    """Return who else can write a file, and the mode for chmod that takes this right away."""
    if facts.st_mode & stat.S_IWOTH:
        return "everybody on this machine", "o-w"
    if facts.st_mode & stat.S_IWGRP and facts.st_gid not in groups:
        return f"the group {group_name(facts.st_gid)}", "g-w"
    return None


def _primary_group(user: int) -> set[int]:
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return {pwd.getpwuid(user).pw_gid}
    except KeyError:
        return set()


def _me() -> str:
    return user_name(os.geteuid())


def _mode(facts: os.stat_result) -> str:
    return f"{stat.S_IMODE(facts.st_mode):04o}"
