"""A session check writes nothing; when a session was last used is written later, and seldom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from authingo import Auth, last_use
from authingo.config import Settings
from authingo.errors import StoreUnavailable
from authingo.models import SignedIn
from tests.database import age_sessions, execute

Made = Callable[..., Settings]


async def signed_up(auth: Auth) -> SignedIn:
    return await auth.sign_up(email="ada@example.com", password="correct horse battery", name="Ada")


async def last_used(auth: Auth, signed_in: SignedIn) -> str:
    (listed,) = await auth.list_sessions(signed_in.user.id)
    return listed.last_used_at.isoformat()


@pytest.mark.anyio
@pytest.mark.parametrize("cache", ["10s", "0"])
async def test_a_use_is_written_off_the_request(make_settings: Made, cache: str) -> None:
    auth = Auth(make_settings(sessions={"cache": cache, "session_lifetime": "1h"}))
    signed_in = await signed_up(auth)
    age_sessions(auth.settings.database_url, 120)
    before = await last_used(auth, signed_in)
    for _ in range(3):
        await auth.resume(signed_in.tokens.session)
    assert await last_used(auth, signed_in) == before
    await auth.close()  # which writes what is left
    noted = await last_used(auth, signed_in)
    assert noted > before
    for _ in range(3):  # that is less than a minute ago
        await auth.resume(signed_in.tokens.session)
    await auth.close()
    assert await last_used(auth, signed_in) == noted
    await auth.close()


@pytest.mark.anyio
async def test_uses_are_written_while_a_server_runs(
    make_settings: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that come while others are being written."""
    monkeypatch.setattr(last_use, "_PAUSE", 0.0)
    auth = Auth(make_settings(sessions={"session_lifetime": "1h"}))
    signed_in = await signed_up(auth)
    for _ in range(2):
        age_sessions(auth.settings.database_url, 120)
        before = await last_used(auth, signed_in)
        await auth.resume(signed_in.tokens.session)
        writing = auth._core.last_use._writing
        assert writing is not None
        await writing
        assert await last_used(auth, signed_in) > before
    await auth.close()


@pytest.mark.anyio
async def test_a_use_that_cannot_be_written_harms_nobody(
    make_settings: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = Auth(make_settings(sessions={"session_lifetime": "1h"}))
    signed_in = await signed_up(auth)
    age_sessions(auth.settings.database_url, 120)

    async def fails(*_: object, **__: object) -> int:
        raise StoreUnavailable

    monkeypatch.setattr(auth.store.sessions, "note_use", fails)
    assert (await auth.resume(signed_in.tokens.session)).user == signed_in.user
    await auth.close()


@pytest.mark.anyio
async def test_a_use_neither_extends_nor_ends_anything(make_settings: Made) -> None:
    auth = Auth(make_settings(sessions={"session_lifetime": "1h"}))
    signed_in = await signed_up(auth)
    url = auth.settings.database_url
    age_sessions(url, 120)
    columns = "expires_at, refresh_expires_at, absolute_expires_at, secret_digest, ip"
    before = execute(url, f"SELECT {columns} FROM authingo_sessions")
    await auth.resume(signed_in.tokens.session)
    await auth.close()
    assert execute(url, f"SELECT {columns} FROM authingo_sessions") == before
