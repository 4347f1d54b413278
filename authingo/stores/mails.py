"""The outbox: mails that wait to be delivered.

A mail is added in the transaction of what it reports, such as a changed password, so that
both happen or neither. A *worker*, which is any process that delivers, takes it, sends it,
and then deletes it, puts it off, or marks it as failed. A mail that was taken has a *lease*:
until the lease runs out, no other worker takes it. So a mail whose worker was killed is
delivered by another one.

No mail holds a secret. A link or a code is drawn when the mail is sent, and the store gets
its SHA-256 digest only: the outbox in a stolen database opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from authingo.attempts import NOTHING, Outcome
from authingo.ids import new_id

FAILED_KEPT = timedelta(days=30)  # how long a mail that failed is kept
LONGEST_LANGUAGE = 100  # characters; so much of an Accept-Language header names enough languages
LONGEST_ERROR = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewMail:
    """A mail about to be added. It holds no secret.

    Args:
        kind: what it says, such as "reset_password".
        address: whom it goes to, as in the user's row.
        lifetime: how long it makes sense to deliver it.
        user_id: the user it is about, if any. The mail stays when this user is deleted, so
            that the notice of the deletion goes out.
        language: an Accept-Language header; the store keeps its first LONGEST_LANGUAGE
            characters.
        facts: JSON of what the message says, such as when and from where.
        due: whether it is to be sent. A mail that is not is taken like any other, and its
            worker deletes it: so a request for an unknown address leaves the same trace as
            one for a known address.
    """

    kind: str
    address: str
    lifetime: timedelta
    user_id: str | None = None
    language: str = ""
    facts: bytes | None = None
    due: bool = True
    id: str = field(default_factory=lambda: new_id("mail_"))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Mail:
    """A mail as it is stored: *queued*, or *failed* if `failed_at` is set.

    Args:
        due_at: no worker takes it before this time.
        deadline: from this time on, it makes no sense to deliver it.
        late: whether the deadline had passed when it was read. A server's clock may be wrong.
        tries: how often it was taken.
        uncertain: how many tries ended without an answer, so that it may have been delivered.
        error: why the last try that failed did so, in the words of the mail server.
    """

    id: str
    kind: str
    address: str
    user_id: str | None
    language: str
    facts: bytes | None
    due: bool
    created_at: datetime
    due_at: datetime
    deadline: datetime
    late: bool
    tries: int
    uncertain: int
    failed_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailCounts:
    """How many mails there are.

    `waits` is for how long the first queued one has waited, since it was added or queued again;
    None if there is none. It grows where no worker runs, or the mail server takes no mail.
    """

    queued: int
    failed: int
    waits: timedelta | None


class Mails(Protocol):
    """The outbox of a store. Times are by the database's clock.

    `done`, `try_again` and `fail` are for the worker that took the mail, and are
    given the mail as `take` returned it. They change nothing and return False if that try is
    over: another worker has taken the mail since, or `done`, `try_again` or `fail` has ended it.
    A worker whose lease ran out can still end its try if nobody else has taken the mail.
    """

    async def add(self, new: NewMail) -> None:
        """Add a mail, which is due at once.

        A verb that changes something adds the mail about it in its own transaction, by the
        function `queue` of the adapter's module `mails`, so that both happen or neither.
        """

    async def take(self, *, limit: int, lease: timedelta) -> list[Mail]:
        """Take up to `limit` mails that are due; those that are due for longest come first.

        Not those that another worker has taken, until its lease runs out. Of any number of
        workers at once, one gets a mail. It counts as a try, which `tries` of the returned
        mail includes. A mail past its deadline is returned too: fail it.

        Args:
            limit: how many mails to take at most.
            lease: for how long no other worker takes them. Longer than sending them may take.
        """

    async def done(self, mail: Mail, *, outcome: Outcome = NOTHING) -> bool:
        """Delete a mail, because it was delivered or was not to be sent.

        `outcome` is recorded in the same transaction, unless that try is over.
        """

    async def try_again(self, mail: Mail, *, after: timedelta, error: str, uncertain: bool) -> bool:
        """Put a mail off, because this try failed.

        Args:
            mail: the mail.
            after: how long it is not due.
            error: the reason; the store keeps its first LONGEST_ERROR characters.
            uncertain: whether it may have been delivered all the same; `uncertain` of the
                mail grows by one.
        """

    async def fail(self, mail: Mail, *, error: str, outcome: Outcome = NOTHING) -> bool:
        """Mark a mail as failed: no worker takes it any more, unless `retry` is called.

        `forget_records` deletes it after FAILED_KEPT. `error` is as for `try_again`, `outcome`
        as for `done`.
        """

    async def next_due(self) -> timedelta | None:
        """Return how long it takes until `take` returns a mail: 0 if it would now.

        A mail that was taken can be taken again when its lease runs out. Returns None if no
        mail is queued.
        """

    async def find(self, mail_id: str) -> Mail | None:
        """Find a mail, queued or failed."""

    async def page(
        self, *, after: str | None = None, failed: bool | None = None, limit: int
    ) -> list[Mail]:
        """Return up to `limit` mails in the order of their ids, which is that of time.

        They are after the id `after`. `failed`: only those that failed, or only those that did
        not; None: all.
        """

    async def retry(self, mail_id: str | None = None) -> int:
        """Queue failed mails again, one or all, as if they were added now; return how many.

        They are due at once, have no tries, and the deadline is as far away as it was at first.
        Their last `error` stays. A mail that has not
        failed is left alone.
        """

    async def counts(self) -> MailCounts:
        """Count the mails that are queued, and those that failed."""
