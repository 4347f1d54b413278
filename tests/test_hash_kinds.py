"""Every comparison takes as long as that of the slowest stored hash."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from typing import Any

import argon2
import bcrypt
import pytest

from authingo import clock as clock_of_process
from authingo import foreign_hashes, passwords
from authingo.errors import StoreUnavailable
from authingo.foreign_hashes import ForeignHash
from authingo.hash_kinds import SlowestHashes, add_kind, slowest_of_each
from authingo.models import HashKind
from authingo.passwords import NO_PASSWORD, PasswordHasher, bcrypt_kind, kind_of, verify_password
from tests.foreign import REAL

DEAR = "pbkdf2_sha256$1000000$salt$" + "A" * 43 + "="


@pytest.mark.parametrize("theirs", [theirs for theirs, _ in REAL.values()], ids=REAL)
def test_a_kind_is_a_hash_that_costs_the_same_and_has_nothing_of_anybody(theirs: str) -> None:
    stored = foreign_hashes.as_stored(theirs)
    kind = kind_of(stored)
    assert kind is not None
    assert kind_of(kind.sample) == kind
    for hashed in (stored, kind.sample):
        assert fnmatch.fnmatchcase(hashed, kind.pattern.replace("%", "*").replace("_", "?"))
    assert kind.sample.startswith(kind.begins)
    secrets = stored.removeprefix(kind.begins)
    assert secrets[:4] not in kind.sample
    assert secrets[-20:] not in kind.sample
    assert kind.work > 0


def test_the_sample_of_argon2_is_one_that_argon2_reads() -> None:
    """It refuses Base64 whose last bits are not zero, and that costs nothing."""
    sample = kind_of(next(theirs for theirs, _ in REAL.values() if theirs.startswith("$argon2")))
    assert sample is not None
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        argon2.PasswordHasher().verify(sample.sample, "x")


def test_of_each_family_the_slowest_counts() -> None:
    costs = ("$2b$06$", "$2a$10$", "$2b$04$")
    rest = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()[7:]
    found = slowest_of_each([*(cost + rest for cost in costs), NO_PASSWORD, "nonsense"])
    assert found == {"bcrypt": bcrypt_kind(10)}
    add_kind(found, DEAR)
    add_kind(found, DEAR.replace("1000000", "600000"))
    assert found["pbkdf2 (Django) sha256"].begins == "pbkdf2_sha256$1000000$"
    assert bcrypt_kind(13).begins == "$2b$13$"


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts rounds of bcrypt; a foreign hash takes as many as a thousand of its own."""
    spent: list[int] = []
    hashpw, checkpw = bcrypt.hashpw, bcrypt.checkpw

    def spend(password: bytes, salt: bytes) -> bytes:
        spent.append(2 ** int(salt[4:6]))
        return hashpw(password, salt)

    def check(password: bytes, hashed: bytes) -> bool:
        spent.append(2 ** int(hashed[4:6]))
        return checkpw(password, hashed)

    def verify(self: ForeignHash, password: str) -> tuple[bool, float]:
        spent.append(1024)
        return False, 1024.0

    monkeypatch.setattr(bcrypt, "hashpw", spend)
    monkeypatch.setattr(bcrypt, "checkpw", check)
    monkeypatch.setattr(ForeignHash, "verify", verify)
    monkeypatch.setattr(passwords, "_seconds_of_a_round", lambda: 1.0)
    passwords.rounds_of.cache_clear()
    return spent


@pytest.fixture(autouse=True)
def forget_measurements() -> Iterator[None]:
    yield
    passwords.rounds_of.cache_clear()


@pytest.mark.parametrize("slowest", [DEAR, bcrypt_kind(10).sample])
@pytest.mark.parametrize(
    "stored",
    [None, NO_PASSWORD, "malformed", DEAR, *(f"$2b${cost}$" + "." * 53 for cost in ("04", "10"))],
)
def test_every_comparison_does_the_work_of_the_slowest(
    rounds: list[int], stored: str | None, slowest: str
) -> None:
    samples = (bcrypt_kind(5).sample, slowest)
    assert [passwords.rounds_of(sample) for sample in samples] == [32, 1024]
    rounds.clear()
    assert not verify_password("x", stored, 8, samples)
    assert sum(rounds) in {1024, 1008}, "to sixteen rounds, which is the cheapest bcrypt"


class Kinds:
    """A store that knows kinds of hashes, or does not answer."""

    def __init__(self, *kinds: HashKind) -> None:
        self.kinds, self.asked, self.works = list(kinds), 0, True
        self.hash_kinds = self

    async def find(self) -> list[HashKind]:
        self.asked += 1
        if not self.works:
            raise StoreUnavailable
        return self.kinds

    async def record(self, kinds: Sequence[HashKind]) -> None:
        self.kinds = [*kinds]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(clock_of_process, "now", lambda: now[0])
    return now


@pytest.mark.anyio
async def test_the_store_is_asked_once_a_minute(clock: list[float]) -> None:
    slow = kind_of(DEAR)
    assert slow is not None
    store: Any = Kinds(bcrypt_kind(4))
    hasher = PasswordHasher(cost=4)
    slowest = SlowestHashes(hasher)
    for _ in range(3):
        await slowest.learn(store)
    assert store.asked == 1
    store.kinds.append(slow)
    clock[0] += 59
    await slowest.learn(store)
    assert [*hasher.slowest] == [bcrypt_kind(4).sample]
    clock[0] += 2
    await slowest.learn(store)
    assert [*hasher.slowest] == [bcrypt_kind(4).sample, slow.sample]
    store.works = False
    clock[0] += 61
    await slowest.learn(store)
    assert (store.asked, len(hasher.slowest)) == (3, 2), "what is known stays known"


@pytest.mark.anyio
@pytest.mark.parametrize(("known", "recorded"), [(4, 6), (6, 6), (8, 8)])
async def test_a_cost_that_is_raised_is_recorded(known: int, recorded: int) -> None:
    """Then it is known when it is lowered again."""
    store: Any = Kinds(bcrypt_kind(known))
    await SlowestHashes(PasswordHasher(cost=6)).learn(store)
    assert store.kinds == [bcrypt_kind(recorded)]
