"""Turn what asyncpg and the network raise while a connection is used into StoreUnavailable.

PostgreSQL names the table, column, constraint, type, schema or function at fault. These names
are passed on. Values are not. The detail of an error contains values, and its message may do
so too, if it is about the data or comes from a function of the operator (ASVS 5.0 V16.2.5).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterable

import asyncpg

from authingo.errors import SchemaBehind, SchemaUnsupported, StoreUnavailable, UserReferenced

# Classes of SQLSTATE (PostgreSQL, appendix A) whose messages contain only names, unless the error
# comes from a function: lost connections, states of the transaction, missing schemas, missing
# rights and objects, resources, prerequisites, operators, the system.
_SAFE_CLASSES = {"08", "25", "3D", "3F", "42", "53", "54", "55", "57", "58"}
_NAMES = ("schema", "table", "column", "constraint", "data_type")
_HINTS: dict[type[asyncpg.PostgresError], str] = {
    asyncpg.InsufficientPrivilegeError: (
        "GRANT it, or let the schema and the authingo tables belong to the role of database_url"
    ),
    asyncpg.InvalidSchemaNameError: (
        "CREATE SCHEMA, or correct schema, search_path or options in database_url"
    ),
    asyncpg.ReadOnlySQLTransactionError: "name the primary in database_url; is its disk full?",
    asyncpg.DiskFullError: "make room on the server's disk",
}
_WANTS_TEXT = "expected str"  # asyncpg's words if a text parameter is given something else
_DATA = re.compile(r'"[^"]*[^\w.$"][^"]*"')  # something in quotation marks that is no name
_FUNCTION = re.compile(r'PL/pgSQL\W?\w+ ([\w."]+)\(')
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONGEST = 200  # characters of a server's message that are passed on


@contextlib.asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn what asyncpg and the network raise into StoreUnavailable."""
    try:
        yield
    except asyncpg.UndefinedTableError as error:
        if error.context is None:  # otherwise, a function of the operator misses its own table
            raise SchemaBehind from None
        raise StoreUnavailable(f"PostgreSQL failed: {named(error)}") from None
    except asyncpg.PostgresError as error:
        if mistake := _mistake(error):
            raise mistake from None
        hint = next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), None)
        raise StoreUnavailable(f"PostgreSQL failed: {named(error)}", hint=hint) from None
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError):
        raise StoreUnavailable("the connection to PostgreSQL broke") from None
    except TimeoutError:
        raise StoreUnavailable("PostgreSQL did not answer in time") from None
    except OSError as error:
        reason = error.strerror or spelled(error)
        raise StoreUnavailable(f"the connection to PostgreSQL broke: {reason}") from None


def _mistake(error: asyncpg.PostgresError) -> Exception | None:
    """Return the error to raise if a value does not fit: then the store is not unavailable.

    Callers' values go into text parameters. If one of these is given something else, the caller
    made a mistake. If a column no longer takes text or bytes, an operator has altered it. Only
    the words of the driver's `__cause__` tell these two apart.
    """
    refused_here = isinstance(error, asyncpg.DataError) and error.severity is None
    if not refused_here and not isinstance(error, asyncpg.CharacterNotInRepertoireError):
        return None
    if not refused_here or isinstance(error.__cause__, UnicodeError):
        return ValueError("PostgreSQL cannot store NUL or a lone surrogate")
    if _WANTS_TEXT in str(error.__cause__):
        return TypeError("a value of a wrong type was given to the store")
    return SchemaUnsupported(
        "a column of authingo's tables has another type than it was made with",
        hint="`authingo doctor` names it: give it its type again, or restore a back-up",
    )


def named(error: asyncpg.PostgresError) -> str:
    """Describe an error: its kind, and the names that PostgreSQL gives, but no values."""
    kind = spelled(error)
    known = {name.replace("_", " "): getattr(error, f"{name}_name") for name in _NAMES}
    found = [f"{name} {value}" for name, value in known.items() if value]
    if function := _FUNCTION.search(error.context or ""):
        found.append(f"in the function {function[1]}")
    safe = (error.sqlstate or "")[:2] in _SAFE_CLASSES and error.context is None
    if not found and safe and not _DATA.search(error.message or ""):
        found = [words(error)]
    return _one_line(f"{kind} ({error.sqlstate}){': ' if found else ''}{', '.join(found)}")


def referenced(error: asyncpg.PostgresError) -> UserReferenced:
    """Say which table does not let a user be deleted."""
    names = (error.schema_name, error.table_name)
    return UserReferenced(
        ".".join(name for name in names if name) or None,
        column=error.column_name,
        constraint=error.constraint_name,
    )


def spelled(error: Exception) -> str:
    """Return the class of an error in words: ConnectionResetError is "connection reset"."""
    return _CAMEL.sub(" ", type(error).__name__.removesuffix("Error")).lower()


def words(error: asyncpg.PostgresError) -> str:
    """Return the server's message on one line; the server may be one that is not trusted."""
    return _one_line(error.message or "")


def parameters_named(error: asyncpg.PostgresError, sent: Iterable[str]) -> list[str]:
    """Return the names, never the values, of those settings sent that the error is about."""
    text = error.message or ""
    return [name for name in dict.fromkeys(sent) if f'"{name}"' in text or f" {name}" in text]


def _one_line(text: str) -> str:
    printable = "".join(one if one.isprintable() else " " for one in text)
    return printable if len(printable) <= _LONGEST else f"{printable[:_LONGEST]}…"
