"""`authingo sessions prune`, as cron runs it, on both stores."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from datetime import timedelta

import pytest

from authingo import Auth
from authingo.config import settings_from
from authingo.models import SignedIn
from authingo.stores import open_store
from authingo.stores.conformance.mails import add_failed, add_mail
from tests.command import Runner
from tests.database import age_mails, age_sessions, execute

_COUNT = "SELECT count(*) FROM authingo_sessions"


def sign_in_often(url: str, count: int) -> list[SignedIn]:
    async def run() -> list[SignedIn]:
        auth = Auth(settings_from({"database_url": url, "passwords": {"bcrypt_cost": 4}}))
        try:
            made = await auth.sign_up(
                email=f"user{count}@example.com", password="correct horse", name="x"
            )
            return [made, *[await auth.begin_session(made.user) for _ in range(count - 1)]]
        finally:
            await auth.close()

    return asyncio.run(run())


def add_mails(url: str, *, failed: int = 0, waiting: int = 0) -> None:
    async def run() -> None:
        store = open_store(settings_from({"database_url": url}))
        await store.open(create=False)
        for _ in range(failed):
            await add_failed(store)
        for _ in range(waiting):
            await add_mail(store)
        await store.close()

    asyncio.run(run())


def still_refreshes(url: str, signed_in: SignedIn) -> bool:
    async def run() -> bool:
        auth = Auth(settings_from({"database_url": url}))
        try:
            return bool(await auth.refresh(signed_in.tokens.refresh))
        finally:
            await auth.close()

    return asyncio.run(run())


@pytest.fixture
def half_expired(authingo: Runner) -> list[SignedIn]:
    """Thirty sessions that are over, and ten whose session token alone has expired."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    sign_in_often(url, 30)
    age_sessions(url, timedelta(days=29, hours=23).total_seconds())
    kept = sign_in_often(url, 10)
    age_sessions(url, timedelta(hours=2).total_seconds())
    return kept


def test_prune_deletes_what_is_over_and_nothing_else(
    authingo: Runner, half_expired: list[SignedIn]
) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    counted = authingo("sessions", "prune", "--dry-run", "--json").json
    assert (counted["pruned"], counted["dry_run"]) == (30, True)
    assert authingo("sessions", "prune", "--dry-run").out == "30\n"
    assert execute(url, _COUNT) == [(40,)]
    pruned = authingo("sessions", "prune", "--json", "--batch-size", "7").json
    assert pruned.keys() == {"pruned", "dry_run", "seconds", "rested_for"}
    assert (pruned["pruned"], pruned["dry_run"]) == (30, False)
    assert execute(url, _COUNT) == [(10,)]
    assert all(still_refreshes(url, one) for one in half_expired)


def test_prune_is_quiet_in_cron_and_speaks_on_a_terminal(
    authingo: Runner, half_expired: list[SignedIn]
) -> None:
    ran = authingo("sessions", "prune")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    age_sessions(authingo.env["AUTHINGO_DATABASE_URL"], timedelta(days=31).total_seconds())
    shown = authingo.on_terminal("sessions", "prune", "--batch-size", "3").out
    assert "pruning" in shown
    assert "10/10" in shown
    assert "pruned 10 sessions in" in shown


def test_prunes_may_overlap_and_be_killed(authingo: Runner, half_expired: list[SignedIn]) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    running = [authingo.start("sessions", "prune", "--json", "--batch-size", "1") for _ in range(3)]
    running[0].send_signal(signal.SIGKILL)
    for process in running:
        process.communicate(timeout=60)
    assert [process.returncode for process in running[1:]] == [0, 0]
    assert authingo("sessions", "prune").code == 0
    assert execute(url, _COUNT) == [(10,)]
    assert all(still_refreshes(url, one) for one in half_expired)


def test_prune_forgets_spent_nonces(authingo: Runner) -> None:
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    (signed_in,) = sign_in_often(url, 1)
    assert still_refreshes(url, signed_in)
    spent = "SELECT count(*) FROM authingo_sessions WHERE rotation_nonce IS NOT NULL"
    authingo("sessions", "prune")
    assert execute(url, spent) == [(1,)], "the grace is not over"
    age_sessions(url, 16)
    authingo("sessions", "prune")
    assert execute(url, spent) == [(0,)]


def test_prune_deletes_mails_that_failed_a_month_ago(authingo: Runner) -> None:
    """Those that wait are kept for any time: a worker reports that they failed."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    add_mails(url, failed=3)
    age_mails(url, timedelta(days=2).total_seconds())
    add_mails(url, failed=1, waiting=1)
    age_mails(url, timedelta(days=29).total_seconds())
    authingo("sessions", "prune")
    assert execute(url, "SELECT count(*), count(failed_at) FROM authingo_mails") == [(2, 1)]


def test_sign_ins_go_on_while_prune_works(authingo: Runner, half_expired: list[SignedIn]) -> None:
    """No lock is held from one batch to the next."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    process = authingo.start("sessions", "prune", "--batch-size", "1")
    made = sign_in_often(url, 20)
    assert isinstance(process, subprocess.Popen)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(still_refreshes(url, one) for one in made[:3])
