"""Passwords: schemes, vectors, policy, and what a stored hash may look like."""

from __future__ import annotations

import asyncio
import string
import time

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authingo import passwords
from authingo.passwords import PasswordHasher, hash_password, is_hash, verify_password

SALT = bytes(range(16))
# bcrypt of "correct horse" as any other program makes it.
PLAIN = "$2b$04$..CA.uOD/eaGAOmJB.yMBuM872uvtNqimzkCcRocGwv7haFzmUZ5a"
# 80 times "x": bcrypt of base64(HMAC-SHA-384(key = the bytes 0 to 15, the password)), made with
#   openssl dgst -sha384 -mac HMAC -macopt hexkey:000102…0f -binary | base64
LONG = "$bcrypt-hmac-sha384$2b$04$..CA.uOD/eaGAOmJB.yMBuE725LX0bHriqcQeITRacGTAIIDBdbOy"


def test_the_vectors_hold() -> None:
    assert hash_password("correct horse", 4, SALT) == PLAIN
    assert hash_password("x" * 80, 4, SALT) == LONG
    assert verify_password("correct horse", PLAIN, 4)
    assert verify_password("x" * 80, LONG, 4)


def test_up_to_72_bytes_any_other_system_can_verify() -> None:
    for password in ("x" * 72, "ü" * 36, "eight ch"):
        stored = hash_password(password, 4)
        assert stored.startswith("$2b$04$")
        assert bcrypt.checkpw(password.encode(), stored.encode())
    assert hash_password("x" * 73, 4).startswith("$bcrypt-hmac-sha384$2b$04$")
    assert hash_password("ü" * 37, 4).startswith("$bcrypt-hmac-sha384$2b$04$")


def test_nothing_is_truncated() -> None:
    for length in (71, 72, 73, 200):
        stored = hash_password("x" * length, 4)
        for other in range(length - 2, length + 3):
            assert verify_password("x" * other, stored, 4) is (other == length)


def test_the_tag_tells_the_scheme_not_the_length() -> None:
    reduced = passwords._reduce(b"x" * 80, SALT).decode()
    assert len(reduced) == 64
    assert not verify_password(reduced, LONG, 4), "what is hashed is not a password itself"
    plain_of_reduced = LONG.removeprefix("$bcrypt-hmac-sha384")
    assert verify_password(reduced, plain_of_reduced, 4)
    assert not verify_password("x" * 80, plain_of_reduced, 4)
    short_under_long = "$bcrypt-hmac-sha384" + PLAIN
    assert not verify_password("correct horse", short_under_long, 4)


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1))
@settings(max_examples=50)
def test_what_was_hashed_verifies_and_nothing_else(password: str) -> None:
    stored = hash_password(password, 4)
    assert is_hash(stored)
    assert verify_password(password, stored, 4)
    assert not verify_password(password + "x", stored, 4)


@pytest.mark.parametrize("variant", ["2a", "2b", "2y"])
def test_hashes_from_elsewhere_verify(variant: str) -> None:
    stored = PLAIN.replace("$2b$", f"${variant}$")
    assert verify_password("correct horse", stored, 4)
    assert PasswordHasher(cost=4).needs_rehash(stored) is (variant != "2b")


MALFORMED = [
    "",
    "plain text",
    "$2b$04$short",
    PLAIN + "x",
    PLAIN + "\n",
    PLAIN[:-1] + "é",
    PLAIN.replace("$2b$", "$2x$"),
    PLAIN.replace("$2b$", "$2$"),
    PLAIN.replace("$04$", "$4$"),
    PLAIN.replace("$04$", "$03$"),
    PLAIN.replace("$04$", "$16$"),
    PLAIN.replace("$04$", "$31$"),
    "$bcrypt-hmac-sha384" + PLAIN[:-1],
    "$other" + PLAIN,
    "\x00" + PLAIN,
    "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
]


@pytest.mark.parametrize("stored", MALFORMED)
def test_a_malformed_hash_is_a_mismatch_and_no_error(stored: str) -> None:
    assert not is_hash(stored)
    assert not verify_password("correct horse", stored, 4)


@given(st.text(), st.text(string.ascii_letters + "$./0123456789", max_size=80))
@settings(max_examples=100)
def test_no_password_and_no_hash_raises(password: str, stored: str) -> None:
    verify_password(password, stored, 4)


def test_what_cannot_be_hashed_is_refused() -> None:
    for password in ("nul \x00", "lone \ud800"):
        with pytest.raises(ValueError, match="cannot be hashed"):
            hash_password(password, 4)
        assert not verify_password(password, PLAIN, 4)
        assert passwords.problem_with(password.ljust(10), email="") is not None


def test_a_weaker_hash_needs_another() -> None:
    hasher = PasswordHasher(cost=6)
    assert hasher.needs_rehash(PLAIN)
    assert not hasher.needs_rehash(PLAIN.replace("$04$", "$06$"))
    assert not hasher.needs_rehash(PLAIN.replace("$04$", "$10$")), "a stronger one is left alone"
    assert hasher.needs_rehash(LONG)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What every bcrypt call costs, in rounds, while it is really made."""
    spent: list[int] = []
    hashpw, checkpw = bcrypt.hashpw, bcrypt.checkpw

    def count_hash(password: bytes, salt: bytes) -> bytes:
        spent.append(2 ** int(salt[4:6]))
        return hashpw(password, salt)

    def count_check(password: bytes, stored: bytes) -> bool:
        spent.append(2 ** int(stored[4:6]))
        return checkpw(password, stored)

    monkeypatch.setattr(bcrypt, "hashpw", count_hash)
    monkeypatch.setattr(bcrypt, "checkpw", count_check)
    return spent


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        ("wrong", PLAIN.replace("$04$", "$08$")),
        ("wrong", PLAIN),
        ("wrong", LONG),
        ("wrong", PLAIN.replace("$04$", "$06$")),
        ("wrong", None),
        ("wrong", "malformed"),
        ("nul \x00", PLAIN),
        ("lone \ud800", PLAIN),
        ("x" * 100, PLAIN),
    ],
)
def test_every_failure_costs_what_a_full_check_costs(
    rounds: list[int], password: str, stored: str | None
) -> None:
    """Counted in rounds of bcrypt, because no test may depend on a clock."""
    assert not verify_password(password, stored, 8)
    assert 2**8 - 2**4 <= sum(rounds) <= 2**8


def test_hashing_leaves_the_event_loop_free() -> None:
    async def run() -> None:
        hasher = PasswordHasher(cost=10)
        hashing = asyncio.gather(*(hasher.hash("x" * 9) for _ in range(4)))
        turns = 0
        while not hashing.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100
        assert len(set(await hashing)) == 4, "each has a salt of its own"

    asyncio.run(run())


def test_the_pool_is_bounded() -> None:
    """However many hash at once, no more than its threads are ever at work."""
    at_work = peak = 0

    def work() -> None:
        nonlocal at_work, peak
        at_work += 1
        peak = max(peak, at_work)
        time.sleep(0.002)
        at_work -= 1

    async def run() -> None:
        hasher = PasswordHasher(cost=4, threads=2)
        await asyncio.gather(*(hasher.run(None, work) for _ in range(20)))

    asyncio.run(run())
    assert peak == 2


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("1234567", "at least 8"),
        ("x" * 257, "at most 256"),
        ("🔑" * 7, "at least 8"),
        ("password1", "most common"),
        ("PassWord1", "most common"),
        ("ada@example.com", "the email"),
        ("ADA@EXAMPLE.COM", "the email"),
        ("x" * 256, None),
        ("        ", None),
        ("🔑" * 8, None),
        ("correct horse", None),
    ],
)
def test_the_policy(password: str, problem: str | None) -> None:
    found = passwords.problem_with(password, email="ada@example.com")
    assert found is None if problem is None else problem in (found or "")


def test_a_local_part_that_is_long_enough_is_no_password() -> None:
    found = passwords.problem_with("AdaLovelace", email="adalovelace@example.com")
    assert found == "must not be the email"


def test_generated_passwords_pass_the_policy() -> None:
    made = {passwords.generate() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        assert len(password) == 20
        assert passwords.problem_with(password, email="ada@example.com") is None
