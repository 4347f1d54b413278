"""Wrong usage, as a process: one style of error, and a hint that helps."""

from __future__ import annotations

import json

import pytest

from tests.command import Runner

CASES = [
    ("nonsense", "there is no command nonsense", "`authingo --help` lists the commands"),
    ("user list", "there is no command user", "did you mean `authingo users`?"),
    ("users lst", "there is no command lst", "did you mean `authingo users list`?"),
    ("login", "there is no command login", "with a browser: `authingo serve`"),
    ("version", "there is no command version", "`authingo --version` shows it"),
    ("prune", "there is no command prune", "did you mean `authingo sessions prune`?"),
    ("users add ada", "there is no command add", "`authingo users create EMAIL` creates"),
    ("users list --limt 3", "no option --limt of `authingo users list`", "did you mean --limit?"),
    ("--versoin", "there is no option --versoin", "did you mean --version?"),
    ("users list --limit many", "--limit takes a whole number of at least 1", "users list --help`"),
    ("users list --limit 0", "--limit takes a whole number of at least 1", "users list --help`"),
    ("serve --port 99999", "--port takes a whole number from 0 to 65,535", "serve --help`"),
    ("users list --limit", "--limit needs a value: --limit N", "users list --help`"),
    ("users list --csv=yes", "--csv takes no value", "users list --help`"),
    ("users create", "EMAIL is missing", "`authingo users create --help`"),
    ("users import --from oracle x", "--from takes one of aspnet, authingo, ", "import --help`"),
    (
        "users show a b c",
        "`authingo users show` was given 2 arguments too many",
        "put quotes around text with spaces",
    ),
    ("stats today", "`authingo stats` was given an argument too many", "stats --help`"),
    ("--yes users delete a", "there is no option --yes here", "`authingo COMMAND --yes`"),
    ("help users nonsense", "there is no command nonsense", "`authingo users --help`"),
    ("sessions revoke", "give exactly one of ID, --user and --all", "`authingo sessions list`"),
]


@pytest.mark.parametrize(("line", "message", "hint"), CASES, ids=[case[0] for case in CASES])
def test_wrong_usage_is_one_error_and_one_hint(
    bare: Runner, line: str, message: str, hint: str
) -> None:
    ran = bare(*line.split())
    assert (ran.code, ran.out) == (2, "")
    error, says = ran.err.splitlines()
    assert error.startswith("error: ")
    assert says.startswith("hint: ")
    assert message in error
    assert hint in says


@pytest.mark.parametrize(
    "line",
    [
        "users list --json --limit many",
        "users list --limit many --json",
        "users --json",
        "--json users list",
        "nonsense --json",
        "users show --json",
    ],
)
def test_programs_get_wrong_usage_as_json_wherever_they_ask_for_it(bare: Runner, line: str) -> None:
    ran = bare(*line.split())
    assert (ran.code, ran.out) == (2, "")
    error = json.loads(ran.err)
    assert error.keys() == {"code", "message", "hint"}
    assert error["code"] == "usage"


def test_what_follows_two_dashes_is_no_option(bare: Runner) -> None:
    assert bare("users", "show", "a", "--", "--json").err.startswith("error: ")


@pytest.mark.parametrize(
    "line",
    [
        "users create ada@example.com hunter2hunter2",
        "users list --limit hunter2hunter2",
        "users create ada@example.com --hunter2hunter2",
        "users create ada@example.com --password=hunter2hunter2",
        "users hunter2hunter2",
        "cookies inspect Cookie: authingo_session=hunter2hunter2",
        "cookies inspect -Hunter2hunter2",
    ],
)
def test_what_may_be_a_secret_is_not_repeated(bare: Runner, line: str) -> None:
    for options in ([], ["--json"]):
        ran = bare(*line.split(), *options)
        assert (ran.code, ran.out) == (2, "")
        assert "hunter2" not in ran.err.lower()


def test_help_is_a_command_as_well(bare: Runner) -> None:
    for line in ("", "users", "users create"):
        wanted = bare(*line.split(), "--help")
        shown = bare("help", *line.split())
        assert (shown.code, shown.err) == (0, "")
        assert shown.out.rstrip() == wanted.out.rstrip()
    assert "Usage: authingo users create [OPTIONS] EMAIL\n" in bare("users", "create", "-h").out


def test_a_group_without_a_command_shows_its_help_on_stderr(bare: Runner) -> None:
    for line in ("", "users"):
        ran = bare(*line.split())
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.rstrip() == bare(*line.split(), "--help").out.rstrip()


def test_the_configuration_is_named_before_or_after_the_command(bare: Runner) -> None:
    (bare.directory / "own.toml").write_text("database_url = 'sqlite:///own.db'\n")
    (bare.directory / "own.toml").chmod(0o600)
    assert bare("--config", "own.toml", "migrate").code == 0
    assert [file.name for file in bare.directory.glob("*.db")] == ["own.db"]
    for line in (
        "--config own.toml users list",
        "users --config own.toml list",
        "users list --config own.toml",
        "--config no.toml users --config other.toml list --config own.toml",
    ):
        assert bare(*line.split(), "--json").json == []
    assert "no.toml" in bare("--config", "no.toml", "users", "list").err


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_help_fits_the_terminal_and_flags_take_nothing(bare: Runner, columns: int) -> None:
    shown = bare.on_terminal("users", "list", "--help", columns=columns)
    assert shown.code == 0
    assert "bool" not in shown.out
    plain = bare("users", "list", "--help", COLUMNS=str(columns)).out
    *lines, example = plain.splitlines()
    assert max(map(len, lines)) <= min(columns, 100)
    assert example == "Example: authingo users list --search example.com --limit 20"
    assert "\x1b[1mOptions:\x1b[0m" in shown.out
    assert "\x1b" not in plain
