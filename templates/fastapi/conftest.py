"""What the tests share."""

from collections.abc import Iterator

import pytest
from authingo.testing import base_url, use_database
from fastapi.testclient import TestClient

use_database()  # in memory, and before `main` is imported: no test touches a real one

from main import app


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A browser's stand-in, signed in nowhere."""
    with TestClient(app, base_url=base_url(app), headers={"X-Authingo-Client": "true"}) as client:
        yield client
