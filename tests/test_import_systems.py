"""Systems whose hashes are spread over several fields, and whose file is taken for whose."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from authingo import passwords
from authingo.errors import ConfigError
from authingo.importing import SYSTEMS, HashConfig, Unreadable, UserImport
from authingo.importing.signs import looks_like
from authingo.passwords import NO_PASSWORD
from authingo.stores import Store
from tests.foreign import REAL
from tests.importing import BCRYPT, Kept, one, take

EXPORTS = Path(__file__).parent / "exports"

FIELDS = {
    "aspnet": ["Id", "Email", "NormalizedEmail", "EmailConfirmed", "PasswordHash", "LockoutEnd"],
    "auth0": ["user_id", "email", "email_verified", "passwordHash", "created_at"],
    "authingo": ["id", "email", "email_verified", "password_hash", "disabled_at", "created_at"],
    "better-auth": ["id", "email", "emailVerified", "password", "createdAt"],
    "django": ["id", "email", "password", "is_superuser", "date_joined"],
    "fastapi-users": ["id", "email", "hashed_password", "is_superuser", "is_verified"],
    "firebase": ["localId", "email", "emailVerified", "passwordHash", "salt", "createdAt"],
    "keycloak": ["username", "email", "emailVerified", "credentials", "createdTimestamp"],
    "pocketbase": ["id", "email", "password", "tokenKey", "verified"],
    "supabase": ["id", "aud", "email", "encrypted_password", "raw_user_meta_data"],
    "wordpress": ["ID", "user_login", "user_pass", "user_email"],
    "Laravel": ["id", "email", "password", "remember_token", "email_verified_at"],
    "Rails": ["id", "email", "encrypted_password", "reset_password_token", "created_at"],
}


@pytest.mark.parametrize("likely", FIELDS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_file_of_another_system_is_noticed_before_anything_is_stored(
    system: str, likely: str
) -> None:
    if system == likely:
        return
    values: dict[str, Any] = dict.fromkeys(FIELDS[likely], "")
    values[next((name for name in values if name.lower() == "email"), "email")] = "a@example.com"
    row = ",".join(values)
    cells = ",".join(values.values())
    in_turn = json.dumps(values)
    for raw in (f"{row}\n{cells}\n", f"{row.upper()}\n{cells}\n", in_turn, f"[{in_turn}]"):
        store = Kept()
        importing = UserImport(cast("Store", store), system)
        with pytest.raises(Unreadable, match=f"looks like one of {likely}, not of") as raised:
            asyncio.run(importing.read(io.BytesIO(raw.encode())))
        assert likely in (raised.value.hint or "")
        assert store.batches == []


@pytest.mark.parametrize("system", sorted(FIELDS.keys() & SYSTEMS.keys()))
def test_the_file_of_the_right_system_is_not_taken_for_another(system: str) -> None:
    assert looks_like(FIELDS[system]) == system
    for file in EXPORTS.iterdir():
        if file.stem == system and file.suffix != ".sql":
            assert take(file.read_bytes(), system).users


def test_a_forgotten_system_is_no_import_without_passwords() -> None:
    for file, system in (
        ("better-auth.csv", "better-auth"),
        ("django.csv", "django"),
        ("fastapi-users.csv", "fastapi-users"),
    ):
        with pytest.raises(Unreadable) as raised:
            take((EXPORTS / file).read_bytes())
        assert raised.value.hint == f"use --from {system}"
    own = '{"email": "a@example.com"}\n{"email": "b@example.com", "passwordHash": ""}'
    assert take(own).errors == [(2, "unknown_field")]
    with pytest.raises(Unreadable, match="--from says which"):
        take(json.dumps({"email": "a@example.com", "passwordHash": BCRYPT}))


SIGNER_KEY = (
    "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)
CONSOLE = f"""hash_config {{
  algorithm: SCRYPT,
  base64_signer_key: {SIGNER_KEY},
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}}
"""
FIREBASE_USER = {
    "localId": "a1",
    "email": "ada@example.com",
    "emailVerified": True,
    "passwordHash": "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JA"
    "dRuid5lQ==",
    "salt": "42xEC+ixf3L2lw==",
    "displayName": "Ada Lovelace",
    "lastSignedInAt": "1700000000000",
    "createdAt": "1546300800123",
    "disabled": True,
    "providerUserInfo": [],
}


def test_firebase() -> None:
    """As `firebase auth:export users.json` writes it: an object with all users, indented."""
    google = {key: FIREBASE_USER[key] for key in ("localId", "createdAt", "emailVerified")}
    users = [
        FIREBASE_USER,
        {**google, "email": "grace@example.com"},
        {"localId": "a3", "phoneNumber": "+15550000000"},
    ]
    written = json.dumps({"users": users}, indent=2)
    for text in (CONSOLE, json.dumps({"rounds": 8, "mem_cost": 14, **_signing()})):
        taken = take(written, "firebase", hash_config=HashConfig.parse(text))
        assert taken.errors == [(3, "invalid_email")]
        ada, grace = taken.users
        assert (ada.user.name, ada.user.email_verified) == ("Ada Lovelace", True)
        assert ada.user.disabled_at
        assert ada.user.created_at == datetime(2019, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)
        assert ada.password_hash == REAL["firebase"][0]
        assert passwords.verify_password("user1password", ada.password_hash, 4)
        assert grace.password_hash == NO_PASSWORD


def _signing() -> dict[str, str]:
    return {"base64_signer_key": SIGNER_KEY, "base64_salt_separator": "Bw=="}


def test_firebase_hashes_that_were_withheld_are_no_users_without_passwords() -> None:
    withheld = {**FIREBASE_USER, "passwordHash": "UkVEQUNURUQ="}
    with pytest.raises(Unreadable, match="getHashConfig"):
        take(json.dumps({"users": [withheld]}), "firebase", hash_config=HashConfig.parse(CONSOLE))


def test_firebase_in_csv_is_refused_because_it_has_no_header() -> None:
    row = "a1,a@example.com,true,hash,salt,Ada,\n"
    with pytest.raises(Unreadable, match="export JSON"):
        take(row * 2, "firebase", hash_config=HashConfig.parse(CONSOLE))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("mem_cost: 14", "", "have no mem_cost"),
        ("mem_cost: 14", "mem_cost: 18", "too much time or memory"),
        ("mem_cost: 14", "mem_cost: many", "not Firebase's"),
        ("rounds: 8", "rounds: 800", "too much time or memory"),
        ("SCRYPT", "BCRYPT", "not SCRYPT"),
        (SIGNER_KEY, SIGNER_KEY[:-3], "not Firebase's"),
        (SIGNER_KEY, "s3cret", "not Firebase's"),
        (CONSOLE, "", "have no base64_signer_key, base64_salt_separator, rounds, mem_cost"),
    ],
)
def test_hash_parameters_that_mean_nothing_are_refused_and_not_repeated(
    old: str, new: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as raised:
        HashConfig.parse(CONSOLE.replace(old, new))
    shown = f"{raised.value.message} {raised.value.hint}"
    assert SIGNER_KEY[:8] not in shown
    assert "s3cret" not in shown
    assert "Firebase console" in shown
    assert SIGNER_KEY[:8] not in repr(HashConfig.parse(CONSOLE))


def keycloak_user(how: dict[str, Any], secret: dict[str, Any], **others: Any) -> dict[str, Any]:
    """As `kc.sh export` writes a user: data of credentials are JSON in a text."""
    password = {
        "id": "1dbe5dcc-76af-425d-bddc-cc36e1405dae",
        "type": "password",
        "createdDate": 1776007399750,
        "secretData": json.dumps(secret),
        "credentialData": json.dumps(how),
    }
    return {
        "id": "9482a854-2a00-4c70-a99e-ca60a945c438",
        "username": "ada",
        "email": "ada@example.com",
        "emailVerified": True,
        "enabled": True,
        "createdTimestamp": 1546300800123,
        "totp": True,
        "credentials": [{"type": "otp", "secretData": "{}", "credentialData": "{}"}, password],
        **others,
    }


def sha512() -> dict[str, str]:
    key = hashlib.pbkdf2_hmac("sha512", b"password", bytes(16), 210)
    return {"value": b64encode(key).decode(), "salt": b64encode(bytes(16)).decode()}


ARGON2 = {"hashLength": ["32"], "memory": ["7168"], "type": ["id"], "version": ["1.3"]}
KEYCLOAK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # The first two are in public examples of realms.
    "pbkdf2-sha256": (
        {"hashIterations": 27500, "algorithm": "pbkdf2-sha256", "additionalParameters": {}},
        {
            "value": "JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=",
            "salt": "P5rtFkGtPfoaryJ6PizUJw==",
            "additionalParameters": {},
        },
    ),
    "argon2": (
        {
            "hashIterations": 5,
            "algorithm": "argon2",
            "additionalParameters": {**ARGON2, "parallelism": ["1"]},
        },
        {
            "value": "BruFLfFkjH/8erZ26NnrbkOrWiZuQyDRCHD9o0R6Scg=",
            "salt": "Cf9AYCE5pAbb4CKEF0GUTA==",
        },
    ),
    "pbkdf2-sha512": ({"hashIterations": 210, "algorithm": "pbkdf2-sha512"}, sha512()),
}


@pytest.mark.parametrize("algorithm", KEYCLOAK)
def test_keycloak(algorithm: str) -> None:
    """In a realm's export, which has much else, and in the file of users of a directory."""
    ada = keycloak_user(*KEYCLOAK[algorithm], firstName="Ada", lastName="Lovelace")
    grace = keycloak_user({}, {}, email="grace@example.com", enabled=False, credentials=[])
    realm = {"id": "1", "realm": "example", "clients": [{"users": ["x" * 50]}] * 40_000}
    for document in (
        json.dumps({**realm, "users": [ada, grace], "keycloakVersion": "26"}, indent=2),
        json.dumps({"realm": "example", "users": [ada, grace]}),
    ):
        taken = take(document, "keycloak")
        assert not taken.failed
        first, second = taken.users
        assert (first.user.name, first.user.email_verified) == ("Ada Lovelace", True)
        assert first.user.created_at == datetime(2019, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)
        assert passwords.verify_password("password", first.password_hash, 4)
        assert not passwords.verify_password("passwore", first.password_hash, 4)
        assert (second.user.name, second.password_hash) == ("ada", NO_PASSWORD)
        assert second.user.disabled_at


def test_keycloak_without_hashes_is_no_import_without_passwords() -> None:
    from_api = keycloak_user({}, {})
    del from_api["credentials"]
    with pytest.raises(Unreadable, match="no field credentials"):
        take(json.dumps([from_api]), "keycloak")
    with pytest.raises(Unreadable, match="without its users"):
        take(json.dumps({"realm": "example", "clients": []}, indent=2), "keycloak")
    by_hand = keycloak_user({}, {}, credentials=[{"type": "password", "value": "s3cret"}])
    (failed,) = take(json.dumps([by_hand]), "keycloak").failed
    assert failed.code == "missing_field"
    assert "s3cret" not in failed.message


@pytest.mark.parametrize(
    "how",
    [
        {"hashIterations": 99_999_999, "algorithm": "pbkdf2-sha256"},
        {"hashIterations": "$", "algorithm": "pbkdf2-sha256"},
        {"hashIterations": 1, "algorithm": "pbkdf2-md5"},
        {"hashIterations": 1, "algorithm": "argon2"},
        {
            "hashIterations": 5,
            "algorithm": "argon2",
            "additionalParameters": {**ARGON2, "parallelism": ["1"], "memory": ["99999999"]},
        },
    ],
)
def test_keycloak_hashes_that_cannot_be_verified_fail(how: dict[str, Any]) -> None:
    secret = KEYCLOAK["argon2"][1]
    (failed,) = take(json.dumps([keycloak_user(how, secret)]), "keycloak").failed
    assert failed.code == "unsupported_hash"


def test_wordpress() -> None:
    taken = take(
        "ID,user_login,user_pass,user_nicename,user_email,user_registered,display_name,spam\n"
        f"1,ada,{REAL['wordpress 6.8'][0]},ada,ada@example.com,2019-01-01 00:00:00,Ada L.,0\n"
        "2,grace,$P$8ohUJ.1sdFw09/bMaAQPTGDNi2BIUt1,grace,grace@example.com,0000-00-00 00:00:00,,1"
        "\n3,old,5f4dcc3b5aa765d61d8327deb882cf99,old,old@example.com,2005-01-01 00:00:00,Old,0\n",
        "wordpress",
    )
    assert taken.errors == [(4, "unsupported_hash")]
    ada, grace = taken.users
    assert (ada.user.name, ada.user.disabled_at, ada.user.email_verified) == ("Ada L.", None, False)
    assert ada.user.created_at == datetime(2019, 1, 1, tzinfo=UTC)
    assert (grace.user.name, grace.user.disabled_at is None) == ("grace", False)
    assert passwords.verify_password("admin", ada.password_hash, 4)
    assert passwords.verify_password("password", grace.password_hash, 4)


def test_aspnet() -> None:
    """As a table of PostgreSQL; SQL Server writes the same names and 0 and 1."""
    structure = (
        "AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw=="
    )
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    taken = take(
        "Id,UserName,NormalizedEmail,Email,EmailConfirmed,PasswordHash,LockoutEnd,LockoutEnabled\n"
        f"1,ada,ADA@EXAMPLE.COM,ada@example.com,t,{structure},{soon},t\n"
        "2,grace,GRACE@EXAMPLE.COM,grace@example.com,f,,9999-12-31T23:59:59.9999999+00:00,t\n"
        f"3,joan,J@EXAMPLE.COM,joan@example.com,1,{BCRYPT},9999-12-31 23:59:59.9999999 +00:00,0\n",
        "aspnet",
    )
    assert not taken.failed, taken.failed
    ada, grace, joan = taken.users
    assert (ada.user.email_verified, ada.user.disabled_at) == (True, None)
    assert passwords.verify_password("my password", ada.password_hash, 4)
    assert grace.user.disabled_at
    assert grace.password_hash == NO_PASSWORD
    assert joan.user.disabled_at is None, "a lockout that is not enabled"
    assert joan.password_hash == BCRYPT


def test_supabase_has_hashes_of_firebase() -> None:
    theirs, password = REAL["firebase in supabase"]
    ada = one("supabase", email="ada@example.com", encrypted_password=theirs)
    assert passwords.verify_password(password, ada.password_hash, 4)
