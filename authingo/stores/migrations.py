"""Migrations: numbered .sql files, and whether those applied to a database fit this program.

A file has a name such as `0001_users_and_sessions.sql`. It may contain the comment
`-- oldest program: 3`: a program works with the schema that this migration leaves only if it
knows migration 3. Without the comment, the program must know this migration itself. An
applied migration is recorded with the SHA-256 of its text, so that an edited file or another
product's table is noticed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from authingo.errors import SchemaBehind, SchemaUnsupported

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_OLDEST = re.compile(r"^-- oldest program: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def oldest_program(self) -> int:
        """The number of the latest migration that a program must know to work after this one."""
        stated = _OLDEST.search(self.sql)
        return int(stated[1]) if stated else self.number

    def record(self) -> str:
        """Return the statement that records this migration as applied. It contains no input."""
        return (
            "INSERT INTO authingo_migrations (number, name, checksum, oldest_program)"
            f" VALUES ({self.number}, '{self.name}', '{self.checksum}', {self.oldest_program})"
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """One row of `authingo_migrations`."""

    number: int
    checksum: str
    oldest_program: int


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """Which of this program's migrations a database has."""

    current: int
    latest: int
    pending: tuple[Migration, ...]
    table: str  # the statement that makes authingo_migrations

    def script(self) -> str:
        """Return the pending migrations as SQL, for operators who apply them by hand."""
        steps = [
            f"BEGIN;\n{self.table};\n\n{step.sql}\n{step.record()};\nCOMMIT;\n"
            for step in self.pending
        ]
        return "\n".join(steps)

    def require_current(self) -> None:
        """Raise SchemaBehind if migrations are pending."""
        if self.pending and not self.current:
            raise SchemaBehind("the database has no authingo tables yet")
        if self.pending:
            raise SchemaBehind(
                f"the database schema is at {self.current}, this program needs {self.latest}"
            )


@cache
def bundled(package: str) -> tuple[Migration, ...]:
    """Read the migrations of an adapter's package, in order."""
    found = [
        Migration(int(match[1]), entry.name.removesuffix(".sql"), entry.read_text("utf-8"))
        for entry in files(package).joinpath("migrations").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    return tuple(sorted(found, key=lambda migration: migration.number))


def compare(known: tuple[Migration, ...], applied: list[Applied], *, table: str) -> SchemaStatus:
    """Compare the applied migrations with those that this program knows.

    Raises:
        SchemaUnsupported: an applied migration has a different text in this program, or says
            that programs as old as this one no longer work.
    """
    latest = known[-1].number
    by_number = {row.number: row for row in applied}
    for migration in known:
        row = by_number.get(migration.number)
        if row is not None and row.checksum != migration.checksum:
            raise SchemaUnsupported(
                f"migration {migration.name} was applied with another text",
                hint="the database belongs to a changed authingo: run that one, "
                "or restore a back-up",
            )
    if any(row.oldest_program > latest for row in applied):
        raise SchemaUnsupported("the database schema is newer than this program")
    return SchemaStatus(
        current=max(by_number, default=0),
        latest=latest,
        pending=tuple(migration for migration in known if migration.number not in by_number),
        table=table,
    )
