"""Relationships to a user with SQLAlchemy and SQLModel, on both databases.

The models are those of docs/your-tables.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from authingo import Auth
from authingo.config import Settings
from authingo.sqlalchemy import User, users
from tests.test_your_tables import make_table, models_of

pytestmark = pytest.mark.anyio


async def with_connection(url: str, work: Callable[[Connection], None]) -> None:
    """Run `work` in a transaction."""
    if url.startswith("sqlite"):
        engine = create_engine(url)
        with engine.begin() as connection:
            work(connection)
        engine.dispose()
        return
    own = url.replace("postgresql:", "postgresql+asyncpg:")
    engine_of_postgres = create_async_engine(own)
    async with engine_of_postgres.begin() as connection:
        await connection.run_sync(work)
    await engine_of_postgres.dispose()


def invoice_of(kind: str) -> Any:
    """Return the model of the page; a new one each time, whose registry goes with it."""
    namespace: dict[str, Any] = {"__name__": f"models_of_{kind}"}
    exec(compile(models_of(kind), "models.py", "exec", dont_inherit=True), namespace)
    return namespace["Invoice"]


@pytest.fixture(scope="module", params=["SQLAlchemy", "SQLModel"])
def invoice(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return request.param, invoice_of(request.param)


async def test_a_model_has_its_user(
    make_settings: Callable[..., Settings], invoice: tuple[str, Any]
) -> None:
    """By a relationship and by a join, with the same values as authingo's."""
    settings, (kind, model) = make_settings(), invoice
    make_table(settings.database_url, kind, "CASCADE")
    auth = Auth(settings)
    async with auth.lifespan():
        ada = await auth.create_user(email="ada@example.com", name="Ada", verified=True)
        grace = (await auth.disable_user(await auth.create_user(email="grace@example.com"))).user

    def work(connection: Connection) -> None:
        with Session(connection) as session:
            session.add_all([model(number=1, user_id=ada.id), model(number=2, user_id=grace.id)])
            session.flush()
            found = session.scalars(
                select(model).join(users).where(users.c.email == "ada@example.com")
            ).one()
            for one in (ada, grace):
                read = session.get(User, one.id)
                assert read is not None
                for column in users.c:
                    assert getattr(read, column.name) == getattr(one, column.name)
            assert (found.number, found.user.name) == (1, "Ada")
            early = datetime.now(UTC) - timedelta(days=1)
            recent = select(users.c.id).where(users.c.created_at > early)
            assert set(session.scalars(recent)) == {ada.id, grace.id}
            found.user = session.get(User, grace.id)
            session.flush()
            assert found.user_id == grace.id

    await with_connection(settings.database_url, work)


async def test_a_user_is_only_for_reading(make_settings: Callable[..., Settings]) -> None:
    """Otherwise a change would end no session and leave no event."""
    settings = make_settings()
    auth = Auth(settings)
    async with auth.lifespan():
        ada = await auth.create_user(email="ada@example.com")

    def work(connection: Connection) -> None:
        for change in ("name", "delete", "add"):
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                read = session.get(User, ada.id)
                assert read is not None
                if change == "name":
                    read.name = "Mallory"
                elif change == "delete":
                    session.delete(read)
                else:
                    session.add(User())
                with pytest.raises(TypeError, match=r"authingo\.Auth"):
                    session.flush()

    await with_connection(settings.database_url, work)
    async with auth.lifespan():
        assert await auth.find_user(ada) == ada


async def test_the_table_is_as_the_database_has_it(make_settings: Callable[..., Settings]) -> None:
    """Each column of it is there, and no hash of a password is in it."""
    settings = make_settings()
    auth = Auth(settings)
    async with auth.lifespan():
        await auth.ping()

    def work(connection: Connection) -> None:
        stored = {one["name"]: one for one in inspect(connection).get_columns(users.name)}
        assert {column.name for column in users.c} <= stored.keys()
        for column in users.c:
            if not column.primary_key:
                assert stored[column.name]["nullable"] == column.nullable
        assert not [column for column in users.c if "password" in column.name]

    await with_connection(settings.database_url, work)


def test_without_the_extra_the_error_names_it(tmp_path: Path) -> None:
    (tmp_path / "sqlalchemy.py").write_text("raise ImportError('not installed')\n")
    ran = subprocess.run(
        [sys.executable, "-c", "import authingo.sqlalchemy"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pip install 'authingo[sqlalchemy]'" in ran.stderr
