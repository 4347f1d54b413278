"""What a program does with Auth itself: users by object or id, pages, and its own mistakes."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

import authingo
from authingo import (
    Auth,
    ChangedUser,
    Client,
    EmailTaken,
    Event,
    InvalidCredentials,
    InvalidInput,
    NoSession,
    NoSuchSession,
    NoSuchUser,
    StoreUnavailable,
    TooManyRequests,
    User,
)
from authingo.config import Settings
from authingo.errors import AuthError, RequestRefused

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"


@pytest.fixture
async def auth(make_settings: Callable[..., Settings]) -> AsyncIterator[Auth]:
    made = Auth(make_settings())
    async with made.lifespan():
        yield made


@pytest.fixture
async def ada(auth: Auth) -> User:
    return await auth.create_user(email="ada@example.com", password=PASSWORD, name="Ada")


# Users by object or id

ABOUT_A_USER: dict[str, dict[str, Any]] = {
    "find_user": {},
    "list_sessions": {},
    "revoke": {},
    "begin_session": {},
    "update_user": {"name": "Countess"},
    "verify_email": {},
    "set_password": {"new_password": "another good password"},
    "check_password": {"password": PASSWORD},
    "disable_user": {},
    "enable_user": {},
    "delete_user": {},
    "change_roles": {"add": {"admin"}},
    "cancel_deletion": {},
    "export_user": {},
}


def test_every_method_about_a_user_is_tested_here() -> None:
    takes_user = {
        name
        for name, method in inspect.getmembers(Auth, inspect.isfunction)
        if not name.startswith("_") and "user" in list(inspect.signature(method).parameters)[1:2]
    }
    assert takes_user == set(ABOUT_A_USER) | {"list_events", "has_permission"}


async def test_a_user_is_given_as_such_or_by_id(auth: Auth) -> None:
    for method, others in ABOUT_A_USER.items():
        first = await auth.create_user(email=f"first.{method}@example.com", password=PASSWORD)
        second = await auth.create_user(email=f"second.{method}@example.com", password=PASSWORD)
        by_id = await getattr(auth, method)(first.id, **others)
        as_such = await getattr(auth, method)(second, **others)
        assert type(by_id) is type(as_such)
        assert await happened_to(auth, first) == await happened_to(auth, second)


async def test_an_email_in_place_of_an_id_is_never_passed_over(auth: Auth, ada: User) -> None:
    await auth.begin_session(ada)
    for method, others in ABOUT_A_USER.items():
        for nobody in ("nobody@example.com", "", "usr_\x00", "\ud800", ada.id + " "):
            with pytest.raises(NoSuchUser):
                await getattr(auth, method)(nobody, **others)
        if method != "find_user":
            with pytest.raises(NoSuchUser):
                await getattr(auth, method)(ada.email, **others)
    assert len(await auth.list_sessions(ada)) == 1
    assert await auth.find_user(ada) == ada


async def test_a_session_is_given_as_such_or_by_id(auth: Auth, ada: User) -> None:
    first, second, third = [(await auth.begin_session(ada)).session for _ in range(3)]
    assert await auth.revoke(ada, only=first) == 1
    assert await auth.revoke(ada, only=first.id) == 0
    assert await auth.revoke(ada, but=second) == 1
    assert (await auth.revoke_session(second)).session.id == second.id
    for gone in (third, third.id, "ses_\x00", "nonsense", ""):
        with pytest.raises(NoSuchSession):
            await auth.revoke_session(gone)
    for wrong in ("ses_\x00", "nonsense"):
        with pytest.raises(NoSuchSession):
            await auth.revoke(ada, but=wrong)


# Mistakes of the program

RIGHT: dict[str, dict[str, Any]] = {
    "sign_up": {"email": "grace@example.com", "password": PASSWORD, "name": "Grace"},
    "sign_in": {"email": "ada@example.com", "password": PASSWORD},
    "resume": {"session_token": "A" * 43},
    "refresh": {"refresh_token": "A" * 64},
    "sign_out": {"session_token": "A" * 43},
    "reauthenticate": {"session_token": "A" * 43, "password": PASSWORD},
    "require_recent": {"session_token": "A" * 43},
    "change_password": {
        "session_token": "A" * 43,
        "current_password": PASSWORD,
        "new_password": "another good password",
    },
    "request_deletion": {"session_token": "A" * 43},
    "request_export": {"session_token": "A" * 43},
    "patch_user": {"session_token": "A" * 43, "name": "Countess"},
    "create_user": {"email": "grace@example.com", "password": PASSWORD, "name": "Grace"},
    "check_new_user": {"email": "grace@example.com", "name": "Grace"},
    "list_users": {"search": "a", "after": "usr_a", "limit": 10},
    "list_events": {
        "user": "usr_a",
        "name": "sign_in",
        "before": "evt_a",
        "after": "evt_a",
        "limit": 10,
    },
    "revoke_session": {"session": "ses_a"},
    "revoke_all": {"batch_size": 10},
    "prune": {"batch_size": 10},
    **{name: {"user": "usr_a", **others} for name, others in ABOUT_A_USER.items()},
}
RIGHT["update_user"]["email"] = "new@example.com"
RIGHT["revoke"] |= {"only": "ses_a", "but": "ses_a"}
WITHOUT_VALUES = {
    "capability",
    "close",
    "from_config",
    "gate",
    "has_permission",
    "install",
    "lifespan",
    "on",
    "open",
    "ping",
    "require",
    "within",
}


def test_every_method_with_values_is_tested_here() -> None:
    methods = {
        name for name, _ in inspect.getmembers(Auth, callable) if not name.startswith("_")
    } - {"handler"}
    assert methods == set(RIGHT) | WITHOUT_VALUES


async def outcome(auth: Auth, method: str, arguments: dict[str, Any]) -> BaseException | None:
    try:
        await getattr(auth, method)(**arguments)
    except (AuthError, TypeError, ValueError) as error:
        return error
    return None


async def test_a_wrong_type_is_a_type_error_at_the_call(auth: Auth) -> None:
    for method, right in RIGHT.items():
        given = dict(right)
        if "client" in inspect.signature(getattr(auth, method)).parameters:
            given["client"] = Client("192.0.2.1", "Browser")
        for name in given:
            wrong: list[object] = [5.5, b"secret", ["secret"], object(), True]
            if name not in {"limit", "batch_size"}:
                wrong.append(5)
            if name == "add":
                wrong.remove(["secret"])
            for value in wrong:
                error = await outcome(auth, method, {**given, name: value})
                assert isinstance(error, TypeError), f"{method}({name}={value!r}): {error!r}"
                assert f"{name} must be" in str(error)
                assert "secret" not in str(error)


@pytest.mark.parametrize("ip", ["testclient", "", "192.0.2.1:4711", "[::1]", "192.0.2.1, 10.0.0.1"])
async def test_a_client_that_has_no_address_is_a_mistake_of_the_program(
    auth: Auth, ada: User, ip: str
) -> None:
    """Said in the same words wherever a client is given, and before anything is counted."""
    begun = await auth.begin_session(ada)
    calls: list[Callable[[Client], Awaitable[object]]] = [
        lambda client: auth.sign_in(email=ada.email, password=PASSWORD, client=client),
        lambda client: auth.refresh(begun.tokens.refresh, client=client),
        lambda client: auth.begin_session(ada, client=client),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"client\.ip must be an IP address without a port"):
            await call(Client(ip))


async def test_none_in_place_of_a_value_is_a_type_error(auth: Auth) -> None:
    for method, name in [
        ("sign_up", "email"),
        ("sign_up", "password"),
        ("sign_in", "email"),
        ("sign_in", "password"),
        ("create_user", "email"),
        ("set_password", "new_password"),
        ("check_password", "password"),
        ("change_password", "new_password"),
        ("find_user", "user"),
        ("list_sessions", "user"),
        ("delete_user", "user"),
        ("revoke_session", "session"),
        ("list_users", "limit"),
        ("prune", "batch_size"),
    ]:
        error = await outcome(auth, method, {**RIGHT[method], name: None})
        assert isinstance(error, TypeError), f"{method}({name}=None): {error!r}"


async def test_no_text_looks_like_a_database_that_does_not_work(auth: Auth, ada: User) -> None:
    texts = ["\x00", "a\x00b@example.com", "\ud800", "a\ud800b@example.com", "x" * 5000, ""]
    for method, right in RIGHT.items():
        for name, value in right.items():
            for text in texts if isinstance(value, str) else ():
                error = await outcome(auth, method, {**right, name: text})
                assert error is None or isinstance(error, AuthError), f"{method}({name}): {error!r}"
                assert not isinstance(error, StoreUnavailable), f"{method}({name})"


async def test_what_reaches_a_store_by_mistake_is_no_failure_of_the_database(auth: Auth) -> None:
    with pytest.raises(TypeError, match="wrong type"):
        await auth.store.users.find({"not": "a text"})  # type: ignore[arg-type]
    for text in ("usr_\ud800", "usr_\x00"):
        found = None
        with contextlib.suppress(ValueError):  # of SQLite only the one that is not UTF-8
            found = await auth.store.users.find(text)
        assert found is None


async def test_settings_and_counts_are_checked_too(auth: Auth) -> None:
    with pytest.raises(TypeError, match="from_config"):
        Auth("authingo.toml")  # type: ignore[arg-type]
    for method in ("prune", "revoke_all"):
        with pytest.raises(ValueError, match="batch_size must be 1 or more"):
            await getattr(auth, method)(batch_size=0)


# Pages


async def test_users_come_in_pages(auth: Auth) -> None:
    made = [await auth.create_user(email=f"user{number}@example.com") for number in range(5)]
    first = await auth.list_users(limit=3)
    assert first == made[:3]
    assert await auth.list_users(after=first[-1]) == made[3:]
    assert await auth.list_users(after=first[-1].id, limit=1) == made[3:4]
    assert await auth.list_users(search="USER4@") == made[4:]
    await auth.delete_user(first[-1])
    assert await auth.list_users(after=first[-1]) == made[3:], "also after one who is gone"


async def test_a_page_that_cannot_be_is_invalid_input(auth: Auth) -> None:
    page: dict[str, Any]
    for page in ({"limit": 0}, {"limit": 1001}, {"after": "5"}, {"search": "a\x00"}):
        with pytest.raises(InvalidInput) as refused:
            await auth.list_users(**page)
        assert refused.value.fields.keys() == page.keys()


async def test_events_come_in_pages_the_latest_first(auth: Auth, ada: User) -> None:
    await auth.disable_user(ada)
    await auth.enable_user(ada)
    await auth.create_user(email="grace@example.com")
    names = ["user_enabled", "user_disabled", "user_created"]
    events = await auth.list_events(user=ada)
    assert [event.name for event in events] == names
    assert await auth.list_events(user=ada.id, before=events[0]) == events[1:]
    assert await auth.list_events(user=ada.id, after=events[1].id) == events[:1]
    assert await auth.list_events(user=ada, newest=False, limit=2) == events[:0:-1]
    assert await auth.list_events(user=ada, name="user_disabled") == events[1:2]
    assert len(await auth.list_events()) == 4
    await auth.delete_user(ada)
    assert [event.name for event in await auth.list_events(user=ada)] == ["user_deleted", *names]
    with pytest.raises(InvalidInput) as refused:
        await auth.list_events(name="sign_inn", before="x", limit=0)
    assert refused.value.fields.keys() == {"name", "before", "limit"}


# Changes


async def happened_to(auth: Auth, user: User) -> list[str]:
    return [event.name for event in await auth.list_events(user=user, newest=False)]


async def test_another_name_or_email_is_stored_and_recorded(auth: Auth, ada: User) -> None:
    await auth.verify_email(ada)
    session = await auth.begin_session(ada)
    renamed = await auth.update_user(ada, name="  Countess ")
    assert renamed == ChangedUser(await auth.find_user(ada), 0)
    assert renamed.user.name == "Countess"
    user_and_session = await auth.resume(session.tokens.session)
    assert user_and_session.user == renamed.user
    assert await auth.update_user(ada, name="Countess", email="ADA@example.com") == renamed
    moved = await auth.update_user(ada, email="Lovelace@Example.com")
    assert (moved.user.email, moved.user.email_verified) == ("lovelace@example.com", False)
    assert moved.ended == 1
    with pytest.raises(NoSession):
        await auth.resume(session.tokens.session)
    with pytest.raises(InvalidCredentials):
        await auth.sign_in(email="ada@example.com", password=PASSWORD)
    await auth.sign_in(email="lovelace@example.com", password=PASSWORD)
    verified = await auth.update_user(ada, email="ada@example.org", verified=True)
    assert verified.user.email_verified
    assert await happened_to(auth, ada) == [
        "user_created",
        "email_verified",
        "sign_in",
        "name_changed",
        "email_changed",
        "sign_in",
        "email_changed",
    ]


async def test_a_change_that_cannot_be_changes_nothing(auth: Auth, ada: User) -> None:
    await auth.create_user(email="grace@example.com")
    with pytest.raises(EmailTaken):
        await auth.update_user(ada, name="Grace", email="grace@example.com")
    with pytest.raises(InvalidInput) as refused:
        await auth.update_user(ada, name="\n", email="nonsense")
    assert refused.value.fields.keys() == {"name", "email"}
    assert "email is not an email address" in str(refused.value)
    with pytest.raises(NoSuchUser):
        await auth.update_user("usr_nobody", name="Nobody")
    assert await auth.find_user(ada) == ada
    assert await happened_to(auth, ada) == ["user_created"]


async def test_a_user_without_a_password_signs_in_once_they_have_one(auth: Auth) -> None:
    grace = await auth.create_user(email="grace@example.com", verified=True)
    assert (grace.name, grace.email_verified) == ("grace", True)
    for tried in ("!", PASSWORD):
        with pytest.raises(InvalidCredentials):
            await auth.sign_in(email=grace.email, password=tried)
        assert await auth.check_password(grace, tried) is False
    await auth.set_password(grace, PASSWORD)
    await auth.sign_in(email=grace.email, password=PASSWORD)


async def test_a_password_is_checked_without_signing_in(auth: Auth, ada: User) -> None:
    client = Client("192.0.2.1", "Browser")
    assert await auth.check_password(ada, PASSWORD, client=client) is True
    assert await auth.check_password(ada, "another", client=client) is False
    assert await auth.list_sessions(ada) == []
    (failed,) = await auth.list_events(name="password_check_failed")
    assert (failed.user_id, failed.ip) == (ada.id, "192.0.2.1")
    await auth.disable_user(ada)
    assert await auth.check_password(ada, PASSWORD, client=client) is False
    with pytest.raises(NoSuchUser):
        await auth.check_password("usr_nobody", PASSWORD)


async def test_checking_a_password_is_no_way_around_the_limits(auth: Auth, ada: User) -> None:
    client = Client("192.0.2.1")
    for _ in range(5):
        assert await auth.check_password(ada, "a guess", client=client) is False
    for again in (
        auth.check_password(ada, PASSWORD, client=client),
        auth.sign_in(email=ada.email, password=PASSWORD, client=client),
    ):
        with pytest.raises(TooManyRequests):
            await again


async def test_a_right_password_forgets_the_guesses_and_replaces_a_weaker_hash(
    make_settings: Callable[..., Settings], auth: Auth, ada: User
) -> None:
    stronger = Auth(make_settings(passwords={"bcrypt_cost": 5}))
    async with stronger.lifespan():
        for _ in range(3):
            for _ in range(4):
                assert await stronger.check_password(ada, "a guess") is False
            assert await stronger.check_password(ada, PASSWORD) is True
        stored = await stronger.store.users.by_email(ada.email)
    assert stored is not None
    assert stored.password_hash.startswith("$2b$05$")


# What is exported


def test_what_a_program_needs_is_exported() -> None:
    assert authingo.__all__ == sorted(authingo.__all__)
    for name in authingo.__all__:
        assert getattr(authingo, name).__name__ == name
    raised = {
        error
        for error in vars(authingo.errors).values()
        if inspect.isclass(error) and issubclass(error, AuthError)
    }
    of_requests = {error for error in raised if issubclass(error, RequestRefused)}
    of_commands = {"FileConflict", "ChecksFailed", "CannotWrite", "NoAnswer", "UsageError"}
    missing = {error.__name__ for error in raised - of_requests} - set(authingo.__all__)
    assert missing <= of_commands
    assert issubclass(authingo.StoreUnavailable, authingo.AuthError)
    assert Event.__module__ == "authingo.models"
