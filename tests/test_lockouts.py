"""docs/security.md says how long attackers can keep an owner out, as the simulation finds it."""

from __future__ import annotations

import pytest

from tests.documents import read
from tests.lockouts import ATTACKERS, OWNERS, simulate


@pytest.mark.anyio
@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("attacker", ATTACKERS)
async def test_the_table_is_what_comes_of_the_simulation(attacker: str, owner: str) -> None:
    """`python -m tests.lockouts --write` writes it."""
    row = await simulate(attacker, owner)
    if owner != "new browser elsewhere":
        assert row.at_once == len(row.waits), "whatever the attacker does"
    assert row.line() in read("docs/security.md")
