"""What docs/profile.md shows is what happens."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.documents import blocks, read
from tests.server import ADA, CLIENT

pytestmark = pytest.mark.usefixtures("bare_env")

(PROGRAM,) = blocks(read("docs/profile.md"), "python")

# The two custom fields of fastapi-users' documentation, which takes two lines for each in four
# classes: the table, and what is read, created and updated.
OURS = """
class Profile(BaseModel, frozen=True):
    first_name: Annotated[str, ClientWritable] = ""
    birthdate: Annotated[date | None, ClientWritable] = None
"""
RETURNS_THE_USER = """

@app.get("/api/me")
async def me(user: CurrentUser[Profile]):
    return user


@app.get("/api/typed")
async def typed(user: CurrentUser) -> authingo.User:
    return user
"""


def client_of(program: str) -> TestClient:
    """Return a client of a program, which is run without this module's `from __future__` import."""
    namespace: dict[str, Any] = {}
    exec(compile(program, "main.py", "exec", dont_inherit=True), namespace)
    return TestClient(namespace["app"], base_url="https://testserver", headers={**CLIENT})


def test_the_program_does_what_the_page_says() -> None:
    with client_of(PROGRAM) as client:
        account = {**ADA, "profile": {"birthday": "1815-12-10"}}
        user = client.post("/api/auth/sign-up", json=account).json()["user"]
        assert user["profile"] == {"birthday": "1815-12-10", "plan": "free"}
        report = {"born": "1815-12-10", "complete": False}
        assert client.get("/api/report").json() == report
        assert client.post("/api/upgrade").status_code == 200
        assert client.get("/api/report").json() == report | {"complete": True}
        for body in ({"plan": "free"}, {"notes": "x"}):
            refused = client.patch("/api/auth/user", json={"profile": body})
            assert (refused.status_code, list(refused.json()["fields"])) == (422, ["profile"])
        changed = client.patch("/api/auth/user", json={"profile": {"birthday": None}})
        assert changed.json()["user"]["profile"] == {"birthday": None, "plan": "pro"}


def test_the_openapi_document_has_what_clients_see_and_write() -> None:
    with client_of(PROGRAM) as client:
        document = client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert list(schemas["AuthingoProfile"]["properties"]) == ["birthday", "plan"]
    assert list(schemas["AuthingoProfileChanges"]["properties"]) == ["birthday"]
    assert "notes" not in str(document)
    for path, method in (("/api/auth/user", "patch"), ("/api/auth/sign-up", "post")):
        body = document["paths"][path][method]["requestBody"]["content"]["application/json"]
        written = {"$ref": "#/components/schemas/AuthingoProfileChanges"}
        assert written in body["schema"]["properties"]["profile"]["anyOf"]


def test_types_in_a_profile_are_none_of_the_application() -> None:
    """The document has both where they have the same name, and what is sent as it is sent."""
    program = """
from decimal import Decimal

from authingo import Auth
from fastapi import FastAPI
from pydantic import BaseModel
from tests.profiles import Profile

class Address(BaseModel):
    lines: list[str]

class Priced(Profile, frozen=True):
    price: Decimal = Decimal(0)

auth = Auth.from_config(profile=Priced)
app = FastAPI(lifespan=auth.lifespan)
auth.install(app)

@app.post("/own")
async def own(address: Address) -> Address:
    return address
"""
    with client_of(program) as client:
        schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert list(schemas["Address"]["properties"]) == ["lines"]
    for title in ("AuthingoProfile", "AuthingoProfileChanges"):
        reference = {"$ref": f"#/components/schemas/{title}_Address"}
        assert reference in schemas[title]["properties"]["address"]["anyOf"]
        assert list(schemas[f"{title}_Address"]["properties"]) == ["city", "street"]
    assert schemas["AuthingoProfile"]["properties"]["price"]["type"] == "string"
    assert "banned" not in schemas["AuthingoProfile"]["properties"]


def test_the_custom_fields_of_fastapi_users() -> None:
    """And no migration."""
    own = PROGRAM.partition("class Profile")[2].partition("\n\n\n")[0]
    with client_of(PROGRAM.replace(f"class Profile{own}", OURS.strip())) as client:
        account = {**ADA, "profile": {"first_name": "Ada", "birthdate": "1815-12-10"}}
        created = client.post("/api/auth/sign-up", json=account).json()["user"]["profile"]
        assert created == account["profile"]
        update = {"profile": {"first_name": "Augusta"}}
        updated = client.patch("/api/auth/user", json=update).json()["user"]["profile"]
        assert updated == {"first_name": "Augusta", "birthdate": "1815-12-10"}
        shown = client.get("/api/auth/session").json()["user"]["profile"]
        assert shown == updated


def test_a_route_that_returns_the_user_sends_no_profile() -> None:
    """Above all nothing that is ServerOnly, which no response model of theirs would leave out."""
    with client_of("import authingo\n" + PROGRAM + RETURNS_THE_USER) as client:
        client.post("/api/auth/sign-up", json=ADA)
        for path in ("/api/me", "/api/typed"):
            answer = client.get(path)
            assert answer.json()["email"] == ADA["email"]
            assert "notes" not in answer.text
            assert "profile" not in answer.text
