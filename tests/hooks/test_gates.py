"""The gate: asked on every pathway, after the last factor, before anything is written."""

from __future__ import annotations

import ast
import asyncio
import http.client
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from authingo import Auth, GateAttempt, Refused, StoreUnavailable
from tests.database import execute
from tests.mail.inbox import code_in, mail_settings, token_in, wait_for
from tests.mail.server import SMTPServer
from tests.server import ADA, Answer, Browser, LiveServer

SOURCE = Path(__file__).parents[2] / "authingo"
NEW = "new@example.com"
PASSWORD = {"password": ADA["password"]}
CREDENTIALS = {"email": ADA["email"], **PASSWORD}


@dataclass
class Guard:
    """A gate of an application. Tests say what it does next."""

    does: Callable[[], Any] = lambda: None
    asked: list[GateAttempt] = field(default_factory=list)

    async def __call__(self, attempt: GateAttempt) -> None:
        self.asked.append(attempt)
        if isinstance(result := self.does(), BaseException):
            raise result
        if result is not None:
            await result


@dataclass(frozen=True, kw_only=True)
class Pathway:
    """A way to get a session or another address.

    Args:
        function: the one of authingo that writes it, as "module.function".
        asks: with which actions and methods the gate is asked.
        mail: the settings of mail.
        ready: does everything before the last request, and returns that.
    """

    function: str
    asks: list[tuple[str, str]]
    ready: Callable[[LiveServer, SMTPServer], Callable[[], Answer]]
    mail: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join(f"{action} by {method}" for action, method in self.asks)


def ada(server: LiveServer, *, verified: bool = True) -> Browser:
    """Create an account without any gate, and sign in."""

    create_ada(server, verified=verified)
    browser = server.browser()
    assert browser.sign_in().status == 200
    return browser


def create_ada(server: LiveServer, *, verified: bool = False) -> None:
    async def create() -> None:
        auth = Auth(server.auth.settings)
        await auth.open()
        await auth.create_user(
            email=ADA["email"], password=ADA["password"], name=ADA["name"], verified=verified
        )
        await auth.close()

    asyncio.run(create())


def post(browser: Browser, path: str, body: object) -> Callable[[], Answer]:
    return lambda: browser.post(path, body)


def signing_up(server: LiveServer, _: SMTPServer) -> Callable[[], Answer]:
    return post(server.browser(), "/sign-up", ADA)


def signing_up_by_link(server: LiveServer, mails: SMTPServer) -> Callable[[], Answer]:
    browser = server.browser()
    assert browser.post("/sign-up", ADA).json == {"sent": True}
    return post(browser, "/verify-email", {"token": token_in(wait_for(mails, 1)[0])})


def signing_up_elsewhere(server: LiveServer, mails: SMTPServer) -> Callable[[], Answer]:
    assert server.browser().post("/sign-up", ADA).json == {"sent": True}
    token = token_in(wait_for(mails, 1)[0])
    return post(server.browser(), "/verify-email", {"token": token, **PASSWORD})


def signing_in(server: LiveServer, _: SMTPServer) -> Callable[[], Answer]:
    ada(server)
    return post(server.browser(), "/sign-in", CREDENTIALS)


def signing_in_by_code(server: LiveServer, mails: SMTPServer) -> Callable[[], Answer]:
    ada(server)
    browser = server.browser()
    assert browser.post("/sign-in/code/request", {"email": ADA["email"]}).status == 200
    return post(browser, "/sign-in/code", {"code": code_in(wait_for(mails, 1)[0])})


def verifying_elsewhere(server: LiveServer, mails: SMTPServer) -> Callable[[], Answer]:
    assert ada(server, verified=False).post("/verify-email/request").status == 200
    token = token_in(wait_for(mails, 1)[0])
    return post(server.browser(), "/verify-email", {"token": token, **PASSWORD})


def verifying_by_link(server: LiveServer, mails: SMTPServer) -> Callable[[], Answer]:
    """After a sign-in that was refused only because the address was not verified."""
    create_ada(server)
    browser = server.browser()
    assert browser.post("/sign-in", CREDENTIALS).code == "email_not_verified"
    return post(browser, "/verify-email", {"token": token_in(wait_for(mails, 1)[0])})


def changing(server: LiveServer, mails: SMTPServer) -> Callable[[], Answer]:
    browser = ada(server)
    assert browser.post("/change-email/request", {"new_email": NEW}).status == 200
    return post(browser, "/change-email", {"token": token_in(wait_for(mails, 1)[0])})


def changing_elsewhere(server: LiveServer, mails: SMTPServer) -> Callable[[], Answer]:
    assert ada(server).post("/change-email/request", {"new_email": NEW}).status == 200
    token = token_in(wait_for(mails, 1)[0])
    return post(server.browser(), "/change-email", {"token": token, **PASSWORD})


LINK_SIGN_IN, REQUIRED = "mail.proof.session_of", {"verification": "required"}
PATHWAYS = [
    Pathway(
        function="signing_in.sign_up",
        asks=[("sign_up", "password")],
        ready=signing_up,
    ),
    Pathway(
        function="mail.sign_ups.complete",
        asks=[("sign_up", "link")],
        ready=signing_up_by_link,
        mail=REQUIRED,
    ),
    Pathway(
        function="mail.sign_ups.complete",
        asks=[("sign_up", "password")],
        ready=signing_up_elsewhere,
        mail=REQUIRED,
    ),
    Pathway(
        function="signing_in.sign_in",
        asks=[("sign_in", "password")],
        ready=signing_in,
    ),
    Pathway(
        function="mail.sign_in_codes._begin",
        asks=[("sign_in", "code")],
        ready=signing_in_by_code,
        mail={"email_code": True},
    ),
    Pathway(
        function=LINK_SIGN_IN,
        asks=[("sign_in", "password")],
        ready=verifying_elsewhere,
        mail={"verification": "optional"},
    ),
    Pathway(
        function=LINK_SIGN_IN,
        asks=[("sign_in", "link")],
        ready=verifying_by_link,
        mail=REQUIRED,
    ),
    Pathway(
        function="mail.email_changes.change",
        asks=[("change_email", "session")],
        ready=changing,
    ),
    Pathway(
        function="mail.email_changes.change",
        asks=[("change_email", "password"), ("sign_in", "password")],
        ready=changing_elsewhere,
    ),
]
# These have tests of their own below.
BY_PROGRAM, REPLACES = "signing_in.begin_session", "signing_in.change_password"


@pytest.fixture
def mails() -> Iterator[SMTPServer]:
    with SMTPServer() as server:
        yield server


def everything(server: LiveServer) -> list[object]:
    """Return what no refusal may change."""
    tables = "users", "sessions", "events WHERE name <> 'mail_sent'"
    return [
        execute(server.database_url, f"SELECT * FROM authingo_{table} ORDER BY 1")
        for table in tables
    ]


@pytest.mark.parametrize("pathway", PATHWAYS, ids=str)
def test_a_gate_is_asked_on_every_pathway(
    mails: SMTPServer, serve: Callable[..., LiveServer], pathway: Pathway
) -> None:
    server = serve(mail=mail_settings(mails, **pathway.mail))
    request = pathway.ready(server, mails)
    guard = Guard(lambda: Refused("members_only", "Only members may come in.", 409))
    server.auth.gate(guard)
    before = everything(server)

    refused = request()
    assert (refused.status, refused.json) == (
        409,
        {"code": "members_only", "message": "Only members may come in."},
    )
    assert not refused.tokens
    guard.does = lambda: ZeroDivisionError("a mistake in the gate")
    assert request().status == 500
    assert everything(server) == before

    guard.asked.clear()
    guard.does = lambda: None
    assert request().status == 200  # nothing was spent
    assert [(one.action, one.method) for one in guard.asked] == pathway.asks
    asked = guard.asked[0]
    assert asked.email == (NEW if asked.action == "change_email" else ADA["email"])
    assert asked.client.ip == "127.0.0.1"
    assert (asked.user and asked.user.email) == (
        None if asked.action == "sign_up" else ADA["email"]
    )


def calls() -> dict[str, set[str]]:
    """Return what each function calls of what begins a session or stores another address."""
    found: dict[str, set[str]] = {}
    for file in SOURCE.rglob("*.py"):
        module = ".".join(file.relative_to(SOURCE).with_suffix("").parts)
        if module.startswith("stores.") or module in {"auth", "core", "sessions"}:
            continue
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    name = f"{module}.{function.name}"
                    found.setdefault(name, set()).add(ast.unparse(node.func))
    return found


def test_no_pathway_forgets_the_gate() -> None:
    """A new function that begins a session, or stores another address, gets a line above.

    mypy sees to it that `sessions.begin` gets what only `Core.admit` makes.
    """
    begins = {"sessions.begin", "signing_in.begin", "self.begin", "store.recovery.change_email"}
    pathways = {name for name, called in calls().items() if called & begins}
    tested = {one.function for one in PATHWAYS} | {BY_PROGRAM, REPLACES}
    assert pathways == tested | {"signing_in.begin"}
    admitting = {name for name, called in calls().items() if "sessions.Admitted" in called}
    assert admitting == {REPLACES}
    text = "\n".join(file.read_text("utf-8") for file in SOURCE.rglob("*.py"))
    assert len([line for line in text.splitlines() if "Admitted(" in line]) == 2


def test_wrong_passwords_never_reach_the_gate(serve: Callable[..., LiveServer]) -> None:
    """So it cannot tell strangers whether there is an account, by its answer or its time."""
    server = serve()
    ada(server)
    guard = Guard()
    server.auth.gate(guard)
    browser = server.browser()
    assert browser.post("/sign-in", {**CREDENTIALS, "password": "wrong"}).status == 401
    assert browser.post("/sign-in", {**CREDENTIALS, "email": NEW}).status == 401
    assert not guard.asked


def test_a_refusal_is_no_failed_guess(serve: Callable[..., LiveServer]) -> None:
    """Five failures would make the next sign-in wait, and ten sign-ups in an hour are too many."""
    server = serve(trusted_proxies=["127.0.0.1"])
    ada(server)
    guard = Guard(lambda: Refused("members_only", "Only members may come in."))
    server.auth.gate(guard)
    far = {"X-Forwarded-For": "192.0.2.7"}
    stranger = server.browser()
    for _ in range(7):
        assert stranger.post("/sign-in", CREDENTIALS, headers=far).code == "members_only"
        new = {**ADA, "email": NEW}
        assert stranger.post("/sign-up", new, headers=far).code == "members_only"
    for _ in range(5):
        assert stranger.post("/sign-up", new, headers=far).code == "members_only"
    guard.does = lambda: None
    assert stranger.post("/sign-up", new, headers=far).status == 200
    assert stranger.post("/sign-in", CREDENTIALS, headers=far).status == 200


def test_a_gate_that_hangs_lets_nobody_in(
    serve: Callable[..., LiveServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(store={"timeout": "300ms"})
    guard = Guard(lambda: asyncio.sleep(60))
    server.auth.gate(guard)
    with caplog.at_level(logging.WARNING, "authingo"):
        answer = server.browser().post("/sign-up", ADA)
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert "a gate took longer than store.timeout, for sign_up by password" in caplog.text
    assert not execute(server.database_url, "SELECT id FROM authingo_users")
    guard.does = lambda: None
    server.browser().sign_up()


def test_an_error_of_authingo_in_a_gate_is_not_the_answer(server: LiveServer) -> None:
    """Otherwise a lookup that finds nobody would answer a sign-up with 404."""
    guard = Guard(lambda: server.auth.find_user("nobody@example.com"))
    server.auth.gate(guard)
    assert server.browser().post("/sign-up", ADA).status == 500


def test_a_program_asks_the_gate_too(make_settings: Callable[..., Any]) -> None:
    async def run() -> None:
        auth = Auth(make_settings())
        async with auth.lifespan():
            user = await auth.create_user(email=ADA["email"])
            guard = Guard()
            auth.gate(guard)
            await auth.begin_session(user)
            (asked,) = guard.asked
            assert (asked.action, asked.method, asked.user) == ("sign_in", "program", user)
            guard.does = lambda: Refused("away", "The shop is closed.")
            with pytest.raises(Refused, match=r"The shop is closed\."):
                await auth.begin_session(user)
            assert len(await auth.list_sessions(user)) == 1
            # Two gates: both have to let somebody in, and the first that refuses is the answer.
            guard.does, second = (lambda: None), Guard(lambda: asyncio.sleep(0))
            auth.gate(second)
            await auth.begin_session(user)
            assert len(second.asked) == 1

    asyncio.run(run())


def test_who_is_signed_in_may_change_the_password_without_a_gate(server: LiveServer) -> None:
    """Somebody who believes that it was stolen must be able to, whatever the gate waits for."""
    browser = ada(server)
    server.auth.gate(Guard(lambda: Refused("away", "The shop is closed.")))
    body = {"current_password": ADA["password"], "new_password": "a whole new sentence"}
    assert browser.post("/change-password", body).status == 200


def test_only_coroutine_functions_are_hooks(make_settings: Callable[..., Any]) -> None:
    auth = Auth(make_settings())
    wrong: Any = print
    with pytest.raises(TypeError, match="async def"):
        auth.gate(wrong)


@pytest.mark.parametrize(
    ("code", "status"),
    [("session_expired", 401), ("Not a code", 403), ("", 403), ("fine", 200), ("fine", 500)],
)
def test_a_refusal_is_a_client_error_with_a_code(code: str, status: int) -> None:
    with pytest.raises(ValueError, match="Refused"):
        Refused(code, "No.", status)
    assert not issubclass(Refused, StoreUnavailable)


def test_a_client_that_goes_away_meanwhile_has_made_no_wrong_guess(
    serve: Callable[..., LiveServer],
) -> None:
    """With the right password. With a wrong one, no gate is asked, and the guess counts."""
    server = serve(limits={"enabled": True})
    create_ada(server)
    gate, asked, left = [True], threading.Event(), threading.Event()

    @server.auth.gate
    async def slow(_: GateAttempt) -> None:
        if gate:
            asked.set()
            try:
                await asyncio.sleep(60)
            finally:
                left.set()

    body = json.dumps({"email": ADA["email"], "password": ADA["password"]})
    for _ in range(12):
        asked.clear()
        left.clear()
        gone = http.client.HTTPConnection("127.0.0.1", server.port)
        headers = {"Content-Type": "application/json", "X-Authingo-Client": "true"}
        gone.request("POST", "/api/auth/sign-in", body, headers)
        assert asked.wait(10)
        gone.close()
        assert left.wait(10)
    gate.clear()
    assert server.browser().sign_in().status == 200
