"""The others: installed from their registries, on databases of the same size.

They are kept in `bench/.peers/`, and installed again where their versions change.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import data
from bench.data import Size
from bench.servers import Program, uvicorn
from bench.systems import System
from tests.postgres import PostgresServer

_HERE = Path(__file__).parent
_HOME = _HERE.parent / ".peers"
_SECRET = "a secret of the bench, of at least 32 characters"


class Peers:
    """fastapi-users and Better Auth, ready to be served."""

    def __init__(self, server: PostgresServer, size: Size) -> None:
        self._server = server
        self._size = size

    @cached_property
    def fastapi_users(self) -> System:
        """A FastAPI route with their guard, tokens in the database."""
        python = str(_fastapi_users_python())
        url = self._server.create_database()
        environment = {"DATABASE_URL": url.replace("postgresql://", "postgresql+asyncpg://")}
        made = _run(
            [python, "fastapi_users_app.py", data.PASSWORD], cwd=_HERE, environment=environment
        )
        asyncio.run(_fill_fastapi_users(url, self._size, made.strip()))
        return System(
            "fastapi-users",
            uvicorn("fastapi_users_app:app", environment, python=python, directory=_HERE),
            check="/me",
            cookie=lambda session: f"fastapiusersauth={_token(session)}",
            sign_in="/auth/login",
            form=True,
        )

    @cached_property
    def better_auth(self) -> System:
        """Their own route, sessions in the database."""
        home = _better_auth_home()
        url = self._server.create_database()
        environment = {"DATABASE_URL": url, "SECRET": _SECRET, "NODE_ENV": "production"}
        _run(["node", "better_auth.mjs", "migrate"], cwd=home, environment=environment)
        asyncio.run(_fill_better_auth(url, self._size))
        return System(
            "Better Auth",
            Program(("node", "better_auth.mjs", "serve", "{port}"), environment, home),
            check="/api/auth/get-session",
            cookie=lambda session: f"better-auth.session_token={_signed(_token(session))}",
            sign_in="/api/auth/sign-in/email",
        )

    @property
    def better_auth_cached(self) -> System:
        """The same with their cookie cache; see `with_cached_data` for what to send."""
        plain = self.better_auth
        environment = {**plain.program.environment, "COOKIE_CACHE": "1"}
        return replace(
            plain,
            name="Better Auth, cookie cache",
            program=replace(plain.program, environment=environment),
        )

    def versions(self) -> dict[str, str]:
        """Say what is installed."""
        listed = _run([str(_fastapi_users_python()), "-m", "pip", "list", "--format=json"])
        python = {item["name"].lower(): item["version"] for item in json.loads(listed)}
        modules = _better_auth_home() / "node_modules"
        return {
            **{name: python[name] for name in ("fastapi-users", "sqlalchemy")},
            **{
                name: json.loads((modules / name / "package.json").read_text())["version"]
                for name in ("better-auth", "pg")
            },
            "node": _run(["node", "--version"]).strip().removeprefix("v"),
        }


def with_cached_data(port: int, path: str, cookie: str) -> str:
    """Ask once as a browser would, and add the cookie that the answer sets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    added = [
        header.partition(";")[0]
        for name, header in answer.getheaders()
        if name.lower() == "set-cookie"
    ]
    return "; ".join([cookie, *added])


def _fastapi_users_python() -> Path:
    home = _HOME / "fastapi-users"
    python = home / "bin" / "python"

    def install() -> None:
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "-q", "-r", str(_HERE / "requirements.txt")])

    _installed(home, _HERE / "requirements.txt", install)
    return python


def _better_auth_home() -> Path:
    home = _HOME / "better-auth"
    if shutil.which("npm") is None:
        sys.exit("the bench compares with Better Auth: it needs node and npm (or --without-peers)")

    def install() -> None:
        home.mkdir(parents=True)
        shutil.copy(_HERE / "package.json", home)
        _run(["npm", "install", "--no-audit", "--no-fund"], cwd=home)

    _installed(home, _HERE / "package.json", install)
    shutil.copy(_HERE / "better_auth.mjs", home)
    return home


def _installed(home: Path, wanted: Path, install: Callable[[], None]) -> None:
    """Install, unless just this is there: a half-made installation has no mark."""
    mark = home / "installed"
    if mark.is_file() and mark.read_bytes() == wanted.read_bytes():
        return
    shutil.rmtree(home, ignore_errors=True)
    install()
    shutil.copy(wanted, mark)


async def _fill_fastapi_users(url: str, size: Size, hashed: str) -> None:
    columns = ("id", "email", "hashed_password", "is_active", "is_superuser", "is_verified")
    users = (
        (uuid.UUID(int=user), data.email(user), hashed, True, False, False)
        for user in range(size.users)
    )
    await data.copy(url, "user", columns, users)
    now = datetime.now(UTC)
    tokens = (
        (uuid.UUID(int=session % size.users), _token(session), now)
        for session in range(size.sessions)
    )
    await data.copy(url, "accesstoken", ("user_id", "token", "created_at"), tokens)


async def _fill_better_auth(url: str, size: Size) -> None:
    now = datetime.now(UTC)
    columns = ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")
    users = (
        (f"{user:032}", f"User {user}", data.email(user), False, now, now)
        for user in range(size.users)
    )
    await data.copy(url, "user", columns, users)
    await data.copy(
        url,
        "account",
        ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt"),
        _accounts(size, now),
    )
    ends = now + timedelta(days=7)  # its default; a session older than a day is written again
    sessions = (
        (f"{session:032}", ends, _token(session), now, now, f"{session % size.users:032}")
        for session in range(size.sessions)
    )
    columns = ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId")
    await data.copy(url, "session", columns, sessions)


def _accounts(size: Size, now: datetime) -> Iterator[tuple[Any, ...]]:
    salt = "0123456789abcdef" * 2
    key = hashlib.scrypt(  # as its verifyPassword does
        data.PASSWORD.encode(), salt=salt.encode(), n=16384, r=16, p=1, maxmem=2**26, dklen=64
    )
    for user in range(size.users):
        name = f"{user:032}"
        yield name, name, "credential", name, f"{salt}:{key.hex()}", now, now


def _token(session: int) -> str:
    return data.session_token(session).digest.hex()[:32]


def _signed(token: str) -> str:
    """Sign as better-call does; base64's signs are percent-encoded in a cookie."""
    signature = base64.b64encode(hmac.digest(_SECRET.encode(), token.encode(), "sha256")).decode()
    encoded = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return f"{token}.{encoded}"


def _run(
    command: list[str], *, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
