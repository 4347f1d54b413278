"""What hosts and providers hand out as the URL of a database, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from authingo.config import read_postgres_url, redact_url, settings_from, sqlite_path
from authingo.config.postgres_parameters import PARAMETERS, Use
from authingo.errors import ConfigError
from tests.command import Runner
from tests.database import execute, run_script

SECRET = "hunter2"


def refused(url: str, setting: str = "database_url") -> str:
    """Return message and hint; neither repeats the password."""
    with pytest.raises(ConfigError) as error:
        settings_from({"database_url": "postgresql:///x", setting: url})
    said = f"{error.value.message} ({error.value.hint})"
    assert said.startswith(f"{setting}: ")
    assert SECRET not in said
    return said


@pytest.mark.parametrize(
    ("url", "sslmode", "root"),
    [
        # Neon's console
        (
            "postgresql://u:pw@ep-x-pooler.eu.aws.neon.tech/db?sslmode=require"
            "&channel_binding=require",
            "verify-full",
            "system",
        ),
        ("postgres://u:pw@ep-x.neon.tech/db?sslmode=require", "require", None),
        # Supabase, by itself, for Prisma, and in Vercel
        ("postgresql://postgres.abc:pw@aws-0-eu.pooler.supabase.com:6543/postgres", None, None),
        ("postgres://u:pw@h:6543/postgres?pgbouncer=true&connection_limit=1", None, None),
        ("postgres://u:pw@h:6543/postgres?sslmode=require&supa=base-pooler.x", "require", None),
        ("postgres://u:pw@h:6543/postgres?workaround=supabase-pooler.vercel", None, None),
        # Prisma
        ("postgresql://u:pw@localhost:5432/mydb?schema=public", None, None),
        (
            "postgresql://u:pw@h/db?sslmode=prefer&sslaccept=accept_invalid_certs&pool_timeout=0"
            "&connect_timeout=10&socket_timeout=3&statement_cache_size=100",
            "prefer",
            None,
        ),
        ("postgresql://u:pw@h/db?sslaccept=strict", "verify-full", "system"),
        ("postgresql://u:pw@h/db?sslaccept=strict&sslrootcert=ca.pem", "verify-full", "ca.pem"),
        # libpq
        (
            "postgresql://u:pw@h/db?keepalives=1&keepalives_idle=30&keepalives_interval=10"
            "&keepalives_count=5&tcp_user_timeout=1000&gssencmode=disable&client_encoding=utf8",
            None,
            None,
        ),
        ("postgresql://u:pw@h/db?sslrootcert=system", "verify-full", "system"),
        ("postgresql://u:pw@h/db?sslmode=require&sslrootcert=system", "verify-full", "system"),
        ("postgresql://u:pw@h/db?sslmode=verify-full", "verify-full", None),
        ("postgresql://u:pw@h/db?sslmode=verify-ca&sslrootcert=ca.pem", "verify-ca", "ca.pem"),
        ("postgresql://u:pw@h/db?sslnegotiation=direct", "require", None),
        # node-postgres, JDBC, SQLAlchemy
        ("postgres://u:pw@h/db?ssl=true", "require", None),
        ("postgres://u:pw@h/db?ssl=true&sslmode=verify-full", "verify-full", None),
        ("postgres://u:pw@h/db?ssl=false", "disable", None),
        ("postgres://u:pw@h/db?sslmode=no-verify&uselibpqcompat=true", "require", None),
        ("postgresql+asyncpg://u:pw@h/db?ssl=require", "require", None),
        ("postgresql+asyncpg://u:pw@h/db?prepared_statement_cache_size=0", None, None),
        ("postgresql+psycopg://u:pw@h/db", None, None),
    ],
)
def test_what_providers_hand_out_is_understood(
    url: str, sslmode: str | None, root: str | None
) -> None:
    settings_from({"database_url": url})
    read = read_postgres_url("database_url", url)
    assert (read.sslmode, read.sslrootcert) == (sslmode, root)
    assert set(read.server) <= {"application_name"}, "nothing else is sent to the server"
    assert (read.user or "").startswith(("u", "postgres.abc"))
    assert read.password == "pw"


@pytest.mark.parametrize(
    ("query", "attribute", "value"),
    [
        ("pgbouncer=true", "pooled", True),
        ("pgbouncer=false", "pooled", False),
        ("statement_cache_size=0", "pooled", True),
        ("prepared_statement_cache_size=0", "pooled", True),
        ("connection_limit=3", "connection_limit", 3),
        ("connect_timeout=2", "connect_timeout", 2.0),
        ("connect_timeout=0", "connect_timeout", None),
        ("schema=auth", "server", {"search_path": '"auth"'}),
        ('schema=a"b', "server", {"search_path": '"a""b"'}),
        ("application_name=shop", "server", {"application_name": "shop"}),
        ("fallback_application_name=shop", "server", {"application_name": "shop"}),
        ("options=-c%20search_path%3Dauth", "server", {"options": "-c search_path=auth"}),
        ("host=/cloudsql/p:r:i", "hosts", ("/cloudsql/p:r:i",)),
        ("host=a,b&port=1,2", "ports", (1, 2)),
        ("host=a:1,b", "ports", (1, 5432)),
        ("host=a,b", "target", "primary"),
        ("", "target", "primary"),
        ("host=a,b&target_session_attrs=any", "target", "any"),
        ("dbname=other", "database", "other"),
        ("user=ada&password=p%2Fw", "password", "p/w"),
    ],
)
def test_what_has_a_meaning_is_applied(query: str, attribute: str, value: object) -> None:
    read = read_postgres_url("database_url", f"postgresql://u@localhost/db?{query}")
    if isinstance(value, dict):
        value = {"application_name": "authingo", **value}
    assert getattr(read, attribute) == value


def test_a_password_may_hold_anything_that_is_encoded_and_an_at_sign_as_it_is() -> None:
    for password in ("p@ss", "a/b?c#d[e]", "ä%", ":"):
        url = f"postgresql://u:{quote(password, safe='@')}@h:5433/db"
        read = read_postgres_url("database_url", url)
        assert (read.password, read.hosts, read.ports) == (password, ("h",), (5433,))


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}?x@h/db",
        f"postgresql://u:p?{SECRET}=1@h/db",
        f"postgresql://u:1?a{SECRET}=1@h/db",
        f"postgresql://u:{SECRET}#x@h/db",
        f"postgresql://u:1/{SECRET}@h/db",
        f"postgresql://u:{SECRET}/x@h/db",
        f"postgresql://u:[{SECRET}@h/db",
        f"postgresql://u:{SECRET}@h:port/db",
        f"postgresql://u:{SECRET}@h:99999/db",
        f"postgresql://u:{SECRET}@h/db?{SECRET}",
        f"postgresql://u:{SECRET}@h/db?password={SECRET}#",
    ],
)
def test_a_password_that_is_not_encoded_is_not_shown(url: str) -> None:
    if url.endswith("#"):
        url = url[:-1] + "x#y"
    assert "is written" in refused(url) or "%23" in refused(url)


@pytest.mark.parametrize(
    ("query", "named", "hint"),
    [
        ("sslmod=require", "unknown parameter sslmod", "did you mean sslmode?"),
        (f"jit={SECRET}", "unknown parameter jit", "options=-c%20jit%3D"),
        (f"sslmode={SECRET}", "sslmode must be disable or allow", ""),
        (f"connect_timeout={SECRET}", "connect_timeout must be a number", ""),
        ("connect_timeout=-1", "connect_timeout must be a number", ""),
        ("connection_limit=0", "connection_limit must be a number, at least 1", ""),
        ("gssencmode=require", "gssencmode must be disable or prefer", "use sslmode"),
        ("hostaddr=10.0.0.1", "hostaddr cannot be applied", "write the address as the host"),
        ("require_auth=scram-sha-256", "require_auth cannot be applied", "verify-full"),
        ("sslidentity=x.p12", "sslidentity cannot be applied", "sslcert and sslkey"),
        ("sslaccept=strict&sslcert=ca.pem", "sslcert could be", "write sslrootcert"),
        ("sslmode=disable&channel_binding=require", "channel_binding asks for encryption", ""),
        ("sslmode=disable&sslrootcert=system", "sslrootcert asks for encryption", ""),
        ("ssl=false&sslaccept=strict", "sslaccept asks for encryption", ""),
        ("host=a,b&port=1,2,3", "2 hosts but 3 ports", ""),
        ("port=x", "host or port", ""),
        ("host=", "", ""),
    ],
)
def test_what_is_unknown_or_cannot_be_applied_is_named(query: str, named: str, hint: str) -> None:
    url = f"postgresql://u:pw@h/db?{query}"
    if not named:
        settings_from({"database_url": url})  # an empty one says nothing, as in libpq
        return
    for setting in ("database_url", "listen_url"):
        said = refused(url, setting)
        assert named in said
        assert hint in said


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("jdbc:postgresql://h/db", "leave out jdbc:"),
        ("psql 'postgresql://u:hunter2@h/db'", "leave out psql"),
        ("prisma+postgres://accelerate.prisma-data.net/?api_key=hunter2", "direct URL"),
        ("prisma://accelerate.prisma-data.net/?api_key=hunter2", "direct URL"),
        ("file:./dev.db", "write sqlite:///"),
        ("mysql://u:hunter2@h/db", "not supported"),
        ("http://h", "must begin"),
    ],
)
def test_what_is_another_url_says_what_to_write(url: str, hint: str) -> None:
    assert hint in refused(url)


def test_what_is_shown_of_a_url_is_where_it_leads() -> None:
    shown = {
        "postgres://u:pw@h:6543/db?sslmode=require": "postgresql://u@h:6543/db",
        "postgresql+asyncpg://u:pw@h/db": "postgresql://u@h/db",
        "postgresql://u:pw@localhost/db?host=/cloudsql/p:r:i": "postgresql://u@/db",
        "postgresql://u:pw@a,b:2/db": "postgresql://u@a:5432,b:2/db",
        "postgresql://[::1]:5/db?password=pw": "postgresql://[::1]:5/db",
        "sqlite+aiosqlite:///a.db?check_same_thread=false": "sqlite:///a.db",
    }
    assert {url: redact_url(url) for url in shown} == shown


def test_each_parameter_is_documented_with_what_becomes_of_it() -> None:
    page = (Path(__file__).parent.parent / "docs" / "databases.md").read_text("utf-8")
    rows = {f"| `{name}` | {one.use.value} | {one.about} |" for name, one in PARAMETERS.items()}
    assert rows <= set(page.splitlines())
    assert {one.use for one in PARAMETERS.values()} == set(Use)


def test_a_socket_that_only_the_query_names_is_used(postgres_url: str, tmp_path: Path) -> None:
    """As Cloud SQL and Prisma write it: with a host before, which does not count."""
    directory = urlsplit(postgres_url).query
    url = f"postgresql+asyncpg://authingo:pw@localhost{urlsplit(postgres_url).path}?{directory}"
    ran = Runner(tmp_path)("migrate", "--status", AUTHINGO_DATABASE_URL=url)
    assert ran.code == 0, ran.err
    assert "localhost" not in ran.out


@pytest.mark.parametrize("how", ["schema=shop", "options=-c%20search_path%3Dshop"])
def test_authingo_lives_in_the_schema_that_is_named(
    postgres_url: str, tmp_path: Path, how: str
) -> None:
    run_script(postgres_url, "CREATE SCHEMA shop")
    authingo = Runner(tmp_path, AUTHINGO_DATABASE_URL=f"{postgres_url}&{how}&application_name=me")
    assert authingo("migrate").code == 0
    create = ("users", "create", "ada@example.com", "--password-stdin")
    assert authingo(*create, stdin="correct horse battery\n").code == 0
    assert execute(postgres_url, "SELECT email FROM shop.authingo_users") == [("ada@example.com",)]
    assert execute(postgres_url, "SELECT count(*) FROM public.authingo_users") == [(0,)]


def test_a_schema_that_is_not_there_is_named(postgres_url: str, tmp_path: Path) -> None:
    authingo = Runner(tmp_path, AUTHINGO_DATABASE_URL=f"{postgres_url}&schema=nowhere")
    ran = authingo("migrate")
    assert ran.code == 1
    assert "no schema has been selected to create in" in ran.err
    assert "CREATE SCHEMA" in ran.err


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("options=-c%20statement_timeout%3Dhunter2", "statement_timeout"),
        ("options=-c%20no_such_setting%3Dhunter2", "no_such_setting"),
        ("lock_timeout=hunter2", "lock_timeout"),
    ],
)
def test_a_setting_that_the_server_refuses_is_named(
    postgres_url: str, tmp_path: Path, options: str, name: str
) -> None:
    ran = Runner(tmp_path)("migrate", AUTHINGO_DATABASE_URL=f"{postgres_url}&{options}")
    assert ran.code == 1
    assert f"the server refuses a setting in database_url: {name}" in ran.err
    assert SECRET not in ran.err


# SQLite


def test_drivers_of_sqlalchemy_are_accepted_and_the_path_is_taken_as_written() -> None:
    written = {
        "sqlite:///a.db": "a.db",
        "sqlite+aiosqlite:///a.db": "a.db",
        "sqlite+pysqlite:////var/lib/a.db": "/var/lib/a.db",
        "sqlite:///my%20own.db": "my%20own.db",
        "sqlite:///a.db?check_same_thread=False": "a.db",
        "sqlite:///a.db?mode=rwc&cache=private": "a.db",
        "sqlite:///:memory:": ":memory:",
    }
    assert {url: sqlite_path("database_url", url) for url in written} == written


@pytest.mark.parametrize(
    ("url", "named", "hint"),
    [
        ("sqlite:///a.db?mode=ro", "mode must be rwc", "remove it"),
        ("sqlite:///a.db?mode=memory", "mode must be rwc", "remove it"),
        ("sqlite:///a.db?cache=shared", "cache must be private", ""),
        ("sqlite:///a.db?timeout=5", "timeout cannot be applied", "set store.timeout"),
        ("sqlite:///a.db?nolock=1", "unknown parameter nolock", ""),
        ("sqlite:///what?.db", "the text after the ? is not a parameter", "without # and ?"),
        ("sqlite:///a.db#x", "cannot contain a #", "without # and ?"),
        ("sqlite:///file:a.db?mode=ro&uri=true", "contains a second URL", "the path"),
        ("sqlite://a.db", "three slashes", "sqlite:///authingo.db"),
        ("sqlite://", "three slashes", "sqlite:///:memory:"),
        ("sqlite:///", "names no file", "sqlite:///authingo.db"),
        ("sqlite:///data/", "names no file", "sqlite:///authingo.db"),
        ("sqlite+pysqlcipher:///a.db", "must begin", ""),
    ],
)
def test_what_a_sqlite_url_cannot_say_is_refused(
    tmp_path: Path, url: str, named: str, hint: str
) -> None:
    said = refused(url)
    assert named in said
    assert hint in said
    ran = Runner(tmp_path)("migrate", AUTHINGO_DATABASE_URL=url)
    assert ran.code == 1
    assert named in ran.err
    assert list(tmp_path.iterdir()) == [], "no file is made of it"
