"""What programs and operators do to accounts, beside signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from authingo import arguments, events, inputs, passwords
from authingo.errors import EmailTaken, InvalidInput, NoSuchUser
from authingo.models import Altered, NewUser, User, is_id
from authingo.opening import Opening
from authingo.stores import Store

if TYPE_CHECKING:
    from authingo.config import Settings

_BAD_EMAIL = "is not an email address"
_BAD_NAME = "must be 1 to 200 characters on one line"


class Accounts(Opening):
    """The use cases about an account, and what is accepted for one."""

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        super().__init__(settings, store)
        self._hasher = passwords.PasswordHasher(cost=self.settings.passwords.bcrypt_cost)

    async def find_user(self, user: User | str) -> User:
        """Find a user, disabled or not, by id, or by email in any spelling that signs in.

        What has an @ is an email, even if it begins like an id. A User is read again.

        Raises:
            NoSuchUser: there is none, or it is neither an email nor an id.
        """
        if isinstance(user, User):
            user = user.id
        arguments.require_text(user=user)
        store = await self._store()
        found = None
        if "@" in user:
            if email := inputs.normalize_email(user):
                known = await store.credentials(email)
                found = known.user if known else None
        elif is_id(user, "usr_"):
            found = await store.user(user)
        if found is None:
            raise NoSuchUser
        return found

    async def create_user(
        self,
        *,
        email: str,
        password: str | None = None,
        name: str | None = None,
        verified: bool = False,
    ) -> User:
        """Create a user without signing anybody in, whatever `sign_up` says.

        Args:
            email: any spelling; see `authingo.inputs.normalize_email`.
            password: None creates a user who cannot sign in by password until
                `set_password` gives them one; a try takes as long as any other.
            name: the local part of the email if it is None.
            verified: the email is known to be theirs.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            Busy: it was not tried.
            EmailTaken: there is such a user.
        """
        arguments.require_text(email=email)
        arguments.require_text_or_none(password=password, name=name)
        name = email.partition("@")[0] if name is None else name
        email, name = self._accept(email=email, password=password, name=name)
        store = await self._store()
        if await store.credentials(email):  # spares the hash; the insert decides
            raise EmailTaken
        hashed = passwords.NO_PASSWORD
        if password is not None:
            hashed = await self._hasher.hash(password)
        new = NewUser(email=email, name=name, password_hash=hashed, email_verified=verified)
        user = await store.add_user(new)
        await events.record(store, events.happened("user_created", user_id=user.id))
        return user

    async def check_new_user(self, *, email: str, name: str | None = None) -> None:
        """Raise what `create_user` would, but for the password, and change nothing.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            EmailTaken: there is such a user.
        """
        arguments.require_text(email=email)
        arguments.require_text_or_none(name=name)
        name = email.partition("@")[0] if name is None else name
        email, _ = self._accept(email=email, password=None, name=name)
        if await (await self._store()).credentials(email):
            raise EmailTaken

    async def update_user(
        self,
        user: User | str,
        *,
        name: str | None = None,
        email: str | None = None,
        verified: bool = False,
    ) -> Altered:
        """Change the name or the email of a user; None leaves it.

        Another email ends all sessions of the user, and makes a sign-in that is under way
        fail: the holder of the old address may be somebody else (ASVS 5.0 V7.4.3). An email
        or a name that the user has already changes nothing.

        Args:
            user: a User, or the id of one.
            name: 1 to 200 characters after trimming.
            email: any spelling.
            verified: the new email is known to be theirs. Else it counts as not verified.

        Raises:
            InvalidInput: with the fields and what is wrong with each.
            NoSuchUser: there is no such user.
            EmailTaken: another user has that email.
        """
        arguments.require_text_or_none(name=name, email=email)
        cleaned = None if name is None else inputs.clean_name(name)
        normalized = None if email is None else inputs.normalize_email(email)
        arguments.refuse(
            {
                "name": _BAD_NAME if name is not None and cleaned is None else None,
                "email": _BAD_EMAIL if email is not None and normalized is None else None,
            }
        )
        before = await self.find_user(arguments.user_id(user))
        if cleaned == before.name:
            cleaned = None
        if normalized == before.email:
            normalized = None
        if cleaned is None and normalized is None:
            return Altered(before, 0)
        store = await self._store()
        changed = await store.update_user(
            before.id, name=cleaned, email=normalized, verified=verified
        )
        if changed is None:
            raise NoSuchUser
        happened: list[events.EventName] = []
        if normalized is not None:
            happened.append("email_changed")
        if cleaned is not None:
            happened.append("name_changed")
        await events.record(store, *(events.happened(one, user_id=before.id) for one in happened))
        return changed

    async def verify_email(self, user: User | str) -> User:
        """Mark the email of a user as known to be theirs. Idempotent, and recorded each time.

        Raises:
            NoSuchUser: there is no such user.
        """
        user_id, store = arguments.user_id(user), await self._store()
        verified = await store.verify_email(user_id)
        if verified is None:
            raise NoSuchUser
        await events.record(store, events.happened("email_verified", user_id=user_id))
        return verified

    async def set_password(self, user: User | str, new_password: str) -> Altered:
        """Give a user another password and end all their sessions (ASVS 5.0 V7.4.3).

        Raises:
            InvalidInput: it is not acceptable (`password`).
            NoSuchUser: there is no such user.
            Busy: it was not tried.
        """
        arguments.require_text(new_password=new_password)
        user_id = arguments.user_id(user)
        if not isinstance(user, User):
            user = await self.find_user(user_id)
        self._check_password(new_password, email=user.email, field="password")
        store = await self._store()
        changed = await store.set_password(user_id, await self._hasher.hash(new_password))
        if changed is None:
            raise NoSuchUser
        await events.record(store, events.happened("password_set", user_id=user_id))
        return changed

    async def disable_user(self, user: User | str) -> Altered:
        """End all sessions of a user, and let none begin until they are enabled (ASVS 5.0 V7.4.2).

        Raises:
            NoSuchUser: there is no such user.
        """
        return await self._set_disabled(arguments.user_id(user), disabled=True)

    async def enable_user(self, user: User | str) -> Altered:
        """Let a disabled user sign in again.

        Raises:
            NoSuchUser: there is no such user.
        """
        return await self._set_disabled(arguments.user_id(user), disabled=False)

    async def delete_user(self, user: User | str) -> None:
        """Delete a user and all their sessions.

        Raises:
            NoSuchUser: there is no such user.
            UserReferenced: a table of yours refers to them, and says neither ON DELETE
                CASCADE nor SET NULL. Nothing was done.
        """
        user_id, store = arguments.user_id(user), await self._store()
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

    def _accept(self, *, email: str, password: str | None, name: str) -> tuple[str, str]:
        """Return email and name as they are stored, or say what is wrong with all three."""
        fields = {}
        normalized, cleaned = inputs.normalize_email(email), inputs.clean_name(name)
        if normalized is None:
            fields["email"] = _BAD_EMAIL
        if cleaned is None:
            fields["name"] = _BAD_NAME
        if password is not None:
            fields |= self._problems(password, email=normalized or "", field="password")
        if fields or normalized is None or cleaned is None:
            raise InvalidInput(fields)
        return normalized, cleaned

    def _problems(self, password: str, *, email: str, field: str) -> dict[str, str]:
        least = self.settings.passwords.min_length
        problem = passwords.problem_with(password, email=email, min_length=least)
        return {field: problem} if problem else {}

    def _check_password(self, password: str, *, email: str, field: str) -> None:
        if problems := self._problems(password, email=email, field=field):
            raise InvalidInput(problems)
