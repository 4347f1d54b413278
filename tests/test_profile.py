"""Which models can work, and how what is stored becomes a profile."""

from __future__ import annotations

import json
import pickle
from copy import copy, deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    field_validator,
    model_serializer,
    model_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from authingo import Auth, ClientWritable, ConfigError, InvalidInput, ServerOnly, Settings, User
from authingo.profile import MAX_SIZE, Profiles, of
from tests.profiles import Cross, Failing, Next, Profile

PROFILES = Profiles(Profile)


class Inner(BaseModel, frozen=True):
    secret: Annotated[str, ServerOnly] = ""


class Thawed(BaseModel):
    theme: str = ""


class Listed(RootModel[list[str]], frozen=True):
    pass


class Required(BaseModel, frozen=True):
    company: str


class Aliased(BaseModel, frozen=True):
    theme: str = Field("", alias="Theme")


class Named(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=str.upper)
    theme: str = ""


class Excluded(BaseModel, frozen=True):
    theme: str = Field("", exclude=True)


class Both(BaseModel, frozen=True):
    theme: Annotated[str, ClientWritable, ServerOnly] = ""


class Hidden(BaseModel, frozen=True):
    notes: Annotated[str, ServerOnly] | None = None


class Nested(BaseModel, frozen=True):
    inner: list[Inner] = []


Secret = TypeAliasType("Secret", Annotated[str, ServerOnly])


class ByAlias(BaseModel, frozen=True):
    notes: Secret = "secret"


@dataclass
class Classy:
    secret: Annotated[str, ServerOnly] = ""


class ByDataClass(BaseModel, frozen=True):
    inner: Classy = Classy()


class Typed(TypedDict):
    secret: Annotated[str, ServerOnly()]


class ByTypedDict(BaseModel, frozen=True):
    inner: dict[str, Typed | None] = {}


class ByModel(BaseModel, frozen=True):
    inner: list[Annotated[Thawed, ServerOnly]] = []


class Serialized(BaseModel, frozen=True):
    notes: Annotated[str, ServerOnly] = ""

    @model_serializer(mode="wrap")
    def more(self, handler: Any) -> dict[str, Any]:
        return {**handler(self), "more": self.notes}


class Random(BaseModel, frozen=True):
    key: str = Field(default_factory=lambda: uuid4().hex)


class Impossible(BaseModel, frozen=True):
    theme: str = ""

    @model_validator(mode="after")
    def fails(self) -> Impossible:
        raise ValueError("never")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (dict, "a pydantic model"),
        (Thawed, "must be frozen"),
        (Listed, "RootModel"),
        (Required, "company has no default"),
        (Aliased, "theme must have no alias"),
        (Named, "theme must have no alias"),
        (Excluded, "must not be excluded"),
        (Both, "choose one"),
        (Hidden, "notes has ClientWritable or ServerOnly inside"),
        (Nested, "inner has ClientWritable or ServerOnly inside"),
        (ByAlias, "notes has ClientWritable or ServerOnly inside"),
        (ByDataClass, "inner has ClientWritable or ServerOnly inside"),
        (ByTypedDict, "inner has ClientWritable or ServerOnly inside"),
        (ByModel, "inner has ClientWritable or ServerOnly inside"),
        (Serialized, "no model_serializer"),
        (Random, "another default each time"),
        (Impossible, "cannot be made from its defaults"),
    ],
)
def test_a_model_that_cannot_work_is_refused_with_the_reason(model: Any, reason: str) -> None:
    """Above all one whose ServerOnly would count for nothing."""
    with pytest.raises(ConfigError, match=f"(?s){reason}"):
        Auth(Settings(), profile=model)


@pytest.mark.parametrize("where", ["tests.nowhere:Profile", "tests.profiles:Nobody", "json:loads"])
def test_a_model_that_is_not_there_is_refused(where: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be imported|pydantic model"):
        of(Settings(profile=where))


@pytest.mark.parametrize("where", ["", "profile", "a:b:c", "a b:C", ":C", "os.path:"])
def test_a_name_that_is_none_is_refused(where: str) -> None:
    with pytest.raises(ConfigError, match=r"package\.module:Class"):
        Settings(profile=where)


def test_it_is_found_beside_the_configuration(tmp_path: Path) -> None:
    """As the command line needs it, which is not started in the application's directory."""
    text = (
        "from pydantic import BaseModel\nclass Own(BaseModel, frozen=True):\n    plan: str = ''\n"
    )
    (tmp_path / "own_fields_of_a_test.py").write_text(text)
    found = of(Settings(profile="own_fields_of_a_test:Own", directory=tmp_path))
    assert found is not None
    assert found.model.__name__ == "Own"


@pytest.mark.parametrize("line", ["raise SystemExit(0)", "import sys; sys.exit('usage')"])
def test_a_module_that_ends_the_program_is_refused(tmp_path: Path, line: str) -> None:
    """Otherwise `authingo doctor` would end in the middle of its report, with success."""
    module = f"ends_{abs(hash(line))}"
    (tmp_path / f"{module}.py").write_text(line)
    with pytest.raises(ConfigError, match="cannot be imported: SystemExit"):
        of(Settings(profile=f"{module}:Own", directory=tmp_path))


def test_without_a_model_there_is_no_profile() -> None:
    assert of(Settings()) is None


def test_what_is_written_is_read_back() -> None:
    text = PROFILES.changed(None, {"birthday": date(1815, 12, 10), "plan": "pro", "tags": ["a"]})
    read = PROFILES.read(text)
    assert read.value == Profile(birthday=date(1815, 12, 10), plan="pro", tags=["a"])
    assert read.fits
    assert read.shown is not None
    assert read.shown["birthday"] == "1815-12-10"
    assert "notes" not in read.shown
    assert json.loads(text or "").keys() == {"birthday", "plan", "tags"}, "no defaults"


def test_null_is_a_value() -> None:
    text = PROFILES.changed('{"nickname":"Countess"}', {"nickname": None})
    assert text == '{"nickname":null}'
    assert PROFILES.read(text).value.nickname is None


@pytest.mark.parametrize("field", ["plan", "notes", "id", "password", "__class__", "", "theme "])
def test_a_client_writes_only_what_is_marked(field: str) -> None:
    """And learns nothing about the names of the others."""
    with pytest.raises(InvalidInput) as refused:
        PROFILES.changed(None, {field: "pro"}, by_client=True)
    assert refused.value.fields == {"profile": "has a field that is not known here"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"theme": "blue"}, "profile.theme"),
        ({"nickname": "admin"}, "profile.nickname"),
        ({"nickname": 5}, "profile.nickname"),
        ({"nickname": "a\0b"}, "profile"),
        ({"anything": {"a\0b": 1}}, "profile"),
        ({"anything": "\ud800"}, "profile"),
        ({"anything": float("inf")}, "profile"),
        ({"ratio": float("inf")}, "profile"),
        ({"ratio": "Infinity"}, "profile"),
        ({"ratio": "nan"}, "profile"),
        ({"anything": "ü" * (MAX_SIZE // 2)}, "profile"),
        ({"address": {"street": "x"}}, "profile.address"),
        ({"birthday": "nonsense"}, "profile.birthday"),
    ],
)
def test_what_is_not_acceptable_is_refused_without_repeating_it(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        PROFILES.changed(None, changes, by_client=True)
    assert list(refused.value.fields) == [field]
    assert str(next(iter(changes.values()))) not in refused.value.fields[field]


def test_nothing_can_be_nested_deeper_than_parsers_can_read() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidInput, match="nested too deeply"):
        PROFILES.changed(None, {"anything": deep}, by_client=True)


def test_a_value_that_would_be_read_back_as_another_is_refused() -> None:
    class Lossy(BaseModel, frozen=True):
        token: SecretStr = SecretStr("")

    with pytest.raises(InvalidInput, match="cannot be stored"):
        Profiles(Lossy).changed(None, {"token": "secret"})


class Part(BaseModel, frozen=True):
    code: str = Field("", alias="zipCode")


def test_aliases_inside_of_a_field_are_used_everywhere() -> None:
    class Outer(BaseModel, frozen=True):
        part: Annotated[Part | None, ClientWritable] = None

    text = Profiles(Outer).changed(None, {"part": {"zipCode": "1"}}, by_client=True)
    assert text == '{"part":{"zipCode":"1"}}'
    assert Profiles(Outer).read(text).shown == json.loads(text)


class Cat(BaseModel, frozen=True):
    kind: Literal["cat"] = "cat"
    name: str = ""

    @field_validator("name")
    @classmethod
    def has_no_digits(cls, value: str) -> str:
        if any(map(str.isdigit, value)):
            raise ValueError(f"{value!r} has a digit")
        return value


class Dog(BaseModel, frozen=True):
    kind: Literal["dog"] = "dog"


class Pets(BaseModel, frozen=True):
    pet: Annotated[Annotated[Cat | Dog, Field(discriminator="kind")] | None, ClientWritable] = None
    age: Annotated[int, ClientWritable] = 0
    notes: Annotated[str, ServerOnly] = ""

    @model_validator(mode="after")
    def is_young(self) -> Pets:
        if self.age > 20:
            raise ValueError(f"{self.age} is too much for {self.notes}")
        return self


@pytest.mark.parametrize(
    ("changes", "repeated"),
    [
        ({"pet": {"kind": "<script>XX"}}, "script"),
        ({"pet": {"kind": "cat", "name": "Tom5"}}, "Tom5"),
        ({"age": 21}, "21"),
        ({"age": 22.0}, "somebody's"),
    ],
)
def test_no_message_repeats_what_was_sent_or_what_only_the_server_sees(
    changes: dict[str, Any], repeated: str
) -> None:
    stored = Profiles(Pets).changed(None, {"notes": "somebody's cat"})
    with pytest.raises(InvalidInput) as refused:
        Profiles(Pets).changed(stored, changes, by_client=True)
    (said,) = refused.value.fields.values()
    assert repeated not in said
    assert said == "is not acceptable"


def test_the_program_may_see_everything_in_a_message() -> None:
    with pytest.raises(InvalidInput, match="the range is empty"):
        Profiles(Cross).changed(None, {"least": 5})


def user_with(text: str | None) -> User[Profile]:
    now = datetime.now(UTC)
    user: User[Profile] = User(
        id="usr_1",
        email="a@b.example",
        name="",
        email_verified=True,
        created_at=now,
        updated_at=now,
    )
    return user.having(PROFILES.read(text))


def test_a_change_of_a_list_reaches_nobody_else() -> None:
    """Requests share the user while the session is in memory."""
    user = user_with('{"tags":["a"],"anything":{"b":[]}}')
    user.profile.tags.append("admin")
    user.profile.anything["b"].append("admin")  # type: ignore[index]
    assert user.profile == Profile(tags=["a"], anything={"b": []})


def test_copies_and_pickles_of_a_user_have_the_profile() -> None:
    user = user_with('{"plan":"pro"}')
    for other in (copy(user), deepcopy(user), pickle.loads(pickle.dumps(user))):
        assert (other, other.profile) == (user, Profile(plan="pro"))


STORED = '{"theme":"dark","nickname":"Countess","plan":"pro"}'


def test_what_no_longer_fits_counts_as_its_default_and_is_left_out() -> None:
    """A new field has its default, and one that is gone stays stored for the next release."""
    profiles = Profiles(Next)
    read = profiles.read(STORED)
    assert read.value == Next(nickname="Countess")
    assert read.shown == {"nickname": "Countess", "language": "en"}
    assert not read.fits
    changed = profiles.changed(STORED, {"language": "fr"}, by_client=True)
    assert json.loads(changed or "") == {**json.loads(STORED), "language": "fr"}
    assert profiles.read(profiles.changed(STORED, {"theme": 1})).fits


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "5", "{", "\x00", '{"theme":"dark"', "[" * 9999]
)
def test_what_is_no_profile_never_fails(text: str) -> None:
    read = PROFILES.read(text)
    assert (read.value, read.shown, read.fits) == (Profile(), None, False)
    assert PROFILES.changed(text, {"plan": "pro"}) == '{"plan":"pro"}'


def test_a_validator_with_a_mistake_fails_no_request_that_reads() -> None:
    read = Profiles(Failing).read('{"nickname":"x"}')
    assert (read.value, read.fits) == (Failing(), False)


def test_an_eviction_leaves_what_the_application_has_written() -> None:
    """Not what the user wrote, and not what nobody knows any more."""
    assert PROFILES.evicted(STORED) == '{"plan":"pro"}'
    assert PROFILES.evicted('{"theme":"dark","gone":1}') is None
    assert PROFILES.evicted(None) is None
    assert PROFILES.evicted("nonsense") is None
