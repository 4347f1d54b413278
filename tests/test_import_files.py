"""What a file of users may look like, and how one that is wrong is told."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authingo.importing import SYSTEMS, Unreadable, UserImport, files, records
from authingo.stores import Store
from tests.importing import BCRYPT, Kept, take

LINE = json.dumps({"email": "a@example.com", "name": "A"})


def emails(raw: bytes | str) -> list[str]:
    return [each.user.email for each in take(raw).users]


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + LINE.encode() + b"\r\n",
        b"\n  \n" + LINE.encode(),
        f"[{LINE}]",
        f"\n [ \n{LINE}\n]\n",
        "email,name\r\na@example.com,A\r\n",
        b"\xef\xbb\xbfemail,name\na@example.com,A",
        '"name","email"\n"A\nB","a@example.com"\n\n',
    ],
)
def test_each_form_is_told_by_its_first_character(raw: bytes | str) -> None:
    assert emails(raw) == ["a@example.com"]


INDENTED = json.dumps({"email": "a@example.com", "name": "A"}, indent=2)


@pytest.mark.parametrize("ends", ["\n", "\r\n", ""])
def test_indented_objects_one_after_the_other_are_read(ends: str) -> None:
    """As `jq` writes them without -c."""
    second = INDENTED.replace("a@", "b@")
    assert emails((INDENTED + ends + second + ends).replace("\n", ends or "\n")) == [
        "a@example.com",
        "b@example.com",
    ]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("padding", [0, 3 * records.MAX_RECORD])
def test_the_users_of_one_object_are_read_whatever_else_it_has(
    indent: int | None, padding: int
) -> None:
    """The object may be longer than all that is held, before and after its users."""
    hollow = {'a\\"]}': [["x]"] * (padding // 7), {}, "ü", 1.5, None], "b": {"users": [1]}}
    users = [{"email": f"ü{n}@example.com", "name": "ü" * 20} for n in range(padding // 300)]
    users += [{"email": "a@example.com"}, {"email": "b@example.com"}]
    for document in (
        {"users": users, **hollow},
        {**hollow, "users": users, "more": hollow},
    ):
        raw = json.dumps(document, indent=indent, ensure_ascii=False).encode()
        assert (len(raw) > records.MAX_RECORD) is bool(padding)
        read = list(files.read(io.BytesIO(b"\xef\xbb\xbf" + raw)))
        assert [each.fields for each in read if isinstance(each, records.Record)] == users
        assert [each.line for each in read] == list(range(1, len(users) + 1))


def test_an_object_without_users_that_is_too_long_is_refused() -> None:
    text, more = "x" * (records.MAX_RECORD // 2), "x" * 2 * records.MAX_RECORD
    for long in (f'{{"email": "{more}"}}', f'{{"a": "{text}",\n"b": "{text}",\n"c": "{text}"}}'):
        with pytest.raises(Unreadable, match=r"line \d: .* longer than .* after the first 0 was"):
            take(f"{long}\n{LINE}")


def test_a_user_that_is_not_utf_8_fails_without_the_others() -> None:
    raw = b'{"users": [{"email": "\xff"}, {"email": "b@example.com"}]}'
    taken = take(raw)
    assert taken.errors == [(1, "invalid_utf8")]
    assert [each.user.email for each in taken.users] == ["b@example.com"]


def test_names_of_columns_count_in_any_case() -> None:
    assert emails("Email,NAME\na@example.com,A\n") == ["a@example.com"]
    with pytest.raises(Unreadable, match="column twice"):
        take("Email,email\na@example.com,\n")
    row = f"EMAIL,EmailVerified,CREATEDAT,password\na@example.com,t,2019-01-01,{BCRYPT}\n"
    (user,) = take(row, "better-auth").users
    assert user.user.email_verified
    assert user.user.created_at.year == 2019


def test_a_time_that_is_a_truth_value_is_refused() -> None:
    """For Python true is the number 1, a second after 1970."""
    user = {"email": "a@example.com", "name": "A", "created_at": True}
    assert [code for _, code in take(json.dumps(user).encode()).errors] == ["invalid_field"]


def test_an_empty_file_has_no_users() -> None:
    for raw in ("", "\n\n", "[]", "email,name\n", b"\xef\xbb\xbf"):
        assert emails(raw) == []


def test_a_line_that_is_wrong_stops_nothing() -> None:
    bad = {
        b"{": "invalid_json",
        b"[1]": "invalid_json",
        b"null": "invalid_json",
        b'{"email": "\xff"}': "invalid_utf8",
        b'{"email": "a@b.example", "email": "c@d.example"}': "repeated_field",
        b"[" * 100_000: "invalid_json",
        b'{"a": ' * 100_000: "invalid_json",
        b'{"email": ' + b"1" * 5000 + b"}": "invalid_json",
        b'{"email": "' + b"x" * records.MAX_RECORD + b'"}': "line_too_long",
        b'{"email": "' + b"x" * 3 * records.MAX_RECORD + b'"}': "line_too_long",
    }
    lines = [LINE.encode()] + [line for each in bad for line in (each, LINE.encode())]
    taken = take(b"\n".join(lines))
    assert taken.errors == [(2 * at + 2, code) for at, code in enumerate(bad.values())]
    assert len(taken.users) == len(bad) + 1


def test_an_element_that_is_wrong_is_told_by_its_place() -> None:
    array = b'[{"email": "a@example.com"}, 7, {"email": "\xff"}, {"email": "b@example.com"}'
    taken = take(array + b', {"email": "c@example.com", "email": ""}]')
    assert taken.errors == [(2, "invalid_json"), (3, "invalid_utf8"), (5, "repeated_field")]
    assert [each.user.email for each in taken.users] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize("tail", ["", ", ", ", {", ", {]", ', {"email": "' + "x" * 3_000_000])
def test_an_array_that_is_cut_or_broken_is_told(tail: str) -> None:
    with pytest.raises(Unreadable, match="line 1: the JSON is broken"):
        take(f"[{LINE}{tail}")


def test_a_long_array_on_one_line_is_read_in_pieces() -> None:
    elements = [json.dumps({"email": f"ü{n}@example.com", "name": "ü" * 500}) for n in range(5000)]
    raw = ("[" + ",".join(elements) + "]").encode()
    assert len(raw) > 2 * records.MAX_RECORD

    class Watched(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1) -> bytes:
            self.most = max(self.most, size or -1)
            return super().read(size)

    file = Watched(raw)
    assert sum(isinstance(each, records.Record) for each in files.read(file)) == 5000
    assert file.most == 64 * 1024


def test_a_row_that_is_wrong_stops_nothing() -> None:
    taken = take(
        b"email,name\n"
        b"a@example.com\n"
        b"b@example.com,B,more\n"
        b"\xff@example.com,C\n"
        b'd@example.com,"D\n\nD"\n'
        b"e@example.com,\x00\n"
        b"f@example.com,F\n"
    )
    assert taken.errors == [
        (2, "invalid_csv"),
        (3, "invalid_csv"),
        (4, "invalid_utf8"),
        (8, "invalid_csv"),
    ]
    assert [each.user.email for each in taken.users] == ["d@example.com", "f@example.com"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("email,name,email\n", "a column twice"),
        ("[]\nnull", "line 2: the JSON is broken"),
        ("{'email': 'a@example.com'}\n" * 1000, "line 1: the JSON is broken"),
        ('{\n "email": "a@example.com",\n "name": oops\n}\n' * 1000, "line 3: the JSON is broken"),
        ('{"users": [{"email": "a@example.com"}}', "line 1: the JSON is broken"),
        ('{"users": [\n{"email": "a@example.com"},\n', "line 3: the JSON is broken"),
        ('{"users": [], "more": ' + "[" * 50 + "\n", "line 2: the JSON is broken"),
        ("email;name\n", "not separated by commas"),
        ("email\tname\n", "not separated by commas"),
        ("email,name".encode("utf-16"), "not UTF-8"),
        ("email,name".encode("utf-16-le"), "not UTF-8"),
        (b"\x1f\x8b\x08\xff\xfe", "not UTF-8"),
        (b"e\x00", "not UTF-8"),
    ],
)
def test_a_file_of_which_nothing_can_be_made_is_told(raw: bytes | str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        take(raw)


@pytest.mark.parametrize(
    "broken",
    [
        '"B" quoted',
        '"' + "x" * 200_000,
        '"',
        '"' + "\n" * 300_000,
        "x" * 2 * records.MAX_RECORD,
        '"x\n",' * 400_000,
    ],
)
def test_broken_quotes_end_the_file_before_a_cell_is_taken_for_rows(broken: str) -> None:
    """A name is a stranger's: `B"\nroot@example.com,…` must not become a row of its own."""
    store = Kept()
    importing = UserImport(cast("Store", store), "authingo")
    rows = f"email,name\na@example.com,A\nb@example.com,{broken}\nroot@example.com,R\n"
    with pytest.raises(Unreadable, match="line 3: the quotes of the CSV are not right"):
        asyncio.run(importing.read(io.BytesIO(rows.encode())))
    assert [each.user.email for batch in store.batches for each in batch] == ["a@example.com"]
    recorded = [(one.name, one.count) for each in store.events.outcomes for one in each.events]
    assert recorded == [("users_import_began", None), ("users_imported", 1)]


def test_a_file_that_cannot_be_read_on_is_told() -> None:
    class Failing(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(Unreadable, match="Input/output error"):
        list(files.read(Failing()))


# The first record shows that the file is one of the system, or nothing of it is read.
GOOD: dict[str, dict[str, Any]] = {
    "aspnet": {"Email": "a@example.com", "PasswordHash": None},
    "auth0": {"email": "a@example.com", "passwordHash": None},
    "authingo-go": {"email": "a@example.com", "password_hash": None},
    "better-auth": {"email": "a@example.com", "password": None},
    "django": {"email": "a@example.com", "password": None},
    "fastapi-users": {"email": "a@example.com", "hashed_password": None},
    "keycloak": {"email": "a@example.com", "credentials": []},
    "pocketbase": {"email": "a@example.com", "password": None},
    "supabase": {"email": "a@example.com", "encrypted_password": None},
    "wordpress": {"user_email": "a@example.com", "user_pass": None},
}
_NAMES = sorted(
    {"email", "name", "password", "fields", "model", "identifiers", "_id", "$oid", "$date"}
    | {"created_at", "created", "createdAt", "banned", "banExpires", "banned_until", "is_active"}
    | {"credentials", "credentialData", "secretData", "type", "algorithm", "hashIterations"}
    | {"additionalParameters", "memory", "value", "salt", "Email", "PasswordHash", "LockoutEnd"}
    | {"user_email", "user_pass", "user_registered", "users"}
    | {"raw_user_meta_data", "hashed_password", "passwordHash", "encrypted_password", "id"}
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=5)
    ),
    max_leaves=10,
)


@given(st.binary(max_size=300), st.sampled_from(sorted(SYSTEMS)))
@settings(max_examples=150)
def test_no_file_does_worse_than_fail(raw: bytes, system: str) -> None:
    for start in (b"", b'{"email": ', b"[", b"email,password\n"):
        with contextlib.suppress(Unreadable):
            take(start + raw, system)


@given(
    st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=8), st.sampled_from(sorted(SYSTEMS))
)
@settings(max_examples=300)
def test_no_record_does_worse_than_fail(fields: dict[str, Any], system: str) -> None:
    good = json.dumps(GOOD.get(system, {"email": "a@example.com"}))
    record = json.dumps({"email": "a@example.com", **fields})
    taken = take(f"{good}\n{record}", system)
    assert len(taken.users) + len(taken.failed) == 2
