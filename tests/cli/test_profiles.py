"""The profile of users on the command line, on both stores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import Runner
from tests.database import execute

Make = Callable[..., dict[str, Any]]
ROOT = Path(__file__).parents[2]
EMAIL = "ada@example.com"
MODEL = """
from datetime import date
from typing import Annotated
from authingo import ClientWritable, ServerOnly
from pydantic import BaseModel

class Profile(BaseModel, frozen=True):
    birthday: Annotated[date | None, ClientWritable] = None
    nickname: str | None = None
    seats: int = 1
    plan: str = "free"
    notes: Annotated[str, ServerOnly] = ""
"""
WHOLE = {"birthday": None, "nickname": None, "seats": 1, "plan": "free", "notes": ""}


@pytest.fixture
def authingo(authingo: Runner) -> Runner:
    (authingo.directory / "own_profile.py").write_text(MODEL)
    authingo.env["AUTHINGO_PROFILE"] = "own_profile:Profile"
    return authingo


def test_an_operator_changes_fields_and_sees_all_of_them(authingo: Runner, make_user: Make) -> None:
    """A value is what the field takes: a number, null, or the text as it stands."""
    user = make_user(EMAIL)
    changed = authingo(
        *("users", "set", EMAIL, "name=Countess", "profile.seats=5", "profile.nickname=true"),
        *("profile.birthday=1815-12-10", "profile.notes=pays late", "profile.plan=pro"),
    )
    assert (changed.code, changed.out) == (0, "")
    assert changed.err.startswith(f"changed {EMAIL} ({user['id']}): name, profile.seats")
    expected = {
        "birthday": "1815-12-10",
        "nickname": "true",
        "seats": 5,
        "plan": "pro",
        "notes": "pays late",
    }
    shown = authingo("users", "show", EMAIL, "--json").json
    assert (shown["name"], shown["profile"]) == ("Countess", expected)
    text = authingo("users", "show", EMAIL).out
    assert 'profile.plan     "pro"\n' in text
    assert 'profile.notes    "pays late"\n' in text
    again = authingo("users", "set", EMAIL, "profile.nickname=null")
    assert again.code == 0
    assert authingo("users", "show", EMAIL, "--json").json["profile"]["nickname"] is None
    same = authingo("users", "set", EMAIL, "profile.plan=pro")
    assert same.err.endswith("has that already: nothing was changed\n")


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("profile.plna=pro", "users have no field profile.plna"),
        ("plan=pro", "users have no field plan"),
        ("profile.plan", "profile.plan is not FIELD=VALUE"),
        ("profile.seats=many", "profile.seats"),
        ("name=", "name must be 1 to 200 characters"),
    ],
)
def test_what_is_not_acceptable_changes_nothing(
    authingo: Runner, make_user: Make, assignment: str, said: str
) -> None:
    make_user(EMAIL)
    ran = authingo("users", "set", EMAIL, "profile.plan=pro", assignment)
    assert ran.code in {1, 2}
    assert said in ran.err
    assert authingo("users", "show", EMAIL, "--json").json["profile"] == WHOLE


def test_a_value_is_json_whatever_the_other_fields_have(authingo: Runner, make_user: Make) -> None:
    """A field may be acceptable only together with what is stored."""
    authingo.env |= {"AUTHINGO_PROFILE": "tests.profiles:Cross", "PYTHONPATH": str(ROOT)}
    make_user(EMAIL)
    refused = authingo("users", "set", EMAIL, 'profile.features=["x"]')
    assert "profile features need the paid plan" in refused.err
    authingo("users", "set", EMAIL, "profile.plan=pro")
    assert authingo("users", "set", EMAIL, 'profile.features=["x"]').code == 0
    assert authingo("users", "show", EMAIL, "--json").json["profile"]["features"] == ["x"]


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_an_export_brings_every_profile_to_another_database(
    authingo: Runner, make_user: Make, database_url: str, form: str
) -> None:
    make_user(EMAIL)
    make_user("grace@example.com")
    authingo("users", "set", EMAIL, "profile.plan=pro", "profile.notes=pays late")
    export = ("users", "export", *(["--csv"] if form == "--csv" else []))
    exported = authingo(*export).out
    assert "pays late" in exported
    execute(database_url, "DELETE FROM authingo_users")
    done = authingo("users", "import", "-", stdin=exported)
    assert done.code == 0, done.err
    stored = execute(database_url, "SELECT email, profile FROM authingo_users ORDER BY email")
    assert stored[1] == ("grace@example.com", None)
    assert json.loads(stored[0][1]) == {"plan": "pro", "notes": "pays late"}


def test_a_profile_that_does_not_fit_is_not_imported(authingo: Runner) -> None:
    good, bad = {"email": EMAIL}, {"email": "b@example.com", "profile": {"seats": "many"}}
    ran = authingo("users", "import", "-", stdin="\n".join(map(json.dumps, (good, bad))))
    assert ran.code == 1
    assert "profile.seats" in ran.err
    without = authingo("users", "import", "-", stdin=json.dumps(bad), AUTHINGO_PROFILE="")
    assert "names no model" in without.err


def test_doctor_counts_profiles_that_no_longer_fit(
    authingo: Runner, make_user: Make, database_url: str
) -> None:
    make_user(EMAIL)
    assert "of 1 users, every profile fits the model" in authingo("doctor").out
    execute(database_url, """UPDATE authingo_users SET profile = '{"seats":"many"}'""")
    assert "of 1 users, 1 have something in their profile" in authingo("doctor").out
    assert authingo("users", "show", EMAIL, "--json").json["profile"] == WHOLE


def test_an_export_says_what_it_leaves_out_and_can_be_imported(
    authingo: Runner, make_user: Make, database_url: str
) -> None:
    """Nor does a serializer of the application that fails end it."""
    authingo.env |= {"AUTHINGO_PROFILE": "tests.profiles:Unsendable", "PYTHONPATH": str(ROOT)}
    make_user(EMAIL)
    stored = """{"nickname":"bad","seats":"many","old":1}"""
    execute(database_url, f"UPDATE authingo_users SET profile = '{stored}'")
    exported = authingo("users", "export")
    assert json.loads(exported.out)["profile"] == {"nickname": "bad"}
    assert "warning: 1 user had something in the profile" in exported.err
    for command in (["list", "--json"], ["show", EMAIL], ["export", "--csv"]):
        assert authingo("users", *command).code == 0
    execute(database_url, "UPDATE authingo_users SET profile = 'nonsense'")
    assert "warning: 1 user" in authingo("users", "export").err
    execute(database_url, """UPDATE authingo_users SET profile = '{"nickname":"bad"}'""")
    exported = authingo("users", "export")
    assert (json.loads(exported.out)["profile"], exported.err) == ({"nickname": "bad"}, "")
    execute(database_url, """UPDATE authingo_users SET profile = '{"nickname":"good"}'""")
    exported = authingo("users", "export")
    assert exported.err == ""
    execute(database_url, "DELETE FROM authingo_users")
    assert authingo("users", "import", "-", stdin=exported.out).code == 0
    assert execute(database_url, "SELECT profile FROM authingo_users") == [('{"nickname":"good"}',)]


def test_without_a_model_there_is_nothing_of_it(authingo: Runner, make_user: Make) -> None:
    del authingo.env["AUTHINGO_PROFILE"]
    make_user(EMAIL)
    assert "profile" not in authingo("users", "show", EMAIL).out
    assert "profile" not in authingo("users", "list", "--csv").out
    ran = authingo("users", "set", EMAIL, "profile.plan=pro")
    assert (ran.code, "the setting `profile`" in ran.err) == (2, True)
    assert authingo("users", "set", EMAIL, "name=Countess").code == 0
