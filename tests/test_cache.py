"""Sessions in memory, on a store that answers, tells and goes deaf when the test says so."""

from __future__ import annotations

import hashlib
import sys
import time
import types
from collections import defaultdict
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from authingo import cache, clock
from authingo.cache import SessionCache
from authingo.errors import NoSession, SessionExpired, StoreUnavailable
from authingo.last_use import LastUse
from authingo.models import Session, TokenKey, TokenMatch, User, UserAndSession
from authingo.stores import Freshness, RevocationListener, Store
from authingo.tokens import SessionToken

TEN = timedelta(seconds=10)
LONG = timedelta(minutes=15)


def named(whose: str) -> str:
    """Spell a token as it has to be, told apart by a name."""
    return str(SessionToken(whose.encode().ljust(32), "ses_1"))


def key(whose: str) -> bytes:
    return hashlib.blake2b(named(whose).encode()).digest()


TOKEN = named("ada's")
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Scripted:
    """A store of which only what the cache asks is there."""

    def __init__(self) -> None:
        self.hearing = True
        self.untold: list[str] = []  # what `is_notified` tells, as a file that was changed does
        self.truth: defaultdict[str, int] = defaultdict(int)  # which version of a user there is
        self.looks = self.questions = 0
        self.watching: list[RevocationListener] = []
        self.freshness = Freshness()
        self.sessions = self

    def watch(self, revoked: RevocationListener) -> Freshness:
        self.watching.append(revoked)
        return self.freshness

    def is_notified(self) -> bool:
        self.questions += 1
        while self.untold:
            self.tell(self.untold.pop())
        return self.hearing

    def tell(self, whom: str) -> None:
        for revoked in self.watching:
            if whom == "everybody":
                revoked.drop_all()
            else:
                revoked.drop(whom)

    async def by_token(self, token: TokenKey) -> TokenMatch | None:
        self.looks += 1
        return await _released()

    def match(self, user_id: str = "ada", *, active_for: timedelta = LONG) -> TokenMatch:
        """Read the database as it is now."""
        version = str(self.truth[user_id])
        user = User(
            id=user_id,
            email="some@example.com",
            name=version,
            email_verified=False,
            created_at=AT,
            updated_at=AT,
        )
        session = Session(
            id="ses_1",
            user_id=user_id,
            created_at=AT,
            last_used_at=AT,
            expires_at=AT,
            refresh_expires_at=AT,
            authenticated_at=AT,
            methods=("password",),
        )
        return TokenMatch(
            UserAndSession(user, session),
            current=True,
            active_for=active_for,
            authenticated_for=timedelta(0),
        )


@types.coroutine
def _released() -> Generator[None, TokenMatch | None, TokenMatch | None]:
    return (yield)


class Fill:
    """One question to the cache, taken step by step."""

    def __init__(self, sessions: SessionCache, store: Scripted, token: str = TOKEN) -> None:
        self._store = store
        self._sessions = sessions
        self._token = token
        self.answered: UserAndSession | None = None
        self.under_way = False
        self._found: TokenMatch | None = None

    def begin(self) -> None:
        if known := self._sessions.recall(self._token.encode()):
            self.answered = known.user_and_session
        else:
            self._running = self._sessions.ask(self._token)
            self._running.send(None)
            self.under_way = True

    def read(self) -> None:
        self._found = self._store.match()

    def answer(self) -> None:
        if self.under_way:
            self.give(self._found)

    def give(self, match: TokenMatch | None) -> None:
        self.under_way = False
        if match is None or not match.active:
            with pytest.raises(NoSession if match is None else SessionExpired):
                self._running.send(match)
            self.answered = None
            return
        with pytest.raises(StopIteration) as end:
            self._running.send(match)
        self.answered = end.value.value
        assert self.answered is match.user_and_session

    def fail(self, error: BaseException) -> None:
        with pytest.raises(type(error)):
            self._running.throw(error)


class Unnoted:
    def note(self, match: TokenMatch) -> None:
        """When a session was last used is not what these tests are about."""


@pytest.fixture
def store() -> Scripted:
    return Scripted()


@pytest.fixture
def sessions(store: Scripted) -> SessionCache:
    return make(store)


def make(store: Scripted, longest: timedelta = TEN) -> SessionCache:
    last_use = cast("LastUse", Unnoted())
    return SessionCache(cast("Store", store), last_use, longest=longest)


def fill(
    sessions: SessionCache, store: Scripted, token: str = TOKEN, match: TokenMatch | None = None
) -> None:
    filling = Fill(sessions, store, token)
    filling.begin()
    filling.give(match or store.match())


def name_of(sessions: SessionCache, token: str = TOKEN) -> str | None:
    """Recall whose version is remembered."""
    found = sessions.recall(token.encode())
    return found.user_and_session.user.name if found else None


Chain = tuple[str, ...]
FIRST: Chain = ("begin 1", "read 1", "answer 1")
SECOND: Chain = ("begin 2", "read 2", "answer 2")
CHANGE: Chain = ("commit", "tell")
DEAF: Chain = ("deafen", "recover")


def interleaved(*chains: Chain) -> Iterator[Chain]:
    """Yield every order in which the steps of these chains can happen."""
    if not any(chains):
        yield ()
    for number, chain in enumerate(chains):
        if chain:
            rest = (*chains[:number], chain[1:], *chains[number + 1 :])
            for order in interleaved(*rest):
                yield (chain[0], *order)


class Model:
    """What has to be remembered after each step, said as simply as possible."""

    def __init__(self, whom: str) -> None:
        self._whom = whom
        self.hearing = True
        self.remembered: int | None = None
        self._truth = 0
        self._kept: dict[str, bool] = {}  # whether what a fill under way finds may be kept
        self._read: dict[str, int] = {}

    def step(self, step: str) -> None:
        what, _, fill = step.partition(" ")
        if what == "begin":
            self._kept[fill] = self.hearing and self.remembered is None
        elif what == "read":
            self._read[fill] = self._truth
        elif what == "answer" and self._kept.pop(fill) and self.hearing:
            self.remembered = self._read[fill]
        elif what == "commit":
            self._truth += self._whom != "bob"
        elif what == "tell" and self.hearing and self._whom != "bob":
            self._forget()
        elif what in {"deafen", "recover"}:
            self.hearing = what == "recover"
            self._forget()

    def _forget(self) -> None:
        self.remembered = None
        self._kept = dict.fromkeys(self._kept, False)


def follow(order: Chain, whom: str) -> None:
    store = Scripted()
    sessions = make(store)
    fills = {"1": Fill(sessions, store), "2": Fill(sessions, store)}
    model = Model(whom)
    for number, step in enumerate(order):
        what, _, which = step.partition(" ")
        if which:
            getattr(fills[which], what)()
        elif what == "commit":
            for user_id in ("ada", "bob") if whom == "everybody" else (whom,):
                store.truth[user_id] += 1
        elif what == "tell" and store.hearing:
            store.tell(whom)
        elif what == "deafen":
            store.hearing = False
        elif what == "recover":  # what was not told meanwhile may be anything
            store.tell("everybody")
            store.hearing = True
        model.step(step)
        if store.hearing:
            known = sessions._known.get(key("ada's"))
            version = int(known.user_and_session.user.name) if known else None
            assert version == model.remembered, order[: number + 1]
    assert store.hearing == model.hearing
    assert name_of(sessions) == (None if model.remembered is None else str(model.remembered))


@pytest.mark.parametrize("whom", ["ada", "bob", "everybody"])
def test_in_whatever_order_things_happen_nothing_outdated_stays(whom: str) -> None:
    """Two questions, a change, and a time of deafness: 25,200 orders, compared with a model."""
    for order in interleaved(FIRST, SECOND, CHANGE, DEAF):
        follow(order, whom)


@pytest.mark.parametrize("whom", ["ada", "everybody"])
def test_two_changes_are_not_mixed_up(whom: str) -> None:
    """The notice of the first comes while the second is being made."""
    for order in interleaved(FIRST, CHANGE, CHANGE):
        follow((*order, *SECOND), whom)


@pytest.mark.parametrize("whom", ["ada", "everybody"])
def test_a_store_that_tells_when_it_is_asked_is_asked_before_anything_is_kept(whom: str) -> None:
    """As SQLite does: the change shows when the file is looked at, not before."""
    for order in interleaved(FIRST, SECOND, ("commit",), ("ask",)):
        store = Scripted()
        sessions = make(store)
        fills = {"1": Fill(sessions, store), "2": Fill(sessions, store)}
        for step in order:
            what, _, which = step.partition(" ")
            if which:
                getattr(fills[which], what)()
            elif what == "ask":
                assert name_of(sessions) in {None, str(store.truth["ada"])}, order
            else:
                store.truth["ada"] += 1
                store.untold.append(whom)
            if what == "begin" and (known := fills[which].answered):  # from memory
                assert known.user.name == str(store.truth["ada"]), order
        assert name_of(sessions) in {None, str(store.truth["ada"])}, order


def test_what_is_known_is_answered_without_the_store(
    store: Scripted, sessions: SessionCache
) -> None:
    fill(sessions, store)
    found = sessions.recall(TOKEN.encode())
    assert found is not None
    again = Fill(sessions, store)
    again.begin()
    assert again.answered is found.user_and_session
    assert store.looks == 1
    assert sessions.recall(named("unknown").encode()) is None


def test_without_proof_nothing_is_kept_nor_believed(
    store: Scripted, sessions: SessionCache
) -> None:
    fill(sessions, store)
    store.hearing = False
    assert sessions.recall(TOKEN.encode()) is None
    fill(sessions, store)
    store.hearing = True
    assert sessions.recall(TOKEN.encode()) is None, "what was remembered before is gone as well"
    assert store.looks == 2


def test_what_is_not_active_is_not_kept(store: Scripted, sessions: SessionCache) -> None:
    for active in (named("1"), named("2")):
        fill(sessions, store, active)
    fill(sessions, store, match=store.match(active_for=timedelta(0)))
    nobody = Fill(sessions, store)
    nobody.begin()
    nobody.give(None)
    assert set(sessions._known) == {key("1"), key("2")}


@pytest.mark.parametrize("error", [StoreUnavailable(), GeneratorExit()])
def test_a_look_up_that_fails_keeps_nothing(
    store: Scripted, sessions: SessionCache, error: BaseException
) -> None:
    failing = Fill(sessions, store)
    failing.begin()
    failing.fail(error)
    assert sessions.recall(TOKEN.encode()) is None
    assert store.looks == 1


def test_turned_off_it_asks_only_for_sessions(store: Scripted) -> None:
    sessions = make(store, timedelta(0))
    for _ in range(3):
        fill(sessions, store)
        assert sessions.recall(TOKEN.encode()) is None
    assert (store.looks, store.questions, store.watching) == (3, 0, [])


class Time:
    """The clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(clock, "now", lambda: self.now)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def test_while_the_store_vouches_for_it_nobody_asks(
    store: Scripted, sessions: SessionCache, hand: Time
) -> None:
    """And as soon as it does not, by itself or because the time is over, it is asked again."""
    fill(sessions, store)
    questions = store.questions
    store.freshness.until = hand.now + 1
    assert name_of(sessions) == "0"
    hand.now += 0.99
    assert name_of(sessions) == "0"
    assert store.questions == questions
    hand.now += 0.01
    assert name_of(sessions) == "0"
    assert store.questions == questions + 1
    store.freshness.until = 0.0
    store.untold.append("ada")
    assert name_of(sessions) is None


@pytest.mark.parametrize(
    ("active_for", "lives"),
    [(LONG, 10.0), (timedelta(seconds=3), 3.0)],
    ids=["sessions.cache", "its session"],
)
def test_nothing_outlives(
    store: Scripted, sessions: SessionCache, hand: Time, active_for: timedelta, lives: float
) -> None:
    """Counted from when it was asked for, however long the answer took."""
    slow = Fill(sessions, store)
    slow.begin()
    hand.now += 2
    slow.give(store.match(active_for=active_for))
    hand.now += lives - 2.001
    assert sessions.recall(TOKEN.encode()) is not None
    hand.now += 0.001
    assert sessions.recall(TOKEN.encode()) is None
    assert (sessions._known, sessions._of_user) == ({}, {})


def test_an_answer_that_took_longer_than_its_life_is_not_used(
    store: Scripted, sessions: SessionCache, hand: Time
) -> None:
    slow = Fill(sessions, store)
    slow.begin()
    hand.now += 10
    slow.give(store.match())
    assert sessions.recall(TOKEN.encode()) is None


def test_being_asked_for_extends_nothing(
    store: Scripted, sessions: SessionCache, hand: Time
) -> None:
    fill(sessions, store)
    for _ in range(9):
        hand.now += 1
        assert sessions.recall(TOKEN.encode()) is not None
    hand.now += 1
    assert sessions.recall(TOKEN.encode()) is None


def test_it_ages_while_the_machine_sleeps() -> None:
    """On Linux the monotonic clock does not."""
    if sys.platform == "linux":
        assert clock._ID == time.CLOCK_BOOTTIME
    before = clock.now()
    assert before <= clock.now() < before + 60


def test_a_notice_is_about_one_user(store: Scripted, sessions: SessionCache) -> None:
    fill(sessions, store, named("ada 1"))
    fill(sessions, store, named("ada 2"))
    fill(sessions, store, named("bob 1"), store.match("bob"))
    store.tell("ada")
    known = {whose: name_of(sessions, named(whose)) for whose in ("ada 1", "ada 2", "bob 1")}
    assert known == {"ada 1": None, "ada 2": None, "bob 1": "0"}
    assert set(sessions._of_user) == {"bob"}
    store.tell("nobody")
    store.tell("ada")
    assert name_of(sessions, named("bob 1")) == "0"
    store.tell("everybody")
    assert name_of(sessions, named("bob 1")) is None
    assert (sessions._known, sessions._of_user) == ({}, {})


def test_the_prepared_answer_goes_with_what_it_was_made_of(
    store: Scripted, sessions: SessionCache
) -> None:
    fill(sessions, store)
    found = sessions.recall(TOKEN.encode())
    assert found is not None
    found.reply = "prepared"
    store.tell("ada")
    fill(sessions, store)
    again = sessions.recall(TOKEN.encode())
    assert again is not None
    assert again.reply is None


def test_a_digest_that_changes_hands_belongs_to_one_user(
    store: Scripted, sessions: SessionCache
) -> None:
    first, second = Fill(sessions, store), Fill(sessions, store)
    first.begin()
    second.begin()
    first.give(store.match("ada"))
    second.give(store.match("bob"))
    assert set(sessions._of_user) == {"bob"}
    store.tell("ada")
    assert name_of(sessions) == "0"
    store.tell("bob")
    assert name_of(sessions) is None


def test_it_is_bounded_and_the_oldest_go_first(
    store: Scripted, sessions: SessionCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SIZE", 3)
    for number in range(20):
        fill(sessions, store, named(str(number)), store.match(f"user {number % 4}"))
        assert len(sessions._known) <= 3
        held = {one for keys in sessions._of_user.values() for one in keys}
        assert held == set(sessions._known)
    assert list(sessions._known) == [key(str(number)) for number in (17, 18, 19)]
    assert set(sessions._of_user) == {"user 1", "user 2", "user 3"}


def test_what_is_over_makes_room_without_being_asked_for(
    store: Scripted, sessions: SessionCache, hand: Time
) -> None:
    for number in range(6):
        fill(sessions, store, named(str(number)))
    hand.now += 10
    for number in range(6, 12):
        fill(sessions, store, named(str(number)))
    assert len(sessions._known) == 6


def test_the_memory_of_notices_is_bounded_and_forgets_on_the_safe_side(
    store: Scripted, sessions: SessionCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_NOTICES", 3)
    outdated = Fill(sessions, store)
    outdated.begin()
    store.tell("ada")
    fill(sessions, store, named("bob's"), store.match("bob"))
    for number in range(20):
        store.tell(f"user {number}")
        assert len(sessions._notice_of) <= 3
    outdated.give(store.match())
    assert sessions.recall(TOKEN.encode()) is None
    assert name_of(sessions, named("bob's")) == "0", "what is remembered stays"
    fill(sessions, store)
    assert name_of(sessions) == "0"
