"""Hashes that other systems made: real ones verify, slow and malformed ones are no hashes."""

from __future__ import annotations

import hashlib
import hmac
import struct
from base64 import b64encode

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authingo import foreign_hashes, passwords
from authingo.foreign_hashes import ForeignHash
from authingo.passwords import NO_PASSWORD, PasswordHasher, is_hash, verify_password
from tests.foreign import BETTER_AUTH, DJANGO, PASSWORD, REAL, UNUSUAL


@pytest.mark.parametrize(("theirs", "password"), REAL.values(), ids=REAL)
def test_what_another_system_wrote_verifies(theirs: str, password: str) -> None:
    stored = foreign_hashes.as_stored(theirs)
    assert is_hash(stored)
    assert verify_password(password, stored, 4)
    assert not verify_password(password + "x", stored, 4)
    assert not verify_password("nul \x00", stored, 4)
    assert not verify_password("lone \ud800", stored, 4)
    assert foreign_hashes.as_stored(stored) == stored, "what is stored is left as it is"


def aspnet(*numbers: int, salt: bytes = bytes(16), key: bytes = bytes(32)) -> str:
    structure = b"\x01" + struct.pack(">III", *numbers) + salt + key
    return "$aspnet-identity$" + b64encode(structure).decode()


def phpass_of(password: str) -> str:
    """What WordPress before 6.8 has of somebody who typed this into its form."""
    slashed = password.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"').strip()
    assert slashed == 'it\\\'s \\"ok\\"'
    return "$P$6NM0j/PJcBBI35c9JRJuC1zZGg7xk01"  # passlib's phpass of that


def test_wordpress_trims_a_password_and_puts_backslashes_before_quotes() -> None:
    typed = 'it\'s "ok"'
    trimmed = " admin\n"
    assert verify_password(typed, phpass_of(typed), 4)
    assert verify_password(f" {typed}\t", phpass_of(typed), 4)
    assert not verify_password("it's ok", phpass_of(typed), 4)
    assert verify_password(trimmed, REAL["wordpress 6.8"][0], 4)
    digest = b64encode(hmac.digest(b"wp-sha384", b'it\\\'s \\"ok\\"', "sha384"))
    made = "$wp" + bcrypt.hashpw(digest, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    assert verify_password(typed, made, 4)
    set_otherwise = b64encode(hmac.digest(b"wp-sha384", typed.encode(), "sha384"))
    made = "$wp" + bcrypt.hashpw(set_otherwise, bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    assert verify_password(typed, made, 4)


def test_each_but_bcrypt_is_replaced_at_the_first_sign_in() -> None:
    hasher = PasswordHasher(cost=4)
    for name, (theirs, _) in REAL.items():
        stored = foreign_hashes.as_stored(theirs)
        assert hasher.needs_rehash(stored) is (not stored.startswith("$2b$")), name


def test_better_auth_normalizes_and_the_others_do_not() -> None:
    composed = "p\u00e1ssword \U0001f511 five"
    theirs = foreign_hashes.as_stored(BETTER_AUTH["grace@example.com"])
    assert verify_password(composed, theirs, 4)
    key = hashlib.pbkdf2_hmac("sha256", UNUSUAL.encode(), b"salt", 10)
    django = f"pbkdf2_sha256$10$salt${b64encode(key).decode()}"
    assert verify_password(UNUSUAL, django, 4)
    assert not verify_password(composed, django, 4)


def test_only_what_has_no_tag_of_its_own_gets_one() -> None:
    theirs = BETTER_AUTH["ada@example.com"]
    assert not is_hash(theirs)
    assert foreign_hashes.as_stored(theirs) == "$scrypt-better-auth$" + theirs
    assert foreign_hashes.as_stored(DJANGO["ada"]) == DJANGO["ada"]
    assert foreign_hashes.as_stored(DJANGO["frances"]).startswith("$2b$12$")
    assert foreign_hashes.as_stored(DJANGO["radia"]).startswith("$argon2id$v=19$")


KEY64 = b64encode(bytes(64)).decode()
KEY20 = b64encode(bytes(20)).decode()
KEY32 = b64encode(bytes(32)).decode()
ARGON2 = "$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43


def firebase(costs: str, *, key: str = KEY64) -> str:
    return f"$fbscrypt$v=1,{costs},ss=Bw==,sk={KEY64}$c2FsdA==${key}"


@pytest.mark.parametrize(
    ("affordable", "slow"),
    [
        (f"pbkdf2_sha256$5000000$salt${KEY32}", f"pbkdf2_sha256$5000001$salt${KEY32}"),
        (f"pbkdf2_sha256$5000000$salt${KEY32}", f"pbkdf2_sha256$99999999999$salt${KEY32}"),
        (f"scrypt$131072$salt$8$4${KEY64}", f"scrypt$262144$salt$8$1${KEY64}"),
        (f"scrypt$131072$salt$8$4${KEY64}", f"scrypt$131072$salt$8$5${KEY64}"),
        (f"scrypt$2$salt$8$4${KEY64}", f"scrypt$2$salt$9999$9999${KEY64}"),
        (f"scrypt$16384$salt$8$5${KEY64}", f"scrypt$16383$salt$8$5${KEY64}"),
        ("$argon2id$v=19$m=131072,t=8,p=8" + ARGON2, "$argon2id$v=19$m=131073,t=1,p=8" + ARGON2),
        ("$argon2id$v=19$m=131072,t=8,p=8" + ARGON2, "$argon2id$v=19$m=131072,t=9,p=8" + ARGON2),
        ("$argon2i$v=19$m=128,t=8,p=16" + ARGON2, "$argon2i$v=19$m=1024,t=8,p=17" + ARGON2),
        ("$argon2i$v=19$m=128,t=8,p=16" + ARGON2, "$argon2i$v=19$m=127,t=8,p=16" + ARGON2),
        (f"pbkdf2_sha1$5000000$salt${KEY20}", f"pbkdf2_sha1$5000001$salt${KEY20}"),
        (f"pbkdf2:sha256:5000000$salt${'0' * 64}", f"pbkdf2:sha256:5000001$salt${'0' * 64}"),
        # A key of two blocks takes twice as long, and SHA-512 does too.
        (f"pbkdf2:sha256:2500000$salt${'0' * 128}", f"pbkdf2:sha256:2500001$salt${'0' * 128}"),
        (f"pbkdf2:sha512:2500000$salt${'0' * 128}", f"pbkdf2:sha512:2500001$salt${'0' * 128}"),
        ("$pbkdf2-sha512$2500000$c2FsdA$" + "A" * 86, "$pbkdf2-sha512$2500001$c2FsdA$" + "A" * 86),
        ("$pbkdf2$2500000$c2FsdA$" + "A" * 43, "$pbkdf2$2500001$c2FsdA$" + "A" * 43),
        (aspnet(1, 5_000_000, 16), aspnet(1, 5_000_001, 16)),
        (aspnet(2, 2_500_000, 16), aspnet(2, 2**32 - 1, 16)),
        (aspnet(1, 1, 16), aspnet(1, 0, 16)),
        (aspnet(1, 1, 16), aspnet(3, 1, 16)),
        (aspnet(1, 1, 16), aspnet(1, 1, 2**32 - 1)),
        (aspnet(1, 1, 32), aspnet(1, 1, 40)),  # which leaves a key of 8 bytes
        (f"scrypt:131072:8:4$salt${'0' * 128}", f"scrypt:131072:8:5$salt${'0' * 128}"),
        ("$scrypt$ln=17,r=8,p=4$c2FsdA$" + "A" * 43, "$scrypt$ln=18,r=8,p=1$c2FsdA$" + "A" * 43),
        ("$scrypt$ln=17,r=8,p=4$c2FsdA$" + "A" * 43, "$scrypt$ln=99,r=8,p=1$c2FsdA$" + "A" * 43),
        ("$P$FABCDEFGH" + "." * 22, "$P$GABCDEFGH" + "." * 22),
        ("$P$5ABCDEFGH" + "." * 22, "$P$4ABCDEFGH" + "." * 22),
        (firebase("n=17,r=8,p=1"), firebase("n=18,r=8,p=1")),
        (firebase("n=14,r=64,p=4"), firebase("n=14,r=65,p=1")),
        (firebase("n=14,r=8,p=1"), firebase("n=14,r=8,p=1", key="A" * 84)),
        ("$wp$2y$14$" + "." * 53, "$wp$2y$15$" + "." * 53),
        ("bcrypt_sha256$$2b$15$" + "." * 53, "bcrypt_sha256$$2b$16$" + "." * 53),
    ],
)
def test_a_hash_that_is_too_slow_is_none(affordable: str, slow: str) -> None:
    """It is not even tried: an import of one is a denial of service otherwise."""
    assert is_hash(affordable)
    assert not is_hash(slow)
    assert not verify_password(PASSWORD, slow, 4)


@pytest.mark.parametrize(("real", "password"), REAL.values(), ids=REAL)
def test_a_damaged_hash_is_a_mismatch_and_no_error(real: str, password: str) -> None:
    stored = foreign_hashes.as_stored(real)
    for damaged in (stored[:-1], stored + "\n", "x" + stored, stored.replace("$", "%"), "$" * 9):
        assert not verify_password(password, damaged, 4)
    for at in range(min(24, len(stored))):
        foreign_hashes.recognize(stored[:at] + "é" + stored[at + 1 :])


SALTED = r"\$salt\$"
CHEAP = {  # of what each scheme accepts, that which is verified in a moment
    "bcrypt": r"\$2[aby]\$0[45]\$[./A-Za-z0-9]{53}",
    "bcrypt_sha256": r"bcrypt_sha256\$\$2b\$04\$[./A-Za-z0-9]{53}",
    "pbkdf2": r"pbkdf2_sha256\$[1-9][0-9]{0,3}" + SALTED + r"[A-Za-z0-9+/]{43}=",
    "scrypt": r"scrypt\$(2|4|1024|65536)" + SALTED + r"[1-9]\$[1-9]\$[A-Za-z0-9+/]{86}==",
    "pbkdf2_sha1": r"pbkdf2_sha1\$[1-9][0-9]{0,3}" + SALTED + r"[A-Za-z0-9+/]{27,43}=",
    "passlib pbkdf2": r"\$pbkdf2(-sha256|-sha512)?\$[1-9][0-9]{0,2}\$[A-Za-z0-9+/.]{1,30}"
    r"\$[A-Za-z0-9+/.]{22,100}",
    "werkzeug": r"pbkdf2:sha(1|256|512):[1-9][0-9]{0,2}" + SALTED + r"[0-9a-f]{32,99}",
    "aspnet": r"\$aspnet-identity\$AQAAAA[AEIM]AAA[AB][A-Za-z0-9+/]{30,210}={0,2}",
    "phpass": r"\$P\$[5-9][./0-9A-Za-z]{30}",
    "wordpress": r"\$wp\$2y\$04\$[./A-Za-z0-9]{53}",
    "firebase": r"\$fbscrypt\$v=1,n=[1-9],r=[1-9],p=[1-9],ss=[A-Za-z0-9+/]{0,8}={0,2},"
    r"sk=[A-Za-z0-9+/]{22,24}={0,2}\$[A-Za-z0-9+/]{1,12}={0,2}\$[A-Za-z0-9+/]{22,24}={0,2}",
    "passlib scrypt": r"\$scrypt\$ln=[1-9],r=[1-9],p=[1-9]\$[A-Za-z0-9+/.]{1,30}"
    r"\$[A-Za-z0-9+/.]{22,90}",
    "argon2": r"\$argon2(id|i|d)\$v=19\$m=[1-9][0-9]{0,3},t=[12],p=[1-9]\$[A-Za-z0-9+/]{11,30}"
    r"\$[A-Za-z0-9+/]{16,50}",
}


@pytest.mark.parametrize("scheme", CHEAP)
def test_no_hash_that_is_taken_raises(scheme: str) -> None:
    """What a library refuses nevertheless would be a 500 at every sign-in."""

    @given(st.from_regex(CHEAP[scheme], fullmatch=True, alphabet=st.characters(codec="ascii")))
    @settings(max_examples=40)
    def search(stored: str) -> None:
        assert not verify_password(PASSWORD, foreign_hashes.as_stored(stored), 4)

    search()


@pytest.mark.parametrize(
    "stored",
    [
        "$2a$04$oaQbBqq8JnSM1NHRPQGXOR" + "." * 31,  # bits in the salt that mean nothing
        "scrypt$65536$salt$1$1$" + "A" * 86 + "==",  # N beyond what r allows
        "scrypt$2$salt$1000$2000$" + "A" * 86 + "==",  # p that wants 256 MiB
    ],
)
def test_what_a_library_refuses_is_no_hash(stored: str) -> None:
    assert not is_hash(stored)
    assert not verify_password(PASSWORD, stored, 4)


def test_bits_in_a_salt_that_mean_nothing_are_cleared() -> None:
    made = bcrypt.hashpw(PASSWORD.encode(), b"$2b$04$" + b"abcdefghijklmnopqrstuO").decode()
    for same in "OPQRSTUVWXYZabcd":
        theirs = made[:28] + same + made[29:]
        assert foreign_hashes.as_stored(theirs) == made
    assert verify_password(PASSWORD, foreign_hashes.as_stored(made), 4)


@pytest.mark.parametrize(
    ("kind", "extra", "package"),
    [
        ("fastapi-users argon2", "argon2", "argon2-cffi"),
        ("firebase", "firebase", "cryptography"),
    ],
)
def test_a_hash_whose_extra_is_not_installed_is_a_mismatch(
    monkeypatch: pytest.MonkeyPatch, kind: str, extra: str, package: str
) -> None:
    stored, password = REAL[kind]
    assert foreign_hashes.missing_extra(stored) is None
    monkeypatch.setattr(foreign_hashes.Extra, "is_installed", lambda _: False)
    missing = foreign_hashes.missing_extra(stored)
    assert missing is not None
    assert (missing.name, missing.package) == (extra, package)
    assert f"pip install {missing.package}," in (missing.not_installed().hint or "")
    assert not is_hash(stored)
    assert not verify_password(password, stored, 4)


def test_who_has_no_password_signs_in_with_none() -> None:
    for password in ("", NO_PASSWORD, "!" * 9, PASSWORD):
        assert not verify_password(password, NO_PASSWORD, 4)
    assert not is_hash(NO_PASSWORD)


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_a_foreign_hash_is_topped_up_by_what_it_left(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    """Whether it matches or not. Its own time is given here, and what follows is counted."""
    spent: list[int] = []
    hashpw = bcrypt.hashpw

    def count(secret: bytes, salt: bytes) -> bytes:
        spent.append(2 ** int(salt[4:6]))
        return hashpw(secret, salt)

    key = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"salt", 10)
    stored = f"pbkdf2_sha256$10$salt${b64encode(key).decode()}"
    monkeypatch.setattr(bcrypt, "hashpw", count)
    monkeypatch.setattr(passwords, "_seconds_of_a_round", lambda: 0.01)
    verify = ForeignHash.verify
    for seconds, left in ((0.0, 256), (1.0, 156), (2.0, 56), (3.0, 0)):
        monkeypatch.setattr(
            ForeignHash, "verify", lambda it, given, took=seconds: (verify(it, given)[0], took)
        )
        assert verify_password(password, stored, 8) is (password == PASSWORD)
        assert left - 16 < sum(spent) <= left
        spent.clear()
