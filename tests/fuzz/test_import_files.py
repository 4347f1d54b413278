"""Whatever file is imported, what it says is read exactly or refused, in a reasonable time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authingo import foreign_hashes
from authingo.errors import ConfigError
from authingo.importing import HashConfig, Unreadable, files, json_records, records
from authingo.importing.fields import Fields, Refused
from authingo.importing.keycloak import hash_of_credentials
from tests.foreign import REAL
from tests.fuzz.conftest import in_batches

Search = Callable[[Callable[[], None]], None]

TEXT = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', "\\", "]}", "users"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
USERS = st.dictionaries(TEXT.filter(lambda name: name != "users"), VALUES, max_size=4)


@st.composite
def json_files(draw: st.DrawFn) -> tuple[bytes, list[dict[str, Any]]]:
    """Users, and a file of them in one of the layouts that JSON has."""
    users = draw(st.lists(USERS, max_size=5))
    indent = draw(st.sampled_from([None, 0, 2, "\t"]))
    ascii_only = draw(st.booleans())

    def write(value: object) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    layout = draw(st.sampled_from(["lines", "one after the other", "array", "object", "several"]))
    if layout == "lines":
        return "\n".join(map(json.dumps, users)).encode(), users
    if layout == "one after the other":
        return draw(st.sampled_from(["\n", "", " \r\n"])).join(map(write, users)).encode(), users
    if layout == "array":
        return write(users).encode(), users
    before, after = draw(USERS), draw(USERS)
    whole = {**before, "users": users, **{f"_{name}": after[name] for name in after}}
    if layout == "object":
        return write(whole).encode(), users
    return (write(whole) + write(users) + "\n" + write({"users": users})).encode(), users * 3


@pytest.mark.parametrize("bound", [None, 60])
def test_json_says_the_same_in_every_layout(
    until_time_is_up: Search, monkeypatch: pytest.MonkeyPatch, bound: int | None
) -> None:
    """However little is read at a time, and whether or not the object with users can be held."""

    @in_batches
    @given(json_files(), st.integers(1, 9))
    def search(file: tuple[bytes, list[dict[str, Any]]], chunk: int) -> None:
        raw, users = file
        monkeypatch.setattr(records, "CHUNK", chunk)
        try:
            read = list(files.read(io.BytesIO(raw)))
        except Unreadable:
            assert bound, "a file that can be held is read"
            return
        if bound is None or all(isinstance(each, records.Record) for each in read):
            assert [each.fields for each in read if isinstance(each, records.Record)] == users
            return
        assert {each.code for each in read if isinstance(each, records.Failed)} == {"line_too_long"}

    if bound is not None:
        for module in (records, json_records):
            monkeypatch.setattr(module, "MAX_RECORD", bound)
    until_time_is_up(search)


def test_a_file_that_was_cut_or_changed_is_read_as_far_as_it_goes(
    until_time_is_up: Search,
) -> None:
    @in_batches
    @given(json_files(), st.integers(0, 200), st.binary(max_size=3))
    def search(file: tuple[bytes, list[dict[str, Any]]], at: int, other: bytes) -> None:
        raw, _ = file
        for changed in (raw[:at], raw[:at] + other + raw[at + len(other) :]):
            try:
                for each in files.read(io.BytesIO(changed)):
                    assert each.line > 0
            except Unreadable as error:
                assert len(error.message) < 300

    until_time_is_up(search)


def test_whatever_stands_for_a_hash_is_one_or_none(until_time_is_up: Search) -> None:
    """Real hashes with a part replaced are the texts that come closest to being one."""

    @in_batches
    @given(
        st.sampled_from([theirs for theirs, _ in REAL.values()]),
        st.integers(0, 80),
        st.integers(0, 80),
        st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from("=$,.:+/-9"),
    )
    def search(theirs: str, start: int, length: int, other: str) -> None:
        changed = theirs[:start] + other + theirs[start + length :]
        stored = foreign_hashes.as_stored(changed)
        assert foreign_hashes.as_stored(stored) == stored
        foreign_hashes.recognize(stored)
        foreign_hashes.missing_extra(stored)

    until_time_is_up(search)


def test_whatever_stands_for_hash_parameters_are_some_or_none(until_time_is_up: Search) -> None:
    names = ("base64_signer_key", "base64_salt_separator", "rounds", "mem_cost")
    words = st.sampled_from([*names, ":", ",", "{", "\n", "8", "14", "Bw==", "A" * 86 + "=="])

    @in_batches
    @given(st.text(st.characters(codec="utf-8"), max_size=40) | st.lists(words).map(" ".join))
    def search(text: str) -> None:
        try:
            config = HashConfig.parse(text)
        except ConfigError as error:
            assert "AAAA" not in error.message
        else:
            assert foreign_hashes.recognize(config.as_hash("c2FsdA==", config.signer_key))

    until_time_is_up(search)


LONG = 1024 * 1024  # characters of a record, at most


@pytest.mark.parametrize("value", ["=" * LONG + "a", "= " * (LONG // 2), " " * LONG], ids=len)
def test_no_value_takes_quadratic_time(value: str) -> None:
    """At this length, linear work takes milliseconds, and quadratic work would not end today."""
    secret = Fields({"value": value, "salt": value})
    credential = {
        "type": "password",
        "secretData": {"value": value, "salt": value},
        "credentialData": {"algorithm": "pbkdf2", "hashIterations": 1},
    }
    assert secret.text("value") == value
    made = hash_of_credentials([Fields(credential)])
    assert made is not None
    assert foreign_hashes.recognize(foreign_hashes.as_stored(made)) is None
    for read in (Fields({"at": value}).time, Fields({"at": value}).flag):
        with pytest.raises(Refused):
            read("at")
