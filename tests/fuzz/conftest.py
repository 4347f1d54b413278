"""How long the searching tests search: AUTHINGO_TEST_SECONDS each, a second by default."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, settings

_SECONDS = float(os.environ.get("AUTHINGO_TEST_SECONDS", "1"))
_BATCH = 100  # examples between two looks at the clock

in_batches = settings(
    max_examples=_BATCH,
    database=None,  # what was found goes into a test of its own
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    verbosity=Verbosity.normal,
)


@pytest.fixture
def seconds() -> float:
    return _SECONDS


@pytest.fixture
def until_time_is_up() -> Callable[[Callable[[], None]], None]:
    """Run a property in batches, other examples in each, until its time is up."""

    def run(search: Callable[[], None]) -> None:
        deadline = time.monotonic() + _SECONDS
        search()
        while time.monotonic() < deadline:
            search()

    return run


@pytest.fixture
def nothing_logged_as_error(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An exception that uvicorn caught is an error of ours, whatever was answered."""
    yield
    errors = [record for record in caplog.get_records("call") if record.levelname == "ERROR"]
    assert errors == []
