"""What the tests share."""

import os
from collections.abc import Iterator

import pytest

# Before `main` reads its settings: a database in memory, so that no test touches a real one.
for name in ("AUTHINGO_DATABASE_URL_FILE", "AUTHINGO_LISTEN_URL", "AUTHINGO_LISTEN_URL_FILE"):
    os.environ.pop(name, None)
os.environ["AUTHINGO_DATABASE_URL"] = "sqlite:///:memory:"
os.environ["AUTHINGO_PASSWORDS__BCRYPT_COST"] = "4"  # hashing that costs nothing

from fastapi.testclient import TestClient
from main import app, auth


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A browser's stand-in, signed in nowhere."""
    address = auth.settings.public_url or "https://testserver"
    with TestClient(app, base_url=address, headers={"X-Authingo-Client": "true"}) as client:
        yield client
