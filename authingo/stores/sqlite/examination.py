"""Examine an embedded database: the file, its modes, the file system, the schema."""

from __future__ import annotations

import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from authingo.errors import SchemaUnsupported
from authingo.findings import Finding, fail, ok, warn
from authingo.stores import examining
from authingo.stores.sqlite import rows, schema
from authingo.stores.sqlite.connection import Connection
from authingo.stores.sqlite.permissions import found_of

_MIB = 1024 * 1024
# SQLite, "Write-Ahead Logging": WAL needs shared memory, so it does not work over a network. The
# locks of network file systems are known to be broken, too.
_NETWORK = re.compile(r"nfs4?|cifs|smb\w*|afs|ceph|lustre|beegfs|9p|fuse\..*|gpfs|ncpfs")
_MOUNTS = Path("/proc/self/mountinfo")


async def examine(connection: Connection) -> list[Finding]:
    """See Maintenance."""
    return await connection.call(lambda: list(_examined(connection)))


def _examined(store: Connection) -> Iterator[Finding]:
    connection = store.open_connection()
    if isinstance(store.path, Path):
        yield from _file(store.path.resolve())
    yield _writable(connection)
    yield _durability(connection)
    yield ok("clock", "SQLite has the clock of this machine")
    try:
        status = store.status()
    except SchemaUnsupported as error:
        yield examining.unsupported(error)
        return
    yield examining.schema(status, schema.expected(), schema.objects(connection))
    if not status.pending:
        yield _pruning(connection)


def _file(path: Path) -> Iterator[Finding]:
    try:
        yield _modes(path)
        yield _file_system(path)
        yield _space(path)
    except OSError as error:  # the file may have been deleted meanwhile
        yield fail(
            "file",
            f"{path} cannot be looked at: {error.strerror}",
            "check which other process uses it",
        )


def _modes(path: Path) -> Finding:
    """Judge whether others may read the digests, emails and hashes (ASVS 5.0 V14.2.4; CWE-732)."""
    there = {file: stat.S_IMODE(facts.st_mode) for file, facts in found_of(path).items()}
    if open_ones := {file: mode for file, mode in there.items() if mode & 0o077}:
        told = ", ".join(f"{file.name} has mode {mode:04o}" for file, mode in open_ones.items())
        return fail(
            "file_modes",
            f"others can read the database: {told}",
            f"chmod 600 {' '.join(str(file) for file in open_ones)}",
        )
    return ok(
        "file_modes",
        f"{', '.join(file.name for file in there)}: only the owner can read them (0600)",
    )


def file_system_of(path: Path, mounts: str) -> str:
    """Return the kind of file system that a path is on, or "" if it is not known.

    Args:
        path: an absolute path without symbolic links.
        mounts: the text of /proc/self/mountinfo (proc(5)).
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = Path(fields.split(" ")[4].replace("\\040", " "))
        if len(point.parts) >= best and path.is_relative_to(point):  # the last one hides others
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind


def judge_file_system(kind: str) -> Finding:
    """Judge the kind of file system that a database is on."""
    if _NETWORK.fullmatch(kind):
        return fail(
            "file_system",
            f"the database is on a network file system ({kind}): SQLite's WAL does not work there, "
            "and the database can be corrupted",
            "put it on a local disk, or use PostgreSQL",
        )
    if kind in {"overlay", "tmpfs", "ramfs"}:
        whose = "the container" if kind == "overlay" else "the machine's memory"
        return warn(
            "file_system",
            f"the database is on {kind}: it is gone with {whose}",
            "put it on a volume that lasts",
        )
    return ok("file_system", f"a local file system{f' ({kind})' if kind else ''}")


def _file_system(path: Path) -> Finding:
    try:
        mounts = _MOUNTS.read_text("utf-8", "replace")
    except OSError:  # not Linux
        mounts = ""
    return judge_file_system(file_system_of(path, mounts))


def _space(path: Path) -> Finding:
    free = shutil.disk_usage(path.parent).free // _MIB
    size = path.stat().st_size // _MIB
    told = f"{free:,} MiB free, the database has {size:,} MiB"
    hint = "make room: a full disk stops sign-ins, and a back-up needs the database's size again"
    if free < 64:
        return fail("disk_space", told, hint)
    return warn("disk_space", told, hint) if free < max(512, size) else ok("disk_space", told)


def _writable(connection: sqlite3.Connection) -> Finding:
    """Take the write lock, as every sign-in does, and give it back."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        return fail(
            "writable",
            f"the database cannot be written: {error}",
            "the file and its directory must belong to the user that runs this; "
            "and nothing may hold its lock for long",
        )
    return ok("writable", "the database can be written")


def _durability(connection: sqlite3.Connection) -> Finding:
    (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    if journal not in {"wal", "memory"}:  # "memory" is that of a database in memory, for tests
        return warn(
            "durability",
            f"the journal mode is {journal} and cannot be WAL: readers and writers wait in line",
            "put the database on a local disk, where SQLite has shared memory",
        )
    if synchronous < 2:
        return warn(
            "durability",
            "synchronous is not FULL: what was acknowledged can be lost with the power",
            "use a Python whose SQLite was built with the default",
        )
    return ok("durability", f"journal mode {journal}, each commit is flushed to disk")


def _pruning(connection: sqlite3.Connection) -> Finding:
    now = rows.now()
    waiting, oldest = connection.execute(
        _PRUNABLE, {"now": now, "today": now // rows.DAY, "most": examining.LOOKED_AT}
    ).fetchone()
    return examining.pruning(waiting, None if oldest is None else rows.span(now - oldest))


_PRUNABLE = """
SELECT count(*), min(refresh_expires_at)
FROM (SELECT refresh_expires_at FROM authingo_sessions
      WHERE prune_on <= :today AND refresh_expires_at <= :now ORDER BY prune_on LIMIT :most)
"""
