"""Tests of the page."""

from fastapi.testclient import TestClient


def test_there_is_a_page(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "My application" in page.text
    for link in (
        "/reset-password",
        "/verify-email",
        "/change-email",
        "/undo-email-change",
        "/undo-deletion",
    ):
        assert client.get(link).text == page.text
    assert client.get("/page.js").status_code == 200
    assert client.get("/main.py").status_code == 404
