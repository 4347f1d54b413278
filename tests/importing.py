"""An import into a store in memory, to look at what came of it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from authingo import passwords
from authingo.attempts import Outcome
from authingo.importing import Failed, HashConfig, UserImport
from authingo.models import Credentials, HashKind
from authingo.stores import Store

BCRYPT = "$2a$10$7dToUA9qFjDpEb6v9pjHPeNpgamQp9vB9KF924rRhe/x6dpoQB/Je"

BCRYPT_KINDS = [passwords.bcrypt_kind(12)]


class KeptKinds:
    """Kinds of hashes: that of BCRYPT, which somebody has."""

    async def find(self, *, unused: bool = False) -> list[HashKind]:
        return [] if unused else list(BCRYPT_KINDS)


class KeptEvents:
    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    async def record(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


class Kept:
    """A store that keeps batches in memory."""

    hash_kinds = KeptKinds()
    profiles = None

    def __init__(self) -> None:
        self.batches: list[Sequence[Credentials]] = []
        self.events = KeptEvents()
        self.kinds: Sequence[HashKind] = ()
        self.users = self

    async def import_many(
        self, users: Sequence[Credentials], *, kinds: Sequence[HashKind] = ()
    ) -> set[str]:
        self.kinds = kinds
        self.batches.append(users)
        return {one.user.id for one in users}

    async def emails_taken(self, emails: Sequence[str]) -> set[str]:
        return {email for email in emails if email == "taken@example.com"}


@dataclass
class Taken:
    users: list[Credentials]
    failed: list[Failed]
    done: UserImport
    store: Kept = field(default_factory=Kept)

    @property
    def errors(self) -> list[tuple[int, str]]:
        return [(one.line, one.code) for one in self.failed]

    def of(self, email: str) -> Credentials:
        return next(one for one in self.users if one.user.email == email)


def take(
    raw: bytes | str,
    system: str = "authingo",
    *,
    hash_config: HashConfig | None = None,
    dry_run: bool = False,
) -> Taken:
    store = Kept()
    failed: list[Failed] = []
    done = UserImport(
        cast("Store", store),
        system,
        hash_config=hash_config,
        dry_run=dry_run,
        on_failed=failed.append,
    )
    asyncio.run(done.read(io.BytesIO(raw if isinstance(raw, bytes) else raw.encode())))
    users = [one for batch in store.batches for one in batch]
    assert done.failed == len(failed)
    return Taken(users, failed, done, store)


def one(system: str, **fields: Any) -> Credentials:
    taken = take(json.dumps(fields), system)
    assert not taken.failed, taken.failed
    (user,) = taken.users
    return user


def problem(system: str, **fields: Any) -> str:
    (failed,) = take(json.dumps(fields), system).failed
    return failed.code
