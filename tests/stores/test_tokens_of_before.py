"""Session tokens without an id, as earlier versions gave them out: nobody is signed out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from authingo import Auth
from authingo.config import settings_from
from authingo.errors import NoSession, RefreshReused, SessionExpired
from authingo.models import SignedIn
from authingo.passwords import hash_password
from authingo.stores.migrations import Migration
from authingo.tokens import RefreshToken, SessionToken
from tests.database import execute, run_script

pytestmark = pytest.mark.anyio

_STEP = "rotation_without_indexes"
_PASSWORD = "correct horse battery"
_COLUMNS = (
    "id, user_id, token_digest, selector_digest, verifier_digest, created_at, last_used_at,"
    " expires_at, refresh_expires_at, absolute_expires_at"
)


@dataclass
class Before:
    """A session from before the migration, which has been applied since."""

    auth: Auth
    token: str
    refresh: str
    step: Migration


@pytest.fixture
async def before(unmigrated_url: str) -> AsyncIterator[Before]:
    url = unmigrated_url
    auth = Auth(settings_from({"database_url": url, "passwords": {"bcrypt_cost": 4}}))
    await auth.store.open(create=True)
    pending = (await auth.store.schema()).pending
    number, step = next(
        (number, one) for number, one in enumerate(pending) if one.name.endswith(_STEP)
    )
    run_script(url, replace(await auth.store.schema(), pending=pending[:number]).script())
    token, refresh = SessionToken(secrets.token_bytes(32), None), RefreshToken.generate()
    _insert(url, token, refresh)
    await auth.store.migrate()
    yield Before(auth, str(token), str(refresh), step)
    await auth.close()
    await auth.store.close()


def _insert(url: str, token: SessionToken, refresh: RefreshToken) -> None:
    hashed, digests = hash_password(_PASSWORD, 4), "{}, {}, {}"
    given = (token.digest, refresh.selector_digest, refresh.verifier_digest)
    if url.startswith("sqlite"):
        now, later = "1000000 * strftime('%s', 'now')", "1000000 * (strftime('%s', 'now') + 900)"
        digests = digests.format(*(f"x'{one.hex()}'" for one in given))
    else:
        now, later = "now()", "now() + interval '15 minutes'"
        digests = digests.format(*(rf"'\x{one.hex()}'::bytea" for one in given))
    for statement in (
        "INSERT INTO authingo_users (id, email, name, password_hash, created_at, updated_at)"
        f" VALUES ('usr_1', 'ada@example.com', 'Ada', '{hashed}', {now}, {now})",
        f"INSERT INTO authingo_sessions ({_COLUMNS}) VALUES ('ses_1', 'usr_1', {digests},"
        f" {now}, {now}, {later}, {later}, {later})",
    ):
        execute(url, statement)


async def test_a_token_of_before_is_replaced_by_the_next_refresh(before: Before) -> None:
    auth = before.auth
    for _ in range(2):
        assert (await auth.resume(before.token)).session.id == "ses_1"
    first = await auth.refresh(before.refresh)
    assert (first.tokens.session or "").startswith("1.")
    assert (await auth.resume(first.tokens.session)).user.id == "usr_1"
    assert (await auth.resume(before.token)).session.id == "ses_1", "in the grace"
    again = await auth.refresh(before.refresh)
    assert again.tokens == first.tokens
    second = await auth.refresh(first.tokens.refresh)
    with pytest.raises(SessionExpired):
        await auth.resume(before.token)
    assert (await auth.resume(first.tokens.session)).session.id == "ses_1"
    with pytest.raises(RefreshReused):
        await auth.refresh(before.refresh)
    for gone in (first, second):
        with pytest.raises(NoSession):
            await auth.resume(gone.tokens.session)


async def test_a_token_of_before_that_nothing_has_is_answered_by_the_refresh(
    before: Before,
) -> None:
    """Only the refresh knows whether its session is there still."""
    with pytest.raises(SessionExpired):
        await before.auth.resume(str(SessionToken(secrets.token_bytes(32), None)))
    await before.auth.sign_out(before.token)
    with pytest.raises(SessionExpired):
        await before.auth.resume(before.token)
    with pytest.raises(NoSession):
        await before.auth.refresh(before.refresh)


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_sign_out_with_a_token_of_before_ends_the_session(
    before: Before, at_once: bool
) -> None:
    """Also after the refresh that replaced it, or at the same moment."""
    auth = before.auth
    if at_once:
        refreshed, _ = await asyncio.gather(
            auth.refresh(before.refresh), auth.sign_out(before.token), return_exceptions=True
        )
        assert isinstance(refreshed, SignedIn | NoSession)
    else:
        refreshed = await auth.refresh(before.refresh)
        await auth.sign_out(before.token)
    if isinstance(refreshed, SignedIn):
        with pytest.raises(NoSession):
            await auth.resume(refreshed.tokens.session)
    assert await auth.list_sessions("usr_1") == []


async def test_a_reauthentication_replaces_a_token_of_before_at_once(before: Before) -> None:
    renewed = await before.auth.reauthenticate(session_token=before.token, password=_PASSWORD)
    assert (await before.auth.resume(renewed.tokens.session)).session.id == "ses_1"
    with pytest.raises(SessionExpired):
        await before.auth.resume(before.token)
    refreshed = await before.auth.refresh(before.refresh)
    assert (await before.auth.resume(refreshed.tokens.session)).session.id == "ses_1"
    await before.auth.sign_out(before.token)
    still = await before.auth.resume(refreshed.tokens.session)
    assert still.session.id == "ses_1", "two tokens later it ends nothing"


async def test_prune_looks_at_sessions_of_before(before: Before, unmigrated_url: str) -> None:
    """Whatever the day was on which they were migrated."""
    assert await before.auth.prune() == 0
    past = "1" if unmigrated_url.startswith("sqlite") else "'epoch'"
    execute(unmigrated_url, f"UPDATE authingo_sessions SET refresh_expires_at = {past}")
    assert await before.auth.prune() == 1


async def test_a_program_of_before_cannot_run_beside(before: Before, unmigrated_url: str) -> None:
    """It is refused when it looks at the schema, and what it asks for has other names."""
    assert before.step.oldest_program == before.step.number
    for column in ("token_digest", "previous_token_digest"):
        with pytest.raises(Exception, match=column):
            execute(unmigrated_url, f"SELECT {column} FROM authingo_sessions")
