"""Whose a file is that SQLite cannot write, and what to do about it.

SQLite itself says "unable to open database file", whatever is wrong.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from authingo.errors import StoreUnavailable

_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite writes beside the database


def cannot_write(path: Path, reason: str) -> StoreUnavailable:
    """Say why a database cannot be opened and written. `reason`: where nothing is found."""
    why, hint = _obstacle(path.absolute()) or (
        reason,
        "check database_url, and who may write to that directory",
    )
    return StoreUnavailable(f"cannot write to the database {path}: {why}", hint=hint)


def _obstacle(path: Path) -> tuple[str, str] | None:
    """Find what is in the way, from the top down, and what to do about it."""
    return _on_the_way(path) or _there(path)


def _on_the_way(path: Path) -> tuple[str, str] | None:
    for above in reversed(path.parents):
        if not above.exists():
            hint = f"mkdir -p {path.parent}, or correct database_url"
            return f"there is no directory {above}", hint
        if not above.is_dir():
            return f"{above} is no directory", "correct database_url"
        if not _may(above, os.X_OK):
            return _owned(above, "may not be entered", "x")
    return None


def _there(path: Path) -> tuple[str, str] | None:
    directory = path.parent
    if path.is_dir():
        return "it is a directory", "let database_url name a file in it"
    if hasattr(os, "statvfs") and os.statvfs(directory).f_flag & os.ST_RDONLY:
        return (
            f"{directory} lies on a read-only file system",
            "let database_url name a place that can be written, such as a mounted volume",
        )
    for file in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
        if file.exists() and not _may(file, os.R_OK | os.W_OK):
            return _owned(file, "may not be written", "rw")
    if not _may(directory, os.W_OK | os.X_OK):
        return _owned(directory, "may not be written, and SQLite needs files beside it", "wx")
    return None


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _owned(path: Path, problem: str, right: str) -> tuple[str, str]:
    """Say whose it is, and how to change that."""
    if sys.platform == "win32":
        return f"{path} {problem}", "give this user the right to write there"
    found = path.stat()
    me, owner = _user(os.geteuid()), _user(found.st_uid)
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    if owner == me:
        return f"{path} {problem}: its mode is {mode}", f"chmod u+{right} {path}"
    return (
        f"{path} {problem}: it belongs to {owner} (mode {mode}), and this runs as {me}",
        f"run this as {owner}, or give it away: chown {me} {path}",
    )


def _user(number: int) -> str:
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
