"""A link that proves an address is spent together with what it changes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from authingo.models import NewUser, StartedSession
from authingo.stores import Store
from authingo.stores.conformance.world import (
    a_session,
    add_user,
    an_event,
    by_token,
    credentials_of,
    event_names,
    new_digest,
)
from authingo.stores.secrets import NewMatter

_VERIFY, _WAITING = "verify_email", "pending"
_HOUR = timedelta(hours=1)


async def wait_for_proof(store: Store, email: str = "ada@example.com") -> tuple[bytes, bytes]:
    """Store a sign-up that waits and a link that proves it; return the digests of both."""
    sign_up, link = new_digest(), new_digest()
    subject = email.encode().ljust(32)
    waiting = NewMatter(
        purpose=_WAITING, digest=sign_up, lifetime=_HOUR, address=email, subject=subject
    )
    assert await store.secrets.open(waiting)
    proof = NewMatter(purpose=_VERIFY, digest=link, lifetime=_HOUR, address=email, data=sign_up)
    assert await store.secrets.open(proof)
    return sign_up, link


async def sign_up(
    store: Store, waits: bytes, link: bytes, email: str = "ada@example.com"
) -> StartedSession | None:
    """Complete a sign-up that waits."""
    return await store.recovery.sign_up(
        _VERIFY,
        link,
        NewUser(email=email, name="Ada", password_hash="$2b$04$x", email_verified=True),
        a_session(),
        waiting=_WAITING,
        proved=waits,
        ending=None,
        outcome=an_event("sign_up"),
    )


class ProofsConformance:
    """A link that proves an address is spent together with what it changes."""

    async def test_a_link_marks_the_email_as_verified(self, store: Store) -> None:
        """Once, and nothing else of the user changes."""
        user, session, link = await add_user(store), a_session(), new_digest()
        assert await store.sessions.begin(user.id, session, version=1, ending=None)
        new = NewMatter(purpose=_VERIFY, digest=link, lifetime=_HOUR, user_id=user.id)
        assert await store.secrets.open(new)
        verified = await store.recovery.verify_email(_VERIFY, link, outcome=an_event("verified"))
        assert verified is not None
        assert (verified.id, verified.email_verified) == (user.id, True)
        assert (await credentials_of(store, user)).version == 1
        assert await by_token(store, session.key) is not None
        assert await store.recovery.verify_email(_VERIFY, link, outcome=an_event("again")) is None
        assert await event_names(store) == {"verified"}

    async def test_a_link_verifies_no_other_address(self, store: Store) -> None:
        """Nor that of a user who was disabled, or one of another purpose."""
        user = await add_user(store)
        moved, other = new_digest(), new_digest()
        for purpose, digest in ((_VERIFY, moved), ("another", other)):
            new = NewMatter(purpose=purpose, digest=digest, lifetime=_HOUR, user_id=user.id)
            assert await store.secrets.open(new)
        await store.users.update(user.id, email="new@example.com", verified=False)
        for digest in (moved, other, new_digest()):
            assert await store.recovery.verify_email(_VERIFY, digest) is None
        found = await store.users.find(user.id)
        assert found is not None
        assert not found.email_verified

    async def test_a_link_completes_a_sign_up(self, store: Store) -> None:
        """The user exists and is signed in. Others who wait for the address wait for nothing."""
        (mine, link), (other, later) = await wait_for_proof(store), await wait_for_proof(store)
        elsewhere, _ = await wait_for_proof(store, "grace@example.com")
        begun = await sign_up(store, mine, link)
        assert begun is not None
        assert (begun.user.email, begun.user.email_verified) == ("ada@example.com", True)
        assert begun.session.user_id == begun.user.id
        for gone in (mine, other):
            assert await store.secrets.find(_WAITING, gone) is None
        assert await store.secrets.find(_WAITING, elsewhere) is not None
        assert await sign_up(store, mine, link) is None
        assert await sign_up(store, other, later) is None
        assert await event_names(store) == {"sign_up"}

    async def test_the_link_of_one_sign_up_completes_another(self, store: Store) -> None:
        """Which the caller chooses. Neither is spent if the other one does not stand."""
        (mine, _), (other, link) = await wait_for_proof(store), await wait_for_proof(store)
        assert await sign_up(store, new_digest(), link) is None
        assert await sign_up(store, mine, new_digest()) is None
        assert await sign_up(store, mine, link) is not None
        assert await store.secrets.find(_WAITING, other) is None

    async def test_a_sign_up_with_a_taken_email_changes_nothing(self, store: Store) -> None:
        """Not even the link is spent, or the sign-up that waits."""
        waits, link = await wait_for_proof(store)
        user = await add_user(store, "ada@example.com", name="Another")
        assert await sign_up(store, waits, link) is None
        assert await store.secrets.find(_WAITING, waits) is not None
        assert await store.secrets.find(_VERIFY, link) is not None
        found = await store.users.find(user.id)
        assert found is not None
        assert found.name == "Another"
        assert await event_names(store) == set()

    async def test_of_two_sign_ups_at_once_one_happens(
        self, store: Store, another_store: Store | None
    ) -> None:
        """With one link, and with the links of two sign-ups."""
        other = another_store or store
        for round_ in range(10):
            email = f"ada-{round_}@example.com"
            both = [await wait_for_proof(store, email) for _ in range(1 + round_ % 2)]
            results = await asyncio.gather(
                sign_up(store, *both[0], email), sign_up(other, *both[-1], email)
            )
            assert sum(one is not None for one in results) == 1
