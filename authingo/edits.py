"""A change of a user's name and profile, made while the store holds the user's row."""

from __future__ import annotations

from collections.abc import Mapping

from authingo import events
from authingo import profile as profiles
from authingo.models import User
from authingo.stores.users import UserEdit


class Edit:
    """What `users.update` calls with the user as stored."""

    def __init__(
        self,
        reads: profiles.Profiles | None,
        *,
        name: str | None,
        profile: Mapping[str, object] | None,
        by_client: bool = False,
    ) -> None:
        """Keep what to change.

        Args:
            reads: the profiles; None: users have none.
            name: normalized; None leaves it as it is.
            profile: new values of some of its fields.
            by_client: only fields that clients may write are accepted.
        """
        self._reads, self._name, self._profile = reads, name, profile
        self._by_client = by_client
        self.happened: list[events.EventName] = []

    def __call__(self, user: User) -> UserEdit:
        """Return what changes, and note in `happened` what that is.

        Raises:
            InvalidInput: the profile is not acceptable.
        """
        before = user.stored_profile
        text = None if before is None else before.text
        after = profiles.changed(self._reads, text, self._profile, by_client=self._by_client)
        self.happened = []
        if self._name not in {None, user.name}:
            self.happened.append("name_changed")
        if after != text:
            self.happened.append("profile_changed")
        return UserEdit(name=self._name, profile=after)
