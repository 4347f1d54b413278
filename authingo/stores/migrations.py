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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from authingo.capabilities import capabilities
from authingo.errors import ConfigError, SchemaBehind, SchemaUnsupported

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_TABLE = re.compile(
    r"\b(?:create|alter|drop)\s+table\s+(?:if\s+(?:not\s+)?exists\s+)?\"?(\w+)", re.IGNORECASE
)
_OLDEST = re.compile(r"^-- oldest program: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema."""

    number: int
    name: str
    sql: str
    table: str = "authingo_migrations"  # where it is recorded

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
            f"INSERT INTO {self.table} (number, name, checksum, oldest_program)"
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

    def table_of(self, step: Migration) -> str:
        """Return the statement that makes the table where a migration is recorded."""
        return self.table.replace("authingo_migrations", step.table)

    def having(self, other: SchemaStatus) -> SchemaStatus:
        """Return this status with what is pending of another one, such as that of a plugin."""
        return replace(self, pending=(*self.pending, *other.pending))

    @property
    def incompatible(self) -> tuple[Migration, ...]:
        """The pending migrations that a program which knows only those applied can't run beside.

        What is new, such as the tables of a plugin that was added, is nobody else's yet.
        """
        known: dict[str, int] = {}
        for step in self.pending:
            known.setdefault(step.table, step.number - 1)
        return tuple(one for one in self.pending if 0 < known[one.table] < one.oldest_program)

    def script(self) -> str:
        """Return the pending migrations as SQL, for operators who apply them by hand."""
        steps = [
            f"BEGIN;\n{self.table_of(step)};\n\n{step.sql}\n{step.record()};\nCOMMIT;\n"
            for step in self.pending
        ]
        return "\n".join(steps)

    def require_current(self) -> None:
        """Raise SchemaBehind if migrations are pending."""
        if self.pending and not self.current:
            raise SchemaBehind("the database has no authingo tables yet")
        if self.pending and self.current < self.latest:
            raise SchemaBehind(
                f"the database schema is at {self.current}, this program needs {self.latest}"
            )
        if self.pending:
            raise SchemaBehind(f"the migration {self.pending[0].name} is pending")


@dataclass(frozen=True, slots=True)
class Source:
    """The migrations of a plugin for one kind of database, and the table that records them."""

    table: str
    steps: tuple[Migration, ...]


def sources(plugins: Sequence[str], kind: str) -> tuple[Source, ...]:
    """Return the migrations of these plugins.

    Args:
        plugins: as in the settings.
        kind: of the database: the name of the folder in `migrations`.

    Raises:
        ConfigError: a file is missing or has another name, or makes a table of another name.
    """
    declared = [one for one in capabilities(plugins) if one.migrations]
    return tuple(
        _source(one.name.removeprefix("plugin."), one.migrations or "", kind) for one in declared
    )


@cache
def _source(plugin: str, package: str, kind: str) -> Source:
    prefix, found = f"authingo_{plugin}_", []
    folder = files(package).joinpath("migrations", kind)
    for entry in folder.iterdir() if folder.is_dir() else ():
        match, sql = _NAME.fullmatch(entry.name), entry.read_text("utf-8")
        other = next((one for one in _TABLE.findall(sql) if not one.startswith(prefix)), None)
        if match is None or other is not None:
            raise ConfigError(
                f"plugin {plugin}: {entry.name} must be named like 0001_name.sql, "
                f"and change only tables whose names begin with {prefix}"
            )
        name = f"{plugin}/{entry.name.removesuffix('.sql')}"
        found.append(Migration(int(match[1]), name, sql, f"{prefix}migrations"))
    if not found:
        raise ConfigError(f"plugin {plugin}: {package} has no migrations for {kind}")
    return Source(f"{prefix}migrations", tuple(sorted(found, key=lambda one: one.number)))


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
    latest, plugin = known[-1].number, known[-1].name.rpartition("/")[0]
    owner = f"plugin {plugin}" if plugin else "authingo"
    by_number = {row.number: row for row in applied}
    for migration in known:
        row = by_number.get(migration.number)
        if row is not None and row.checksum != migration.checksum:
            raise SchemaUnsupported(
                f"migration {migration.name} was applied with another text",
                hint=f"the database belongs to a changed {owner}: run that one, "
                "or restore a back-up",
            )
    if any(row.oldest_program > latest for row in applied):
        raise SchemaUnsupported(
            "the database schema is newer than this program"
            if owner == "authingo"
            else f"the tables of the {owner} are newer than this version of it"
        )
    return SchemaStatus(
        current=max(by_number, default=0),
        latest=latest,
        pending=tuple(migration for migration in known if migration.number not in by_number),
        table=table,
    )
