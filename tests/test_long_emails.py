"""An email that is longer than an address can be is refused before anything parses it."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from typing import Any

import email_validator
import pytest

from authingo import Auth, EmailTaken, InvalidCredentials, InvalidInput, NoSuchUser, inputs
from authingo.config import Settings
from authingo.importing import Failed, UserImport
from tests.command import Runner
from tests.server import LiveServer

PASSWORD = "correct horse battery"
LONG = [
    "a" * 250 + "@b.co",
    "a@" + "b." * 8000 + "co",
    "\u0300\u0323" * 500 + "@b.co",
    "a@" + "\u0661" * 300 + ".test",
]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keeps what was handed to the library that parses emails; no domain is known from before."""
    inputs._ending.cache_clear()
    seen: list[str] = []
    parse = email_validator.validate_email

    def validate(email: str, **options: Any) -> email_validator.ValidatedEmail:
        seen.append(email)
        return parse(email, **options)

    monkeypatch.setattr(email_validator, "validate_email", validate)
    return seen


@pytest.mark.parametrize("email", LONG)
def test_over_http(serve: Callable[..., LiveServer], parsed: list[str], email: str) -> None:
    browser = serve().browser()
    about = {"email": email, "password": PASSWORD}
    assert browser.post("/sign-up", {**about, "name": "Ada"}).json["fields"] == {
        "email": "is not an email address"
    }
    tried = browser.post("/sign-in", about)
    assert tried.code in {"invalid_credentials", "invalid_input"}, "as for any other"
    assert parsed == []


@pytest.mark.anyio
@pytest.mark.parametrize("email", LONG)
async def test_in_python(
    make_settings: Callable[..., Settings], parsed: list[str], email: str
) -> None:
    auth = Auth(make_settings())
    async with auth.lifespan():
        ada = await auth.create_user(email="ada@example.com", password=PASSWORD)
        parsed.clear()
        refused: list[tuple[Awaitable[object], type[Exception]]] = [
            (auth.sign_up(email=email, password=PASSWORD, name="Ada"), InvalidInput),
            (auth.create_user(email=email), InvalidInput),
            (auth.check_new_user(email=email), InvalidInput),
            (auth.update_user(ada, email=email), InvalidInput),
            (auth.find_user(email), NoSuchUser),
            (auth.list_users(search=email), InvalidInput),
        ]
        for trying, error in refused:
            with pytest.raises(error):
                await trying
        with pytest.raises((InvalidInput, InvalidCredentials)):
            await auth.sign_in(email=email, password=PASSWORD)
        failed: list[Failed] = []
        done = UserImport(auth.store, "authingo", on_failed=failed.append)
        await done.read(io.BytesIO(f"email\n{email}\ngrace@example.org\n".encode()))
    assert (done.imported, [one.code for one in failed]) == (1, ["invalid_email"])
    assert parsed == ["a@example.org"], "of a plain address only the domain needs it"


def test_on_the_command_line(authingo: Runner) -> None:
    email = LONG[0]
    assert "is not an email" in authingo("users", "create", email, "--generate-password").err
    searched = authingo("users", "list", "--search", email)
    assert searched.code == 2
    assert "at most 254 characters" in searched.err
    assert authingo("users", "show", email).code == 1


@pytest.mark.anyio
async def test_the_longest_address_signs_up(make_settings: Callable[..., Settings]) -> None:
    longest = "a" * 64 + "@" + ".".join(["b" * 62, "c" * 61, "d" * 61, "co"])
    assert len(longest) == inputs.MAX_EMAIL
    auth = Auth(make_settings())
    async with auth.lifespan():
        user = await auth.create_user(email=longest)
        assert user.email == longest
        assert await auth.list_users(search=longest) == [user]
        with pytest.raises(EmailTaken):
            await auth.create_user(email=longest.upper())
    assert inputs.normalize_email("a" + longest) is None
