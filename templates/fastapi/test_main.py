"""Tests of the program. Run them: .venv/bin/pytest"""

from authingo.testing import login_as
from fastapi.testclient import TestClient


ADA = {"email": "ada@example.com", "password": "correct horse battery", "name": "Ada"}


def test_a_stranger_is_greeted(client: TestClient) -> None:
    assert client.get("/api/hello").json() == {"hello": "stranger"}


def test_strangers_learn_nothing_about_anybody(client: TestClient) -> None:
    answer = client.get("/api/me")
    assert answer.status_code == 401
    assert answer.json()["code"] == "no_session"


def test_who_signs_up_is_known_until_they_sign_out(client: TestClient) -> None:
    assert client.post("/api/auth/sign-up", json=ADA).status_code == 200
    assert client.get("/api/hello").json() == {"hello": "Ada"}
    assert client.get("/api/me").json()["email"] == ADA["email"]
    assert client.post("/api/auth/sign-out").status_code == 200
    assert client.get("/api/me").status_code == 401


def test_your_own_routes_need_no_password(client: TestClient) -> None:
    user = login_as(client, "grace@example.com").user
    assert client.get("/api/me").json()["id"] == user.id
