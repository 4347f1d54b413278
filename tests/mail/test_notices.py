"""A notice says what is known, and nothing that is not."""

from __future__ import annotations

import pytest

from authingo.mail.notices import PASSWORD_CHANGED, notice
from authingo.models import Client


@pytest.mark.parametrize("shared", [False, True])
def test_the_address_of_a_proxy_is_not_taken_for_that_of_a_client(shared: bool) -> None:
    client = Client("203.0.113.7", shared=shared)
    facts = notice(PASSWORD_CHANGED, "usr_x", "ada@example.com", client).facts or b""
    assert (b"203.0.113.7" in facts) is not shared
