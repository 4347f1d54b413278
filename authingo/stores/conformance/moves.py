"""A change of address happens with its link, and can be undone by the old address."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from authingo.errors import EmailTaken
from authingo.models import ChangedUser, NewUser, User
from authingo.passwords import NO_PASSWORD
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
from authingo.stores.credentials import NewCredential
from authingo.stores.recovery import Move
from authingo.stores.secrets import HOLDS_ADDRESS, NewMatter, address_digest

_LINK, _ASKED, _OTHER = "change_email", "email_change_asked", "another"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


async def ask(store: Store, user: User, email: str) -> Move:
    """Open a request of a user and its link."""
    asked, link = new_digest(), new_digest()
    for new in (
        NewMatter(purpose=_ASKED, digest=asked, lifetime=_HOUR, user_id=user.id),
        NewMatter(purpose=_LINK, digest=link, lifetime=_HOUR, user_id=user.id, data=asked),
    ):
        assert await store.secrets.open(new)
    undo = NewMatter(
        purpose=HOLDS_ADDRESS,
        digest=new_digest(),
        lifetime=_DAY,
        user_id=user.id,
        bound=False,
        address=user.email,
        subject=address_digest(user.email),
    )
    return Move(purpose=_LINK, digest=link, request=_ASKED, email=email, session=None, undo=undo)


async def move(store: Store, user: User, email: str) -> tuple[User, bytes]:
    """Change the address of a user; return them and what undoes it."""
    wanted = await ask(store, user, email)
    changed = await store.recovery.change_email(wanted, keep=(HOLDS_ADDRESS,))
    assert changed is not None
    assert wanted.undo is not None
    return changed.user, wanted.undo.digest


async def undo(store: Store, digest: bytes) -> ChangedUser | None:
    """Undo a change."""
    return await store.recovery.undo_email_change(
        HOLDS_ADDRESS,
        digest,
        password_hash=NO_PASSWORD,
        added=_DAY + _HOUR,
        outcome=an_event("undone"),
    )


class MovesConformance:
    """A change of address happens with its link, and can be undone by the old address."""

    async def test_a_link_changes_the_address(self, store: Store) -> None:
        """It is verified, the version grows, and of the sessions one may stay."""
        user, kept, other = await add_user(store), a_session(), a_session()
        for session in (kept, other):
            assert await store.sessions.begin(user.id, session, version=1, ending=None)
        secret = NewMatter(purpose=_OTHER, digest=new_digest(), lifetime=_HOUR, user_id=user.id)
        assert await store.secrets.open(secret)
        wanted = replace(await ask(store, user, "new@example.com"), session=kept.id)
        changed = await store.recovery.change_email(wanted, outcome=an_event("moved"))
        assert changed is not None
        assert (changed.user.email, changed.user.email_verified) == ("new@example.com", True)
        assert changed.ended == 1
        assert (await credentials_of(store, changed.user)).version == 2
        assert await by_token(store, kept.key) is not None
        assert await by_token(store, other.key) is None
        assert not await store.secrets.forget(_OTHER, secret.digest)
        assert await store.recovery.change_email(wanted) is None
        assert await event_names(store) == {"moved"}

    async def test_a_request_that_does_not_stand_changes_nothing(self, store: Store) -> None:
        """One that was replaced, one from before a new password, one of a disabled user."""
        user = await add_user(store)
        replaced = await ask(store, user, "one@example.com")
        matter = await store.secrets.find(_LINK, replaced.digest)
        assert matter is not None
        assert await store.secrets.forget(_ASKED, matter.data or b"")
        assert await store.recovery.change_email(replaced) is None
        assert await store.secrets.find(_LINK, replaced.digest) is not None
        old = await ask(store, user, "two@example.com")
        await store.users.set_password(user.id, "$2b$04$another")
        disabled = await ask(store, user, "three@example.com")
        await store.users.set_disabled(user.id, disabled=True)
        for wanted in (old, disabled):
            assert await store.recovery.change_email(wanted) is None
        found = await store.users.find(user.id)
        assert found is not None
        assert found.email == user.email

    async def test_a_taken_address_is_refused_and_nothing_is_spent(self, store: Store) -> None:
        """Because another user has it, or may want it back."""
        user, other = await add_user(store), await add_user(store, "grace@example.com")
        await move(store, other, "hopper@example.com")
        for email in ("hopper@example.com", "grace@example.com"):
            wanted = await ask(store, user, email)
            with pytest.raises(EmailTaken):
                await store.recovery.change_email(wanted)
            assert await store.secrets.find(_LINK, wanted.digest) is not None

    async def test_an_address_is_held_for_its_owner(self, store: Store) -> None:
        """Nobody else gets it, by a sign-up or an operator, until the matter is over."""
        user = await add_user(store, "ada@example.com")
        moved, undoing = await move(store, user, "new@example.com")
        other = await add_user(store, "grace@example.com")
        new = NewUser(email="ada@example.com", name="X", password_hash="$2b$04$x")
        for _ in range(2):
            with pytest.raises(EmailTaken):
                await store.users.add(new)
            with pytest.raises(EmailTaken):
                await store.users.add_with_session(new, a_session(), ending=None)
            with pytest.raises(EmailTaken):
                await store.users.update(other.id, email="ada@example.com", verified=False)
        assert await store.secrets.forget(HOLDS_ADDRESS, undoing)
        await store.users.add(new)
        back = await store.users.find(moved.id)
        assert back is not None
        assert back.email == "new@example.com"

    async def test_the_owner_may_have_it_back_by_changing_again(self, store: Store) -> None:
        """It is held against others only."""
        user = await add_user(store, "ada@example.com")
        moved, _ = await move(store, user, "new@example.com")
        again, _ = await move(store, moved, "ada@example.com")
        assert again.email == "ada@example.com"

    async def test_an_undo_gives_the_address_back_and_ends_the_rest(self, store: Store) -> None:
        """Whatever changed since: the password, the address once more, a credential."""
        user = await add_user(store, "ada@example.com")
        moved, undoing = await move(store, user, "new@example.com")
        await store.users.set_password(user.id, "$2b$04$another")
        third, later = await move(store, moved, "third@example.com")
        session = a_session()
        assert await store.sessions.begin(user.id, session, version=None, ending=None)
        planted = NewCredential(kind="passkey", subject=new_digest(), user_id=user.id)
        assert await store.credentials.add(planted, grow_version=False)
        version = (await credentials_of(store, third)).version

        changed = await undo(store, undoing)

        assert changed is not None
        assert (changed.user.email, changed.user.email_verified) == ("ada@example.com", True)
        assert changed.ended == 1
        after = await credentials_of(store, changed.user)
        assert (after.password_hash, after.version) == (NO_PASSWORD, version + 1)
        assert await by_token(store, session.key) is None
        assert await store.credentials.of_user(user.id) == []
        assert not await store.secrets.forget(HOLDS_ADDRESS, later)
        assert await undo(store, undoing) is None
        assert await event_names(store) == {"undone"}

    async def test_an_undo_leaves_earlier_ones(self, store: Store) -> None:
        """Somebody who had the address first can have it back from everybody who came later."""
        user = await add_user(store, "ada@example.com")
        moved, first = await move(store, user, "new@example.com")
        _, second = await move(store, moved, "third@example.com")
        assert await undo(store, second)
        changed = await undo(store, first)
        assert changed is not None
        assert changed.user.email == "ada@example.com"

    async def test_of_a_change_and_another_use_of_its_address_one_happens(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Two users who want one address, and one link that is used twice."""
        other = another_store or store
        for round_ in range(8):
            first = await add_user(store, f"a-{round_}@example.com")
            second = await add_user(store, f"b-{round_}@example.com")
            email = f"new-{round_}@example.com"
            one = await ask(store, first, email)
            two = one if round_ % 2 else await ask(store, second, email)
            results = await asyncio.gather(
                store.recovery.change_email(one),
                other.recovery.change_email(two),
                return_exceptions=True,
            )
            assert sum(isinstance(result, ChangedUser) for result in results) == 1
            assert all(
                result is None or isinstance(result, ChangedUser | EmailTaken) for result in results
            )

    async def test_a_sign_in_that_races_a_change_leaves_no_session(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Whichever is first: the session ends with the change, or does not begin."""
        other = another_store or store
        for round_ in range(8):
            user = await add_user(store, f"ada-{round_}@example.com")
            wanted, session = await ask(store, user, f"new-{round_}@example.com"), a_session()
            await asyncio.gather(
                store.recovery.change_email(wanted),
                other.sessions.begin(user.id, session, version=1, ending=None),
            )
            assert await by_token(store, session.key) is None
