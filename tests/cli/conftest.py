"""Commands in a directory of their own, without a database and with one of each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.command import Runner


@pytest.fixture
def make_user(authingo: Runner) -> Callable[..., dict[str, Any]]:
    """Create a user with a password that is always the same."""

    def make(email: str = "ada@example.com", *options: str) -> dict[str, Any]:
        command = ("users", "create", email, "--password-stdin", "--json", *options)
        ran = authingo(*command, stdin="correct horse battery\n")
        assert ran.code == 0, ran.err
        user: dict[str, Any] = ran.json
        return user

    return make
