"""How what an examination sees is judged, and what it sees where something is wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from authingo.config import Settings
from authingo.findings import Finding
from authingo.stores import examining, open_store
from authingo.stores.migrations import Migration, SchemaStatus
from authingo.stores.postgres.examination import (
    judge_connections,
    judge_durability,
    judge_encryption,
)
from authingo.stores.sqlite.examination import file_system_of, judge_file_system
from tests.database import execute
from tests.postgres import PostgresServer

pytestmark = pytest.mark.anyio

MOUNTS = """\
22 1 0:20 / / rw,relatime - ext4 /dev/vda rw
30 22 0:31 / /srv rw shared:1 - nfs4 server:/srv rw
31 30 0:32 / /srv/my\\040data rw - xfs /dev/vdb rw
32 22 0:33 / /tmp rw - tmpfs tmpfs rw
33 22 0:34 / /over rw - ext4 /dev/vdc rw
34 22 0:35 / /over rw - fuse.sshfs me@there rw
"""


async def examined(settings: Settings, *, workers: int = 1) -> dict[str, Finding]:
    store = open_store(settings)
    await store.open(create=False)
    try:
        return {one.name: one for one in await store.maintenance.examine(workers=workers)}
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/var/lib/authingo.db", "ext4", "ok"),
        ("/srv/authingo.db", "nfs4", "fail"),
        ("/srvother/authingo.db", "ext4", "ok"),
        ("/srv/my data/authingo.db", "xfs", "ok"),
        ("/tmp/authingo.db", "tmpfs", "warn"),
        ("/over/authingo.db", "fuse.sshfs", "fail"),
    ],
)
async def test_the_file_system_is_that_of_the_last_mount_above(
    path: str, kind: str, status: str
) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind
    assert judge_file_system(kind).status == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [("", "ok"), ("overlay", "warn"), ("cifs", "fail"), ("9p", "fail"), ("fuseblk", "ok")],
)
async def test_network_file_systems_fail(kind: str, status: str) -> None:
    assert judge_file_system(kind).status == status


@pytest.mark.parametrize(
    ("addresses", "encrypted", "verified", "status"),
    [
        ((None, None), False, False, "ok"),
        (("127.0.0.1", "127.0.0.1"), False, False, "ok"),
        (("10.0.0.2", "10.0.0.3"), False, False, "warn"),
        (("10.0.0.2", "1.1.1.1"), False, False, "fail"),
        (("8.8.8.8", "1.1.1.1"), True, False, "warn"),
        (("8.8.8.8", "1.1.1.1"), True, True, "ok"),
    ],
)
async def test_encryption_matters_where_the_server_is_elsewhere(
    addresses: tuple[str | None, str | None], encrypted: bool, verified: bool, status: str
) -> None:
    client, server = addresses
    interface = ipaddress.ip_interface(server) if server else None  # as asyncpg reads an inet
    judged = judge_encryption(
        through_proxy=False,
        encrypted=encrypted,
        addresses=(client, interface),
        verified=verified,
    )
    assert judged.status == status, judged


@pytest.mark.parametrize(
    ("needed", "limits", "status"),
    [
        (12, {"max_connections": 97}, "ok"),
        (80, {"max_connections": 97}, "warn"),
        (97, {"max_connections": 97}, "warn"),
        (98, {"max_connections": 97}, "fail"),
        (24, {"max_connections": 97, "the role's limit": 20}, "fail"),
    ],
)
async def test_pools_must_fit_the_lowest_limit(
    needed: int, limits: dict[str, int], status: str
) -> None:
    judged = judge_connections(needed=needed, each="", limits=limits, used=1, through_proxy=False)
    assert judged.status == status
    assert min(limits, key=lambda one: limits[one]) in judged.message


@pytest.mark.parametrize(
    ("fsync", "synchronous_commit", "standbys", "status", "says"),
    [
        ("on", "on", False, "ok", "flushed to disk"),
        ("on", "on", True, "ok", "synchronous standby"),
        ("on", "local", False, "ok", "flushed to disk"),
        ("on", "local", True, "warn", "a failover can sign users out"),
        ("on", "off", True, "warn", "synchronous_commit off"),
        ("off", "on", True, "warn", "fsync off"),
    ],
)
async def test_what_loses_acknowledged_changes_is_named(
    fsync: str, synchronous_commit: str, standbys: bool, status: str, says: str
) -> None:
    judged = judge_durability(fsync=fsync, synchronous_commit=synchronous_commit, standbys=standbys)
    assert (judged.status, says in judged.message) == (status, True), judged


@pytest.mark.parametrize(
    ("waiting", "oldest", "status", "says"),
    [
        (0, None, "ok", "nothing waits"),
        (40, timedelta(hours=2), "ok", "40 expired sessions"),
        (1, timedelta(days=3), "warn", "1 expired session to prune, the oldest for 3 days"),
        (10_000, timedelta(days=40), "warn", "at least 10,000"),
    ],
)
async def test_nobody_prunes_where_a_session_has_been_over_for_days(
    waiting: int, oldest: timedelta | None, status: str, says: str
) -> None:
    judged = examining.pruning(waiting, oldest)
    assert (judged.status, says in judged.message) == (status, True), judged


@pytest.mark.parametrize(
    ("seconds", "uncertain", "status"),
    [(0.2, 0.001, "ok"), (-0.9, 0.001, "ok"), (1.5, 1.0, "ok"), (1.5, 0.01, "warn")],
)
async def test_a_clock_may_differ_by_a_second_and_what_the_way_takes(
    seconds: float, uncertain: float, status: str
) -> None:
    judged = examining.clock(timedelta(seconds=seconds), timedelta(seconds=uncertain))
    assert judged.status == status
    assert "behind" not in judged.message
    assert "behind" in examining.clock(timedelta(seconds=-9), timedelta(0)).message


async def test_what_was_added_to_a_schema_is_nobodys_fault() -> None:
    current = SchemaStatus(current=3, latest=3, pending=(), table="")
    expected = {"index a on t": "x", "index u on t": "unique x", "trigger g on t": "y"}
    assert examining.schema(current, expected, {**expected, "index mine on t": "z"}).status == "ok"
    slow = examining.schema(current, expected, {"index u on t": "unique x", "trigger g on t": "y"})
    assert (slow.status, slow.message) == ("warn", "missing: index a on t")
    for found in (
        {**expected, "trigger g on t": "other"},
        {**expected, "index u on t": "x"},
        {"index a on t": "x", "index u on t": "unique x"},
    ):
        assert examining.schema(current, expected, found).status == "fail", found
    newer = SchemaStatus(current=4, latest=3, pending=(), table="")
    assert examining.schema(newer, expected, {}).status == "ok"
    behind = SchemaStatus(current=2, latest=3, pending=(Migration(3, "0003_x", ""),), table="")
    assert "0003_x" in examining.schema(behind, expected, expected).message


# A server only reads which migrations there are.
TABLES = r"""
SELECT tablename FROM pg_tables
WHERE tablename LIKE 'authingo\_%' AND tablename <> 'authingo_migrations'"""
ALTERED = {
    "sqlite": [
        ("DROP INDEX authingo_sessions_user_id", "warn"),
        ("DROP TRIGGER authingo_users_deleted", "fail"),
        ("ALTER TABLE authingo_events RENAME COLUMN ip TO address", "fail"),
    ],
    "postgresql": [
        ("DROP INDEX authingo_sessions_user_id", "warn"),
        ("ALTER TABLE authingo_users DISABLE TRIGGER authingo_users_deleted", "fail"),
        ("ALTER TABLE authingo_users DROP CONSTRAINT authingo_users_email_key", "fail"),
        ("ALTER TABLE authingo_sessions DROP CONSTRAINT authingo_sessions_user_id_fkey", "fail"),
        ("ALTER TABLE authingo_sessions ALTER verifier_digest DROP NOT NULL", "fail"),
        (
            "CREATE OR REPLACE FUNCTION authingo_emptied() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NULL; END $$",
            "fail",
        ),
    ],
}


async def test_each_alteration_is_seen(make_settings: Callable[..., Settings]) -> None:
    """One after the other, and each is named."""
    settings = make_settings()
    if settings.database_url.startswith("sqlite"):
        store = open_store(settings)
        await store.open(create=True)
        await store.migrate()
        await store.close()
    worst = "ok"
    for statement, status in ALTERED[settings.database_url.partition(":")[0]]:
        before = (await examined(settings))["schema"].message
        execute(settings.database_url, statement)
        after = (await examined(settings))["schema"]
        worst = status if worst != "fail" else worst
        assert after.status == worst, statement
        assert after.message != before, statement


async def test_a_role_that_lacks_a_right_on_any_one_table(
    postgres: PostgresServer, postgres_template: str
) -> None:
    url = postgres.create_database(template=postgres_template)
    try:
        execute(url, "CREATE ROLE lacking LOGIN")
        execute(
            url, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO lacking"
        )
        lacking = Settings(database_url=url.replace("//authingo@", "//lacking@"))
        assert (await examined(lacking))["role"].status == "ok"
        named = [name for (name,) in execute(url, TABLES)]
        assert len(named) > 6
        for table in named:
            execute(url, f"REVOKE INSERT ON {table} FROM lacking")
            role = (await examined(lacking))["role"]
            assert (role.status, f"INSERT on {table}" in role.message) == ("fail", True), table
            execute(url, f"GRANT INSERT ON {table} TO lacking")
    finally:
        postgres.drop_database(url)
        execute(postgres.url("postgres"), "DROP ROLE lacking")


async def test_a_role_without_rights_and_a_database_that_is_read_only(
    postgres: PostgresServer, postgres_template: str
) -> None:
    url = postgres.create_database(template=postgres_template)
    try:
        execute(url, "CREATE ROLE weak LOGIN CONNECTION LIMIT 5")
        execute(url, "GRANT SELECT, INSERT, UPDATE ON authingo_users TO weak")
        execute(url, "GRANT SELECT ON authingo_migrations TO weak")
        database = urlsplit(url).path.lstrip("/")
        execute(url, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        weak = Settings(database_url=url.replace("//authingo@", "//weak@"))
        found = await examined(weak)
        assert found["role"].status == "fail"
        assert "DELETE on authingo_users" not in found["role"].message, "three are named"
        assert "weak lacks" in found["role"].message
        assert found["writable"].status == "fail"
        assert found["connections"].status == "fail"
        assert "of 5 (the role's limit)" in found["connections"].message
    finally:
        postgres.drop_database(url)
        execute(postgres.url("postgres"), "DROP ROLE weak")
