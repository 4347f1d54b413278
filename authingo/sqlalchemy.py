"""The table of users for SQLAlchemy: to point foreign keys at, to join with, and to read.

`users` is the table, and `User` a class that is mapped to it, for relationships. Both are in a
`MetaData` of their own, so that `create_all` and Alembic neither create nor drop it (see
`authingo.alembic`). They are for reading: authingo validates what it writes, ends sessions and
records events, so change a user through `Auth`. Hashes of passwords are not in it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

try:
    from sqlalchemy import BigInteger, Boolean, Column, DateTime, MetaData, Table, Text, event
    from sqlalchemy.engine import Dialect
    from sqlalchemy.orm import registry
    from sqlalchemy.types import TypeDecorator, TypeEngine
except ImportError as error:
    raise ImportError("install the extra: pip install 'authingo[sqlalchemy]'") from error

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# The type of a column that refers to a user. With another collation, PostgreSQL could not use your
# index for a join.
UserId = Text().with_variant(Text(collation="C"), "postgresql")


class Moment(TypeDecorator[datetime]):
    """A time with its zone, UTC. SQLite has microseconds since 1970."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column in the database."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return a time as the database has it, to compare with."""
        if value is None or dialect.name != "sqlite":
            return value
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return a time of the database as a datetime."""
        read: datetime | None = value
        if value is not None and dialect.name == "sqlite":
            read = _EPOCH + value * _MICROSECOND
        return read


users = Table(
    "authingo_users",
    MetaData(),
    Column("id", UserId, primary_key=True),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email_verified", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("disabled_at", Moment),
)


class User:
    """A user, as a relationship of one of your models finds them. Only for reading."""

    id: str
    email: str
    name: str
    email_verified: bool
    created_at: datetime
    updated_at: datetime
    disabled_at: datetime | None


registry().map_imperatively(User, users)


def _refuse(*_: object) -> None:
    raise TypeError("a user is only for reading here: change it through authingo.Auth")


for _change in ("before_insert", "before_update", "before_delete"):
    event.listen(User, _change, _refuse)
