"""A user with more sessions than anybody needs, as an older version let them be."""

from __future__ import annotations

from tests.database import execute

_COLUMNS = (
    "id, user_id, secret_digest, selector_digest, verifier_digest, created_at, last_used_at,"
    " expires_at, refresh_expires_at, absolute_expires_at"
)


def give_sessions(url: str, user_id: str, count: int, *, over: bool = False) -> None:
    """Insert sessions that began more than an hour ago, the last one last; `over`: they expired."""
    if url.startswith("sqlite:"):
        now, second = "1000000 * strftime('%s', 'now')", "1000000"
        name, digest = "printf('%06d', i)", "randomblob(32)"
    else:
        now, second = "now()", "interval '1 second'"
        name = "lpad(i::text, 6, '0')"
        digest = "sha256(gen_random_uuid()::text::bytea)"
    began = f"{now} - ({count} - i + 3600) * {second}"
    end = f"{now} {'-' if over else '+'} 1000 * {second}"
    execute(
        url,
        f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        f" INSERT INTO authingo_sessions ({_COLUMNS}) SELECT 'ses_{'old' if over else 'many'}'"
        f" || '{user_id[-8:]}' || {name}, '{user_id}', {digest}, {digest}, {digest},"
        f" {began}, {began}, {end}, {end}, {end} FROM n",
    )


def count_sessions(url: str, user_id: str) -> int:
    """Count all the rows there are."""
    rows = execute(url, f"SELECT count(*) FROM authingo_sessions WHERE user_id = '{user_id}'")
    return int(rows[0][0])
