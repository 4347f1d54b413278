"""What the tables of other systems become, and what their users."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authingo import clock, foreign_hashes
from authingo.config import Settings
from authingo.errors import ConfigError
from authingo.importing import SYSTEMS, Unreadable, UserImport
from authingo.passwords import NO_PASSWORD
from authingo.stores import open_store
from cli.user_import import System
from tests.database import execute
from tests.importing import BCRYPT, one, problem, take

EXPORTS = Path(__file__).parent / "exports"
LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat()


# Systems


def test_the_command_knows_the_systems_that_the_library_knows() -> None:
    assert {system.value for system in System} == set(SYSTEMS)


@pytest.mark.parametrize("file", ["django.csv", "django.json", "django.jsonl"])
def test_django_in_each_form(file: str) -> None:
    taken = take((EXPORTS / file).read_bytes(), "django")
    assert len(taken.users) == 7
    (failed,) = taken.failed
    assert (failed.code, failed.message) == ("invalid_email", "has no email")
    ada = taken.of("ada@example.com")
    assert (ada.user.name, ada.user.email_verified, ada.user.disabled_at) == (
        "Ada Lovelace",
        False,
        None,
    )
    exact = datetime(2019, 3, 1, 9, 30, 0, 123456 if file == "django.csv" else 123000, tzinfo=UTC)
    assert ada.user.created_at == ada.user.updated_at == exact
    assert ada.password_hash.startswith("pbkdf2_sha256$1000000$")
    assert taken.of("joan@example.com").user.disabled_at
    mary = taken.of("mary@example.com")
    assert (mary.user.name, mary.password_hash) == ("mary", NO_PASSWORD)
    assert taken.done.without_password == 1


def test_better_auth() -> None:
    taken = take((EXPORTS / "better-auth.csv").read_bytes(), "better-auth")
    assert not taken.failed
    assert taken.of("grace@example.com").user.name == 'Grace "Amazing", Hopper'
    ada = taken.of("ada@example.com")
    assert ada.user.email_verified
    assert ada.user.created_at == datetime(2026, 11, 25, 2, 41, 26, 835000, tzinfo=UTC)
    assert ada.user.updated_at == datetime(2026, 11, 25, 2, 41, 27, tzinfo=UTC)
    assert ada.password_hash.startswith("$scrypt-better-auth$")
    assert taken.of("joan@example.com").user.disabled_at
    assert taken.of("mary@example.com").password_hash == NO_PASSWORD


def test_a_ban_that_is_over_disables_nobody() -> None:
    row = {"email": "a@example.com", "name": "A", "password": None}
    over, lasting = "2020-01-01 00:00:00+00", LATER
    assert one("better-auth", **row, banned=1, banExpires=lasting).user.disabled_at
    assert one("better-auth", **row, banned=True, ban_expires=None).user.disabled_at
    assert one("better-auth", **row, banned=True, banExpires=over).user.disabled_at is None
    assert one("better-auth", **row, banned=False, banExpires=lasting).user.disabled_at is None
    row = {"email": "a@example.com", "encrypted_password": ""}
    assert one("supabase", **row, banned_until=lasting).user.disabled_at
    assert one("supabase", **row, banned_until="infinity").user.disabled_at
    assert one("supabase", **row, banned_until=over).user.disabled_at is None
    assert one("supabase", **row, deleted_at=over).user.disabled_at


def test_fastapi_users() -> None:
    taken = take((EXPORTS / "fastapi-users.csv").read_bytes(), "fastapi-users")
    ada, joan = taken.of("ada@example.com"), taken.of("joan@example.com")
    assert (ada.user.name, ada.user.email_verified) == ("ada", True)
    assert ada.password_hash.startswith("$argon2id$")
    assert joan.user.disabled_at
    assert not joan.user.email_verified


@pytest.mark.parametrize("column", ["password", "passwordHash"])
def test_pocketbase(column: str) -> None:
    """As `sqlite3 -json` writes it, which is an array of a row a line."""
    row = {
        "email": "ada@example.com",
        "name": "",
        "username": "users_ada",
        "verified": 1,
        column: BCRYPT,
        "created": "2022-06-25 11:03:50.052Z",
        "updated": "2022-06-26 11:03:50.052Z",
    }
    taken = take(
        f"[{json.dumps(row)},\n{json.dumps({**row, 'email': 'b@example.com'})}]\n", "pocketbase"
    )
    ada = taken.of("ada@example.com")
    assert (ada.user.name, ada.user.email_verified) == ("users_ada", True)
    assert ada.user.created_at == datetime(2022, 6, 25, 11, 3, 50, 52000, tzinfo=UTC)
    assert ada.password_hash == BCRYPT
    assert len(taken.users) == 2


def test_authingo_in_go() -> None:
    taken = take(
        "id,email,name,password_hash,email_verified,created_at,updated_at\n"
        f"usr_01,Ada@Example.com,Ada,{BCRYPT},t,2026-03-22 10:00:00.5+00,2026-03-23 10:00:00+00\n",
        "authingo-go",
    )
    (ada,) = taken.users
    assert ada.user.email == "ada@example.com"
    assert ada.user.email_verified
    assert ada.user.id != "usr_01"
    assert ada.user.created_at == datetime(2026, 3, 22, 10, 0, 0, 500000, tzinfo=UTC)


def test_supabase() -> None:
    """As a CSV of the SQL editor has it."""
    taken = take(
        "instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,"
        "raw_user_meta_data,created_at,updated_at,banned_until,deleted_at\n"
        "00000000-0000-0000-0000-000000000000,5fb83022-0ec5-401b-b2ef-c355062dea8c,authenticated,"
        f"authenticated,ada@example.com,{BCRYPT},2023-01-02 03:04:05.678901+00,"
        '"{""full_name"": ""Ada Lovelace"", ""sub"": ""x""}",'
        "2023-01-02 03:04:05+00,2023-01-02 03:04:05+00,,\n",
        "supabase",
    )
    (ada,) = taken.users
    assert (ada.user.name, ada.user.email_verified) == ("Ada Lovelace", True)
    assert ada.user.disabled_at is None
    assert one("supabase", email="a@example.com", encrypted_password="").user.name == "a"


def test_auth0() -> None:
    """As its support writes password hashes, and joined with the profiles of a bulk export."""
    exported = {
        "_id": {"$oid": "5dea9f9c82dd7c0e76e4ec93"},
        "email_verified": True,
        "email": "ada@example.com",
        "passwordHash": BCRYPT.replace("$2a$", "$2b$"),
        "password_set_date": {"$date": "2019-12-06T18:36:12.412Z"},
        "tenant": "example",
        "connection": "Username-Password-Authentication",
        "_tmp_is_unique": True,
    }
    ada = one("auth0", **exported)
    assert (ada.user.name, ada.user.email_verified) == ("ada", True)
    assert ada.user.created_at == datetime(2019, 12, 6, 18, 36, 12, tzinfo=UTC)
    profile = {"name": "Ada", "blocked": True, "created_at": "2019-12-06T18:36:12.400Z"}
    joined = one("auth0", **exported, **profile)
    assert joined.user.name == "Ada"
    assert joined.user.disabled_at
    assert joined.user.created_at.microsecond == 400000
    assert one("auth0", **exported, name="ada@example.com").user.name == "ada"
    identifiers = [{"type": "email", "value": "b@example.com", "verified": True}]
    other = one("auth0", identifiers=identifiers, passwordHash=None)
    assert (other.user.email, other.user.email_verified) == ("b@example.com", True)


# What everybody's users become


@pytest.mark.parametrize(
    ("system", "column"),
    [
        ("better-auth", "password"),
        ("django", "password"),
        ("fastapi-users", "hashed_password"),
        ("pocketbase", "password"),
        ("authingo-go", "password_hash"),
        ("supabase", "encrypted_password"),
        ("auth0", "passwordHash"),
    ],
)
def test_a_forgotten_password_column_is_no_user_without_one(system: str, column: str) -> None:
    with pytest.raises(Unreadable, match=f"the first record has no field {column}"):
        take(json.dumps({"email": "a@example.com"}), system)
    good = {"email": "a@example.com", column: None}
    taken = take("\n".join(map(json.dumps, (good, {"email": "b@example.com"}))), system)
    assert taken.errors == [(2, "missing_field")]
    assert one(system, email="a@example.com", **{column: None}).password_hash == NO_PASSWORD
    with pytest.raises(Unreadable, match=f"no field {column}"):
        take("email,name\na@example.com,A\n", system)
    with pytest.raises(Unreadable, match="no field email"):
        take(f"name,{column}\nA,x\n", system)


@pytest.mark.parametrize(
    "theirs",
    ["secret", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "$2b$31$" + "." * 53, "a:b", "!", "$"],
)
def test_a_hash_that_nobody_can_verify_fails_its_line_and_is_not_told(theirs: str) -> None:
    (failed,) = take(json.dumps({"email": "a@example.com", "password_hash": theirs})).failed
    assert failed.code == "unsupported_hash"
    assert theirs == "$" or theirs == "!" or theirs not in failed.message


def test_names_are_made_fit() -> None:
    for theirs, name in {
        "": "a",
        "  Ada\n\tLovelace ": "Ada Lovelace",
        "\x00\x1b": "a",
        "x" * 300: "x" * 200,
        "Ada\ud800": "Ada",
        "Zoë \u200d": "Zoë \u200d",
    }.items():
        assert one("authingo", email="a@example.com", name=theirs).user.name == name


def test_ids_are_authingos_own_in_the_order_of_creation() -> None:
    users = [
        one("better-auth", email="a@example.com", password="", createdAt=at)
        for at in ("1901-01-01", "2017-01-01", "2019-01-01T00:00:00Z", 1609459200000, None)
    ]
    ids = [each.user.id for each in users]
    assert ids == sorted(ids)
    assert all(each.startswith("usr_") and len(each) == 30 for each in ids)
    kept = "usr_01d4s9dihrrjk6s8rk0b2lhaga"
    assert one("authingo", email="a@example.com", id=kept).user.id == kept
    for alien in ("ses_01d4s9dihrrjk6s8rk0b2lhaga", "usr_1", "42", "usr_" + "w" * 26):
        assert problem("authingo", email="a@example.com", id=alien) == "invalid_id"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("2024-01-02T03:04:05.678Z", datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
        ("2024-01-02 03:04:05.6+00", datetime(2024, 1, 2, 3, 4, 5, 600000, tzinfo=UTC)),
        ("2024-01-02 05:04:05+02:00", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (1704164645, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1704164645000", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ({"$date": "2024-01-02T03:04:05Z"}, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)
def test_times_as_databases_write_them(given: Any, read: datetime) -> None:
    assert one("authingo", email="a@example.com", created_at=given).user.created_at == read


@pytest.mark.parametrize(
    "given",
    ["yesterday", "0000-01-01", "1" * 400, float("inf"), float("nan"), [], "0001-01-01T00:00+14"],
)
def test_what_is_no_time_fails_its_line(given: Any) -> None:
    assert problem("authingo", email="a@example.com", created_at=given) == "invalid_field"


@pytest.mark.parametrize(
    ("name", "given"),
    [("email_verified", "maybe"), ("email_verified", 2), ("email_verified", []), ("name", {})],
)
def test_what_is_of_another_kind_fails_its_line(name: str, given: Any) -> None:
    assert problem("authingo", email="a@example.com", **{name: given}) == "invalid_field"


@pytest.mark.parametrize(
    "email", ["", "x", "a@b@c", "a@example.com\x00", "é@example.com", "a b@c.de"]
)
def test_an_email_that_is_none_fails_its_line(email: str) -> None:
    (failed,) = take(json.dumps({"email": email})).failed
    assert failed.code == "invalid_email"
    assert not email or email not in failed.message


def test_argon2_without_its_extra_ends_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_hashes.Extra, "is_installed", lambda _: False)
    with pytest.raises(ConfigError, match="argon2-cffi") as raised:
        take((EXPORTS / "fastapi-users.csv").read_bytes(), "fastapi-users")
    assert "pip install argon2-cffi," in (raised.value.hint or "")


def test_a_dry_run_counts_and_stores_nothing() -> None:
    emails = ["new@example.com", "taken@example.com", "New@Example.com", "no email"]
    taken = take("\n".join(json.dumps({"email": email}) for email in emails), dry_run=True)
    assert (taken.done.imported, taken.done.skipped, taken.done.failed) == (1, 2, 1)
    assert not taken.store.batches
    assert not taken.store.events.outcomes


def test_an_import_records_its_begin_and_how_many_it_stored() -> None:
    taken = take('{"email": "a@example.com"}\n{"email": "b@example.com"}')
    recorded = [
        (one.name, one.count) for each in taken.store.events.outcomes for one in each.events
    ]
    assert recorded == [("users_import_began", None), ("users_imported", 2)]
    assert not take("").store.events.outcomes


def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: 0.0)  # so every batch was quick
    lines = (json.dumps({"email": f"u{number}@example.com"}) for number in range(4000))
    batches = take("\n".join(lines)).store.batches
    assert [len(batch) for batch in batches] == [50, 100, 200, 400, 800, 1000, 1000, 450]


class _Pipe(io.BytesIO):
    """Users from another program, which may pause; `before_each` is called before each line."""

    def __init__(self, users: int, before_each: Callable[[], None]) -> None:
        lines = (f'{{"email": "{n}@example.com", "password_hash": null}}' for n in range(users))
        super().__init__("\n".join(lines).encode())
        self._before_each = before_each

    def seekable(self) -> bool:
        return False

    def readline(self, size: int | None = -1, /) -> bytes:
        self._before_each()
        return super().readline(size)


@pytest.mark.anyio
async def test_nothing_is_being_stored_while_a_pipe_pauses(sqlite_url: str) -> None:
    """The pause may be longer than the store's timeout, which would fail a batch that is stored."""
    stored = list[int]()

    def count() -> None:
        ((users,),) = execute(sqlite_url, "SELECT count(*) FROM authingo_users")
        stored.append(users)

    async def alone() -> bool:
        return True

    store = open_store(Settings(database_url=sqlite_url))
    await store.open(create=False)
    importing = UserImport(store, "authingo")
    await importing.read(_Pipe(200, count), is_alone=alone)
    await store.close()
    assert importing.imported == 200
    batches = sorted({*stored})
    assert len(batches) >= 3
    for begun in batches:  # no batch is stored in the middle of the reading of the next one
        first, last = stored.index(begun), len(stored) - 1 - stored[::-1].index(begun)
        assert set(stored[first : last + 1]) == {begun}
        assert begun == first, "all that was read before"
