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
def main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Any:
    """The program, imported as a server does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("AUTHINGO_DATABASE_URL", database_url)
    monkeypatch.setenv("AUTHINGO_PASSWORDS__BCRYPT_COST", "4")
    (tmp_path / "main.py").write_text(PROGRAM)
    monkeypatch.delitem(sys.modules, "main", raising=False)
    return importlib.import_module("main")


def test_the_program_refuses_what_it_says(main: Any) -> None:
    with TestClient(main.app, base_url="https://testserver", headers=CLIENT) as client:
        stranger = {**ADA, "email": "eve@example.org"}
        refused = client.post("/api/auth/sign-up", json=stranger)
        assert (refused.status_code, refused.json()["code"]) == (403, "members_only")
        assert client.post("/api/auth/sign-up", json=ADA).status_code == 200
        main.closed = True
        credentials = {"email": ADA["email"], "password": ADA["password"]}
        refused = client.post("/api/auth/sign-in", json=credentials)
        assert (refused.status_code, refused.json()["code"]) == (409, "closed")
