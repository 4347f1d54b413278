"""Tests of how the built front end is served."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from pages import Pages


def test_a_deep_link_opens_the_application(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("the application")
    app = FastAPI()
    app.mount("/", Pages(tmp_path))
    client = TestClient(app)
    assert client.get("/").text == client.get("/orders/7").text == "the application"
    for missing in ("/api/orders", "/assets/index.js", "/logo.svg"):
        assert client.get(missing).status_code == 404
