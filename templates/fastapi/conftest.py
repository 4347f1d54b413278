"""What the tests share."""

from collections.abc import Iterator

import pytest
from authingo.testing import base_url, use_database
from fastapi.testclient import TestClient

use_database()  # in memory; before `main` is imported, so that no test touches a real one

from main import app

# only with plain, react, next
HEADERS = {"X-Authingo-Client": "true"}  # what the client in a page sends
# end
# only with pages
HEADERS = {"Accept": "text/html"}  # what a browser sends to open a page
# end


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A client that acts as a browser, not signed in."""
    with TestClient(app, base_url=base_url(app), headers=HEADERS) as client:
        yield client
