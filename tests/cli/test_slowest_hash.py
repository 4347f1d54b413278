"""What the slowest stored hash costs is said, and known for as long as somebody has one."""

from __future__ import annotations

import json

import bcrypt

from tests.command import Runner
from tests.database import execute

DEAR = "pbkdf2_sha256$60000$salt$" + "A" * 43 + "="
CHEAPER = "pbkdf2_sha256$1000$salt$" + "A" * 43 + "="


def known(authingo: Runner) -> list[str]:
    rows = execute(authingo.env["AUTHINGO_DATABASE_URL"], "SELECT sample FROM authingo_hash_kinds")
    return sorted(row[0] for row in rows)


def take_in(authingo: Runner, *hashes: str, dry_run: bool = False) -> str:
    users = "".join(
        json.dumps({"email": f"user{number}@example.com", "password": stored}) + "\n"
        for number, stored in enumerate(hashes)
    )
    options = ["--dry-run"] if dry_run else []
    ran = authingo("users", "import", "--from", "django", *options, "-", stdin=users)
    assert ran.code == 0, ran.err
    return ran.err


def test_an_import_and_doctor_say_what_is_slowest(authingo: Runner) -> None:
    said = "the slowest hash, pbkdf2_sha256$60000$…, takes"
    assert said in take_in(authingo, CHEAPER, DEAR, dry_run=True)
    assert known(authingo) == []
    assert said in take_in(authingo, CHEAPER, DEAR)
    assert known(authingo) == [DEAR.replace("salt", "AAAA")]
    found = {one["name"]: one for one in authingo("doctor", "--json").json["checks"]}
    assert found["slowest_hash"]["message"].startswith("pbkdf2_sha256$60000$… takes")


def test_where_nothing_is_slower_nothing_is_said(authingo: Runner) -> None:
    own = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
    assert "slowest" not in take_in(authingo, own)
    assert "no hash costs more" in authingo("doctor").out


def test_pruning_forgets_what_nobody_has_and_finds_what_is_next(authingo: Runner) -> None:
    """Also what was imported before anybody kept a record."""
    take_in(authingo, DEAR, CHEAPER)
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    assert authingo("sessions", "prune").code == 0
    assert known(authingo) == [DEAR.replace("salt", "AAAA")]
    execute(url, "UPDATE authingo_users SET password_hash = '!' WHERE email LIKE 'user0@%'")
    assert authingo("sessions", "prune").code == 0
    assert known(authingo) == [CHEAPER.replace("salt", "AAAA")]
    execute(url, "DELETE FROM authingo_hash_kinds")
    assert authingo("sessions", "prune").code == 0
    assert known(authingo) == [CHEAPER.replace("salt", "AAAA")]
