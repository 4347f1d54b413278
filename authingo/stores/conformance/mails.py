"""A queued mail is taken by one worker at a time, until it is delivered or has failed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from authingo.stores import Store
from authingo.stores.conformance.world import PAST, add_user, an_event, event_names
from authingo.stores.mails import (
    LONGEST_ERROR,
    LONGEST_LANGUAGE,
    Mail,
    MailCounts,
    NewMail,
)

_HOUR = timedelta(hours=1)
_NOW = timedelta(0)
_SECOND = timedelta(seconds=1)


async def add_mail(
    store: Store, *, address: str = "ada@example.com", lifetime: timedelta = _HOUR
) -> str:
    """Add a mail, and return its id."""
    new = NewMail(kind="password_changed", address=address, lifetime=lifetime)
    await store.mails.add(new)
    return new.id


async def take_one(store: Store, *, lease: timedelta = _HOUR) -> Mail:
    """Take the mail that is due for longest."""
    (mail,) = await store.mails.take(limit=1, lease=lease)
    return mail


async def add_failed(store: Store, *, lifetime: timedelta = _HOUR) -> Mail:
    """Add a mail that has failed. No other mail is due."""
    await add_mail(store, lifetime=lifetime)
    mail = await take_one(store)
    assert await store.mails.fail(mail, error="550 no such user")
    return await found(store, mail.id)


async def found(store: Store, mail_id: str) -> Mail:
    """Read a mail that is there."""
    mail = await store.mails.find(mail_id)
    assert mail is not None
    return mail


async def is_over(store: Store, mail: Mail) -> bool:
    """Return whether a try is over: whether none of its verbs changes anything."""
    before = await store.mails.find(mail.id)
    changed = [
        await store.mails.try_again(mail, after=_HOUR, error="too late", uncertain=True),
        await store.mails.fail(mail, error="too late", outcome=an_event("mail_failed")),
        await store.mails.done(mail, outcome=an_event("mail_sent")),
    ]
    unchanged = await store.mails.find(mail.id) == before
    return not any(changed) and unchanged and await event_names(store) == set()


class MailsConformance:
    """A queued mail is taken by one worker at a time, until it is delivered or has failed."""

    async def test_what_became_of_a_mail_is_recorded_with_it(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Once, even if two workers believe that they have delivered it."""
        await add_mail(store)
        await add_mail(store)
        first, second = await store.mails.take(limit=2, lease=_HOUR)
        ended = await asyncio.gather(
            *(
                one.mails.done(first, outcome=an_event("mail_sent"))
                for one in (store, another_store or store)
            )
        )
        assert sorted(ended) == [False, True]
        assert await store.mails.fail(second, error="550", outcome=an_event("mail_failed"))
        recorded = [one.name for one in await store.events.page(limit=9)]
        assert sorted(recorded) == ["mail_failed", "mail_sent"]

    async def test_a_mail_is_taken_as_it_was_added(self, store: Store) -> None:
        """It is due at once. The try is counted."""
        new = NewMail(
            kind="reset_password",
            address="ada@example.com",
            lifetime=_HOUR,
            user_id="usr_1",
            language="de, en;q=0.5",
            facts=b'{"ip": "192.0.2.1"}',
            due=False,
        )
        await store.mails.add(new)
        mail = await take_one(store)
        assert abs(mail.created_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert mail == Mail(
            id=new.id,
            kind=new.kind,
            address=new.address,
            user_id=new.user_id,
            language=new.language,
            facts=new.facts,
            due=False,
            created_at=mail.created_at,
            due_at=mail.created_at,
            deadline=mail.created_at + _HOUR,
            late=False,
            tries=1,
            uncertain=0,
            failed_at=None,
            error=None,
        )
        assert await store.mails.find(mail.id) == mail
        assert await store.mails.find("mail_nowhere") is None

    async def test_a_mail_needs_an_address_only(self, store: Store) -> None:
        """A mail to a stranger has no user."""
        mail = await found(store, await add_mail(store))
        assert (mail.user_id, mail.language, mail.facts, mail.due) == (None, "", None, True)
        assert (mail.tries, mail.uncertain) == (0, 0)

    async def test_long_texts_are_cut(self, store: Store) -> None:
        """Languages that a client sent, and errors that a mail server sent."""
        await store.mails.add(
            NewMail(kind="k", address="a@example.com", lifetime=_HOUR, language="ä" * 5000)
        )
        mail = await take_one(store)
        assert mail.language == "ä" * LONGEST_LANGUAGE
        assert await store.mails.try_again(mail, after=_NOW, error="ö" * 5000, uncertain=False)
        mail = await take_one(store)
        assert mail.error == "ö" * LONGEST_ERROR
        assert await store.mails.fail(mail, error="ü" * 5000)
        assert (await found(store, mail.id)).error == "ü" * LONGEST_ERROR

    async def test_a_mail_that_was_taken_is_not_taken_again(self, store: Store) -> None:
        """Until its lease runs out: then its worker was killed, and another one takes it."""
        mail_id = await add_mail(store)
        first = await take_one(store, lease=PAST)
        second = await take_one(store)
        assert (first.id, first.tries) == (mail_id, 1)
        assert (second.id, second.tries) == (mail_id, 2)
        assert await store.mails.take(limit=9, lease=_HOUR) == []

    async def test_of_many_workers_at_once_one_takes_a_mail(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Nothing is left over, and each mail counts one try."""
        added, stores = [await add_mail(store) for _ in range(30)], [store, another_store or store]
        taken = await asyncio.gather(
            *(stores[n % 2].mails.take(limit=4, lease=_HOUR) for n in range(10))
        )
        mails = [mail for some in taken for mail in some]
        mails += await store.mails.take(limit=30, lease=_HOUR)
        assert sorted(mail.id for mail in mails) == added
        assert {mail.tries for mail in mails} == {1}

    async def test_of_many_workers_at_once_one_takes_the_mail_of_a_killed_worker(
        self, store: Store, another_store: Store | None
    ) -> None:
        """The lease of the killed one has run out."""
        stores = [store, another_store or store]
        await add_mail(store)
        killed = await take_one(store, lease=PAST)
        taken = await asyncio.gather(
            *(stores[n % 2].mails.take(limit=1, lease=_HOUR) for n in range(10))
        )
        (mail,) = [mail for some in taken for mail in some]
        assert (mail.id, mail.tries) == (killed.id, 2)

    async def test_the_mail_that_is_due_for_longest_is_taken_first(self, store: Store) -> None:
        """And of those that are due since the same time, the one that was added first."""
        added = [await add_mail(store) for _ in range(5)]
        taken = await store.mails.take(limit=5, lease=_HOUR)
        assert [mail.id for mail in taken] == added
        for mail, seconds in zip(taken, (30, 10, 50, 20, 40), strict=True):
            assert await store.mails.try_again(
                mail, after=-seconds * _SECOND, error="451", uncertain=False
            )
        first = await store.mails.take(limit=2, lease=_HOUR)
        rest = await store.mails.take(limit=9, lease=_HOUR)
        assert [mail.id for mail in first] == [added[2], added[4]]
        assert [mail.id for mail in rest] == [added[0], added[3], added[1]]

    async def test_a_mail_that_is_put_off_is_not_due(self, store: Store) -> None:
        """It has the error; a try of unknown outcome is counted."""
        await add_mail(store)
        mail = await take_one(store)
        assert await store.mails.try_again(mail, after=PAST, error="no answer", uncertain=True)
        mail = await take_one(store)
        assert (mail.tries, mail.uncertain, mail.error) == (2, 1, "no answer")
        assert await store.mails.try_again(mail, after=_HOUR, error="451 busy", uncertain=False)
        assert await store.mails.take(limit=9, lease=_HOUR) == []
        mail = await found(store, mail.id)
        assert (mail.tries, mail.uncertain, mail.error) == (2, 1, "451 busy")
        assert mail.failed_at is None
        assert abs(mail.due_at - datetime.now(UTC) - _HOUR) < timedelta(minutes=5)

    async def test_a_mail_is_taken_past_its_deadline_too(self, store: Store) -> None:
        """It is for the worker to mark it as failed."""
        mail_id = await add_mail(store, lifetime=PAST)
        mail = await take_one(store)
        assert mail.id == mail_id
        assert mail.deadline < mail.created_at
        assert mail.late

    async def test_a_mail_that_is_done_is_gone(self, store: Store) -> None:
        """Others stay."""
        kept = [await add_mail(store), await add_mail(store)]
        mail = await take_one(store)
        assert mail.id == kept.pop(0)
        assert await store.mails.done(mail)
        assert await store.mails.find(mail.id) is None
        assert [mail.id for mail in await store.mails.page(limit=9)] == kept

    async def test_a_mail_that_failed_is_kept_and_not_taken(self, store: Store) -> None:
        """With the time and the error, also where records are forgotten."""
        failed = await add_failed(store)
        assert failed.failed_at is not None
        assert abs(failed.failed_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert failed.error == "550 no such user"
        assert await store.mails.take(limit=9, lease=_HOUR) == []
        assert await store.maintenance.forget_records(9, events_older_than=_HOUR) == 0
        assert await store.mails.find(failed.id) == failed

    async def test_queued_mails_are_not_forgotten(self, store: Store) -> None:
        """Not even past their deadline: a worker reports that they failed."""
        await add_mail(store, lifetime=timedelta(days=-99))
        assert await store.maintenance.forget_records(9, events_older_than=_HOUR) == 0
        assert len(await store.mails.take(limit=9, lease=_HOUR)) == 1

    @pytest.mark.parametrize("ending", ["done", "try_again", "fail"])
    async def test_a_worker_ends_its_try_once(self, store: Store, ending: str) -> None:
        """Also if its lease has run out, as long as nobody has taken the mail since."""
        await add_mail(store)
        mail = await take_one(store, lease=PAST)
        ends = {
            "done": lambda: store.mails.done(mail),
            "try_again": lambda: store.mails.try_again(
                mail, after=_NOW, error="451", uncertain=False
            ),
            "fail": lambda: store.mails.fail(mail, error="550"),
        }
        assert await ends[ending]()
        assert await is_over(store, mail)

    async def test_a_worker_whose_mail_was_taken_by_another_changes_nothing(
        self, store: Store
    ) -> None:
        """Neither while the other one delivers it, nor later."""
        await add_mail(store)
        late = await take_one(store, lease=PAST)
        mail = await take_one(store)
        assert await is_over(store, late)
        assert await store.mails.try_again(mail, after=PAST, error="451", uncertain=False)
        assert await is_over(store, late)
        mail = await take_one(store)
        assert await store.mails.fail(mail, error="550")
        assert await is_over(store, late)

    async def test_a_worker_changes_nothing_once_its_mail_was_queued_again(
        self, store: Store
    ) -> None:
        """Though tries are counted from the beginning, and another one is in its first try too."""
        await add_mail(store)
        late = await take_one(store, lease=PAST)
        assert await store.mails.fail(await take_one(store), error="550")
        assert await store.mails.retry(late.id) == 1
        assert await is_over(store, late)
        mail = await take_one(store)
        assert mail.tries == late.tries
        assert await is_over(store, late)
        assert await store.mails.done(mail)

    async def test_nobody_changes_a_mail_without_taking_it(self, store: Store) -> None:
        """A mail that was found is not the finder's."""
        mail = await found(store, await add_mail(store))
        assert await is_over(store, mail)
        assert await is_over(store, await add_failed(store))

    async def test_of_many_who_end_a_try_at_once_one_does(
        self, store: Store, another_store: Store | None
    ) -> None:
        """The mail is deleted, put off or failed, but nothing else."""
        stores = [store, another_store or store]
        for _ in range(5):
            await add_mail(store)
            mail = await take_one(store)
            ended = await asyncio.gather(
                *(
                    end
                    for one in stores
                    for end in (
                        one.mails.done(mail),
                        one.mails.try_again(mail, after=_HOUR, error="451", uncertain=True),
                        one.mails.fail(mail, error="550"),
                    )
                )
            )
            assert ended.count(True) == 1

    async def test_a_killed_workers_try_and_the_next_one_end_once(
        self, store: Store, another_store: Store | None
    ) -> None:
        """Of a worker that ends its try late and one that takes the mail at once, one succeeds."""
        for _ in range(9):
            await add_mail(store)
            late = await take_one(store, lease=PAST)
            done, taken = await asyncio.gather(
                store.mails.done(late), (another_store or store).mails.take(limit=1, lease=_HOUR)
            )
            assert done is not bool(taken)
            for mail in taken:
                assert await store.mails.done(mail)

    async def test_the_next_mail_is_due_when_it_can_be_taken(self, store: Store) -> None:
        """A mail that was taken can be taken again when its lease runs out."""
        assert await store.mails.next_due() is None
        await add_mail(store)
        assert await store.mails.next_due() == _NOW
        late = await take_one(store, lease=PAST)
        assert await store.mails.next_due() == _NOW
        assert await store.mails.fail(late, error="550")
        assert await store.mails.next_due() is None, "it has failed"
        await store.mails.retry()
        mail = await take_one(store, lease=2 * _HOUR)
        assert _HOUR < (await store.mails.next_due() or _NOW) <= 2 * _HOUR
        await add_mail(store)
        assert await store.mails.next_due() == _NOW, "another one is due"
        other = await take_one(store)
        assert await store.mails.try_again(other, after=_HOUR, error="451", uncertain=False)
        assert _NOW < (await store.mails.next_due() or _NOW) <= _HOUR
        assert await store.mails.try_again(mail, after=2 * _HOUR, error="451", uncertain=False)
        assert _NOW < (await store.mails.next_due() or _NOW) <= _HOUR

    async def test_mails_are_listed_by_page(self, store: Store) -> None:
        """In the order in which they were added: all, those that failed, or those that did not."""
        failed = [await add_failed(store) for _ in range(3)]
        queued = [await found(store, await add_mail(store)) for _ in range(3)]
        assert await store.mails.page(limit=9) == failed + queued
        assert await store.mails.page(limit=2) == failed[:2]
        assert await store.mails.page(after=failed[1].id, limit=2) == [failed[2], queued[0]]
        assert await store.mails.page(failed=True, limit=2) == failed[:2]
        assert await store.mails.page(failed=True, after=failed[1].id, limit=2) == failed[2:]
        assert await store.mails.page(failed=False, limit=2) == queued[:2]
        assert await store.mails.page(failed=False, after=queued[2].id, limit=2) == []

    async def test_a_failed_mail_is_queued_again(self, store: Store) -> None:
        """Due at once, without tries, and its deadline is as far away as at first."""
        await add_mail(store, lifetime=_HOUR)
        mail = await take_one(store)
        assert await store.mails.try_again(mail, after=PAST, error="no answer", uncertain=True)
        assert await store.mails.fail(await take_one(store), error="550")
        for _ in range(2):  # the deadline does not move away each time
            assert await store.mails.retry(mail.id) == 1
            assert await store.mails.retry(mail.id) == 0
            queued = await found(store, mail.id)
            assert (queued.tries, queued.uncertain, queued.failed_at) == (0, 0, None)
            assert queued.error == "550"
            assert queued.due_at > mail.due_at
            assert queued.deadline == queued.due_at + _HOUR
            assert queued.created_at == mail.created_at
            again = await take_one(store)
            assert again.tries == 1
            assert await store.mails.fail(again, error="550")

    async def test_all_failed_mails_are_queued_again(self, store: Store) -> None:
        """Of those that have not failed, nothing changes."""
        for _ in range(2):
            await add_failed(store)
        await add_mail(store)
        taken = await take_one(store)
        assert await store.mails.retry("mail_nowhere") == 0
        assert await store.mails.retry(taken.id) == 0
        assert await store.mails.retry() == 2
        assert await store.mails.retry() == 0
        assert len(await store.mails.take(limit=9, lease=_HOUR)) == 2
        assert await store.mails.done(taken), "its worker still has it"

    async def test_mails_are_counted(self, store: Store) -> None:
        """With how long the first one has waited, whether it is due or was put off."""
        assert await store.mails.counts() == MailCounts(queued=0, failed=0, waits=None)
        await add_failed(store)
        assert await store.mails.counts() == MailCounts(queued=0, failed=1, waits=None)
        began = datetime.now(UTC)
        await add_mail(store)
        mail = await take_one(store)
        assert await store.mails.try_again(mail, after=_HOUR, error="451", uncertain=False)
        waited = [(await store.mails.counts()).waits for _ in range(2)]
        await add_mail(store)
        counts = await store.mails.counts()
        assert (counts.queued, counts.failed) == (2, 1)
        times = [one for one in (*waited, counts.waits) if one is not None]
        assert len(times) == 3
        assert times == sorted(times)
        assert _NOW <= times[0] <= times[-1] <= datetime.now(UTC) - began + _SECOND

    async def test_a_mail_stays_when_its_user_is_deleted(self, store: Store) -> None:
        """The last notice goes out."""
        user = await add_user(store)
        await store.mails.add(
            NewMail(kind="deleted", address=user.email, lifetime=_HOUR, user_id=user.id)
        )
        assert await store.users.delete(user.id)
        mail = await take_one(store)
        assert (mail.user_id, mail.address) == (user.id, user.email)
