"""What an examination holds a PostgreSQL schema against is what the migrations make."""

from __future__ import annotations

import os
from pathlib import Path

import asyncpg
import pytest

from authingo.stores.postgres.schema import objects

FILE = Path(__file__).parents[2] / "authingo" / "stores" / "postgres" / "schema.txt"


@pytest.mark.anyio
async def test_the_file_has_what_the_migrations_make(postgres_template: str) -> None:
    """AUTHINGO_TEST_WRITE=1 writes it anew, after a migration was added."""
    connection = await asyncpg.connect(postgres_template)
    try:
        made = await objects(connection)
    finally:
        await connection.close()
    text = "".join(f"{label}: {detail}\n" for label, detail in sorted(made.items()))
    if os.environ.get("AUTHINGO_TEST_WRITE") == "1":
        FILE.write_text(text)
    assert FILE.read_text() == text
