"""Where and with what something was measured."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import asyncpg

from bench.bench import Bench
from bench.load import wrk

_PACKAGES = ("uvicorn", "httptools", "fastapi", "starlette", "asyncpg", "bcrypt", "typer")


def machine() -> str:
    """Name the processor, its cores, the memory and the system."""
    memory = ""
    if hasattr(os, "sysconf"):
        gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        memory = f"{gib:.0f} GiB, "
    cores = os.cpu_count()
    return f"{_processor()}, {cores} cores, {memory}{platform.system()} {platform.release()}"


def versions(bench: Bench) -> dict[str, str]:
    """Say what was run, down to the commit."""
    said = subprocess.run([wrk(), "-v"], capture_output=True, text=True, check=False).stdout
    return {
        "authingo": f"{version('authingo')} ({_commit()})",
        "Python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
        "PostgreSQL": asyncio.run(_postgres(bench.postgres)),
        "SQLite": sqlite3.sqlite_version,
        "wrk": said.split(" ")[1] if said.startswith("wrk") else "unknown",
        **(bench.peers.versions() if bench.peers else {}),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "no commit"


async def _postgres(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        said: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return said
