"""What a person reads of an error in the database: all the names in it, and none of the values."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from authingo import Auth
from authingo.config import settings_from
from authingo.errors import UserReferenced
from tests.command import Runner
from tests.database import execute, run_script
from tests.postgres import PostgresServer

ADA = "ada@example.com"
CREATE = ("users", "create", ADA, "--password-stdin")


@pytest.fixture
def ada(authingo: Runner) -> str:
    """The id of a user, to whom the application's tables refer."""
    ran = authingo(*CREATE, "--json", stdin="correct horse battery\n")
    return str(ran.json["id"])


def refer(url: str, ada: str, says: str, not_null: str = "") -> None:
    """Make a table of the application with one row that is the user's."""
    collated = "" if url.startswith("sqlite") else 'COLLATE "C"'
    run_script(
        url,
        f"CREATE TABLE invoices (number integer PRIMARY KEY, owner text {collated} {not_null}"
        f" CONSTRAINT invoice_of REFERENCES authingo_users (id) {says});"
        f"INSERT INTO invoices VALUES (4711, '{ada}');",
    )


@pytest.mark.parametrize(
    "says",
    [
        "",
        "ON DELETE RESTRICT",
        "ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED",
    ],
)
def test_a_user_to_whom_a_table_refers_stays(
    authingo: Runner, database_url: str, ada: str, says: str
) -> None:
    refer(database_url, ada, says)
    ran = authingo("users", "delete", ADA, "--yes")
    assert ran.code == 1
    assert "invoices refers to this user" in ran.err
    assert ("owner" if database_url.startswith("sqlite") else "invoice_of") in ran.err
    assert "ON DELETE CASCADE or SET NULL" in ran.err
    as_json = authingo("users", "delete", ADA, "--yes", "--json")
    assert '"user_referenced"' in as_json.err
    assert authingo("users", "show", ADA).code == 0
    execute(database_url, "DELETE FROM invoices")
    assert authingo("users", "delete", ADA, "--yes").code == 0


def test_set_null_into_a_column_that_must_not_be_names_it(
    authingo: Runner, database_url: str, ada: str
) -> None:
    refer(database_url, ada, "ON DELETE SET NULL", not_null="NOT NULL")
    ran = authingo("users", "delete", ADA, "--yes")
    assert ran.code == 1
    assert "invoices refers to this user (column owner)" in ran.err
    assert execute(database_url, "SELECT owner FROM invoices") == [(ada,)]


def test_a_program_gets_the_names_as_facts_and_a_browser_gets_none(
    database_url: str, ada: str
) -> None:
    refer(database_url, ada, "ON DELETE RESTRICT")
    auth = Auth(settings_from({"database_url": database_url}))

    async def delete() -> None:
        async with auth.lifespan():
            await auth.delete_user(ada)

    with pytest.raises(UserReferenced) as error:
        asyncio.run(delete())
    on_postgres = not database_url.startswith("sqlite")
    assert error.value.table == ("public.invoices" if on_postgres else "invoices")
    assert error.value.constraint == ("invoice_of" if on_postgres else None)
    assert error.value.column == (None if on_postgres else "owner")
    assert (error.value.code, error.value.status) == ("user_referenced", 409)

    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)

    @app.post("/admin/delete")
    async def route() -> None:
        await auth.delete_user(ada)

    with TestClient(app) as client:
        answer = client.post("/admin/delete")
    assert (answer.status_code, answer.json()["code"]) == (409, "user_referenced")
    assert "invoice" not in answer.text


def test_what_postgresql_names_is_passed_on_and_no_value(postgres_url: str, bare: Runner) -> None:
    bare.env["AUTHINGO_DATABASE_URL"] = postgres_url
    scripts = {
        "ALTER TABLE authingo_users ADD CONSTRAINT no_ada CHECK (name <> 'ada');": (
            "check violation (23514): schema public, table authingo_users, constraint no_ada"
        ),
        "ALTER TABLE authingo_users DROP CONSTRAINT no_ada, ADD COLUMN team text NOT NULL;": (
            "not null violation (23502): schema public, table authingo_users, column team"
        ),
        "ALTER TABLE authingo_users DROP COLUMN team; CREATE FUNCTION no_users() RETURNS trigger"
        " LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no %', NEW.email; END $$;"
        "CREATE TRIGGER t BEFORE INSERT ON authingo_users"
        " FOR EACH ROW EXECUTE FUNCTION no_users();": ("raise (P0001): in the function no_users"),
        "CREATE OR REPLACE FUNCTION no_users() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN EXECUTE 'SELECT ' || quote_ident(NEW.email); RETURN NEW; END $$;": (
            "undefined column (42703): in the function no_users"
        ),
        "CREATE OR REPLACE FUNCTION no_users() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO gone VALUES (1); RETURN NEW; END $$;": (
            "undefined table (42P01): in the function no_users"
        ),
        "DROP TRIGGER t ON authingo_users;ALTER TABLE authingo_users DROP COLUMN email_verified;": (
            "undefined column (42703): column u.email_verified does not exist"
        ),
        "ALTER TABLE authingo_users ADD COLUMN email_verified boolean NOT NULL DEFAULT false,"
        " ADD CONSTRAINT is_role CHECK (current_setting(email) IS NULL);": (
            "PostgreSQL failed: undefined object (42704) "
        ),
        "CREATE FUNCTION is_role(text) RETURNS boolean LANGUAGE sql SET search_path FROM CURRENT"
        " AS 'SELECT $1::regrole IS NOT NULL'; ALTER TABLE authingo_users"
        " DROP CONSTRAINT is_role, ADD CONSTRAINT is_role CHECK (is_role(name));": (
            "PostgreSQL failed: undefined object (42704) "
        ),
    }
    for script, named in scripts.items():
        run_script(postgres_url, script)
        ran = bare(*CREATE, stdin="correct horse battery\n")
        assert ran.code == 1
        said = " ".join(ran.err.split()) + " "
        assert named in said
        assert ADA not in said
        assert '"ada"' not in said


@pytest.fixture
def role_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a role that owns nothing in a database that is somebody else's."""
    made = postgres.create_database()
    role = f"guest_{urlsplit(made).path.lstrip('/')}"
    execute(made, f"CREATE ROLE {role} LOGIN")
    yield made.replace("authingo@", f"{role}@")
    postgres.drop_database(made)
    execute(postgres.url("postgres"), f"DROP ROLE {role}")


def test_a_right_that_is_lacking_is_named(
    role_url: str, postgres: PostgresServer, bare: Runner
) -> None:
    bare.env["AUTHINGO_DATABASE_URL"] = role_url
    ran = bare("migrate")
    assert ran.code == 1
    assert "permission denied for schema public" in ran.err
    assert "GRANT it" in ran.err
    owner = role_url.replace(role_url.partition("//")[2].partition("@")[0], "authingo")
    assert bare("migrate", AUTHINGO_DATABASE_URL=owner).code == 0
    ran = bare("users", "list")
    assert ran.code == 1
    assert "permission denied for table authingo_" in ran.err


def test_what_a_trigger_in_sqlite_says_is_not_passed_on(sqlite_url: str, bare: Runner) -> None:
    bare.env["AUTHINGO_DATABASE_URL"] = sqlite_url
    run_script(
        sqlite_url,
        "CREATE TRIGGER t BEFORE INSERT ON authingo_users BEGIN"
        " SELECT RAISE(ABORT, 'no ada@example.com'); END;",
    )
    ran = bare(*CREATE, stdin="correct horse battery\n")
    assert ran.code == 1
    assert "a trigger of this database refuses it" in ran.err
    assert ADA not in ran.err
    run_script(
        sqlite_url,
        "DROP TRIGGER t; ALTER TABLE authingo_users ADD COLUMN team text CHECK (team > '');",
    )
    run_script(
        sqlite_url,
        "CREATE TRIGGER t AFTER INSERT ON authingo_users BEGIN"
        " UPDATE authingo_users SET team = ''; END;",
    )
    ran = bare(*CREATE, stdin="correct horse battery\n")
    assert "CHECK constraint failed: team > ''" in ran.err
