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

PAGE = read("docs/hooks.md")
(PROGRAM,) = blocks(PAGE, "python")


@pytest.fixture
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program, imported as a server does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AUTHINGO_PASSWORDS__BCRYPT_COST", "4")
    (tmp_path / "main.py").write_text(PROGRAM)
    monkeypatch.delitem(sys.modules, "main", raising=False)
    return importlib.import_module("main")


def test_the_program_does_what_it_says(main: Any) -> None:
    with TestClient(main.app, base_url="https://testserver", headers=CLIENT) as client:

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
