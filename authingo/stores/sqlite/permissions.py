"""Find why SQLite cannot write a file, to whom the file belongs, and what to do about it.

SQLite itself says "unable to open database file", whatever the reason is.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from authingo.errors import StoreUnavailable
from authingo.owners import user_name

_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite writes beside the database


def found_of(path: Path) -> dict[Path, os.stat_result]:
    """Return the database and the files that SQLite writes beside it, if they exist.

    `stat` is called only once for each, because another process that closes its connection may
    delete -wal at any moment.
    """
    found = {}
    for file in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found[file] = file.stat()
    return found


def cannot_write(path: Path, reason: str) -> StoreUnavailable:
    """Say why a database cannot be written: what is found, or else `reason`."""
    why, hint = _obstacle(path.absolute()) or (
        reason,
        "check database_url, and who may write to that directory",
    )
    return StoreUnavailable(f"cannot write to the database {path}: {why}", hint=hint)


def _obstacle(path: Path) -> tuple[str, str] | None:
    """Find what prevents writing, from the root directory down, and what to do about it."""
    return _on_the_way(path) or _there(path)


def _on_the_way(path: Path) -> tuple[str, str] | None:
    for above in reversed(path.parents):
        if not above.exists():
            hint = f"mkdir -p {path.parent}, or correct database_url"
            return f"there is no directory {above}", hint
        if not above.is_dir():
            return f"{above} is no directory", "correct database_url"
        if not _may(above, os.X_OK):
            return _owned(above, above.stat(), "may not be entered", "x")
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
    for file, facts in found_of(path).items():
        if not _may(file, os.R_OK | os.W_OK) and file.exists():
            return _owned(file, facts, "may not be written", "rw")
    if not _may(directory, os.W_OK | os.X_OK):
        problem = "may not be written, and SQLite needs files beside it"
        return _owned(directory, directory.stat(), problem, "wx")
    return None


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _owned(path: Path, found: os.stat_result, problem: str, right: str) -> tuple[str, str]:
    """Say to whom a file belongs, and how to change that."""
    if sys.platform == "win32":
        return f"{path} {problem}", "give this user the right to write there"
    me, owner = user_name(os.geteuid()), user_name(found.st_uid)
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    if owner == me:
        return f"{path} {problem}: its mode is {mode}", f"chmod u+{right} {path}"
    return (
        f"{path} {problem}: it belongs to {owner} (mode {mode}), and this runs as {me}",
        f"run this as {owner}, or give it away: chown {me} {path}",
    )
