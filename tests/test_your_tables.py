"""An application's own tables: Alembic beside authingo, and foreign keys to a user.

What docs/your-tables.md shows is what is run.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from authingo import Auth
from authingo.config import Settings
from authingo.errors import UserReferenced
from tests.command import Runner
from tests.database import execute, run_script

PAGE = (Path(__file__).parent.parent / "docs" / "your-tables.md").read_text("utf-8")
ADA = "ada@example.com"


def shown(heading: str, language: str, beginning: str = "") -> str:
    """Return the code of the page under a heading."""
    section = re.split(r"^#+ ", PAGE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return next(block for block in blocks if block.startswith(beginning))


def models_of(kind: str) -> str:
    """Return a module with the page's model, and the name that Alembic looks for."""
    base = "Base" if kind == "SQLAlchemy" else "SQLModel"
    return shown(kind, "python") + f"\nmetadata = {base}.metadata\n"


@pytest.fixture
def ada(authingo: Runner) -> str:
    create = ("users", "create", ADA, "--password-stdin", "--json")
    return str(authingo(*create, stdin="correct horse battery\n").json["id"])


class Alembic:
    """A project with Alembic, as `alembic init` makes it."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        template = "generic" if url.startswith("sqlite") else "async"
        self("init", "-t", template, "migrations")
        ini, self.env = directory / "alembic.ini", directory / "migrations" / "env.py"
        driver = url.replace("postgresql:", "postgresql+asyncpg:").replace("%", "%%")
        ini.write_text(
            re.sub(
                r"^sqlalchemy\.url = .*$",
                f"sqlalchemy.url = {driver}",
                ini.read_text(),
                flags=re.MULTILINE,
            )
        )
        self.known = self.env.read_text().replace(
            "target_metadata = None", "import models\n\ntarget_metadata = models.metadata"
        )
        self.env.write_text(self.known)

    def keep_off(self, only: str = "include_") -> None:
        """Do what the page says to env.py; or no more than one of the two things."""
        lines = shown("Alembic", "python").splitlines()
        given = [line.strip(" ,") for line in lines if line.startswith(f"    {only}")]
        assert len(given) == (2 if only == "include_" else 1)
        arguments = ", ".join(given)
        first, _, rest = self.known.partition("\n")
        changed, count = re.subn(r"context\.configure\(", rf"context.configure({arguments}, ", rest)
        assert count == 2
        self.env.write_text(f"{first}\n{lines[0]}\n{changed}")

    def autogenerate(self, models: str) -> str:
        """Write a revision for these models, and return it."""
        (self.directory / "models.py").write_text(models)
        versions = self.directory / "migrations" / "versions"
        before = set(versions.glob("*.py"))
        self("revision", "--autogenerate", "-m", f"step {len(before)}")
        (new,) = set(versions.glob("*.py")) - before
        return new.read_text().partition("def upgrade")[2].partition("def downgrade")[0]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from alembic.config import main; main()", *arguments],
            cwd=self.directory,
            env={"PYTHONPATH": str(self.directory), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr


def authingo_tables(url: str) -> set[str]:
    catalog = "sqlite_master" if url.startswith("sqlite") else "pg_tables"
    column = "name" if url.startswith("sqlite") else "tablename"
    found = execute(url, f"SELECT {column} FROM {catalog} WHERE {column} LIKE 'authingo%'")
    return {row[0] for row in found}


@pytest.mark.parametrize("kind", ["SQLAlchemy", "SQLModel"])
def test_alembic_beside_authingo_drops_creates_and_changes_nothing_of_it(
    authingo: Runner, database_url: str, ada: str, tmp_path: Path, kind: str
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    alembic = Alembic(project, database_url)
    tables = authingo_tables(database_url)
    assert "authingo_users" in tables
    nothing = "from sqlalchemy import MetaData\n\nmetadata = MetaData()\n"
    assert "drop_table('authingo_users')" in alembic.autogenerate(nothing), "as Alembic would do"
    (written,) = (project / "migrations" / "versions").glob("*.py")
    written.unlink()

    alembic.keep_off("include_name" if kind == "SQLModel" else "include_")
    models = models_of(kind)
    if kind == "SQLModel":
        models = "import sqlmodel\n" + models
        mako = project / "migrations" / "script.py.mako"
        mako.write_text("import sqlmodel\n" + mako.read_text())
    revision = alembic.autogenerate(models)
    assert "create_table('invoices'" in revision
    assert "drop" not in revision
    assert revision.count("authingo") == 1, "the foreign key"
    alembic("upgrade", "head")
    assert authingo_tables(database_url) == tables
    assert "No new upgrade operations" in alembic("check")
    execute(database_url, f"INSERT INTO invoices (number, user_id) VALUES (1, '{ada}')")
    assert "refers to this user" in authingo("users", "delete", ADA, "--yes").err

    gone = alembic.autogenerate(nothing)
    assert "drop_table('invoices')" in gone
    assert "authingo" not in gone
    alembic("upgrade", "head")
    assert authingo_tables(database_url) == tables
    assert authingo("users", "delete", ADA, "--yes").code == 0


def test_a_table_of_authingo_in_your_own_metadata_is_left_alone_too(
    database_url: str, tmp_path: Path
) -> None:
    alembic = Alembic(tmp_path, database_url)
    alembic.keep_off("include_object")
    models = (
        "from sqlalchemy import Column, MetaData, Table, Text\n\nmetadata = MetaData()\n"
        "Table('authingo_users', metadata, Column('id', Text, primary_key=True))\n"
    )
    assert "authingo" not in alembic.autogenerate(models)


def make_table(url: str, how: str, on_delete: str) -> None:
    """Make the table of the page with another ON DELETE, by the page's own means."""
    nullable = on_delete == "SET NULL"
    if how == "SQL":
        beginning = "-- SQLite" if url.startswith("sqlite") else "-- PostgreSQL"
        script = shown("Plain SQL", "sql", beginning).replace("RESTRICT", on_delete)
        run_script(url, script.replace(" NOT NULL", "") if nullable else script)
        return
    code = models_of(how).replace('"RESTRICT"', repr(on_delete))
    if nullable:
        code = code.replace("nullable=False", "nullable=True").replace(
            "index=True\n    )", "index=True, nullable=True\n    )"
        )
    create = (
        "from sqlalchemy.schema import CreateIndex, CreateTable\n"
        "from sqlalchemy.dialects import postgresql, sqlite\n"
        f"dialect = {'sqlite' if url.startswith('sqlite') else 'postgresql'}.dialect()\n"
        "assert list(metadata.tables) == ['invoices'], 'create_all makes nothing of authingo'\n"
        "for table in metadata.sorted_tables:\n"
        "    print(CreateTable(table).compile(dialect=dialect), ';')\n"
        "    for index in table.indexes:\n"
        "        print(CreateIndex(index).compile(dialect=dialect), ';')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code + create], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    run_script(url, ran.stdout)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("how", "on_delete"),
    [
        ("SQL", "CASCADE"),
        ("SQL", "SET NULL"),
        ("SQL", "RESTRICT"),
        ("SQL", "NO ACTION"),
        ("SQLAlchemy", "SET NULL"),
        ("SQLAlchemy", "RESTRICT"),
        ("SQLModel", "CASCADE"),
        ("SQLModel", "SET NULL"),
    ],
)
async def test_deleting_a_user_does_what_the_page_says(
    make_settings: Callable[..., Settings], how: str, on_delete: str
) -> None:
    settings = make_settings()
    url = settings.database_url
    make_table(url, how, on_delete)
    auth = Auth(settings)
    async with auth.lifespan():
        ada = await auth.create_user(email=ADA, password="correct horse battery")
        execute(url, f"INSERT INTO invoices (number, user_id) VALUES (1, '{ada.id}')")
        with contextlib.suppress(UserReferenced):
            await auth.delete_user(ada.id)
        there = await auth.store.users.find(ada.id) is not None
    rows = execute(url, "SELECT user_id FROM invoices")
    after = {"CASCADE": ([], False), "SET NULL": ([(None,)], False)}
    assert (rows, there) == after.get(on_delete, ([(ada.id,)], True))


@pytest.mark.parametrize("how", ["SQL", "SQLAlchemy", "SQLModel"])
def test_a_key_as_shown_lets_a_join_use_its_index(postgres_url: str, how: str) -> None:
    make_table(postgres_url, how, "CASCADE")
    found = execute(
        postgres_url,
        "SELECT collname FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation"
        " WHERE attrelid = 'invoices'::regclass AND attname = 'user_id'",
    )
    assert found == [("C",)]
    plan = execute(
        postgres_url.replace("?", "?options=-c%20enable_seqscan%3Doff&"),
        "EXPLAIN SELECT * FROM authingo_users u JOIN invoices i ON i.user_id = u.id"
        " WHERE u.email = 'ada@example.com'",
    )
    assert "user_id = u.id" in str(plan)
    assert "invoices_user_id" in str(plan)
