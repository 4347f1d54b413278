"""How long a failed sign-in takes does not tell what failed: a statistical test.

It compares kinds of failure with each other, interleaved, by their medians; it
asserts no time. Where one of them skipped its hash, or took that of a cheaper one,
it would take a tenth of the others.
"""

from __future__ import annotations

import asyncio
import io
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import bcrypt
import pytest

from authingo import Auth
from authingo.importing import UserImport
from authingo.passwords import NO_PASSWORD
from tests.database import execute
from tests.mail.inbox import mail_settings
from tests.mail.server import SMTPServer
from tests.mail.test_required import create
from tests.server import ADA, LiveServer
from tests.waiting import until

_COST = 9  # a hash of some 25 ms: what surrounds it is a tenth of that
_ROUNDS = 15
_ALIKE = 1.35  # between the slowest median and the quickest


@pytest.fixture
def server(serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(passwords={"bcrypt_cost": _COST}, limits={"enabled": False})


@pytest.mark.alone
def test_every_failed_sign_in_takes_the_same_time(server: LiveServer) -> None:
    hashes = {
        "wrong": None,
        "disabled": None,
        "malformed": "no hash at all",
        "cheaper": bcrypt.hashpw(b"another", bcrypt.gensalt(5)).decode(),
        "unsupported": "$2x$" + "." * 56,
        "foreign": f"pbkdf2_sha256$20000$salt${'A' * 43}=",
        "passwordless": NO_PASSWORD,
    }
    for kind, stored in hashes.items():
        server.browser().sign_up(email=f"{kind}@example.com")
        if stored:
            execute(
                server.database_url,
                f"UPDATE authingo_users SET password_hash = '{stored}'"
                f" WHERE email = '{kind}@example.com'",
            )
    disable = "UPDATE authingo_users SET disabled_at = created_at WHERE email LIKE 'disabled@%'"
    execute(server.database_url, disable)
    wrong = "not the password"
    attempts = {
        **{kind: (f"{kind}@example.com", wrong) for kind in hashes},
        "disabled, the right password": ("disabled@example.com", ADA["password"]),
        "unknown": ("unknown@example.com", wrong),
        "no email": ("not an email", wrong),
        "long": ("wrong@example.com", "x" * 1000),
    }
    for _ in range(3):  # of the whole measurement: the machine may be busy with something else
        medians = measure(server, attempts)
        if max(medians.values()) < _ALIKE * min(medians.values()):
            return
    pytest.fail(f"the time tells: {medians}")


@pytest.mark.alone
def test_an_account_with_a_slow_hash_takes_as_long_as_none(server: LiveServer) -> None:
    """As Django makes them since 5.2: twenty times as long as bcrypt at the cost of this test."""
    slow = f"pbkdf2_sha256$1000000$salt${'A' * 43}="
    users = io.BytesIO(json.dumps({"email": "slow@example.com", "password": slow}).encode())

    async def move_in() -> None:
        auth = Auth(server.auth.settings)
        async with auth.lifespan():
            await UserImport(auth.store, "django").read(users)

    asyncio.run(move_in())
    wrong = "not the password"
    server.browser().sign_up(email="bcrypt@example.com")
    names = ("slow", "unknown", "bcrypt")
    attempts = {name: (f"{name}@example.com", wrong) for name in names}
    for _ in range(3):
        medians = measure(server, attempts, rounds=3)
        if max(medians.values()) < _ALIKE * min(medians.values()):
            return
    pytest.fail(f"the time tells: {medians}")


@pytest.mark.alone
def test_a_sign_up_takes_as_long_for_a_taken_address(serve: Callable[..., LiveServer]) -> None:
    """Where an address has to be verified, so that the answer does not tell either."""
    with SMTPServer() as mails:
        server = serve(
            mail=mail_settings(mails, verification="required"),
            passwords={"bcrypt_cost": _COST},
            limits={"enabled": False},
        )
        create(server, email="taken@example.com", verified=True)
        create(server, email="unproved@example.com")
        kinds = ("taken", "unproved", "free")
        for _ in range(3):
            medians = measure_sign_ups(server, [f"{kind}@example.com" for kind in kinds])
            if max(medians.values()) < _ALIKE * min(medians.values()):
                return
    pytest.fail(f"the time tells: {medians}")


def measure_sign_ups(server: LiveServer, emails: Sequence[str]) -> dict[str, float]:
    """Sign up with each address in turn, round by round; return the median of each, in ms."""
    browser = server.browser()

    def sign_up(email: str) -> None:
        assert browser.sign_up(email=email).json == {"sent": True}

    return _medians({email: partial(sign_up, email) for email in emails}, _ROUNDS)


@pytest.mark.alone
def test_a_wrong_code_takes_the_same_time_whatever_the_address(
    serve: Callable[..., LiveServer], tmp_path: Path
) -> None:
    mail = {"url": f"file://{tmp_path}", "from": "no-reply@example.com", "email_code": True}
    server = serve(passwords={"bcrypt_cost": _COST}, limits={"enabled": False}, mail=mail)
    for kind in ("known", "disabled"):
        server.browser().sign_up(email=f"{kind}@example.com")
    disable = "UPDATE authingo_users SET disabled_at = created_at WHERE email LIKE 'disabled@%'"
    execute(server.database_url, disable)
    for _ in range(3):
        medians = measure_codes(server, ("known", "disabled", "unknown"))
        if max(medians.values()) < _ALIKE * min(medians.values()):
            return
    pytest.fail(f"the time tells: {medians}")


def measure_codes(server: LiveServer, kinds: tuple[str, ...]) -> dict[str, float]:
    """Return the median of trying a wrong code after the mail has gone, in ms."""
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    count = "SELECT count(*) FROM authingo_mails"
    for _ in range(_ROUNDS):
        for kind, times in took.items():
            browser = server.browser()
            asked = browser.post("/sign-in/code/request", {"email": f"{kind}@example.com"})
            assert asked.status == 200
            until(lambda: execute(server.database_url, count)[0][0] == 0, "mail is queued")
            began = time.perf_counter()
            answer = browser.post("/sign-in/code", {"code": "BCDF-GHJK"})
            times.append((time.perf_counter() - began) * 1000)
            assert (answer.status, answer.code) == (400, "invalid_token")
    return {kind: statistics.median(times) for kind, times in took.items()}


def measure(
    server: LiveServer, attempts: dict[str, tuple[str, str]], rounds: int = _ROUNDS
) -> dict[str, float]:
    """Take the kinds of failure in turn, round by round; return the median of each, in ms."""
    browser = server.browser()

    def fail(email: str, password: str) -> None:
        answer = browser.sign_in(email=email, password=password)
        assert (answer.status, answer.code) == (401, "invalid_credentials")

    return _medians({kind: partial(fail, *given) for kind, given in attempts.items()}, rounds)


def _medians(requests: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    took: dict[str, list[float]] = {kind: [] for kind in requests}
    for _ in range(rounds):
        for kind, request in requests.items():
            began = time.perf_counter()
            request()
            took[kind].append((time.perf_counter() - began) * 1000)
    return {kind: statistics.median(times) for kind, times in took.items()}
