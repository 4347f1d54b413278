"""One Auth, used on several event loops one after the other, and what two at once are told."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from authingo import Auth, SignedIn
from authingo.config import Settings
from authingo.errors import NoSession
from authingo.fastapi import CurrentUser
from authingo.models import TokenMatch
from authingo.testing import login_as
from authingo.tokens import session_key
from tests.server import ADA, CLIENT, LiveServer

Settle = Callable[[asyncio.AbstractEventLoop], None]


@pytest.fixture
def auth(make_settings: Callable[..., Settings]) -> Iterator[Auth]:
    """An Auth that nothing keeps open; what was left open by its loops would warn here."""
    made = Auth(make_settings())
    yield made
    asyncio.run(made.close())
    gc.collect()


async def sign_up(auth: Auth) -> SignedIn:
    return await auth.sign_up(email=ADA["email"], password=ADA["password"], name="Ada")


async def remembered(auth: Auth, token: str | None) -> None:
    """Ask until the answer comes from memory."""
    assert token
    async with asyncio.timeout(30):
        while True:
            await auth.resume(token)
            if auth.recall(token.encode()) is not None:
                return
            await asyncio.sleep(0.01)


def test_a_program_may_call_asyncio_run_again_and_again(auth: Auth) -> None:
    signed_in = asyncio.run(sign_up(auth))
    token, refresh = signed_in.tokens.session, signed_in.tokens.refresh
    assert asyncio.run(auth.resume(token)).user == signed_in.user
    asyncio.run(remembered(auth, token))
    asyncio.run(remembered(auth, token))
    asyncio.run(auth.sign_in(email=ADA["email"], password=ADA["password"]))
    renewed = asyncio.run(auth.refresh(refresh))
    asyncio.run(auth.sign_out(renewed.tokens.session))
    with pytest.raises(NoSession):
        asyncio.run(auth.resume(renewed.tokens.session))


def test_a_session_that_ended_between_two_loops_is_refused_on_the_next(auth: Auth) -> None:
    signed_in = asyncio.run(sign_up(auth))
    asyncio.run(remembered(auth, signed_in.tokens.session))
    another = Auth(auth.settings)

    async def revoke() -> None:
        async with another.lifespan():
            assert await another.revoke(signed_in.user.id) == 1

    asyncio.run(revoke())
    with pytest.raises(NoSession):
        asyncio.run(auth.resume(signed_in.tokens.session))


def shut_down(loop: asyncio.AbstractEventLoop) -> None:
    """End a loop as pytest-asyncio did before version 1: its tasks are not cancelled."""
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def leave_open(loop: asyncio.AbstractEventLoop) -> None:
    left.append(loop)


left: list[asyncio.AbstractEventLoop] = []


@pytest.mark.parametrize("settle", [shut_down, leave_open, asyncio.SelectorEventLoop.close])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # of a loop that was only closed
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_may_be_ended_in_any_way(auth: Auth, settle: Settle) -> None:
    async def use() -> None:
        await remembered(auth, signed_in.tokens.session)
        await asyncio.gather(*(auth.list_sessions(signed_in.user.id) for _ in range(20)))

    signed_in = asyncio.run(sign_up(auth))
    for _ in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(use())
        settle(loop)
    while left:
        loop = left.pop()
        loop.run_until_complete(use())
        shut_down(loop)


def test_two_loops_may_take_turns(auth: Auth) -> None:
    signed_in = asyncio.run(sign_up(auth))
    with asyncio.Runner() as first, asyncio.Runner() as second:
        for _ in range(3):
            first.run(remembered(auth, signed_in.tokens.session))
            second.run(remembered(auth, signed_in.tokens.session))


def application(auth: Auth) -> FastAPI:
    app = FastAPI()
    auth.install(app)

    @app.get("/me")
    async def me(user: CurrentUser) -> dict[str, str]:
        return {"email": user.email}

    return app


def test_a_test_client_need_not_be_held_open(auth: Auth) -> None:
    """Without `with`, each request has a loop of its own."""
    client = TestClient(application(auth), base_url="https://testserver", headers={**CLIENT})
    assert client.post("/api/auth/sign-up", json=ADA).status_code == 200
    for _ in range(3):
        assert client.get("/me").json() == {"email": ADA["email"]}
    assert client.post("/api/auth/refresh").status_code == 200
    login_as(client, "grace@example.com")
    for _ in range(2):
        assert client.get("/me").json() == {"email": "grace@example.com"}
        assert client.post("/api/auth/refresh").status_code == 200


def test_two_loops_at_once_are_refused_as_a_mistake_of_the_program(
    serve: Callable[..., LiveServer],
) -> None:
    server = serve()
    ada = server.browser()
    ada.sign_up()
    for _ in range(2):
        for asked in (
            lambda: server.auth.find_user(ADA["email"]),
            lambda: server.auth.resume("A" * 43),
            lambda: server.auth.sign_in(email=ADA["email"], password=ADA["password"]),
            server.auth.close,
        ):
            with pytest.raises(RuntimeError, match="another event loop"):
                asyncio.run(asked())
        assert ada.get("/session").status == 200, "the server does not notice"
        assert ada.post("/refresh").status == 200


def test_places_for_hashing_are_not_lost_with_a_loop(auth: Auth) -> None:
    async def give_up() -> None:
        await auth.open()
        hashing = [asyncio.ensure_future(auth._core.hasher.hash("a password")) for _ in range(20)]
        await asyncio.sleep(0)
        for one in hashing:
            one.cancel()

    async def hash_many() -> None:
        await asyncio.gather(*(auth._core.hasher.hash("a password") for _ in range(10)))

    for _ in range(10):
        asyncio.run(give_up())
    asyncio.run(hash_many())
    asyncio.run(hash_many())


def test_a_use_is_written_down_on_whichever_loop_it_was(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authingo.last_use._PAUSE", 0)
    monkeypatch.setattr("authingo.last_use.EVERY", auth.settings.sessions.cache * 0)
    signed_in = asyncio.run(sign_up(auth))

    async def use() -> None:
        before = (await auth.list_sessions(signed_in.user.id))[0].last_used_at
        key = session_key(signed_in.tokens.session)
        assert key is not None
        match = await auth.store.sessions.by_token(key)
        assert isinstance(match, TokenMatch)
        auth._core.last_use.note(match)
        async with asyncio.timeout(30):
            while (await auth.list_sessions(signed_in.user.id))[0].last_used_at == before:
                await asyncio.sleep(0.01)

    asyncio.run(use())
    asyncio.run(use())
