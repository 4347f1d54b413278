"""Sessions live and end in any order of events, on both stores, as a small model says.

Time passes by moving every deadline in the database. All steps of it are multiples
of 30 seconds and all lifetimes lie half-way between two of them, so that the time
the test itself takes decides nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from authingo import Auth
from authingo.config import Settings
from authingo.errors import AuthError
from authingo.models import SignedIn, Tokens
from tests.database import age_sessions, execute
from tests.fuzz.conftest import in_batches

T = TypeVar("T")

# Short, and close to each other, so that any of them is at times the one that counts.
LIVES = {
    "session_lifetime": 105,
    "refresh_lifetime": 195,
    "absolute_lifetime": 345,
    "refresh_grace": 45,
    "fresh": 75,
}
_TOLD_WITHIN = 5.0  # seconds, as the conformance suite has it; what is promised is two
PASSWORDS = ["correct horse battery", "a whole new sentence"]


@dataclass(eq=False)
class Known:
    """What the model knows of a session."""

    user: str
    began: int
    id: str
    tokens: list[str] = field(default_factory=list)  # all it ever had, the current one last
    refreshes: list[str] = field(default_factory=list)  # likewise
    rotated_to: str = ""  # the session token that the last refresh gave
    expires: int = 0
    refresh_expires: int = 0
    grace_until: int = 0
    authenticated: int = 0
    previous_ended: bool = False  # replaced by a reauthentication, so without a grace
    alive: bool = True

    def issued(self, given: Tokens, now: int) -> None:
        """Note what a sign-in or a refresh gave."""
        assert given.session
        assert given.refresh
        self.tokens.append(given.session)
        self.refreshes.append(given.refresh)
        self.rotated_to, self.previous_ended = given.session, False
        absolute = self.began + LIVES["absolute_lifetime"]
        self.expires = min(now + LIVES["session_lifetime"], absolute)
        self.refresh_expires = min(now + LIVES["refresh_lifetime"], absolute)

    def reauthenticated(self, given: Tokens, now: int) -> None:
        assert given.session
        assert given.refresh is None
        self.tokens.append(given.session)
        self.previous_ended, self.authenticated = True, now
        self.expires = min(now + LIVES["session_lifetime"], self.refresh_expires)

    def matches(self, token: str) -> bool:
        """As the current session token or the one before."""
        return self.alive and token in self.tokens[-2:]

    def answer_to(self, token: str, now: int) -> str:
        if not self.alive:
            return "no_session"
        if not self.matches(token):
            return "session_expired"  # the id in it is that of a session
        if token == self.tokens[-1]:
            return "ok" if now < self.expires else "session_expired"
        deadline = min(self.expires, self.grace_until)
        return "ok" if now < deadline and not self.previous_ended else "session_expired"


@dataclass
class Account:
    id: str
    password: str
    enabled: bool = True
    sessions: list[Known] = field(default_factory=list)


class SessionLives(RuleBasedStateMachine):
    """Every rule does a thing to authingo and to the model, and compares the answers."""

    def __init__(self, configuration: Settings) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._url = configuration.database_url
        self._auth = Auth(configuration)
        self.now = 0
        self.accounts: dict[str, Account] = {}
        self.sessions: list[Known] = []

    def teardown(self) -> None:
        self._runner.run(self._auth.close())
        self._runner.close()

    def ask(self, answer: Awaitable[T]) -> T | str:
        """Return the result, or the code of the error."""

        async def run() -> T:
            return await answer

        try:
            return self._runner.run(run())
        except AuthError as error:
            return error.code

    def begin(self, account: Account, email: str, answer: object) -> None:
        assert isinstance(answer, SignedIn), answer
        known = Known(email, self.now, id=answer.session.id, authenticated=self.now)
        known.issued(answer.tokens, self.now)
        account.sessions.append(known)
        self.sessions.append(known)

    def end(self, token: str | None) -> None:
        for known in self.sessions:
            if token is not None and known.matches(token):
                known.alive = False

    def some_token(self, data: strategies.DataObject) -> str | None:
        """Any session token there ever was, the late ones more often."""
        if not self.sessions:
            return None
        known = data.draw(strategies.sampled_from(self.sessions[-4:]))
        return data.draw(strategies.sampled_from([known.tokens[-1], *known.tokens[-3:]]))

    @initialize()
    def empty(self) -> None:
        self._runner.run(self._auth.open())
        execute(self._url, "DELETE FROM authingo_users")

    emails = strategies.sampled_from(["ada@example.com", "bob@example.com"])
    data = strategies.data()

    @rule(email=emails, data=data)
    def sign_up(self, email: str, data: strategies.DataObject) -> None:
        token = self.some_token(data)
        answer = self.ask(
            self._auth.sign_up(email=email, password=PASSWORDS[0], name="x", session_token=token)
        )
        if email in self.accounts:
            assert answer == "email_taken"
            return
        assert isinstance(answer, SignedIn)
        self.end(token)
        self.accounts[email] = Account(answer.user.id, PASSWORDS[0])
        self.begin(self.accounts[email], email, answer)

    @rule(email=emails, password=strategies.sampled_from(PASSWORDS), data=data)
    def sign_in(self, email: str, password: str, data: strategies.DataObject) -> None:
        token = self.some_token(data)
        answer = self.ask(self._auth.sign_in(email=email, password=password, session_token=token))
        account = self.accounts.get(email)
        if account is None or not account.enabled or account.password != password:
            assert answer == "invalid_credentials"
            return
        self.end(token)
        self.begin(account, email, answer)

    @precondition(lambda self: self.sessions)
    @rule(data=data)
    def resume(self, data: strategies.DataObject) -> None:
        token = self.some_token(data)
        assert token is not None
        self.resume_with(self.session_of(token), token)

    def session_of(self, token: str) -> Known:
        return next(known for known in self.sessions if token in known.tokens)

    def resume_with(self, known: Known, token: str) -> None:
        answer = self.ask(self._auth.resume(token))
        code = answer if isinstance(answer, str) else "ok"
        assert code == known.answer_to(token, self.now)

    @precondition(lambda self: self.sessions)
    @rule(data=data)
    def require_recent(self, data: strategies.DataObject) -> None:
        token = self.some_token(data)
        assert token is not None
        answer = self.ask(self._auth.require_recent(token))
        known = self.session_of(token)
        code = known.answer_to(token, self.now)
        if code == "ok" and self.now - known.authenticated > LIVES["fresh"]:
            code = "reauthentication_required"
        assert (answer if isinstance(answer, str) else "ok") == code

    @precondition(lambda self: self.sessions)
    @rule(data=data, password=strategies.sampled_from(PASSWORDS))
    def reauthenticate(self, data: strategies.DataObject, password: str) -> None:
        token = self.some_token(data)
        assert token is not None
        answer = self.ask(self._auth.reauthenticate(session_token=token, password=password))
        known = self.session_of(token)
        if (code := known.answer_to(token, self.now)) != "ok":
            assert answer == code
        elif self.accounts[known.user].password != password:
            assert answer == "wrong_password"
        else:
            assert isinstance(answer, SignedIn)
            known.reauthenticated(answer.tokens, self.now)
            for one in known.tokens[-3:]:
                self.resume_with(known, one)

    @precondition(lambda self: self.sessions)
    @rule(data=data)
    def refresh(self, data: strategies.DataObject) -> None:
        known = data.draw(strategies.sampled_from(self.sessions[-4:]))
        self.refresh_with(known, data.draw(strategies.sampled_from(known.refreshes[-3:])))

    @precondition(lambda self: self.sessions)
    @rule(waits=strategies.lists(strategies.sampled_from([30, 90, 180]), min_size=1, max_size=6))
    def stay_signed_in(self, waits: list[int]) -> None:
        """Towards the end of the whole session, which no refresh postpones."""
        known = self.sessions[-1]
        for seconds in waits:
            self.time_passes(seconds)
            self.refresh_with(known, known.refreshes[-1])
            for token in known.tokens[-2:]:
                self.resume_with(known, token)

    def refresh_with(self, known: Known, refresh: str) -> None:
        answer = self.ask(self._auth.refresh(refresh))
        if not known.alive:
            assert answer == "no_session"
        elif self.now >= known.refresh_expires:
            assert answer == "session_expired"
        elif refresh == known.refreshes[-1]:
            assert isinstance(answer, SignedIn)
            assert answer.session.id == known.id
            known.issued(answer.tokens, self.now)
            known.grace_until = self.now + LIVES["refresh_grace"]
        elif refresh == known.refreshes[-2] and self.now < known.grace_until:
            assert isinstance(answer, SignedIn)
            current = known.tokens[-1] == known.rotated_to
            again = Tokens(known.rotated_to if current else None, known.refreshes[-1])
            assert answer.tokens == again, "the very same again, without a token that has ended"
        else:
            assert answer == "refresh_reused"
            known.alive = False

    @precondition(lambda self: self.sessions)
    @rule(data=data)
    def sign_out(self, data: strategies.DataObject) -> None:
        token = self.some_token(data)
        assert self.ask(self._auth.sign_out(token)) is None
        self.end(token)

    @precondition(lambda self: self.sessions)
    @rule(data=data, current=strategies.sampled_from(PASSWORDS))
    def change_password(self, data: strategies.DataObject, current: str) -> None:
        token = self.some_token(data)
        assert token is not None
        new = PASSWORDS[1 - PASSWORDS.index(current)]
        answer = self.ask(
            self._auth.change_password(
                session_token=token, current_password=current, new_password=new
            )
        )
        known = self.session_of(token)
        if (code := known.answer_to(token, self.now)) != "ok":
            assert answer == code
            return
        account = self.accounts[known.user]
        if account.password != current:
            assert answer == "wrong_password"
            return
        account.password = new
        for older in account.sessions:  # those too that are over and not pruned
            older.alive = False
        self.begin(account, known.user, answer)

    def end_all(self, account: Account, *, but: Known | None = None) -> int:
        """End those that can still be refreshed, and tell how many they were."""
        ended = [
            known
            for known in account.sessions
            if known.alive and known is not but and self.now < known.refresh_expires
        ]
        for known in ended:
            known.alive = False
        return len(ended)

    @precondition(lambda self: self.sessions)
    @rule(data=data, which=strategies.sampled_from(["all", "only", "but"]))
    def revoke(self, data: strategies.DataObject, which: str) -> None:
        known = data.draw(strategies.sampled_from(self.sessions[-4:]))
        account = self.accounts.get(known.user)
        if account is None or known not in account.sessions:
            return
        only = known.id if which == "only" else None
        but = known.id if which == "but" else None
        answer = self.ask(self._auth.revoke(account.id, only=only, but=but))
        if which == "only":
            dead = not known.alive or self.now >= known.refresh_expires
            assert answer == (0 if dead else 1)
            known.alive = known.alive and dead
        else:
            assert answer == self.end_all(account, but=known if which == "but" else None)

    @precondition(lambda self: self.accounts)
    @rule(data=data, enable=strategies.booleans())
    def disable_or_enable(self, data: strategies.DataObject, enable: bool) -> None:
        email = data.draw(strategies.sampled_from(sorted(self.accounts)))
        account = self.accounts[email]
        change = self._auth.enable_user if enable else self._auth.disable_user
        assert not isinstance(self.ask(change(account.id)), str)
        account.enabled = enable
        for known in account.sessions:
            known.alive = False

    @precondition(lambda self: self.accounts)
    @rule(data=data)
    def delete(self, data: strategies.DataObject) -> None:
        email = data.draw(strategies.sampled_from(sorted(self.accounts)))
        account = self.accounts.pop(email)
        self.ask(self._auth.delete_user(account.id))
        for known in account.sessions:
            known.alive = False

    @rule(seconds=strategies.sampled_from([30, 30, 60, 90, 210]))
    def wait(self, seconds: int) -> None:
        self.time_passes(seconds)

    def time_passes(self, seconds: int) -> None:
        age_sessions(self._url, seconds)
        self.now += seconds
        self._runner.run(self._heard())

    async def _heard(self) -> None:
        """Hear of what a hand changed: between its steps the machine's event loop stands still."""
        tokens = [token for known in self.sessions for token in known.tokens]
        async with asyncio.timeout(_TOLD_WITHIN):
            while any(self._auth.recall(token.encode()) for token in tokens):
                await asyncio.sleep(0.001)

    @rule()
    def prune(self) -> None:
        deleted = self.ask(self._auth.store.maintenance.prune(1000))
        self.ask(self._auth.store.maintenance.forget_nonces(1000, after=""))
        gone = [
            known for known in self.sessions if known.alive and self.now >= known.refresh_expires
        ]
        assert deleted == len(gone)
        for known in gone:
            known.alive = False

    @invariant()
    def the_lists_agree(self) -> None:
        for account in self.accounts.values():
            listed = self.ask(self._auth.list_sessions(account.id))
            assert not isinstance(listed, str)
            assert {session.id for session in listed} == {
                known.id
                for known in account.sessions
                if known.alive and self.now < known.refresh_expires
            }


def test_sessions_live_as_the_model_says(
    make_settings: Callable[..., Settings], until_time_is_up: Callable[[Callable[[], None]], None]
) -> None:
    configuration = make_settings(sessions=LIVES, limits={"enabled": False})
    steps = settings(in_batches, max_examples=10, stateful_step_count=40)

    class OnThisStore(SessionLives):
        def __init__(self) -> None:
            super().__init__(configuration)

    until_time_is_up(lambda: run_state_machine_as_test(OnThisStore, settings=steps))
