"""Import the users of the system that authingo replaces, with their passwords.

Everything in the file is checked as a sign-up would be, except the password, of which
there is only a hash. Users are stored in batches of one transaction each. Emails that
have a user already are skipped. So you can repeat an import that was killed, and two
imports at once do no harm.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from authingo import events, foreign_hashes, hash_kinds, inputs, passwords, roles
from authingo.errors import InvalidInput
from authingo.ids import new_id
from authingo.importing.fields import Fields, Found, Refused, WrongFields
from authingo.importing.files import read
from authingo.importing.firebase import HashConfig
from authingo.importing.records import Failed, Record, Unreadable
from authingo.importing.signs import looks_like
from authingo.importing.systems import SYSTEMS, Context
from authingo.models import Credentials, HashKind, User
from authingo.pace import IsAlone, Pace
from authingo.stores import Store
from authingo.stores.rows import ReadsProfiles

_BATCH = 1000  # users stored at once, at most
_ID = re.compile(r"usr_[0-7][0-9a-v]{25}", re.ASCII)

__all__ = ["SYSTEMS", "Failed", "HashConfig", "Unreadable", "UserImport"]


class UserImport:
    """An import of users from one system, and how far it has come.

    `imported`, `skipped` and `failed` count users. `without_password` counts the imported users
    who cannot sign in until they are given one. `kinds` has the slowest kind of each family of
    hashes in the file, including those of users who were skipped.
    """

    def __init__(
        self,
        store: Store,
        system: str,
        *,
        hash_config: HashConfig | None = None,
        dry_run: bool = False,
        on_failed: Callable[[Failed], None] = lambda _: None,
    ) -> None:
        """Prepare an import.

        Args:
            store: the store to write to.
            system: the system that wrote the file; one of SYSTEMS.
            hash_config: the password hash parameters of a Firebase project. Without them
                its users are imported without their passwords.
            dry_run: check everything and store nothing. A user who is in the file twice,
                far apart, is then counted twice.
            on_failed: called with every line that could not be imported.
        """
        self.imported = self.skipped = self.failed = self.without_password = 0
        self.kinds = dict[str, HashKind]()
        self._store = store
        self._system = system
        self._context = Context(datetime.now(UTC), hash_config)
        self._is_first = True
        self._dry_run = dry_run
        self._on_failed = on_failed

    async def read(
        self,
        file: BinaryIO,
        *,
        on_progress: Callable[[int], None] = lambda _: None,
        is_alone: IsAlone | None = None,
    ) -> None:
        """Read a file to its end. A line that fails is reported, and the import goes on.

        The file is read on the event loop, so in a server do not pass one that may block.
        `on_progress` is called for each batch with its number of records. `is_alone` is asked
        whether nobody else uses the database; as long as that is so, the import does not rest, and
        the database stores a batch while the next one is read.

        Raises:
            Unreadable: the file, or the rest of it, makes no sense; or the first record is
                not of this system, and then nothing was stored.
            ConfigError: there are hashes, and the extra that verifies them is not installed.
            StoreUnavailable: import the file again; users who were stored are skipped.
        """
        if not self._dry_run:
            await hash_kinds.recount(self._store, is_alone=is_alone)
        pace, before = Pace(_BATCH, is_alone=is_alone), self.imported
        storing = asyncio.ensure_future(self._store_batch([]))
        try:
            try:
                for taken, batch in self._in_batches(read(file), pace):
                    await storing
                    await pace.rest()
                    storing = asyncio.ensure_future(self._store_batch(batch))
                    # A pipe may pause for longer than the store may take.
                    overlaps = pace.alone and file.seekable()
                    await (asyncio.sleep(0) if overlaps else storing)
                    on_progress(taken)
            finally:
                await storing
        finally:  # also after an error or Ctrl-C, for the users stored before it
            imported = self.imported - before
            if imported and not self._dry_run:
                done = events.happened("users_imported", count=imported)
                await events.record(self._store, done)

    def _in_batches(
        self, records: Iterator[Record | Failed], pace: Pace
    ) -> Iterator[tuple[int, list[Credentials]]]:
        """Yield how many records were read, and the users in them.

        No record is kept, since one may be a thousand times larger than its user. If the rest
        of the file cannot be read, what came before it is yielded first.
        """
        taken, batch = 0, list[Credentials]()
        try:
            for record in records:
                taken += 1
                try:
                    batch.append(self._user_of(record))
                    hash_kinds.add_kind(self.kinds, batch[-1].password_hash)
                except Refused as refused:
                    self.failed += 1
                    self._on_failed(Failed(record.line, refused.code, refused.message))
                if taken >= pace.size:
                    yield taken, batch
                    taken, batch = 0, []
        except Unreadable:
            yield taken, batch
            raise
        yield taken, batch

    async def _store_batch(self, batch: list[Credentials]) -> None:
        if not batch:
            return
        if self._dry_run:
            taken = await self._store.users.emails_taken([one.user.email for one in batch])
            fresh = {one.user.email: one.user.id for one in batch if one.user.email not in taken}
            stored = set(fresh.values())
        else:
            stored = await self._store.users.import_many(batch, kinds=list(self.kinds.values()))
        is_first = bool(stored) and not self.imported
        self.imported += len(stored)
        self.skipped += len(batch) - len(stored)
        self.without_password += sum(
            one.password_hash == passwords.NO_PASSWORD for one in batch if one.user.id in stored
        )
        if is_first and not self._dry_run:  # the end of the file may never be reached
            await events.record(self._store, events.happened("users_import_began"))

    def _user_of(self, record: Record | Failed) -> Credentials:
        if isinstance(record, Failed):
            raise Refused(record.code, record.message)
        fields = Fields(record.fields, in_columns=record.in_columns)
        is_first, self._is_first = self._is_first, False
        if is_first:
            self._refuse_other_systems(fields)
        try:
            found = SYSTEMS[self._system](fields, self._context)
        except WrongFields as wrong:
            if not is_first:
                raise
            place = "the CSV" if record.in_columns else "the first record"
            raise Unreadable(
                f"{place} {wrong.message}", hint="docs/import.md says what each system has"
            ) from None
        return _checked(found, self._context.now, self._store.profiles)

    def _refuse_other_systems(self, fields: Fields) -> None:
        """Raise Unreadable if these are the fields of another system.

        Some columns have the same name everywhere, so users could be imported without their
        passwords. A second import would not fix that, because it would skip them.
        """
        likely = looks_like(fields.names())
        if likely is None or likely == self._system:
            return
        has_option = likely in SYSTEMS
        raise Unreadable(
            f"the file looks like one of {likely}, not of {self._system}: nothing was stored",
            hint=f"use --from {likely}"
            if has_option
            else f"docs/import.md says how to export from {likely}",
        )


def _checked(found: Found, now: datetime, profiles: ReadsProfiles | None) -> Credentials:
    email = inputs.normalize_email(found.email)
    if email is None:
        raise Refused("invalid_email", "has no email" if not found.email else "email is not valid")
    created_at = found.created_at or now
    disabled_at = (found.disabled_at or now) if found.disabled else None
    user: User = User(
        id=_id_of(found, created_at),
        email=email,
        name=_name_of(found.name, email),
        email_verified=found.verified,
        created_at=created_at,
        updated_at=found.updated_at or created_at,
        disabled_at=disabled_at,
        roles=_roles_of(found.roles),
        delete_at=found.delete_at,
    )
    if found.profile:
        _give_profile(user, found.profile, profiles)
    return Credentials(user, _hash_of(found.password), 1)


def _give_profile(user: User, values: dict[str, Any], profiles: ReadsProfiles | None) -> None:
    """Give a user the profile from an export of authingo; no other system's file has one."""
    if profiles is None:
        raise Refused("invalid_profile", "has a profile, and the setting `profile` names no model")
    try:
        user.having(profiles.read(profiles.imported(values)))
    except InvalidInput as error:
        raise Refused("invalid_profile", "; ".join(map(" ".join, error.fields.items()))) from None


def _roles_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the roles from an export of authingo; no other system's file has any."""
    if problem := next(filter(None, map(roles.problem_with, names)), None):
        raise Refused("invalid_roles", f"a role {problem}")
    if len(set(names)) > roles.MOST:
        raise Refused("invalid_roles", f"has more than {roles.MOST} roles")
    return roles.read(roles.write(names))


def _id_of(found: Found, created_at: datetime) -> str:
    """Return the id from an export of authingo, or a new one. Ids sort by the time of creation."""
    if found.id is None:
        return new_id("usr_", created_at)
    if not _ID.fullmatch(found.id):
        raise Refused("invalid_id", "id is not one of authingo's: usr_ and 26 characters")
    return found.id


def _name_of(name: str, email: str) -> str:
    """Return a name that sign-up would accept: one line, not too long; else the local part."""
    kept = (
        " " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in name
    )
    tidy = name if inputs.clean_name(name) else " ".join("".join(kept).split())
    return inputs.clean_name(tidy[: inputs.MAX_NAME]) or email.partition("@")[0]


def _hash_of(password: str | None) -> str:
    if password is None:
        return passwords.NO_PASSWORD
    stored = foreign_hashes.as_stored(password)
    if extra := foreign_hashes.missing_extra(stored):
        raise extra.not_installed()
    if not passwords.is_hash(stored):
        raise Refused(
            "unsupported_hash",
            "the password's hash is of no kind that can be verified, or takes too long",
        )
    return stored
