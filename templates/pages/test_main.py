"""Tests of the program. Run them: .venv/bin/pytest"""

from authingo.testing import login_as
from fastapi.testclient import TestClient

OWN_FORM = {"Sec-Fetch-Site": "same-origin"}  # what browsers say of a form's page
OTHER_SITE = {"Sec-Fetch-Site": "cross-site"}


def test_everybody_sees_the_first_page(client: TestClient) -> None:
    assert "/auth/sign-in" in client.get("/").text
    login_as(client, "ada@example.com")
    assert "/auth/sign-in" not in client.get("/").text
    assert "Your notes" in client.get("/").text


def test_strangers_sign_in_first(client: TestClient) -> None:
    answer = client.get("/notes", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/auth/sign-in?next=%2Fnotes"
    assert "Sign in" in client.get("/auth/sign-in").text


def test_a_note_is_its_users_own(client: TestClient) -> None:
    login_as(client, "ada@example.com")
    shown = client.post("/notes", data={"text": "<b>milk</b>"}, headers=OWN_FORM).text
    assert "&lt;b&gt;milk&lt;/b&gt;" in shown, "a note is text, never markup"
    login_as(client, "grace@example.com")
    assert "milk" not in client.get("/notes").text


def test_another_site_cannot_send_a_form(client: TestClient) -> None:
    login_as(client, "ada@example.com")
    for path in ("/notes", "/sign-out"):
        answer = client.post(path, data={"text": "spam"}, headers=OTHER_SITE)
        assert answer.status_code == 403
    assert "spam" not in client.get("/notes").text


def test_who_signs_out_is_a_stranger_again(client: TestClient) -> None:
    login_as(client, "ada@example.com")
    client.post("/sign-out", headers=OWN_FORM)
    assert "/auth/sign-in" in client.get("/").text
