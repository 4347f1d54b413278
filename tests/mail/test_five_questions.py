"""The five questions of docs/security.md, asked of every way in and every change of an account.

Each way is one line of the table: how a browser asks for its mail, and how it uses what the mail
has. What differs between them is said in the table, so that a new way answers all of them. What
needs no mail is in a table of its own: one request with a session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from authingo import Auth
from tests.database import execute
from tests.mail.inbox import code_in, mail_settings, token_in
from tests.mail.server import Received, SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer
from tests.test_secrets_at_rest import everything_in, spellings
from tests.waiting import until

NEW, FREE = "new@example.com", "free@example.com"
OTHER = "another whole sentence"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way in, or a way to change an account.

    Args:
        name: of the way.
        ask: what a browser sends for the mail to an address.
        use: what it sends with the secret of the mail.
        settings: of mail.
        signed_in: whether it needs a session of the account.
        to: whom the mail goes to.
        others_end: whether the other sessions of the account end.
        evicts: whether it takes the account from somebody who signed up with the address.
        locks: whether nobody can sign in between asking and using it.
    """

    name: str
    ask: Callable[[Browser, str], Answer]
    use: Callable[[Browser, str], Answer]
    settings: dict[str, Any]
    signed_in: bool
    to: str = ADA["email"]
    others_end: bool
    evicts: bool
    locks: bool = False

    def __str__(self) -> str:
        return self.name


def post(path: str, *names: str, **fixed: str) -> Callable[[Browser, str], Answer]:
    """Return what sends one value under each of these names, and others that stay the same."""
    return lambda browser, value: browser.post(path, dict.fromkeys(names, value) | fixed)


WAYS = [
    Way(
        name="reset",
        ask=post("/reset-password/request", "email"),
        use=post("/reset-password", "token", new_password=OTHER),
        settings={},
        signed_in=False,
        others_end=True,
        evicts=True,
    ),
    Way(
        name="code",
        ask=post("/sign-in/code/request", "email"),
        use=post("/sign-in/code", "code"),
        settings={"email_code": True},
        signed_in=False,
        others_end=False,
        evicts=True,
    ),
    Way(
        name="verification",
        ask=lambda browser, _: browser.post("/verify-email/request"),
        use=post("/verify-email", "token"),
        settings={"verification": "optional"},
        signed_in=True,
        others_end=False,
        evicts=False,
    ),
    Way(
        name="change",
        ask=post("/change-email/request", "new_email"),
        use=post("/change-email", "token"),
        settings={},
        signed_in=True,
        to=NEW,
        others_end=True,
        evicts=False,
    ),
    Way(
        name="deletion",
        ask=lambda browser, _: browser.request("DELETE", "/user"),
        use=post("/user/undo-deletion", "token", email=ADA["email"]),
        settings={},
        signed_in=True,
        others_end=True,
        evicts=False,
        locks=True,
    ),
    Way(
        name="sign-up",
        ask=post("/sign-up", "email", password=OTHER, name="Ada"),
        use=post("/verify-email", "token"),
        settings={"verification": "required"},
        signed_in=False,
        to=FREE,
        others_end=False,
        evicts=False,
    ),
]


# The ways of somebody who has an account, whose password can change.
_WITH_ACCOUNT = [one for one in WAYS if one.name != "sign-up"]


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture
def server(mails: SMTPServer, serve: Callable[..., LiveServer], way: Way) -> LiveServer:
    return serve(mail=mail_settings(mails, **way.settings), users={"deletion_grace": "7d"})


def create(server: LiveServer, *, verified: bool) -> None:
    """Create the account, which has a password."""

    async def work() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await auth.create_user(**ADA, verified=verified)
        await auth.close()

    asyncio.run(work())


def set_password(server: LiveServer) -> None:
    """Give the account another password, as an operator does."""

    async def work() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await auth.set_password(await auth.find_user(ADA["email"]), "a third sentence")
        await auth.close()

    asyncio.run(work())


def signed_in(server: LiveServer) -> Browser:
    """Return a browser with a session of the account."""
    browser = server.browser()
    assert browser.sign_in().status == 200
    return browser


def secret_of(mail: Received) -> str:
    """Return the token or the code in a mail."""
    return code_in(mail) if "code" in str(mail.message["Subject"]) else token_in(mail)


def last_secret(mails: SMTPServer, way: Way, number: int = 1) -> str:
    """Wait until `number` mails have come to whom the way mails, and return the last secret."""

    def theirs() -> list[Received]:
        received = [one for one in mails.received if one.recipients == [way.to]]
        return [one for one in received if "changed" not in str(one.message["Subject"])]

    until(lambda: len(theirs()) >= number, f"there are {len(theirs())} mails")
    return secret_of(theirs()[-1])


def begin(server: LiveServer, mails: SMTPServer, way: Way) -> tuple[Browser, str]:
    """Create the account, ask for the mail, and return the browser and the secret."""
    create(server, verified=way.name != "verification")
    browser = signed_in(server) if way.signed_in else server.browser()
    assert way.ask(browser, way.to).status == 200
    return browser, last_secret(mails, way)


def shape(answer: Answer) -> tuple[object, ...]:
    """What an answer tells, without the values of cookies."""
    headers = [
        value.partition("=")[0] if name == "set-cookie" else name for name, value in answer.headers
    ]
    return answer.status, answer.body, sorted(headers)


def test_1_a_stranger_learns_nothing_about_who_has_an_account(server: LiveServer, way: Way) -> None:
    """By status, body, headers and cookies, whether the address is known, or asked for often."""
    create(server, verified=True)
    if way.name in {"verification", "deletion"}:  # only an account itself can ask
        assert way.ask(server.browser(), "").code == "no_session"
        return
    browser = signed_in(server) if way.signed_in else None
    taken = "grace@example.com" if way.signed_in else ADA["email"]
    answers = [
        way.ask(browser or server.browser(), email)
        for email in (taken, FREE, "unknown@example.com", *[taken] * 4)
    ]
    assert {one.status for one in answers} == {200}
    assert len({repr(shape(one)) for one in answers}) == 1


def test_2_it_ends_what_it_should(server: LiveServer, mails: SMTPServer, way: Way) -> None:
    """The secret itself, and other sessions where it says so. A new password ends the secret."""
    browser, secret = begin(server, mails, way)
    if way.locks:
        assert server.browser().sign_in().code == "invalid_credentials"
        assert way.use(browser, secret).status == 200
        assert signed_in(server).get("/session").status == 200
        assert browser.get("/session").status == 401
        assert way.use(browser, secret).code == "invalid_token"
        return
    other = signed_in(server)
    assert way.use(browser, secret).status == 200
    assert (other.get("/session").status == 401) is way.others_end
    assert way.use(browser, secret).code == "invalid_token"


@pytest.mark.parametrize("way", _WITH_ACCOUNT, indirect=True, ids=str)
def test_2_a_new_password_ends_the_secret(server: LiveServer, mails: SMTPServer, way: Way) -> None:
    browser, secret = begin(server, mails, way)
    if way.locks:
        set_password(server)
    else:
        body = {"current_password": ADA["password"], "new_password": "a third sentence"}
        assert signed_in(server).post("/change-password", body).status == 200
    refused = way.use(browser, secret)
    assert refused.code == "invalid_token"
    assert refused.tokens == {}


def test_3_of_two_at_once_one_wins(server: LiveServer, mails: SMTPServer, way: Way) -> None:
    """And who did not get the answer gets a clear one to the same request."""
    browser, secret = begin(server, mails, way)
    with ThreadPoolExecutor(2) as pool:
        answers = [*pool.map(lambda _: way.use(browser, secret), range(2))]
    assert sorted(one.status for one in answers).count(200) == 1
    lost = {one.code for one in answers if one.status != 200}
    assert lost <= {"invalid_token", "session_expired", "no_session"}


def test_4_a_dump_opens_nothing(
    server: LiveServer, mails: SMTPServer, way: Way, request: pytest.FixtureRequest
) -> None:
    """Before the mail is sent, while the secret is good, and afterwards."""
    browser, secret = begin(server, mails, way)
    cookies = [
        value
        for name, values in browser.cookies.items()
        for value in values.split(".")["session" in name :]  # its first part is the public id
    ]
    forms = {secret.encode(), secret.replace("-", "").encode()}
    forms |= {form for value in cookies for form in spellings(value)}
    for used in (False, True):
        if used:
            assert way.use(browser, secret).status == 200
        content = everything_in(server, request)
        assert b"example.com" in content, "the right bytes are being looked at"
        assert [form for form in forms if form in content] == []


def test_5_who_signed_up_with_the_address_of_another_keeps_nothing(
    server: LiveServer, mails: SMTPServer, way: Way
) -> None:
    """When the owner proves the mailbox; and no click of the owner proves it for them."""
    if way.name == "sign-up":
        squatter, owner = server.browser(), server.browser()
        squatter.post("/sign-up", {"email": FREE, "password": "of a squatter", "name": "Mallory"})
        theirs = last_secret(mails, way)
        assert way.use(owner, theirs).code == "password_required"
        assert way.ask(owner, FREE).status == 200
        assert way.use(owner, last_secret(mails, way, 2)).json["user"]["name"] == "Ada"
        assert way.use(squatter, theirs).code == "invalid_token"
        return
    create(server, verified=False)
    squatter, owner = signed_in(server), server.browser()
    if way.locks:  # the owner gets the account without that, by the way in that evicts
        assert way.ask(squatter, "").status == 200
        theirs = last_secret(mails, way)
        assert owner.post("/reset-password/request", {"email": ADA["email"]}).status == 200
        body = {"token": last_secret(mails, way, 2), "new_password": OTHER}
        assert owner.post("/reset-password", body).status == 200
        assert owner.sign_in(password=OTHER).status == 200
        assert way.use(squatter, theirs).code == "invalid_token"
        return
    if not way.evicts:
        assert way.ask(squatter, way.to).status == 200
        assert way.use(owner, last_secret(mails, way)).code == "password_required"
        verified = execute(server.database_url, "SELECT email_verified FROM authingo_users")
        assert not verified[0][0]
        return
    assert way.ask(owner, ADA["email"]).status == 200
    assert way.use(owner, last_secret(mails, way)).status == 200
    assert squatter.get("/session").code == "no_session"
    assert squatter.post("/refresh").code == "no_session"
    assert squatter.sign_in().code == "invalid_credentials"
    (name,) = execute(server.database_url, "SELECT name FROM authingo_users")[0]
    assert name == "ada"


# What needs no mail


@dataclass(frozen=True, kw_only=True)
class Request:
    """What users do to their own account with one request.

    Args:
        name: of the request.
        send: what a browser sends.
        others_end: whether the other sessions of the account end.
        own_ends: whether the session token that it came with ends.
        repeats: whether a second one at the same moment succeeds as well.
    """

    name: str
    send: Callable[[Browser], Answer]
    others_end: bool = False
    own_ends: bool = False
    repeats: bool = False

    def __str__(self) -> str:
        return self.name


REQUESTS = [
    Request(
        name="profile",
        send=lambda browser: browser.request(
            "PATCH", "/user", {"name": "Mallory", "profile": {"theme": "dark"}}
        ),
        repeats=True,
    ),
    Request(name="export", send=lambda browser: browser.get("/user/export")),
    Request(
        name="reauthentication",
        send=lambda browser: browser.post("/reauthenticate", {"password": ADA["password"]}),
        own_ends=True,
    ),
    Request(
        name="change of password",
        send=lambda browser: browser.post(
            "/change-password", {"current_password": ADA["password"], "new_password": OTHER}
        ),
        others_end=True,
        own_ends=True,
    ),
]


CLEAR = {"session_expired", "no_session", "wrong_password", "too_many_requests", "busy"}


@pytest.fixture(params=REQUESTS, ids=str)
def own_request(request: pytest.FixtureRequest) -> Request:
    found: Request = request.param
    return found


@pytest.fixture
def plain(mails: SMTPServer, serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(
        mail=mail_settings(mails), profile="tests.profiles:Profile", limits={"enabled": True}
    )


def test_1_a_stranger_can_send_none_of_them(plain: LiveServer, own_request: Request) -> None:
    """Whether they have no session, one that is over, or one of a user who was deleted."""
    signed_out, deleted = plain.browser(), plain.browser()
    signed_out.sign_up()
    kept = dict(signed_out.cookies)
    assert signed_out.post("/sign-out").status == 200
    signed_out.cookies.update(kept)
    deleted.sign_up(email="deleted@example.com")
    execute(plain.database_url, "DELETE FROM authingo_users WHERE email = 'deleted@example.com'")
    answers = [own_request.send(one) for one in (plain.browser(), signed_out, deleted)]
    assert {one.code for one in answers} == {"no_session"}
    assert len({repr(shape(one)) for one in answers[1:]}) == 1


def test_2_they_end_what_they_should(plain: LiveServer, own_request: Request) -> None:
    browser = plain.browser()
    browser.sign_up()
    thief, other = plain.browser(), signed_in(plain)
    thief.cookies.update(browser.cookies)
    assert own_request.send(browser).status == 200
    assert browser.get("/session").status == 200
    assert (other.get("/session").status == 401) is own_request.others_end
    assert (thief.get("/session").status == 401) is own_request.own_ends


def test_3_of_two_at_once_each_gets_a_clear_answer(plain: LiveServer, own_request: Request) -> None:
    """And somebody who did not get the answer can go on."""
    browser = plain.browser()
    browser.sign_up()
    beside = plain.browser()
    beside.cookies.update(browser.cookies)
    with ThreadPoolExecutor(2) as pool:
        answers = [*pool.map(own_request.send, (browser, beside))]
    assert [one.status for one in answers].count(200) == (2 if own_request.repeats else 1)
    lost = {one.code for one in answers if one.status != 200}
    assert lost <= CLEAR
    password = OTHER if own_request.name == "change of password" else ADA["password"]
    assert plain.browser().sign_in(password=password).status == 200


def test_4_a_dump_opens_nothing_after_them(
    plain: LiveServer, own_request: Request, request: pytest.FixtureRequest
) -> None:
    browser = plain.browser()
    browser.sign_up()
    assert own_request.send(browser).status == 200
    cookies = [
        value
        for name, values in browser.cookies.items()
        for value in values.split(".")["session" in name :]  # its first part is the public id
    ]
    content = everything_in(plain, request)
    assert b"example.com" in content, "the right bytes are being looked at"
    secrets = {form for value in cookies for form in spellings(value)}
    secrets |= {ADA["password"].encode(), OTHER.encode()}
    assert [form for form in secrets if form in content] == []


def test_5_nothing_of_them_survives_the_owner_of_the_address(
    plain: LiveServer, mails: SMTPServer, own_request: Request
) -> None:
    squatter, owner = plain.browser(), plain.browser()
    squatter.sign_up()
    assert own_request.send(squatter).status == 200
    assert owner.post("/reset-password/request", {"email": ADA["email"]}).status == 200
    until(lambda: any("reset-password" in str(one.message) for one in mails.received), "no mail")
    token = next(token_in(one) for one in mails.received if "reset-password" in str(one.message))
    body = {"token": token, "new_password": "of the owner alone"}
    assert owner.post("/reset-password", body).status == 200
    assert own_request.send(squatter).code == "no_session"
    for password in (ADA["password"], OTHER):
        assert plain.browser().sign_in(password=password).code == "invalid_credentials"
    user = owner.sign_in(password="of the owner alone").json["user"]
    assert (user["name"], user["profile"]["theme"]) == ("ada", "light")
