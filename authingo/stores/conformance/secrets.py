"""A single-use secret is good once, until its deadline, for the user it was issued to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from authingo.models import User
from authingo.stores import Store
from authingo.stores.conformance.world import PAST, add_user, credentials_of, new_digest
from authingo.stores.secrets import TOKENS_KEPT, Matter, NewMatter

_HOUR = timedelta(hours=1)
_RESET = "reset_password"


async def open_matter(
    store: Store,
    user: User | None = None,
    *,
    purpose: str = _RESET,
    lifetime: timedelta = _HOUR,
    subject: bytes | None = None,
    bound: bool = True,
) -> Matter:
    """Open a matter, of a user if one is given."""
    opened = await store.secrets.open(
        NewMatter(
            purpose=purpose,
            digest=new_digest(),
            lifetime=lifetime,
            user_id=user.id if user else None,
            subject=subject,
            bound=bound,
        )
    )
    assert opened is not None
    return opened


async def draw_token(store: Store, matter: Matter) -> bytes:
    """Draw a token for a matter, and return its digest."""
    token = new_digest()
    assert await store.secrets.draw(matter.purpose, matter.digest, token) == matter
    return token


class SecretsConformance:
    """A single-use secret is good once, until its deadline, for the user it was issued to."""

    async def test_a_matter_is_returned_as_it_was_opened(self, store: Store) -> None:
        """One of a user has the user's address and security version."""
        user = await add_user(store)
        new = NewMatter(
            purpose=_RESET,
            digest=new_digest(),
            lifetime=_HOUR,
            user_id=user.id,
            address="somebody@example.com",
            subject=new_digest(),
            data=b"{}",
        )
        opened = await store.secrets.open(new)
        assert opened is not None
        assert abs(opened.expires_at - datetime.now(UTC) - _HOUR) < timedelta(minutes=5)
        assert opened == Matter(
            purpose=new.purpose,
            digest=new.digest,
            user_id=user.id,
            address=user.email,
            version=1,
            subject=new.subject,
            data=b"{}",
            tries=0,
            expires_at=opened.expires_at,
        )
        assert await store.secrets.find(_RESET, new.digest) == opened

    async def test_a_matter_needs_no_user(self, store: Store) -> None:
        """A pending sign-up has an address only."""
        new = NewMatter(
            purpose="sign_up", digest=new_digest(), lifetime=_HOUR, address="eve@example.com"
        )
        opened = await store.secrets.open(new)
        assert opened is not None
        assert (opened.user_id, opened.version, opened.address) == (None, None, new.address)
        token = await draw_token(store, opened)
        assert await store.secrets.spend("sign_up", token) == opened

    async def test_no_matter_is_opened_for_a_user_who_is_not_as_expected(
        self, store: Store
    ) -> None:
        """Unknown, of another security version, or disabled."""
        user = await add_user(store)

        async def opens(user_id: str, version: int | None) -> bool:
            new = NewMatter(
                purpose=_RESET,
                digest=new_digest(),
                lifetime=_HOUR,
                user_id=user_id,
                version=version,
            )
            return await store.secrets.open(new) is not None

        assert await opens(user.id, 1)
        assert not await opens(user.id, 2)
        assert not await opens("usr_nobody", None)
        await store.users.set_disabled(user.id, disabled=True)
        assert not await opens(user.id, None)

    async def test_a_matter_is_found_by_its_tokens(self, store: Store) -> None:
        """And by its own digest, but not under another purpose."""
        matter = await open_matter(store, await add_user(store))
        token = await draw_token(store, matter)
        for digest in (token, matter.digest):
            assert await store.secrets.find(_RESET, digest) == matter
            assert await store.secrets.find("verify_email", digest) is None
            assert await store.secrets.count_try("verify_email", digest, most=9) is None
            assert await store.secrets.spend("verify_email", digest) is None
            assert not await store.secrets.put("verify_email", digest, b"theirs")
            assert not await store.secrets.forget("verify_email", digest)
        assert await store.secrets.draw("verify_email", matter.digest, new_digest()) is None
        assert await store.secrets.find(_RESET, new_digest()) is None
        assert await store.secrets.find(_RESET, token) == matter

    async def test_spending_ends_a_matter_with_all_its_tokens(self, store: Store) -> None:
        """Those of other matters stay."""
        user = await add_user(store)
        matter, other = await open_matter(store, user), await open_matter(store, user)
        tokens = [await draw_token(store, matter) for _ in range(2)]
        kept = await draw_token(store, other)
        assert await store.secrets.spend(_RESET, tokens[0]) == matter
        for digest in (*tokens, matter.digest):
            assert await store.secrets.find(_RESET, digest) is None
            assert await store.secrets.spend(_RESET, digest) is None
        assert await store.secrets.draw(_RESET, matter.digest, new_digest()) is None
        assert await store.secrets.find(_RESET, kept) == other

    async def test_of_many_who_spend_at_once_one_wins(
        self, store: Store, another_store: Store | None
    ) -> None:
        """By whichever of the tokens, and by whichever program."""
        matter = await open_matter(store, await add_user(store))
        tokens = [await draw_token(store, matter) for _ in range(TOKENS_KEPT)]
        stores = [store, another_store or store]
        spent = await asyncio.gather(
            *(one.secrets.spend(_RESET, token) for token in tokens for one in stores)
        )
        assert [one for one in spent if one is not None] == [matter]

    async def test_at_most_three_tokens_find_a_matter(self, store: Store) -> None:
        """The first ones end."""
        matter = await open_matter(store, await add_user(store))
        tokens = [await draw_token(store, matter) for _ in range(TOKENS_KEPT + 2)]
        known = [await store.secrets.find(_RESET, token) is not None for token in tokens]
        assert known == [False] * 2 + [True] * TOKENS_KEPT
        assert await store.secrets.draw(_RESET, tokens[-1], new_digest()) == matter
        assert await store.secrets.find(_RESET, tokens[2]) is None, "a token stands for its matter"

    async def test_of_many_drawn_at_once_three_are_left(
        self, store: Store, another_store: Store | None
    ) -> None:
        """By whichever program."""
        matter = await open_matter(store, await add_user(store))
        tokens = [new_digest() for _ in range(8)]
        stores = [store, another_store or store]
        await asyncio.gather(
            *(
                stores[number % 2].secrets.draw(_RESET, matter.digest, token)
                for number, token in enumerate(tokens)
            )
        )
        known = [await store.secrets.find(_RESET, token) is not None for token in tokens]
        assert known.count(True) == TOKENS_KEPT

    async def test_what_has_expired_is_over(self, store: Store) -> None:
        """For every verb; it is still forgotten."""
        user = await add_user(store)
        over = await open_matter(store, user, lifetime=PAST, subject=new_digest())
        assert over.subject is not None
        assert await store.secrets.find(_RESET, over.digest) is None
        assert await store.secrets.open_about(_RESET, over.subject) == []
        assert await store.secrets.draw(_RESET, over.digest, new_digest()) is None
        assert await store.secrets.count_try(_RESET, over.digest, most=9) is None
        assert not await store.secrets.put(_RESET, over.digest, b"{}")
        assert await store.secrets.spend(_RESET, over.digest) is None
        assert await store.secrets.forget(_RESET, over.digest)

    @pytest.mark.parametrize("change", ["password", "address", "disabled", "disabled and enabled"])
    async def test_a_change_of_the_user_ends_a_matter(self, store: Store, change: str) -> None:
        """For every verb. One that is not bound stays, as long as the user is enabled."""
        user, subject = await add_user(store), new_digest()
        matter = await open_matter(store, user, subject=subject)
        undo = await open_matter(store, user, purpose="undo", bound=False)
        token = await draw_token(store, matter)
        if change == "password":
            await store.users.set_password(user.id, "$2b$04$new")
        elif change == "address":
            email = "lovelace@example.com"
            keep = ("undo",)
            await store.users.update(user.id, email=email, verified=True, keep=keep)
        else:
            await store.users.set_disabled(user.id, disabled=True)
            if change == "disabled and enabled":
                await store.users.set_disabled(user.id, disabled=False)
        for digest in (token, matter.digest):
            assert await store.secrets.find(_RESET, digest) is None
            assert await store.secrets.count_try(_RESET, digest, most=9) is None
            assert not await store.secrets.put(_RESET, digest, b"{}")
            assert await store.secrets.draw(_RESET, digest, new_digest()) is None
            assert await store.secrets.spend(_RESET, digest) is None
        assert await store.secrets.open_about(_RESET, subject) == []
        assert await store.secrets.spend("undo", undo.digest) == (
            None if change == "disabled" else undo
        )

    async def test_an_address_that_comes_back_does_not_bring_back_a_matter(
        self, store: Store
    ) -> None:
        """The security version has grown twice."""
        user = await add_user(store)
        matter = await open_matter(store, user)
        for email in ("lovelace@example.com", user.email):
            await store.users.update(user.id, email=email, verified=True)
        assert (await credentials_of(store, user)).version == 3
        assert await store.secrets.spend(_RESET, matter.digest) is None

    async def test_changes_and_spending_at_once_do_not_wait_for_each_other(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Draw, spend, forget, a new password, in any order: none fails."""
        user, other = await add_user(store), another_store or store
        for _ in range(5):
            matter = await open_matter(store, user)
            token = await draw_token(store, matter)
            await asyncio.gather(
                other.secrets.draw(_RESET, matter.digest, new_digest()),
                store.secrets.spend(_RESET, token),
                other.secrets.spend(_RESET, matter.digest),
                store.users.set_password(user.id, "$2b$04$new"),
                other.secrets.forget(_RESET, matter.digest),
                store.secrets.forget_of(user.id),
            )
            assert await store.secrets.find(_RESET, token) is None

    async def test_tries_are_counted(self, store: Store) -> None:
        """By the matter, whichever token finds it; one too many ends it."""
        matter = await open_matter(store)
        token = await draw_token(store, matter)
        for number, digest in enumerate((token, matter.digest, token), 1):
            tried = await store.secrets.count_try(_RESET, digest, most=3)
            assert tried is not None
            assert tried.tries == number
        assert await store.secrets.find(_RESET, token) == tried, "the last one may be right"
        assert await store.secrets.count_try(_RESET, matter.digest, most=3) is None
        for digest in (token, matter.digest):
            assert await store.secrets.count_try(_RESET, digest, most=9) is None
            assert await store.secrets.spend(_RESET, digest) is None

    async def test_of_many_tries_at_once_as_many_count_as_are_allowed(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Each sees another number."""
        matter = await open_matter(store)
        stores = [store, another_store or store]
        tried = await asyncio.gather(
            *(stores[n % 2].secrets.count_try(_RESET, matter.digest, most=3) for n in range(8))
        )
        assert sorted(one.tries for one in tried if one is not None) == [1, 2, 3]

    async def test_data_is_replaced(self, store: Store) -> None:
        """And comes with the matter that is spent."""
        matter = await open_matter(store)
        token = await draw_token(store, matter)
        assert await store.secrets.put(_RESET, token, b'{"a": 1}')
        spent = await store.secrets.spend(_RESET, token)
        assert spent is not None
        assert spent.data == b'{"a": 1}'

    async def test_matters_are_found_by_their_subject(self, store: Store) -> None:
        """Those that stand, of this purpose, the first to expire first; no tokens."""
        user, subject = await add_user(store), new_digest()
        later = await open_matter(store, user, subject=subject, lifetime=2 * _HOUR)
        sooner = await open_matter(store, subject=subject)
        await draw_token(store, sooner)
        await open_matter(store, subject=subject, purpose="undo")
        await open_matter(store, subject=new_digest())
        assert await store.secrets.open_about(_RESET, subject) == [sooner, later]

    async def test_a_token_or_a_matter_is_forgotten(self, store: Store) -> None:
        """A token by itself, a matter with its tokens."""
        matter = await open_matter(store, await add_user(store))
        first, second = await draw_token(store, matter), await draw_token(store, matter)
        assert await store.secrets.forget(_RESET, first)
        assert not await store.secrets.forget(_RESET, first)
        assert await store.secrets.find(_RESET, first) is None
        assert await store.secrets.find(_RESET, second) == matter
        assert await store.secrets.forget(_RESET, matter.digest)
        assert await store.secrets.find(_RESET, second) is None

    async def test_the_secrets_of_a_user_are_forgotten(self, store: Store) -> None:
        """Except those of some purposes, and those of others."""
        user, other = await add_user(store), await add_user(store, "bob@example.com")
        matter, undo = await open_matter(store, user), await open_matter(store, user, purpose="u")
        kept = [await draw_token(store, undo), await draw_token(store, undo)]
        theirs = await open_matter(store, other)
        await draw_token(store, matter)
        assert await store.secrets.forget_of(user.id, but=("u", "v")) == 2
        assert await store.secrets.find(_RESET, matter.digest) is None
        assert await store.secrets.find("u", kept[0]) == undo
        assert await store.secrets.forget_of(user.id) == 3
        assert await store.secrets.find(_RESET, theirs.digest) == theirs

    async def test_secrets_go_with_their_user(self, store: Store) -> None:
        """Nothing is left to prune."""
        user = await add_user(store)
        matter = await open_matter(store, user, lifetime=_HOUR, bound=False)
        token = await draw_token(store, matter)
        await open_matter(store, user, lifetime=PAST)
        assert await store.users.delete(user.id)
        for digest in (token, matter.digest):
            assert await store.secrets.find(_RESET, digest) is None
            assert not await store.secrets.forget(_RESET, digest)
        assert await store.maintenance.forget_records(9, events_older_than=timedelta(days=1)) == 0

    async def test_a_matter_is_opened_with_its_first_token(self, store: Store) -> None:
        """It is as one that was drawn, and there is none where no matter is opened."""
        user, token, refused = await add_user(store), new_digest(), new_digest()
        over = [await open_matter(store, lifetime=PAST) for _ in range(2)]
        new = NewMatter(purpose=_RESET, digest=new_digest(), lifetime=_HOUR, user_id=user.id)
        opened = await store.secrets.open(new, token=token)
        assert opened is not None
        assert await store.secrets.find(_RESET, token) == opened
        assert not any([await store.secrets.forget(_RESET, one.digest) for one in over])
        unknown = replace(new, digest=new_digest(), version=99)
        assert await store.secrets.open(unknown, token=refused) is None
        assert not await store.secrets.forget(_RESET, refused)
        later = [await draw_token(store, opened) for _ in range(TOKENS_KEPT)]
        assert await store.secrets.find(_RESET, token) is None, "the one drawn first ends"
        assert await store.secrets.spend(_RESET, later[-1]) == opened
        assert await store.secrets.find(_RESET, later[0]) is None

    async def test_each_new_secret_deletes_two_expired_ones(self, store: Store) -> None:
        """So that the table stays small where nobody prunes."""
        over = [await open_matter(store, lifetime=timedelta(hours=-n)) for n in (1, 2)]
        over += [await open_matter(store, lifetime=PAST)]
        matter = await open_matter(store)
        left = [one for one in over if await store.secrets.forget(_RESET, one.digest)]
        assert len(left) <= 1
        over = [await open_matter(store, lifetime=PAST) for _ in range(2)]
        await draw_token(store, matter)
        assert not any([await store.secrets.forget(_RESET, one.digest) for one in over])

    async def test_expired_secrets_are_pruned(self, store: Store) -> None:
        """What stands is kept."""
        matter = await open_matter(store)
        token = await draw_token(store, matter)
        await open_matter(store, lifetime=PAST)
        day = timedelta(days=1)
        assert await store.maintenance.forget_records(9, events_older_than=day) == 1
        assert await store.maintenance.forget_records(9, events_older_than=day) == 0
        assert await store.secrets.spend(_RESET, token) == matter
