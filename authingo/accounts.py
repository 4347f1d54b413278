"""What programs and operators do with accounts, besides signing in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from authingo import arguments, events, inputs, passwords, policy, roles, sessions
from authingo import profile as profiles
from authingo.attempts import Outcome
from authingo.capabilities import lasting_purposes
from authingo.core import Core
from authingo.edits import Edit
from authingo.errors import EmailTaken, NoSuchUser
from authingo.ids import is_id
from authingo.models import NO_CLIENT, ChangedUser, Client, NewUser, User
from authingo.stores import Store
from authingo.stores.mails import NewMail


class Accounts:
    """The use cases about an account."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._rules = core.settings.passwords

    async def find_user(self, user: User | str) -> User:
        """See Auth."""
        if isinstance(user, User):
            user = user.id
        arguments.require_text(user=user)
        store = await self._core.opened()
        found = None
        if "@" in user:
            if email := inputs.normalize_email(user):
                known = await store.users.by_email(email)
                found = known.user if known else None
        elif is_id(user, "usr_"):
            found = await store.users.find(user)
        if found is None:
            raise NoSuchUser
        return found

    async def create_user(
        self,
        *,
        email: str,
        password: str | None,
        name: str | None,
        verified: bool,
        profile: Mapping[str, object] | None = None,
        mails: Callable[[NewUser], Sequence[NewMail]] = lambda _: (),
    ) -> User:
        """See Auth. `mails` returns what to queue together with the user."""
        arguments.require_text(email=email)
        arguments.require_text_or_none(password=password, name=name)
        name = email.partition("@")[0] if name is None else name
        email, name = policy.accept_user(self._rules, email=email, password=password, name=name)
        text = profiles.changed(self._core.profiles, None, profile)
        store = await self._core.opened()
        if await store.users.by_email(email):  # to save hashing: `add` checks it again
            raise EmailTaken
        hashed = passwords.NO_PASSWORD
        if password is not None:
            hashed = await self._core.hasher.hash(password)
        new = NewUser(
            email=email,
            name=name,
            password_hash=hashed,
            email_verified=verified,
            profile=text,
        )
        created = events.happened("user_created", user_id=new.id)
        user = await store.users.add(new, mails=mails(new), outcome=Outcome(events=(created,)))
        events.publish(store, created)
        return user

    async def check_new_user(self, *, email: str, name: str | None) -> None:
        """See Auth."""
        arguments.require_text(email=email)
        arguments.require_text_or_none(name=name)
        name = email.partition("@")[0] if name is None else name
        email, _ = policy.accept_user(self._rules, email=email, password=None, name=name)
        if await (await self._core.opened()).users.by_email(email):
            raise EmailTaken

    async def update_user(
        self,
        user: User | str,
        *,
        name: str | None,
        email: str | None,
        verified: bool,
        profile: Mapping[str, object] | None = None,
    ) -> ChangedUser:
        """See Auth."""
        arguments.require_text_or_none(name=name, email=email)
        cleaned = None if name is None else inputs.clean_name(name)
        normalized = None if email is None else inputs.normalize_email(email)
        arguments.refuse(
            {
                "name": policy.BAD_NAME if name is not None and cleaned is None else None,
                "email": policy.BAD_EMAIL if email is not None and normalized is None else None,
            }
        )
        before = await self.find_user(arguments.user_id(user))
        if cleaned == before.name:
            cleaned = None
        if normalized == before.email:
            normalized = None
        if cleaned is None and normalized is None and profile is None:
            return ChangedUser(before, 0)
        edit = Edit(self._core.profiles, name=cleaned, profile=profile)
        edit(before)  # to refuse a profile before sessions end
        store, surplus = await self._core.opened(), 0
        if normalized is not None:
            # The update checks it again. This check keeps sessions from ending for nothing.
            other = await store.users.by_email(normalized)
            if other is not None and other.user.id != before.id:
                raise EmailTaken
            surplus = await self._end_surplus(store, before.id)
        changed = await store.users.update(
            before.id,
            edit=edit,
            email=normalized,
            verified=verified,
            keep=lasting_purposes(),
            mails=self._notices_of_move(before, normalized),
        )
        if changed is None:
            raise NoSuchUser
        self._core.noticed()
        happened: list[events.EventName] = [] if normalized is None else ["email_changed"]
        happened += edit.happened
        await events.record(store, *(events.happened(one, user_id=before.id) for one in happened))
        return replace(changed, ended=changed.ended + surplus)

    def _notices_of_move(self, user: User, email: str | None) -> list[NewMail]:
        """Return what tells the old and the new address of a user that the address changes.

        The owner of the old one learns of a change that is not theirs, such as one by an operator
        who was deceived (ASVS 5.0 V6.3.7).
        """
        if email is None:
            return []
        return [
            notice
            for one in (user, replace(user, email=email))
            for notice in self._core.notices("email_changed", one, NO_CLIENT)
        ]

    async def change_roles(
        self, user: User | str, *, add: Iterable[str], remove: Iterable[str]
    ) -> User:
        """See Auth."""
        named = {"add": _names("add", add), "remove": _names("remove", remove)}
        arguments.refuse({key: _problem_with_roles(names) for key, names in named.items()})
        user_id, store = arguments.user_id(user), await self._core.opened()
        done = events.happened("roles_changed", user_id=user_id)
        changed = await store.users.change_roles(user_id, **named, outcome=Outcome(events=(done,)))
        if changed is None:
            raise NoSuchUser
        after, is_changed = changed
        if is_changed:
            events.publish(store, done)
        return after

    async def verify_email(self, user: User | str, *, evict: bool) -> User:
        """See Auth."""
        user_id, store = arguments.user_id(user), await self._core.opened()
        if evict and (owned := await self._evict(store, user_id)):
            return owned
        verified = await store.users.verify_email(user_id)
        if verified is None:
            raise NoSuchUser
        await events.record(store, events.happened("email_verified", user_id=user_id))
        return verified

    async def _evict(self, store: Store, user_id: str) -> User | None:
        """Remove what was added before the email was verified; None if it is verified."""
        happened = (
            events.happened("email_verified", user_id=user_id),
            events.happened("user_evicted", user_id=user_id),
        )
        await self._end_surplus(store, user_id)
        evicted = await store.recovery.evict(user_id, eviction=Outcome(events=happened))
        if evicted is None:
            return None
        events.publish(store, *happened)
        return evicted.user

    async def set_password(self, user: User | str, new_password: str) -> ChangedUser:
        """See Auth."""
        arguments.require_text(new_password=new_password)
        user_id = arguments.user_id(user)
        if not isinstance(user, User):
            user = await self.find_user(user_id)
        policy.require_password(self._rules, new_password, email=user.email, field="password")
        store = await self._core.opened()
        new_hash = await self._core.hasher.hash(new_password)
        surplus = await self._end_surplus(store, user_id)
        notices = self._core.notices("password_changed", user, NO_CLIENT)
        changed = await store.users.set_password(user_id, new_hash, mails=notices)
        if changed is None:
            raise NoSuchUser
        self._core.noticed()
        await events.record(store, events.happened("password_set", user_id=user_id))
        return replace(changed, ended=changed.ended + surplus)

    async def check_password(self, user: User | str, password: str, *, client: Client) -> bool:
        """See Auth."""
        arguments.require_text(password=password)
        arguments.require_client(client)
        policy.refuse_sizes(password=password)
        known = await self.find_user(arguments.user_id(user))
        return await self._core.password_check.of_user(self._core.store, known, password, client)

    async def disable_user(self, user: User | str) -> ChangedUser:
        """See Auth."""
        return await self._set_disabled(arguments.user_id(user), disabled=True)

    async def enable_user(self, user: User | str) -> ChangedUser:
        """See Auth."""
        return await self._set_disabled(arguments.user_id(user), disabled=False)

    async def _set_disabled(self, user_id: str, *, disabled: bool) -> ChangedUser:
        store = await self._core.opened()
        surplus = await self._end_surplus(store, user_id)
        changed = await store.users.set_disabled(user_id, disabled=disabled)
        if changed is None:
            raise NoSuchUser
        name: events.EventName = "user_disabled" if disabled else "user_enabled"
        await events.record(store, events.happened(name, user_id=user_id))
        return replace(changed, ended=changed.ended + surplus)

    async def _end_surplus(self, store: Store, user_id: str) -> int:
        most = self._core.settings.sessions.max_per_user
        return await sessions.end_surplus(store, user_id, keep=most)


def _names(argument: str, given: Iterable[str]) -> list[str]:
    # The letters of a text would each be a role.
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise arguments.wrong_type(argument, given, "several names of roles, such as a set")
    names = list(given)
    arguments.require_text(**{f"{argument}[{place}]": name for place, name in enumerate(names)})
    return names


def _problem_with_roles(names: Iterable[str]) -> str | None:
    return next((problem for name in names if (problem := roles.problem_with(name))), None)
