"""What programs and operators do to accounts, beside signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authingo import events, inputs, passwords
from authingo.errors import EmailTaken, InvalidInput, NoSuchUser
from authingo.models import Altered, NewUser, User, is_id
from authingo.opening import Opening
from authingo.stores import Store

if TYPE_CHECKING:
    from authingo.config import Settings


class Accounts(Opening):
    """The use cases about an account, and what is accepted for one."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        super().__init__(settings, store)
        self._hasher = passwords.PasswordHasher(cost=self.settings.passwords.bcrypt_cost)

    async def find_user(self, email_or_id: str) -> User:
        """Find a user, disabled or not, by id, or by email in any spelling that signs in.

        What has an @ is an email, even if it begins like an id.

        Raises:
            NoSuchUser: there is none, or it is neither an email nor an id.
        """
        store = await self._store()
        found = None
        if "@" in email_or_id:
            if email := inputs.normalize_email(email_or_id):
                known = await store.credentials(email)
                found = known.user if known else None
        elif is_id(email_or_id, "usr_"):
            found = await store.user(email_or_id)
        if found is None:
            raise NoSuchUser
        return found

    async def create_user(
        self, *, email: str, password: str, name: str | None = None, verified: bool = False
    ) -> User:
        """Create a user without signing anybody in, whatever `sign_up` says.

        Raises:
            InvalidInput, EmailTaken: as `sign_up`.
        """
        name = email.partition("@")[0] if name is None else name
        email, name = self._accept(email=email, password=password, name=name)
        store = await self._store()
        if await store.credentials(email):  # spares the hash; the insert decides
            raise EmailTaken
        new = NewUser(
            email=email,
            name=name,
            password_hash=await self._hasher.hash(password),
            email_verified=verified,
        )
        user = await store.add_user(new)
        await events.record(store, events.happened("user_created", user_id=user.id))
        return user

    async def verify_email(self, user_id: str) -> User:
        """Mark the email of a user as known to be theirs. Idempotent, and recorded each time.

        Raises:
            NoSuchUser: there is none with this id.
        """
        store = await self._store()
        user = await store.verify_email(user_id)
        if user is None:
            raise NoSuchUser
        await events.record(store, events.happened("email_verified", user_id=user_id))
        return user

    async def set_password(self, user: User, new_password: str) -> Altered:
        """Give a user another password and end all their sessions (ASVS 5.0 V7.4.3).

        Raises:
            InvalidInput: it is not acceptable (`password`).
            NoSuchUser: they are gone.
        """
        self._check_password(new_password, email=user.email, field="password")
        store = await self._store()
        changed = await store.set_password(user.id, await self._hasher.hash(new_password))
        if changed is None:
            raise NoSuchUser
        await events.record(store, events.happened("password_set", user_id=user.id))
        return changed

    async def disable_user(self, user_id: str) -> Altered:
        """End all sessions of a user, and let none begin until they are enabled (ASVS 5.0 V7.4.2).

        Raises:
            NoSuchUser: there is none with this id.
        """
        return await self._set_disabled(user_id, disabled=True)

    async def enable_user(self, user_id: str) -> Altered:
        """Let a disabled user sign in again.

        Raises:
            NoSuchUser: there is none with this id.
        """
        return await self._set_disabled(user_id, disabled=False)

    async def delete_user(self, user_id: str) -> None:
        """Delete a user and all their sessions.

        Raises:
            NoSuchUser: there is none with this id.
            UserReferenced: a table of yours refers to them, and says neither ON DELETE
                CASCADE nor SET NULL. Nothing was done.
        """
        store = await self._store()
        if not await store.delete_user(user_id):
            raise NoSuchUser
        await events.record(store, events.happened("user_deleted", user_id=user_id))

    async def _set_disabled(self, user_id: str, *, disabled: bool) -> Altered:
        store = await self._store()
        changed = await store.set_disabled(user_id, disabled=disabled)
        if changed is None:
            raise NoSuchUser
        name: events.EventName = "user_disabled" if disabled else "user_enabled"
        await events.record(store, events.happened(name, user_id=user_id))
        return changed

    def _accept(self, *, email: str, password: str, name: str) -> tuple[str, str]:
        """Return email and name as they are stored, or say what is wrong with all three."""
        fields = {}
        normalized, cleaned = inputs.normalize_email(email), inputs.clean_name(name)
        if normalized is None:
            fields["email"] = "is not an email address"
        if cleaned is None:
            fields["name"] = "must be 1 to 200 characters on one line"
        if problem := self._problem_with(password, email=normalized or ""):
            fields["password"] = problem
        if fields or normalized is None or cleaned is None:
            raise InvalidInput(fields)
        return normalized, cleaned

    def _problem_with(self, password: str, *, email: str) -> str | None:
        return passwords.problem_with(
            password, email=email, min_length=self.settings.passwords.min_length
        )

    def _check_password(self, password: str, *, email: str, field: str) -> None:
        if problem := self._problem_with(password, email=email):
            raise InvalidInput({field: problem})
