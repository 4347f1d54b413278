"""What the pages in docs/ show is what happens. Some pages have a test file of their own."""

from __future__ import annotations

import asyncio
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from authingo import errors
from authingo.http.cookies import Cookies
from authingo.http.routes import all_routes
from authingo.testing import login_as
from authingo.tokens import DeviceToken
from tests.documents import blocks, read, table
from tests.program import run_program
from tests.server import ADA, CLIENT, Browser
from tests.test_readme import PROGRAM, use

FASTAPI = read("docs/fastapi.md")
HTTP = read("docs/http.md")
OPERATIONS = read("docs/operations.md")
ROUTER, OWN_LIFESPAN, WITHOUT_FASTAPI, BY_OTHER_MEANS = blocks(FASTAPI, "python")


# docs/fastapi.md


@pytest.mark.usefixtures("bare_env")
def test_a_lifespan_of_your_own() -> None:
    own = PROGRAM.replace(
        "app = FastAPI(lifespan=auth.lifespan)",
        f"{OWN_LIFESPAN}\n\napp = FastAPI(lifespan=lifespan)",
    )
    assert own != PROGRAM
    use(
        "from contextlib import asynccontextmanager\n"
        "from collections.abc import AsyncIterator\n" + own
    )


@pytest.mark.usefixtures("bare_env")
def test_a_router_behind_a_guard() -> None:
    namespace: dict[str, Any] = {}
    exec(PROGRAM + ROUTER, namespace)

    async def thing() -> str:
        return "private"

    namespace["private"].add_api_route("/thing", thing)
    namespace["app"].include_router(namespace["private"])
    with TestClient(namespace["app"], base_url="https://testserver", headers={**CLIENT}) as client:
        assert client.get("/api/private/thing").status_code == 401
        login_as(client, "ada@example.com")
        assert client.get("/api/private/thing").json() == "private"


@pytest.mark.usefixtures("bare_env")
def test_a_program_without_fastapi() -> None:
    namespace: dict[str, Any] = {}
    exec(WITHOUT_FASTAPI, namespace)
    routes = TestClient(
        namespace["auth"].handler, base_url="https://testserver", headers={**CLIENT}
    )
    greeting = TestClient(namespace["app"], base_url="https://testserver", headers={**CLIENT})
    # Neither is held open by `with`: they would be two event loops at the same time.
    assert greeting.get("/").status_code == 401
    assert routes.post("/sign-up", json=ADA).status_code == 200
    greeting.cookies.update(routes.cookies)
    assert greeting.get("/").text == f"Hello {ADA['name']}"
    asyncio.run(namespace["auth"].close())


@pytest.mark.usefixtures("bare_env")
def test_signing_in_by_other_means() -> None:
    """It sets all three cookies, and others who use the browser stay recognized."""
    namespace: dict[str, Any] = {}
    exec(PROGRAM + BY_OTHER_MEANS, namespace)
    auth, app = namespace["auth"], namespace["app"]

    async def whoever_has_proved_to_be(request: Any) -> Any:
        return await auth.find_user(request.query_params["email"])

    namespace["whoever_has_proved_to_be"] = whoever_has_proved_to_be
    with TestClient(app, base_url="https://testserver", headers={**CLIENT}) as client:
        portal = client.portal
        assert portal is not None
        for email in ("ada@example.com", "bob@example.com"):
            portal.call(partial(auth.create_user, email=email))
        for email in ("bob@example.com", *["ada@example.com"] * 4):
            assert client.post("/enter", params={"email": email}).status_code == 200
            assert client.get("/api/me").json() == {"email": email}
        assert client.post("/api/auth/refresh").status_code == 200
        tokens = DeviceToken.parse_all(client.cookies[Cookies(auth.settings).device.name])
        known = portal.call(auth.store.devices.find, [one.digest for one in tokens])
        recognized = [known[one.digest].user.email for one in tokens]
        assert recognized == ["ada@example.com", "bob@example.com"]


# docs/http.md


def test_the_routes_of_the_table_are_the_routes() -> None:
    shown = {tuple(row[0].strip("`").split()) for row in table(HTTP, "Route")}
    assert shown == {(route.method, f"/api/auth{route.path}") for route in all_routes()}


def test_the_errors_of_the_table_are_those_of_the_routes_with_their_status() -> None:
    shown = {row[0].strip("`"): int(row[1]) for row in table(HTTP, "Code")}
    assert len(shown) > 15
    known = {
        kind.code: kind.status
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.AuthError) and "code" in vars(kind)
    }
    assert {code: known.get(code) for code in shown} == shown


# docs/operations.md


def test_the_production_command_runs_as_printed(bare_env: dict[str, str], tmp_path: Path) -> None:
    (command,) = re.findall(r"`(WEB_CONCURRENCY=4 uvicorn [^`]*)`", OPERATIONS)
    (tmp_path / "main.py").write_text(PROGRAM)
    variables, _, arguments = command.rpartition("uvicorn ")
    env = bare_env | dict(word.split("=") for word in variables.split())
    with run_program(tmp_path, env, f"uvicorn {arguments}") as port:
        browser = Browser(f"http://127.0.0.1:{port}")
        browser.sign_up()
        assert browser.get("/api/me", base="").json == {"email": ADA["email"]}


def test_the_commands_run_in_the_order_shown(bare_env: dict[str, str], tmp_path: Path) -> None:
    (console,) = blocks(OPERATIONS, "console")
    lines = [line.removeprefix("$ ") for line in console.splitlines()]
    assert len(lines) > 5
    # A shell of one's own, as somebody who copies the lines has: `cd` counts.
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        env=bare_env,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ada@example.com" in done.stdout
    assert (tmp_path / "my-app" / "users.csv").read_text().count("\n") == 2


def test_every_command_of_the_table_exists_with_its_options(
    bare_env: dict[str, str], tmp_path: Path
) -> None:
    rows = table(OPERATIONS, "Command")
    assert len(rows) > 5
    for first, described in rows:
        words = first.strip("`").split()
        command = [word for word in words if word.islower()]
        done = subprocess.run(
            [*command, "--help"],
            env=bare_env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        for option in re.findall(r"--[a-z-]+", described):
            assert option in done.stdout, f"{first}: {option}"
