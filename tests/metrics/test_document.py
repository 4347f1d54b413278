"""What docs/metrics.md shows is what happens, and the dashboard asks for what there is."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from authingo.metrics.families import FAMILIES
from tests.documents import blocks, read, table
from tests.metrics.scrapes import checks, requests, scraped
from tests.program import await_listening, free_port, run_program
from tests.server import Browser
from tests.test_readme import PROGRAM
from tests.waiting import until

PAGE = read("docs/metrics.md")
DASHBOARD = read("docs/dashboard.json")
OWN_REGISTRY, OPENTELEMETRY = blocks(PAGE, "python")


def test_the_settings_work_as_printed(bare_env: dict[str, str], tmp_path: Path) -> None:
    """And the dashboard and the page name no series that Prometheus does not get."""
    (settings,) = blocks(PAGE, "toml")
    (scrape_config,) = blocks(PAGE, "yaml")
    port, shared = free_port(), tmp_path / "shared"
    assert re.findall(r'targets: \["127.0.0.1:(\d+)"\]', scrape_config) == ["9464"]
    settings = settings.replace("9464", str(port)).replace("/run/example", str(shared))
    (tmp_path / "authingo.toml").write_text(settings)
    (tmp_path / "authingo.toml").chmod(0o600)
    (tmp_path / "main.py").write_text(PROGRAM)
    with run_program(tmp_path, bare_env, "uvicorn main:app --workers 2") as served:
        browser = Browser(f"http://127.0.0.1:{served}")
        browser.sign_up()
        # Each of these makes the first series of a metric.
        for expected in [401] * 5 + [429]:
            browser.cookies.clear()
            assert browser.sign_in(email="eve@example.com").status == expected
        until(lambda: scraped(port).get("authingo_listening_processes"), "nobody listens")
        until(lambda: "authingo_hashing_waiting" in scraped(port), "no queue is looked at")
        there = {re.sub(r"\{.*", "", series) for series in scraped(port)}
    for text in (DASHBOARD, PAGE):
        named = set(re.findall(r"\bauthingo_[a-z_]+\b", text)) - _HISTOGRAMS
        assert len(named) > 10
        assert named <= there


_HISTOGRAMS = {family.name for family in FAMILIES if family.kind == "histogram"}


def test_the_table_has_every_metric_with_its_labels() -> None:
    shown = {row[0].strip("`"): (row[1], row[2]) for row in table(PAGE, "Metric")}
    assert shown == {
        family.name + ("_total" if family.kind == "counter" else ""): (
            family.kind,
            ", ".join(f"`{label}`" for label in family.labels) or "none",
        )
        for family in FAMILIES
    }


def test_the_table_has_every_limit() -> None:
    called = r"(?:_counter|_mails|_of_networks|_device_hashing|_hashing)\(([^)]*)"
    calls = " ".join(re.findall(called, read("authingo/limits.py")))
    named = set(re.findall(r'"([a-z -]+)"', calls)) - {"forgets", "gives back", "keeps"}
    shown = {name for row in table(PAGE, "Limit") for name in re.findall(r"`(\w+)`", row[0])}
    assert shown == {name.replace(" ", "_").replace("-", "_") for name in named}


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads(DASHBOARD)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids) > 8
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["targets"]
        for target in panel["targets"]:
            expression = target["expr"]
            assert expression.count("(") == expression.count(")")
            assert 'job=~"$job"' in expression
            for name, asked in re.findall(r"(authingo_\w+)\{([^}]*)\}", expression):
                (family,) = [
                    one
                    for one in FAMILIES
                    if re.fullmatch(rf"{one.name}(_total|_bucket|_sum|_count)?", name)
                ]
                assert set(re.findall(r"(\w+)[=!]", asked)) <= {"job", *family.labels}


def test_a_registry_of_its_own_as_printed(bare_env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(OWN_REGISTRY)
    port = free_port()
    env = bare_env | {"AUTHINGO_METRICS__ENABLED": "true", "METRICS_PORT": str(port)}
    with run_program(tmp_path, env) as served:
        browser = Browser(f"http://127.0.0.1:{served}")
        browser.sign_up()
        for _ in range(3):
            assert browser.post("/api/orders", base="").status == 200
        shown = scraped(port)
        assert shown["orders_total"] == 3
        assert requests(shown) == {("POST", "/sign-up", "ok"): 1}
        assert sum(checks(shown).values()) == 3


def test_opentelemetry_as_printed(bare_env: dict[str, str], tmp_path: Path) -> None:
    """What it exports when the program ends has all that happened."""
    (tmp_path / "main.py").write_text(OPENTELEMETRY)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "main:app", "--no-access-log", "--port", str(port)],
        cwd=tmp_path,
        env=bare_env | {"AUTHINGO_METRICS__OPENTELEMETRY": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_listening(port, process)
        browser = Browser(f"http://127.0.0.1:{port}")
        browser.sign_up()
        assert browser.sign_in(password="wrong").status == 401
    finally:
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=60)
    exported, _ = json.JSONDecoder().raw_decode(printed.decode())
    shown = {
        metric["name"]: {
            tuple(sorted(point["attributes"].items())): point["value"]
            for point in metric["data"]["data_points"]
        }
        for resource in exported["resource_metrics"]
        for scope in resource["scope_metrics"]
        if scope["scope"]["name"] == "authingo"
        for metric in scope["metrics"]
    }
    sign_up = {"method": "POST", "outcome": "ok", "route": "/sign-up"}
    assert shown["authingo.requests"][tuple(sign_up.items())] == 1
    assert shown["authingo.events"][("event", "sign_in_failed"),] == 1
    assert shown["authingo.hashing_wait.calls"][()] == 2
    assert 0 < shown["authingo.store.time"][("verb", "users.add_with_session"),] < 30
    assert shown["authingo.processes"][()] == 1
