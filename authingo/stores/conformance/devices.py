"""A browser that has signed in is recognized by the account, and by no other."""

from __future__ import annotations

from datetime import timedelta

from authingo.attempts import DEVICE_LIFE, DEVICES_KEPT, REPLACED_DEVICE_LIFE, NewDevice, Outcome
from authingo.models import NewUser, User
from authingo.stores import Store
from authingo.stores.conformance.world import (
    PAST,
    a_rule,
    a_session,
    add_user,
    credentials_of,
    new_digest,
    renamed_to,
)


def a_device(browser: bytes | None = None, *presented: bytes) -> NewDevice:
    """Return the digests of a device token."""
    return NewDevice(new_digest(), browser or new_digest(), presented)


async def sign_in(store: Store, user: User, device: NewDevice | None = None) -> NewDevice:
    """Begin a session of a user, in a browser that is recognized from then on."""
    device = device or a_device()
    begun = await store.sessions.begin(
        user.id, a_session(), version=None, ending=None, outcome=Outcome(device=device)
    )
    assert begun is not None
    return device


async def recognizes(store: Store, email: str, digest: bytes) -> bool:
    """Tell whether an account recognizes the browser that has this token."""
    rules = [a_rule(device=digest), a_rule()]
    return (await store.attempts.count(email, rules)).rule is rules[0]


class DevicesConformance:
    """A browser that has signed in is recognized by the account, and by no other."""

    async def test_a_browser_is_recognized_after_a_sign_in_or_a_sign_up(self, store: Store) -> None:
        """By its own account."""
        ada, bob = await add_user(store), await add_user(store, "bob@example.com")
        signed_in = await sign_in(store, ada)
        signed_up = a_device()
        new = NewUser(email="eve@example.com", name="Eve", password_hash="x")
        outcome = Outcome(device=signed_up)
        await store.users.add_with_session(new, a_session(), ending=None, outcome=outcome)
        assert await recognizes(store, ada.email, signed_in.digest)
        assert await recognizes(store, "eve@example.com", signed_up.digest)
        for email in (bob.email, "eve@example.com", "nobody@example.com"):
            assert not await recognizes(store, email, signed_in.digest)
        assert not await recognizes(store, ada.email, new_digest())

    async def test_a_sign_in_that_does_not_begin_a_session_recognizes_nothing(
        self, store: Store
    ) -> None:
        """Nor does an outcome by itself."""
        user, device = await add_user(store), a_device()
        outcome = Outcome(device=device)
        begun = store.sessions.begin(user.id, a_session(), version=7, ending=None, outcome=outcome)
        assert await begun is None
        await store.events.record(outcome)
        assert not await recognizes(store, user.email, device.digest)

    async def test_the_token_before_is_good_for_a_while(self, store: Store) -> None:
        """The answer that brought the next one may have been lost; the one before that is over."""
        user, browser = await add_user(store), new_digest()
        tokens = [await sign_in(store, user, a_device(browser)) for _ in range(3)]
        known = [await recognizes(store, user.email, one.digest) for one in tokens]
        assert known == [False, True, True]

    async def test_a_token_that_came_along_is_replaced_as_well(self, store: Store) -> None:
        """Where nobody knew which one was recognized. Those of others in the cookie stay."""
        ada, bob = await add_user(store), await add_user(store, "bob@example.com")
        theirs, before = await sign_in(store, bob), await sign_in(store, ada)
        await sign_in(store, ada, a_device(None, theirs.digest, before.digest))
        await sign_in(store, ada, a_device(before.browser))
        assert not await recognizes(store, ada.email, before.digest)
        assert await recognizes(store, bob.email, theirs.digest)

    async def test_at_most_twenty_are_kept_for_a_user(self, store: Store) -> None:
        """The latest. Those of others do not count."""
        user, other = await add_user(store), await add_user(store, "bob@example.com")
        theirs = await sign_in(store, other)
        tokens = [await sign_in(store, user) for _ in range(DEVICES_KEPT + 5)]
        known = [await recognizes(store, user.email, one.digest) for one in tokens]
        assert known.count(True) == DEVICES_KEPT - 1, "and one place for a token that is replaced"
        assert known == sorted(known), "those that signed in first are forgotten first"
        assert await recognizes(store, other.email, theirs.digest)

    async def test_a_browser_is_forgotten_for_its_failures(self, store: Store) -> None:
        """With the token before; other browsers of the account stay."""
        user, browser = await add_user(store), new_digest()
        tokens = [await sign_in(store, user, a_device(browser)) for _ in range(2)]
        other = await sign_in(store, user)
        await store.events.record(Outcome(forget_browser=browser))
        for token in tokens:
            assert not await recognizes(store, user.email, token.digest)
        assert await recognizes(store, user.email, other.digest)

    async def test_a_new_password_forgets_all_but_the_browser_that_made_the_change(
        self, store: Store
    ) -> None:
        """Set by an operator, it forgets all; so does a new email."""
        user, device, session = await add_user(store), a_device(), a_session()
        before = await sign_in(store, user)
        await store.sessions.begin(user.id, session, version=1, ending=None)
        changed = await store.users.change_password(
            await credentials_of(store, user),
            "$2b$04$new",
            caller=session.id,
            session=a_session(),
            outcome=Outcome(device=device),
        )
        assert changed is not None
        assert not await recognizes(store, user.email, before.digest)
        assert await recognizes(store, user.email, device.digest)
        await store.users.set_password(user.id, "$2b$04$newer")
        assert not await recognizes(store, user.email, device.digest)
        last = await sign_in(store, user)
        await store.users.update(user.id, edit=renamed_to("Ada Lovelace"))
        assert await recognizes(store, user.email, last.digest)
        new_email = "lovelace@example.com"
        await store.users.update(user.id, email=new_email, verified=True)
        assert not await recognizes(store, new_email, last.digest)

    async def test_a_deleted_user_leaves_none(self, store: Store) -> None:
        """Nor anything else that would have to be pruned."""
        user = await add_user(store)
        device = await sign_in(store, user)
        assert await store.users.delete(user.id)
        assert not await recognizes(store, user.email, device.digest)
        assert await store.maintenance.forget_records(9, events_older_than=timedelta(days=1)) == 0

    async def test_a_token_that_is_over_is_unknown_and_pruned(self, store: Store) -> None:
        """In batches."""
        user = await add_user(store)
        over = [NewDevice(new_digest(), new_digest(), lifetime=PAST) for _ in range(5)]
        for device in over:
            await sign_in(store, user, device)
            assert not await recognizes(store, user.email, device.digest)
        kept = await sign_in(store, user)
        day = timedelta(days=1)
        assert await store.maintenance.forget_records(3, events_older_than=day) == 3
        assert await store.maintenance.forget_records(3, events_older_than=day) == 2
        assert await store.maintenance.forget_records(3, events_older_than=day) == 0
        assert await recognizes(store, user.email, kept.digest)

    async def test_it_tells_whose_device_tokens_these_are(self, store: Store) -> None:
        """Those that are over as well, and for how long; the others are left out."""
        ada, bob = await add_user(store), await add_user(store, "bob@example.com")
        first = await sign_in(store, ada)
        second = await sign_in(store, ada, a_device(first.browser))
        theirs = await sign_in(store, bob)
        over = await sign_in(store, bob, NewDevice(new_digest(), new_digest(), lifetime=PAST))
        disabled = await store.users.set_disabled(bob.id, disabled=True)
        assert disabled is not None
        digests = [first.digest, second.digest, theirs.digest, over.digest, new_digest()]
        known = await store.devices.find(digests)
        assert list(map(known.get, digests[4:])) == [None]
        assert [known[one].user for one in digests[:4]] == [ada, ada, *[disabled.user] * 2]
        lives = [known[one].active_for for one in digests[:4]]
        nearly = timedelta(minutes=5)
        assert REPLACED_DEVICE_LIFE - nearly < lives[0] <= REPLACED_DEVICE_LIFE
        assert all(DEVICE_LIFE - nearly < one <= DEVICE_LIFE for one in lives[1:3])
        assert lives[3] < timedelta(0)
        apart = known[second.digest].expires_at - known[first.digest].expires_at
        assert abs(apart - (lives[1] - lives[0])) < timedelta(seconds=1)
        assert await store.devices.find([]) == {}

    async def test_it_counts_the_browsers_that_an_account_recognizes(self, store: Store) -> None:
        """Each once, however often it signs in; those that are over no more."""
        ada, bob = await add_user(store), await add_user(store, "bob@example.com")
        assert await store.devices.count(ada.id) == 0
        first = await sign_in(store, ada)
        await sign_in(store, ada, a_device(first.browser))
        await sign_in(store, ada, NewDevice(new_digest(), new_digest(), lifetime=PAST))
        await sign_in(store, bob)
        assert await store.devices.count(ada.id) == 1
        await sign_in(store, ada)
        assert await store.devices.count(ada.id) == 2
        assert await store.devices.count("usr_nobody") == 0
