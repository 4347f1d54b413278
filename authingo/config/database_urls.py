"""Database URLs: which kind they are, what they contain, and which part may be shown."""

from __future__ import annotations

import os
import re
from typing import Literal, NamedTuple

from authingo.errors import ConfigError

from .addresses import is_loopback
from .postgres_urls import read_postgres_url

# The part after + names a driver of SQLAlchemy. authingo has its own, so any will do.
_POSTGRES = re.compile(r"postgres(?:ql)?(?:\+[a-z0-9_]+)?://", re.ASCII)
_SQLITE = re.compile(r"sqlite(?:\+(?:aiosqlite|pysqlite))?:", re.ASCII)

# What people paste by mistake, and what to write instead.
_OTHERS = {
    "jdbc:": "leave out jdbc:, and write the user and the password before the host",
    "psql ": "leave out psql and the quotation marks",
    "prisma": "this is for Prisma's own proxy: take the direct URL, which begins postgres://",
    "file:": "write sqlite:/// and the path",
    "sqlite3:": "write sqlite:/// and the path",
    "cockroachdb": "CockroachDB is not supported: it has no LISTEN",
    "mysql": "MySQL and MariaDB are not supported",
    "mariadb": "MySQL and MariaDB are not supported",
}


class _Parameter(NamedTuple):
    """A query parameter of a SQLite URL: only values that change nothing are accepted."""

    values: tuple[str, ...]
    refused: str
    hint: str


_SQLITE_PARAMETERS = {
    "mode": _Parameter(
        ("rwc",),
        "must be rwc: authingo writes to its database, and creates it",
        "remove it; if the server must not create the file, run `authingo migrate` first",
    ),
    "cache": _Parameter(("private",), "must be private", "remove it"),
    "uri": _Parameter(("false",), "must be false", "write the path after sqlite:///"),
    "check_same_thread": _Parameter(
        ("true", "false", "True", "False"), "must be true or false", "remove it"
    ),
    "timeout": _Parameter((), "cannot be applied", "set store.timeout"),
}


def check_database_url(setting: str, url: str) -> None:
    """Refuse a text that is not a database URL, or that asks for something impossible.

    Raises:
        ConfigError: it repeats neither the URL nor a value, which may hold a password.
    """
    if kind_of(setting, url) == "sqlite":
        sqlite_path(setting, url)
    else:
        read_postgres_url(setting, url)


def kind_of(setting: str, url: str) -> Literal["sqlite", "postgresql"]:
    """Return which kind of database it is. Raises ConfigError."""
    if _POSTGRES.match(url):
        return "postgresql"
    if _SQLITE.match(url):
        return "sqlite"
    hint = next((what for begins, what in _OTHERS.items() if url.startswith(begins)), None)
    raise ConfigError(f"{setting}: must begin with sqlite:///, or postgresql://", hint=hint)


def is_local(database_url: str) -> bool:
    """Return whether a database is on this machine. Raises ConfigError."""
    if kind_of("database_url", database_url) == "sqlite":
        return True
    named = read_postgres_url("database_url", database_url).hosts
    hosts = named or (os.environ.get("PGHOST") or "localhost",)
    return all(host.startswith("/") or is_loopback(host) for host in hosts)


def sqlite_path(setting: str, url: str) -> str:
    """Return the path of a SQLite URL, or `:memory:`. It is used as written, as in SQLAlchemy.

    Raises:
        ConfigError: it asks for something impossible, or has no path.
    """
    path, asks, query = url.partition("?")
    path = path.partition(":")[2]
    if not path.startswith("///"):
        raise ConfigError(
            f"{setting}: a SQLite path takes three slashes, an absolute one four",
            hint="write sqlite:///authingo.db, sqlite:////var/lib/authingo.db, "
            "or sqlite:///:memory: for a test",
        )
    path = path.removeprefix("///")
    if "#" in url:
        raise ConfigError(
            f"{setting}: cannot contain a #", hint="give the file a name without # and ?"
        )
    if path.startswith("file:"):
        raise ConfigError(
            f"{setting}: contains a second URL", hint="write the path after sqlite:///"
        )
    if path in {"", "."} or path.endswith("/"):
        raise ConfigError(f"{setting}: names no file", hint="write sqlite:///authingo.db")
    if asks:
        _check_sqlite_parameters(setting, query)
    return path


def _check_sqlite_parameters(setting: str, query: str) -> None:
    for item in filter(None, query.split("&")):
        name, _, value = item.partition("=")
        if not re.fullmatch(r"[a-z_]+", name, re.ASCII):
            raise ConfigError(
                f"{setting}: the text after the ? is not a parameter",
                hint="give the file a name without # and ?",
            )
        known = _SQLITE_PARAMETERS.get(name)
        if known is None:
            raise ConfigError(f"{setting}: unknown parameter {name}", hint="remove it")
        if value not in known.values:
            raise ConfigError(f"{setting}: the parameter {name} {known.refused}", hint=known.hint)


def redact_url(url: str) -> str:
    """Return a database URL without its password or its parameters."""
    if kind_of("database_url", url) == "sqlite":
        return f"sqlite:///{sqlite_path('database_url', url)}"
    return read_postgres_url("database_url", url).redacted
