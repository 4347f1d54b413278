"""A plugin that pip installs works in server, command line, migrations, doctor and OpenAPI."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from authingo import ConfigError, SchemaUnsupported, StoreUnavailable
from authingo.config import Settings
from authingo.stores import Store, open_store
from authingo.stores.migrations import _source
from tests.command import COMMAND
from tests.documents import blocks, read
from tests.program import run_program
from tests.server import Browser

PAGE = read("docs/plugins.md")
SETTINGS = """
public_url = "http://127.0.0.1"
plugins = ["authingo_invitations:InvitationsPlugin"]

[plugin.invitations]
enabled = true
"""
MAIN = """
from authingo import Auth
from fastapi import FastAPI

auth = Auth.from_config()
app = FastAPI(lifespan=auth.lifespan)
auth.install(app)
"""


class Machine:
    """A directory with an application, and the environment in which its programs run."""

    def __init__(self, directory: Path, packages: Path, database_url: str) -> None:
        self.directory = directory
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "PYTHONPATH": str(packages),
            "AUTHINGO_DATABASE_URL": database_url,
            "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
        }

    def run(self, *arguments: str) -> str:
        """Run `authingo`, and return all that it says."""
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.directory,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def schema(self) -> dict[str, str]:
        """Return what `authingo doctor` says about the schema."""
        checks = json.loads(self.run("doctor", "--json").splitlines()[0])["checks"]
        found: dict[str, str] = next(one for one in checks if one["name"] == "schema")
        return found


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has installed the plugin."""
    directory = tmp_path_factory.mktemp("plugin")
    source = directory / "source"
    shutil.copytree(Path(__file__).parent / "invitations", source)
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-q"]
    subprocess.run([*pip, "--target", directory / "site", source], check=True, timeout=300)
    return directory / "site"


def test_a_plugin_of_another_package_works_everywhere(
    installed: Path, tmp_path: Path, database_url: str
) -> None:
    machine = Machine(tmp_path, installed, database_url)
    (tmp_path / "authingo.toml").write_text(SETTINGS)
    (tmp_path / "main.py").write_text(MAIN)
    assert "pending: invitations/0001_guests" in machine.run("migrate", "--status")
    before = machine.schema()
    assert (before["status"], before["hint"]) == ("fail", "run `authingo migrate`")
    assert "invitations/0001_guests" in before["message"]
    assert "applied invitations/0001_guests" in machine.run("migrate")
    with run_program(tmp_path, machine.env) as port:
        ada = Browser(f"http://127.0.0.1:{port}")
        paths = ada.get("/openapi.json", base="").json["paths"]
        assert "/api/auth/invitations/accept" in paths
        ada.sign_up()
        token = ada.post("/invitations").json["token"]
        accept = {"token": token, "name": "Grace"}
        assert Browser(ada.url).post("/invitations/accept", accept).status == 200
        assert ada.get("/invitations/guests").json == {"guests": ["Grace"]}
    assert "invitation_accepted" in machine.run("events", "list", "--event", "invitation_accepted")


def test_the_plugin_of_the_document_works(tmp_path: Path, database_url: str) -> None:
    """Written as the page says: three files of a package, the settings and the program."""
    toml, program = blocks(PAGE, "toml"), blocks(PAGE, "python")
    (script,) = blocks(PAGE, "sql")
    package = tmp_path / "terms"
    for kind in ("postgres", "sqlite"):
        (package / "migrations" / kind).mkdir(parents=True)
        (package / "migrations" / kind / "0001_accepted.sql").write_text(script)
    (package / "__init__.py").write_text(program[0])
    (tmp_path / "authingo.toml").write_text(toml[0])
    (tmp_path / "main.py").write_text(MAIN)
    machine = Machine(tmp_path, tmp_path, database_url)
    assert "applied terms/0001_accepted" in machine.run("migrate")
    with run_program(tmp_path, machine.env) as port:
        ada = Browser(f"http://127.0.0.1:{port}")
        assert ada.post("/terms").code == "no_session"
        ada.sign_up()
        assert ada.get("/terms").json == {"version": "2026-11", "accepted": False}
        assert ada.post("/terms").json == {"version": "2026-11", "accepted": True}
        assert ada.post("/terms").status == 200
        assert ada.get("/terms").json == {"version": "2026-11", "accepted": True}
    assert "terms_accepted" in machine.run("events", "list", "--event", "terms_accepted")


_BROKEN = """
from authingo import Plugin


class Broken(Plugin):
    id = "broken"
    migrations = "broken_plugin"
"""
_GOOD = "CREATE TABLE authingo_broken_things (id text);\n"


@pytest.fixture
def broken(
    tmp_path: Path, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Store]:
    """Make a store whose plugin has one migration with this text."""
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "broken_plugin"

    def make(text: str) -> Store:
        _source.cache_clear()  # kept in a process, as the module is
        monkeypatch.delitem(sys.modules, "broken_plugin", raising=False)
        for kind in ("postgres", "sqlite"):
            (package / "migrations" / kind).mkdir(parents=True, exist_ok=True)
            (package / "migrations" / kind / "0001_things.sql").write_text(text)
        (package / "__init__.py").write_text(_BROKEN)
        return open_store(make_settings(plugins=["broken_plugin:Broken"]))

    return make


def test_a_migration_that_fails_leaves_the_status_readable(
    broken: Callable[[str], Store],
) -> None:
    """And nothing of it is done; when it is corrected, it is applied."""

    async def run() -> None:
        store = broken(_GOOD + "CREATE TABLE authingo_broken_others (id text) nonsense;\n")
        await store.open(create=False)
        with pytest.raises(StoreUnavailable):
            await store.migrate()
        status = await store.schema()
        assert [one.name for one in status.pending] == ["broken/0001_things"]
        assert status.current == status.latest
        with pytest.raises(StoreUnavailable, match="broken/0001_things is pending"):
            await store.users.page(limit=1)
        await store.close()

        store = broken(_GOOD)
        await store.open(create=False)
        assert await store.migrate() == ["broken/0001_things"]
        assert await store.users.page(limit=1) == []
        await store.close()

        store = broken(_GOOD + "-- another text\n")
        await store.open(create=False)
        with pytest.raises(SchemaUnsupported) as refused:
            await store.schema()
        assert "plugin broken" in refused.value.explained
        await store.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "text", ["ALTER TABLE authingo_users ADD COLUMN plan text;", "create table if not exists plans"]
)
def test_a_plugin_changes_only_its_own_tables(broken: Callable[[str], Store], text: str) -> None:
    with pytest.raises(ConfigError, match="begin with authingo_broken_"):
        broken(text)
