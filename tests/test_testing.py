"""A program's tests, written as docs/testing.md says, run and never meet its real database."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from authingo import Auth
from authingo.config import settings_from
from authingo.http.cookies import Cookies
from authingo.testing import base_url, login_as
from authingo.testing_database import CHEAPEST_COST, IN_MEMORY
from tests.command import Runner
from tests.database import execute
from tests.documents import blocks, read
from tests.mail.server import SMTPServer

HTTPX = "httpx2" if importlib.util.find_spec("httpx2") else "httpx"
DOCUMENTED = {
    text.splitlines()[0].removeprefix("# "): text.replace(
        "from httpx2 import", f"from {HTTPX} import"
    )
    for text in blocks(read("docs/testing.md"), "python")
}


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The program of the README, with the tests of the documentation."""
    (tmp_path / "main.py").write_text(*blocks(read("README.md"), "python"))
    for name, text in DOCUMENTED.items():
        (tmp_path / name).write_text(text)
    config = tmp_path / "authingo.toml"
    config.write_text('[mail]\nfrom = "Example <no-reply@example.com>"\n')
    config.chmod(0o600)
    return tmp_path


def run_pytest(project: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*command, "-W", "error"],
        cwd=project,
        env={**kept, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_documented_tests_pass_and_leave_the_real_database_alone(project: Path) -> None:
    real = project / "authingo.db"
    done = run_pytest(project)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
    assert not real.exists()


def test_no_setting_leads_a_test_to_the_real_database_or_mail_server(
    project: Path, unused_port: int, mails: SMTPServer
) -> None:
    """Nor a public_url that a browser's address bar would show, whichever it is."""
    down = f"postgresql://nobody@127.0.0.1:{unused_port}/real"
    for public_url in ("http://localhost:8000", "https://app.example.com"):
        done = run_pytest(
            project,
            AUTHINGO_DATABASE_URL=down,
            AUTHINGO_LISTEN_URL=down,
            AUTHINGO_PUBLIC_URL=public_url,
            AUTHINGO_MAIL__URL=mails.url(),
        )
        assert done.returncode == 0, done.stdout
        assert "4 passed" in done.stdout

    assert mails.received == []


def test_a_program_that_was_imported_before_stops_all_tests(project: Path) -> None:
    (project / "conftest.py").write_text("import main\n\n" + DOCUMENTED["conftest.py"])
    done = run_pytest(project)
    assert done.returncode != 0
    assert "use_database() came too late" in done.stdout + done.stderr
    assert "passed" not in done.stdout
    assert not (project / "authingo.db").exists()


def test_a_store_that_cannot_be_replaced_is_refused(project: Path) -> None:
    (project / "main.py").write_text(
        "from authingo import Auth\n"
        "from authingo.config import Settings\n"
        "from authingo.stores import open_store\n"
        "auth = app = Auth(store=open_store(Settings()))\n"
    )
    done = run_pytest(project)
    assert "use_database() cannot replace a store" in done.stdout
    assert "passed" not in done.stdout


def test_tests_can_have_a_postgresql_of_their_own(project: Path, postgres_url: str) -> None:
    conftest = DOCUMENTED["conftest.py"].replace(
        "use_database()", f"use_database({postgres_url!r})"
    )
    (project / "conftest.py").write_text(conftest)
    (project / "test_password.py").write_text(
        "import asyncio\n"
        "from main import auth\n"
        "def test_it() -> None:\n"
        "    asyncio.run(auth.create_user(email='grace@example.com', password='a good password'))\n"
    )
    done = run_pytest(project)
    assert "5 passed" in done.stdout, done.stdout
    found = execute(postgres_url, "SELECT email, substr(password_hash, 1, 7) FROM authingo_users")
    assert set(found) == {("ada@example.com", "$2b$04$"), ("grace@example.com", "$2b$04$")}


def test_the_generated_tests_never_meet_the_configured_database(
    bare: Runner, tmp_path: Path, unused_port: int
) -> None:
    assert bare("init", "app").code == 0
    config = tmp_path / "app" / "authingo.toml"
    down = f"postgresql://nobody@127.0.0.1:{unused_port}/real"
    real = f'database_url = "{down}"\nlisten_url = "{down}"\n'
    config.write_text(real + config.read_text())
    done = run_pytest(tmp_path / "app")
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"public_url": "http://localhost:8000"},
        {"public_url": "https://app.example.com", "cookies": {"domain": "example.com"}},
    ],
)
def test_a_client_has_the_cookies_of_a_browser(values: dict[str, Any]) -> None:
    """All three, and each once, also after the routes have set them again."""
    auth = Auth(
        settings_from(
            {"database_url": IN_MEMORY, "passwords": {"bcrypt_cost": CHEAPEST_COST}, **values}
        )
    )
    app = FastAPI()
    auth.install(app)
    names = Cookies(auth.settings)
    every = sorted(one.name for one in (names.session, names.refresh, names.device))
    with TestClient(app, base_url=base_url(app)) as client:
        portal = client.portal
        assert portal is not None
        signed_in = login_as(client, "ada@example.com")
        assert client.cookies[names.device.name] == signed_in.tokens.device
        portal.call(auth.set_password, signed_in.user, "correct horse")
        body = {"email": "ada@example.com", "password": "correct horse"}
        for _ in range(2):
            login_as(client, "ada@example.com")
            assert client.post("/api/auth/refresh").status_code == 200
            assert client.post("/api/auth/sign-in", json=body).status_code == 200
            assert sorted(one.name for one in client.cookies.jar) == every
            assert client.post("/api/auth/sign-out").status_code == 200
            assert [one.name for one in client.cookies.jar] == [names.device.name]
