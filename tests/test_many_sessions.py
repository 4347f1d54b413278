"""What ends all sessions of a user who has far too many works in steps, and ends them all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from authingo import Auth, NoSession, SignedIn, User
from authingo.config import Settings
from authingo.errors import EmailTaken, StoreUnavailable
from authingo.models import ChangedUser
from authingo.stores.conformance.world import a_session
from tests.many_sessions import count_sessions, give_sessions

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
NEW = "a whole new sentence"
MANY = 12_000
MOST = 100  # sessions.max_per_user
ENDING: dict[str, Callable[[Auth, User, SignedIn], Awaitable[object]]] = {
    "revoke": lambda auth, ada, _: auth.revoke(ada),
    "set_password": lambda auth, ada, _: auth.set_password(ada, NEW),
    "disable_user": lambda auth, ada, _: auth.disable_user(ada),
    "update_user": lambda auth, ada, _: auth.update_user(ada, email="a@example.com"),
    "change_password": lambda auth, _, own: auth.change_password(
        session_token=own.tokens.session, current_password=PASSWORD, new_password=NEW
    ),
    "delete_user": lambda auth, ada, _: auth.delete_user(ada),
}
LAST_VERBS = ("set_password", "set_disabled", "update", "change_password", "delete")


@pytest.fixture
async def auth(make_settings: Callable[..., Settings]) -> AsyncIterator[Auth]:
    made = Auth(make_settings())
    async with made.lifespan():
        yield made


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await auth.create_user(email="ada@example.com", password=PASSWORD, name="Ada")


async def counted(auth: Auth, user_id: str) -> list[tuple[str, int | None]]:
    found = await auth.list_events(user=user_id, newest=False)
    return [(one.name, one.count) for one in found if one.name not in {"user_created", "sign_in"}]


@pytest.fixture
def rows_at_the_end(
    auth: Auth, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], list[int]]:
    """How many sessions were there when the one transaction began that ends all."""
    found: list[int] = []

    def watch(user_id: str) -> list[int]:
        for name in LAST_VERBS:
            verb = getattr(auth.store.users, name)

            async def counting(*given: Any, verb: Any = verb, **named: Any) -> Any:
                found.append(count_sessions(database_url, user_id))
                return await verb(*given, **named)

            monkeypatch.setattr(auth.store.users, name, counting)
        return found

    return watch


def sign_ins_between_steps(
    auth: Auth, user: User, monkeypatch: pytest.MonkeyPatch
) -> list[SignedIn]:
    """Return what fills with a sign-in of this user after each step that ends sessions."""
    done: list[SignedIn] = []
    for name in ("end_of_user", "end_surplus"):
        step = getattr(auth.store.sessions, name)

        async def followed(*given: Any, step: Any = step, **named: Any) -> Any:
            ended = await step(*given, **named)
            done.append(await auth.begin_session(user))
            return ended

        monkeypatch.setattr(auth.store.sessions, name, followed)
    return done


@pytest.mark.parametrize("ending", ENDING)
async def test_all_sessions_end_in_steps_that_let_others_work(
    auth: Auth,
    ada: User,
    database_url: str,
    ending: str,
    rows_at_the_end: Callable[[str], list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give_sessions(database_url, ada.id, MANY // 2)
    give_sessions(database_url, ada.id, MANY // 2, over=True)
    own = await auth.begin_session(ada)
    await auth.resume(own.tokens.session)
    grace = await auth.create_user(email="grace@example.com")
    rows = rows_at_the_end(ada.id)
    others = sign_ins_between_steps(auth, grace, monkeypatch)
    before = count_sessions(database_url, ada.id)
    assert before > MANY / 2, "a sign-in does not take it upon itself to end them all"

    done = await ENDING[ending](auth, ada, own)

    assert len(others) >= 5, "there were steps, and somebody else signed in after each"
    assert all(count <= MOST + 1 for count in rows), "no transaction was about more"
    with pytest.raises(NoSession):
        await auth.resume(own.tokens.session)
    events = dict(await counted(auth, ada.id))
    if done is not True and isinstance(done, int | ChangedUser):  # delete_user returns True
        ended = done if isinstance(done, int) else done.ended
        assert MANY / 2 - 500 < ended <= MANY / 2 + 1
        expected = ended if ending == "revoke" else ended - MOST
        assert expected in events.values(), "one event for the lot"
    left = 1 if ending == "change_password" else 0
    assert len(await auth.list_sessions(ada.id)) == left
    assert len(events) <= 2


async def test_all_but_one_end_with_one_event(auth: Auth, ada: User, database_url: str) -> None:
    give_sessions(database_url, ada.id, MANY)
    own = (await auth.list_sessions(ada))[0]
    assert await auth.revoke(ada, but=own) == MANY - 1
    assert await auth.list_sessions(ada) == [own]
    assert await counted(auth, ada.id) == [("session_revoked", MANY - 1)]


async def test_the_session_that_changes_the_password_is_no_surplus(
    auth: Auth, ada: User, database_url: str
) -> None:
    """Though every other one was used later: when it was last used is known to a minute."""
    own = await auth.begin_session(ada)
    for _ in range(MOST):
        new = replace(a_session(), most=1000)
        assert await auth.store.sessions.begin(ada.id, new, version=None, ending=None)
    changed = await auth.change_password(
        session_token=own.tokens.session, current_password=PASSWORD, new_password=NEW
    )
    assert await auth.list_sessions(ada) == [changed.session]


async def test_a_change_that_is_refused_ends_nothing(
    auth: Auth, ada: User, database_url: str
) -> None:
    await auth.create_user(email="grace@example.com")
    give_sessions(database_url, ada.id, 150)
    with pytest.raises(EmailTaken):
        await auth.update_user(ada, email="grace@example.com")
    await auth.update_user(ada, name="Countess")
    assert count_sessions(database_url, ada.id) == 150


async def test_what_ended_before_a_failure_is_recorded(
    auth: Auth, ada: User, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_sessions(database_url, ada.id, 1000)
    end, steps = auth.store.sessions.end_of_user, 0

    async def failing(*given: Any, **named: Any) -> list[str]:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise StoreUnavailable
        return await end(*given, **named)

    monkeypatch.setattr(auth.store.sessions, "end_of_user", failing)
    with pytest.raises(StoreUnavailable):
        await auth.revoke(ada)
    ended = 1000 - count_sessions(database_url, ada.id)
    assert ended > 0
    assert await counted(auth, ada.id) == [("session_revoked", ended)]


async def test_an_end_of_everybodys_counts_by_user(
    auth: Auth, ada: User, database_url: str
) -> None:
    """One event for each user of a batch: killed half-way, it is known whose ended."""
    give_sessions(database_url, ada.id, 40)
    assert await auth.revoke_all() == 40
    assert await counted(auth, ada.id) == [("session_revoked", 40)]
