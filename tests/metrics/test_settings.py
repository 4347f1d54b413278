"""The settings of metrics, the library, and what doctor says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from authingo import Auth
from authingo.config import Settings, settings_from
from authingo.errors import ConfigError
from tests.command import Runner

LISTEN = {"listen": "127.0.0.1:9464"}
LOADED = """\
import sys
from authingo import Auth
from authingo.config import settings_from
auth = Auth(settings_from({}))
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"listen": "9464"}, "such as 127.0.0.1:9464"),
        ({"listen": "localhost:99999"}, "such as 127.0.0.1:9464"),
        ({"directory": "/run/example"}, "metrics are off"),
    ],
)
def test_what_cannot_work_is_refused(table: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings_from({"metrics": table})
    assert says in error.value.explained


@pytest.mark.parametrize(
    ("table", "says"),
    [(LISTEN, "authingo[metrics]"), ({"opentelemetry": True}, "opentelemetry-sdk")],
)
def test_without_the_library_an_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, table: dict[str, object], says: str
) -> None:
    monkeypatch.setattr("authingo.metrics.settings.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as error:
        settings_from({"metrics": table})
    assert says in error.value.explained
    with pytest.raises(ConfigError) as error:
        _ = Auth(settings_from({"metrics": {"enabled": True}})).metrics
    assert "authingo[metrics]" in error.value.explained


def test_where_they_are_off_there_are_none(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigError) as error:
        _ = Auth(make_settings()).metrics
    assert "metrics.enabled = true" in error.value.explained


@pytest.mark.parametrize(("table", "there"), [("", False), ('"metrics": {"enabled": True}', True)])
def test_a_library_is_imported_only_to_show_metrics(table: str, there: bool) -> None:
    program = LOADED.replace("{}", f"{{{table}}}")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules = done.stdout.split()
    assert ("authingo.metrics.measures" in modules) is there
    assert not {"prometheus_client", "opentelemetry"} & set(modules)


def test_doctor_warns_of_an_address_that_others_reach(authingo: Runner) -> None:
    def metrics(**variables: str) -> list[str]:
        checks = authingo("doctor", "--json", **variables).json["checks"]
        return [one["status"] for one in checks if one["name"] == "metrics"]

    assert metrics() == []
    assert metrics(AUTHINGO_METRICS__LISTEN="127.0.0.1:9464") == ["ok"]
    assert metrics(AUTHINGO_METRICS__LISTEN="0.0.0.0:9464") == ["warn"]
    shared = authingo.directory / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    directory = {"AUTHINGO_METRICS__DIRECTORY": str(shared)}
    assert metrics(AUTHINGO_METRICS__LISTEN="[::1]:9464", **directory) == ["warn"]
