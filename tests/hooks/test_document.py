"""docs/hooks.md: its program runs as printed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.documents import blocks, read
from tests.server import ADA, CLIENT
from tests.waiting import until

PAGE = read("docs/hooks.md")
PROGRAM, REGISTERED = blocks(PAGE, "python")


@pytest.fixture
def main(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A program, imported as a server does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AUTHINGO_PASSWORDS__BCRYPT_COST", "4")
    (tmp_path / "main.py").write_text(request.param)
    monkeypatch.delitem(sys.modules, "main", raising=False)
    return importlib.import_module("main")


@pytest.mark.parametrize("main", [PROGRAM], indirect=True)
def test_the_program_does_what_it_says(main: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with TestClient(main.app, base_url="https://testserver", headers={**CLIENT}) as client:

        def sign_up(email: str) -> tuple[int, str | None]:
            answer = client.post("/api/auth/sign-up", json={**ADA, "email": email})
            return answer.status_code, answer.json().get("code")

        assert sign_up("eve@example.org") == (403, "members_only")
        assert sign_up(ADA["email"]) == (200, None)
        assert sign_up("grace@example.com") == (200, None)
        assert sign_up("eve@example.com") == (409, "full")
        grace = client.get("/api/auth/session").json()["user"]["id"]
        assert client.portal is not None
        client.portal.call(main.auth.delete_user, grace)
        assert sign_up("eve@example.com") == (200, None)
        main.closed = True
        credentials = {"email": ADA["email"], "password": ADA["password"]}
        refused = client.post("/api/auth/sign-in", json=credentials)
        assert (refused.status_code, refused.json()["code"]) == (409, "closed")
        said: list[str] = []

        def letters() -> int:
            said.extend(capsys.readouterr().out.split("a letter to")[1:])
            return len(said)

        until(lambda: letters() == 3, "somebody got no letter")


@pytest.mark.parametrize("main", [REGISTERED], indirect=True)
def test_on_after_register_of_fastapi_users(main: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Theirs needs a class of its own and a dependency that makes it: twelve lines for one."""
    with TestClient(main.app, base_url="https://testserver", headers={**CLIENT}) as client:
        user = client.post("/api/auth/sign-up", json=ADA).json()["user"]
        said: list[str] = []

        def printed() -> str:
            said.append(capsys.readouterr().out)
            return "".join(said)

        until(printed, "nothing was printed")
        assert printed() == f"User {user['id']} has registered.\n"
