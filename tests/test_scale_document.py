"""The tables of docs/scale.md follow from bench/results.json, and the model adds up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.capacity import STORAGE, Costs, Load, Needs
from bench.capacity_page import SESSIONS, SHARES, filled
from tests.documents import read

KINDS = ("check from memory", "check", "refresh", "last use", "sign-in", "revocation")


def measured() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(read("bench/results.json"))["scale"]
    return result


def free() -> dict[str, Any]:
    """Return the result of a machine on which nothing costs anything."""
    return {
        "costs": {kind: {"server_us": 0, "database_us": 0, "wal": 0} for kind in KINDS},
        "bytes": {"user": 0, "session": 8192, "session_indexes": 0, "device": 0, "event": 0},
        "bcrypt_ms": 0,
        "memory": {"worker_mb": 50, "session_bytes": 1000},
        "notices": [
            {"listeners": 0, "rate": 5000, "database_us": 100},
            {"listeners": 100, "rate": 400, "database_us": 1100},
        ],
        "pool_size": 10,
    }


def test_the_tables_follow_from_what_was_measured() -> None:
    page = read("docs/scale.md")
    assert page.count("<!-- bench: ") == page.count("<!-- end -->") > 5
    assert filled(page, measured()) == page, "run: python -m bench --only scale"


@pytest.mark.parametrize("remembered", [True, False])
def test_the_databases_that_a_row_names_are_enough_and_half_of_them_are_not(
    remembered: bool,
) -> None:
    costs = Costs(measured())
    for sessions in SESSIONS:
        for share in SHARES:
            needs = Needs(costs, Load(sessions, share), remembered)
            assert not needs.share_of(needs.databases).excesses
            assert needs.databases == 1 or needs.share_of(needs.databases // 2).excesses


def test_a_core_is_planned_to_be_busy_for_half_of_the_time() -> None:
    result = free()
    result["costs"]["refresh"] |= {"server_us": 2000, "database_us": 1000}
    needs = Needs(Costs(result), Load(900_000, 1.0), remembered=False)  # 1,000 refreshes a second
    assert needs.workers == pytest.approx(4)
    assert needs.database == pytest.approx(2)


def test_every_listener_receives_every_heartbeat_and_none_is_sent_with_the_cache_off() -> None:
    result = free()
    result["costs"]["check from memory"]["server_us"] = 1000
    load = Load(3_000_000, 0.1)  # 10,000 checks a second: 20 processes
    remembered, asked = (Needs(Costs(result), load, each) for each in (True, False))
    assert remembered.processes == 20
    assert remembered.deliveries == pytest.approx(20 * (20 + load.revocations))
    assert remembered.database == pytest.approx(remembered.deliveries * 10e-6 / 0.5)
    assert remembered.connections == 20 * 12
    assert (asked.deliveries, asked.database) == (0, 0)


def test_wal_is_that_of_an_average_second_and_page_images_of_pages_in_use() -> None:
    result = free()
    result["costs"]["refresh"]["wal"] = 500
    needs = Needs(Costs(result), Load(900_000, 1.0))
    assert needs.wal == pytest.approx(500 * 500 * 86_400)
    few = Needs(Costs(result), Load(900_000, 0.0001))  # 90 sessions at the busiest minute
    assert few.page_images == pytest.approx(45 * 8192 * 288, rel=0.001)  # each in a page of its own


def test_what_is_too_much_is_named() -> None:
    result = free()
    assert Needs(Costs(result), Load(1e6, 0.1), remembered=True).excesses == []
    assert "notices" in Needs(Costs(result), Load(1e9, 0.0001)).excesses  # 770 revocations a second
    result["costs"]["check from memory"]["server_us"] = 1000
    many = Needs(Costs(result), Load(1e8, 0.1), remembered=True)  # 667 processes
    assert many.excesses == ["connections"]
    too_large = STORAGE / 8192 * 1.1
    assert "storage" in Needs(Costs(result), Load(too_large, 0.0001)).excesses
    assert "vacuum" in Needs(Costs(result), Load(1e9, 1.0)).excesses
    result["costs"]["last use"]["database_us"] = 1000
    assert Needs(Costs(result), Load(1e8, 0.1)).excesses == ["cores"]
