"""`authingo doctor` as a process, on both stores, where something is wrong and where nothing is."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from authingo.cli.checks import configuration, passwords

from authingo.config import settings_from
from authingo.ids import new_id
from tests.cli.test_sessions_prune import sign_in_often
from tests.command import Ran, Runner
from tests.database import age_sessions, execute, sqlite_path

ALWAYS = ["config_file", "public_url", "limits", "trusted_origins", "trusted_proxies"]
COST = {"AUTHINGO_PASSWORDS__BCRYPT_COST": "10"}  # the tests' own, 4, fails


def diagnosed(authingo: Runner, *options: str, **variables: str) -> tuple[Ran, dict[str, Any]]:
    ran = authingo("doctor", "--json", *options, **COST, **variables)
    value = ran.json
    assert value.keys() == {"ok", "checks"}
    for check in value["checks"]:
        assert check.keys() == {"name", "status", "message", "hint"}
        assert (check["status"] == "ok") == (check["hint"] is None), check
    failed = [one["name"] for one in value["checks"] if one["status"] == "fail"]
    assert (value["ok"], ran.code) == (not failed, 1 if failed else 0)
    if failed:
        assert json.loads(ran.err)["code"] == "checks_failed"
    else:
        assert ran.err == ""
    return ran, {one["name"]: one for one in value["checks"]}


def failing(checks: dict[str, Any]) -> list[str]:
    return [name for name, check in checks.items() if check["status"] == "fail"]


def test_where_all_is_well_it_says_so_and_changes_nothing(authingo: Runner) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    _, checks = diagnosed(authingo, AUTHINGO_PUBLIC_URL="https://example.com")
    assert failing(checks) == []
    assert list(checks)[: len(ALWAYS)] == ALWAYS
    expected = {
        "database",
        "latency",
        "clock",
        "schema",
        "pruning",
        "proxies",
        "password_cost",
        "slowest_hash",
    }
    own = {"sqlite": {"file_modes", "file_system"}, "postgresql": {"connections", "revocations"}}
    assert expected | own[url.partition(":")[0]] <= checks.keys()
    ((latest,),) = execute(url, "SELECT count(*) FROM authingo_migrations")
    assert checks["schema"]["message"] == f"current ({latest}) and as the migrations made it"
    if url.startswith("postgres"):
        assert checks["revocations"]["status"] == "ok"
    assert execute(url, "SELECT count(*) FROM authingo_events") == [(0,)]


def test_what_is_wrong_is_named_with_its_fix(authingo: Runner) -> None:
    """A dropped trigger, a week without pruning, a proxy that nobody trusts, too many workers."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    sign_in_often(url, 3)
    age_sessions(url, timedelta(days=37).total_seconds())
    on = "" if url.startswith("sqlite") else " ON authingo_sessions"
    execute(url, f"DROP TRIGGER authingo_sessions_deleted{on}")
    _, checks = diagnosed(authingo, "--workers", "100")
    assert "trigger authingo_sessions_deleted" in checks["schema"]["message"]
    assert "3 expired sessions to prune, the oldest for 7 days" in checks["pruning"]["message"]
    assert checks["pruning"]["hint"].startswith("run `authingo sessions prune`")
    if url.startswith("sqlite"):
        assert failing(checks) == ["schema"]
        return
    assert failing(checks) == ["connections", "schema"]
    assert "100 x (pool_size 10 + 2) = 1200 at most" in checks["connections"]["message"]
    assert "triggers of authingo are missing" in checks["revocations"]["message"]


def test_a_proxy_that_a_server_met_fails_until_it_is_trusted(authingo: Runner) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    at = "0" if url.startswith("sqlite") else "now()"
    for ip in ("10.0.0.7", "127.0.0.1"):
        execute(
            url,
            "INSERT INTO authingo_events (id, at, name, ip)"
            f" VALUES ('{new_id('evt_')}', {at}, 'proxy_not_trusted', '{ip}')",
        )
    _, checks = diagnosed(authingo, AUTHINGO_TRUSTED_PROXIES="127.0.0.1")
    assert failing(checks) == ["proxies"]
    assert checks["proxies"]["message"].startswith("10.0.0.7 passed on the requests of others")
    _, checks = diagnosed(authingo, AUTHINGO_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8")
    assert failing(checks) == []
    execute(
        url,
        "INSERT INTO authingo_events (id, at, name)"
        f" VALUES ('{new_id('evt_')}', {at}, 'proxy_not_trusted')",
    )
    _, checks = diagnosed(authingo, AUTHINGO_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8")
    assert failing(checks) == ["proxies"]
    assert "--no-proxy-headers" in checks["proxies"]["hint"]


def test_a_schema_that_is_behind_or_altered_fails(bare: Runner) -> None:
    url = f"sqlite:///{bare.directory}/authingo.db"
    sqlite_path(url).touch(0o600)
    _, checks = diagnosed(bare)
    assert failing(checks) == ["schema"]
    assert checks["schema"]["hint"] == "run `authingo migrate`"
    assert "latency" not in checks
    bare("migrate")
    execute(url, "UPDATE authingo_migrations SET checksum = 'x' WHERE number = 2")
    _, checks = diagnosed(bare)
    assert failing(checks) == ["schema"]
    assert "was applied with another text" in checks["schema"]["message"]


def test_modes_that_let_others_in_fail(bare: Runner) -> None:
    """In the database, its directory, and a configuration with a password in it."""
    bare("migrate")
    file = bare.directory / "authingo.toml"
    file.write_text('database_url = "sqlite:///authingo.db"\n')
    file.chmod(0o644)
    database_file = bare.directory / "authingo.db"
    database_file.chmod(0o640)
    bare.directory.chmod(0o777)
    _, checks = diagnosed(bare)
    assert failing(checks) == ["configuration"], "anybody could have put the file there"
    assert checks["configuration"]["hint"].startswith(f"chmod o-w {bare.directory}")
    _, checks = diagnosed(bare, "--config", str(file))
    assert failing(checks) == ["database"]
    assert checks["database"]["hint"].startswith(f"chmod o-w {bare.directory}")
    bare.directory.chmod(0o700)
    _, checks = diagnosed(bare)
    assert failing(checks) == ["file_modes"]
    assert checks["file_modes"]["hint"].startswith(f"chmod 600 {database_file}")
    database_file.chmod(0o600)
    file.write_text('database_url = "postgresql://ada:hunter2@127.0.0.1:1/x"\n')
    ran, checks = diagnosed(bare)
    assert failing(checks) == ["config_file", "database"]
    assert checks["config_file"]["hint"].startswith(f"chmod 600 {file}")
    assert "hunter2" not in ran.out + ran.err
    file.chmod(0o600)
    secret = bare.directory / "url"
    secret.write_text("sqlite:///authingo.db")
    secret.chmod(0o644)
    for named in (str(secret), f'"{secret}"'):  # `docker run --env-file` keeps quotes
        _, checks = diagnosed(bare, AUTHINGO_DATABASE_URL_FILE=named)
        assert (checks["secret_file"]["status"], failing(checks)) == ("warn", [])


def test_without_a_database_the_rest_is_still_looked_at(bare: Runner) -> None:
    for url, says in (
        ("sqlite:///authingo.db", "there is no database at"),
        ("postgresql://ada:hunter2@127.0.0.1:1/x", "cannot be reached"),
        ("postgresql://ada:hunter2@/x?host=/nowhere", "cannot be reached"),
    ):
        ran, checks = diagnosed(bare, AUTHINGO_DATABASE_URL=url)
        assert failing(checks) == ["database"]
        assert says in checks["database"]["message"]
        assert "what needs it was not looked at" in checks["database"]["message"]
        assert {"password_cost", "public_url"} <= checks.keys()
        assert "hunter2" not in ran.out + ran.err
    assert list(bare.directory.iterdir()) == [], "it makes none"


def test_a_configuration_that_cannot_work_is_a_check_that_fails(bare: Runner) -> None:
    (bare.directory / "authingo.toml").write_text("database_url = 'mysql://u:hunter2@h/d'")
    ran, checks = diagnosed(bare)
    assert failing(checks) == list(checks) == ["configuration"]
    assert "database_url: must begin" in checks["configuration"]["message"]
    assert "hunter2" not in ran.out + ran.err


def test_people_get_lines_with_marks_and_colours_on_a_terminal_alone(bare: Runner) -> None:
    bare("migrate")
    bare.env |= COST
    plain = bare("doctor")
    assert plain.code == 0
    assert "\x1b" not in plain.out + plain.err
    assert "checks: " in plain.err
    assert "none failed" in plain.err
    assert [line for line in plain.out.splitlines() if line and not line.startswith(" ")] == [
        "Configuration",
        "Database",
        "This machine",
    ]
    shown = bare.on_terminal("doctor", columns=60)
    assert "\x1b[32m✓\x1b[0m" in shown.out
    lines = re.sub(r"\x1b\[\d+m", "", shown.out).split("\r\n")
    assert max(len(line) for line in lines if str(bare.directory) not in line) <= 60
    bare.env["NO_COLOR"] = "1"
    assert "\x1b" not in bare.on_terminal("doctor").out
    (bare.directory / "authingo.db").chmod(0o644)
    failed = bare("doctor")
    assert failed.code == 1
    assert failed.err.startswith("error: 1 check failed: file_modes\nhint: ")


def test_what_is_asked_for_alone_is_looked_at(bare: Runner) -> None:
    """No database is needed to predict what browsers do."""
    pair = ("--front", "https://app.example.com", "--api", "https://api.example.com/api/auth")
    _, checks = diagnosed(bare, *pair)
    assert failing(checks) == ["origin", "cookies_stick"]
    trusting = {
        "AUTHINGO_TRUSTED_ORIGINS": "https://app.example.com",
        "AUTHINGO_PUBLIC_URL": "https://api.example.com",
    }
    _, checks = diagnosed(bare, *pair, **trusting)
    assert failing(checks) == []
    assert "database" not in checks
    _, checks = diagnosed(bare, *pair[:2], **trusting)
    assert checks["cookies_stick"]["status"] == "ok", "--api is public_url unless given"
    for wrong in (
        ("--api", "https://example.com"),
        ("--front", "https://example.com"),
        ("--front", "example.com", "--api", "https://example.com"),
        ("--url", "https://ada:hunter2@example.com"),
        ("--workers", "0"),
    ):
        ran = bare("doctor", *wrong)
        assert (ran.code, ran.out) == (2, "")
        assert "hunter2" not in ran.err


def test_a_reader_that_has_seen_enough_ends_it_quietly(bare: Runner) -> None:
    process = bare.start("doctor", **COST)
    assert process.stdout is not None
    process.stdout.close()
    process.wait(60)
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


@pytest.mark.parametrize(
    ("values", "name", "status"),
    [
        ({"limits": {"enabled": False}}, "limits", "warn"),
        ({"limits": {"enabled": False}, "public_url": "https://x.com"}, "limits", "fail"),
        ({"public_url": "http://localhost:8000"}, "public_url", "warn"),
        ({"trusted_origins": ["http://x.com"]}, "trusted_origins", "fail"),
        ({"trusted_origins": ["http://localhost:3000"]}, "trusted_origins", "ok"),
        (
            {"trusted_origins": ["http://localhost:3000"], "public_url": "https://x.com"},
            "trusted_origins",
            "warn",
        ),
        ({"public_url": "https://x.com"}, "trusted_proxies", "warn"),
        ({"public_url": "http://localhost:8000"}, "trusted_proxies", "ok"),
        ({"trusted_proxies": ["10.0.0.0/8", "fd00::/8"]}, "trusted_proxies", "ok"),
        (
            {"public_url": "https://a.x.com", "cookies": {"domain": "x.com"}},
            "cookies",
            "warn",
        ),
        (
            {"public_url": "https://a.github.io", "cookies": {"domain": "github.io"}},
            "cookies",
            "fail",
        ),
        (
            {
                "public_url": "https://x.com",
                "trusted_origins": ["https://y.com"],
                "cookies": {"same_site": "none"},
            },
            "cookies",
            "warn",
        ),
        ({"sessions": {"session_lifetime": "25h"}}, "lifetimes", "warn"),
        (
            {"sessions": {"refresh_lifetime": "91d", "absolute_lifetime": "91d"}},
            "lifetimes",
            "warn",
        ),
        ({"sessions": {"absolute_lifetime": "366d"}}, "lifetimes", "warn"),
    ],
)
def test_settings_that_work_and_are_unsafe_are_named(
    values: dict[str, Any], name: str, status: str
) -> None:
    found = {one.name: one for one in configuration.settings(settings_from(values))}
    assert found[name].status == status
    assert (found[name].hint is None) == (status == "ok")


@pytest.mark.parametrize(
    ("content", "mode", "status"),
    [
        ('database_url = "postgresql://u@h/d"', 0o644, "ok"),
        ('database_url = "postgresql://u@h/d?password=x"', 0o644, "fail"),
        ('listen_url = "postgresql://u:x@h/d"', 0o604, "fail"),
        ('listen_url = "postgresql://u:x@h/d"', 0o640, "ok"),
        ("sign_up = false", 0o664, "warn"),
        ("\ufeffsign_up = false", 0o664, "warn"),
    ],
)
def test_only_a_file_with_a_password_must_be_unreadable(
    tmp_path: Path, content: str, mode: int, status: str
) -> None:
    file = tmp_path / "authingo.toml"
    file.write_text(content)
    file.chmod(mode)
    found = next(iter(configuration.files(file)))
    assert (found.name, found.status) == ("config_file", status)


@pytest.mark.parametrize(
    ("configured", "seconds", "status", "recommended"),
    [
        (12, 0.25, "ok", None),
        (12, 0.18, "ok", None),
        (12, 0.06, "warn", 14),
        (12, 1.3, "warn", 10),
        (12, 30.0, "warn", 10),
        (10, 0.4, "ok", None),
        (15, 0.1, "ok", None),
        (9, 0.25, "fail", 10),
        (4, 0.001, "fail", 12),
    ],
)
def test_the_recommended_cost_is_the_one_nearest_to_a_quarter_of_a_second(
    configured: int, seconds: float, status: str, recommended: int | None
) -> None:
    judged = passwords.judge(configured, seconds)
    assert judged.status == status
    if recommended is not None:
        assert f"bcrypt_cost = {recommended};" in (judged.hint or "")


def test_a_server_is_looked_at_from_outside(bare: Runner, unused_port: int) -> None:
    ran, checks = diagnosed(bare, "--url", f"http://127.0.0.1:{unused_port}")
    assert failing(checks) == list(checks) == ["reachable"]
    assert "Connection refused" in ran.out
    assert list(bare.directory.iterdir()) == []
