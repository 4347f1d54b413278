"""How PostgreSQL says whose sessions ended: each of them once, or everybody."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from authingo.stores.rows import SESSION_COLUMNS, USER_COLUMNS
from tests.stores.watching import until

pytestmark = pytest.mark.anyio


class Listener:
    """Hears what triggers notify, as anybody can."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._heard: list[str] = []

    async def start(self) -> None:
        await self._connection.add_listener("authingo", lambda *args: self._heard.append(args[-1]))

    async def during(self, script: str) -> list[str]:
        await self._connection.execute(script)
        await self._connection.execute("NOTIFY authingo, 'end'")
        await until(lambda: "end" in self._heard)
        heard, self._heard = self._heard[:-1], []
        return heard


@pytest.fixture
async def listener(postgres_url: str) -> AsyncIterator[Listener]:
    """On a database with 150 users, `usr_1` and so on, of two sessions each."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(_MANY)
    listener = Listener(connection)
    await listener.start()
    yield listener
    await connection.close()


_MANY = """\
INSERT INTO authingo_users (id, email, name, password_hash)
    SELECT 'usr_' || n, n || '@example.com', 'N', 'x' FROM generate_series(1, 150) n;
INSERT INTO authingo_sessions (id, user_id, secret_digest, selector_digest, verifier_digest,
        created_at, last_used_at, expires_at, refresh_expires_at, absolute_expires_at)
    SELECT 'ses_' || n, 'usr_' || (n + 1) / 2, sha256(('t' || n)::bytea),
        sha256(('s' || n)::bytea), 'v', now(), now(), later, later, later
    FROM generate_series(1, 300) n, (SELECT now() + interval '1 hour') AS l (later);
"""


def _ids(first: int, last: int) -> str:
    return ", ".join(f"'usr_{number}'" for number in range(first, last + 1))


async def test_a_notice_names_each_user_once(listener: Listener) -> None:
    heard = await listener.during(
        "DELETE FROM authingo_sessions WHERE user_id IN ('usr_1','usr_2')"
    )
    assert [set(text.split(" ")) for text in heard] == [{"usr_1", "usr_2"}]
    assert len(heard[0].split(" ")) == 2


async def test_a_hundred_are_named_and_more_are_everybody(listener: Listener) -> None:
    hundred = await listener.during(
        f"DELETE FROM authingo_sessions WHERE user_id IN ({_ids(1, 100)})"
    )
    assert [len(text.split(" ")) for text in hundred] == [100]
    assert await listener.during("UPDATE authingo_users SET name = 'M'") == ["*"]


async def test_more_than_a_hundred_in_many_statements_are_everybody(listener: Listener) -> None:
    """Said once, not again with each statement."""
    one_by_one = ";".join(
        f"DELETE FROM authingo_sessions WHERE id = 'ses_{number}'" for number in range(1, 131)
    )
    heard = await listener.during(f"BEGIN; {one_by_one}; COMMIT")
    assert heard.count("*") == 1
    assert len(heard) <= 101
    assert await listener.during("DELETE FROM authingo_sessions WHERE user_id = 'usr_150'") == [
        "usr_150"
    ], "the count is one transaction's"


async def test_a_cascade_counts_as_well(listener: Listener) -> None:
    """Each deleted user is a statement of its own about sessions."""
    heard = await listener.during("DELETE FROM authingo_users")
    assert "*" in heard
    assert len(heard) <= 102


async def test_what_a_savepoint_undoes_is_not_counted(listener: Listener) -> None:
    heard = await listener.during(
        "BEGIN; DELETE FROM authingo_sessions WHERE id = 'ses_1';"
        " SAVEPOINT s; DELETE FROM authingo_sessions; ROLLBACK TO s;"
        " DELETE FROM authingo_sessions WHERE id = 'ses_3'; COMMIT"
    )
    assert heard == ["usr_1", "usr_2"]
    undone = await listener.during("BEGIN; DELETE FROM authingo_users; ROLLBACK")
    assert undone == []


_NOT_NOTICED = {
    "id",  # by which the old and the new row are matched
    "last_used_at",  # moves with every use, and only shows when that was
    "ip",  # these two move with a refresh, which replaces secret_digest
    "user_agent",
}


@pytest.mark.parametrize(
    ("columns", "trigger"),
    [(USER_COLUMNS, "authingo_users_changed"), (SESSION_COLUMNS, "authingo_sessions_changed")],
)
async def test_a_trigger_compares_each_column_that_a_check_answers_with(
    postgres_template: str, columns: tuple[str, ...], trigger: str
) -> None:
    """A column that it does not mention would be served from memory after it changed."""
    connection = await asyncpg.connect(postgres_template)
    try:
        source = await connection.fetchval(
            "SELECT pg_get_triggerdef(t.oid) || prosrc FROM pg_trigger t"
            " JOIN pg_proc p ON p.oid = tgfoid WHERE tgname = $1",
            trigger,
        )
    finally:
        await connection.close()
    if " WHEN " in source:  # a condition, which PostgreSQL spells out column by column
        assert set(columns) - _NOT_NOTICED <= set(
            re.findall(r"old\.(\w+) IS DISTINCT FROM new\.\1\b", source)
        )
        return
    old, new = (
        {name.strip(" \n").removeprefix(f"{row}.") for name in listed.split(",")}
        for row, listed in zip(
            ("o", "n"), re.findall(r"\(([on]\.\w+,[^()]*)\)", source), strict=True
        )
    )
    assert old == new
    assert set(columns) - _NOT_NOTICED <= old
