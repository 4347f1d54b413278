"""Roles: names that a user has. What a role permits is in the program, not in the database.

A name is compared as it is, so there is one way to write it: in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from authingo.errors import InvalidInput

MOST = 32  # roles of one user, since each session in memory has them
EVERYTHING = "*"  # the permission that stands for all of them
_NAME = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}", re.ASCII)
_RULE = "must be 1 to 64 of a-z, 0-9, and after the first character - _ . :"


def problem_with(name: str) -> str | None:
    """Return what is wrong with the name of a role or of a permission; None if nothing is."""
    return None if _NAME.fullmatch(name) else _RULE


def read(stored: str) -> tuple[str, ...]:
    """Read the roles of a user, in order."""
    return tuple(sorted(set(stored.split()))) if stored else ()


def write(roles: Iterable[str]) -> str:
    """Return the roles of a user as they are stored: in order, with a space between two."""
    return " ".join(sorted(set(roles)))


def changed(stored: str, *, add: Iterable[str], remove: Iterable[str]) -> str:
    """Return the roles of a user after a change, as they are stored. One in both is removed.

    Raises:
        InvalidInput: there would be more than MOST.
    """
    roles = {*read(stored), *add}.difference(remove)
    if len(roles) > MOST:
        raise InvalidInput({"add": f"would make them more than {MOST} roles"})
    return write(roles)


class Permissions:
    """What each role of a program permits."""

    def __init__(self, roles: Mapping[str, Collection[str]]) -> None:
        """Check the declaration.

        Args:
            roles: the permissions of each role; `{"*"}` stands for all.

        Raises:
            TypeError: it is not a mapping of names to collections of names.
            ValueError: a name is not one. `posts:*` would be a permission that permits nothing,
                and looks like one that permits much.
        """
        self._of: dict[str, frozenset[str]] = {}
        for role, permissions in roles.items():
            if isinstance(permissions, str):  # its letters would each be a permission
                raise TypeError(f"the permissions of {role!r} must be a set of names")
            if problem := problem_with(role):
                raise ValueError(f"the role {role!r} {problem}")
            for name in permissions:
                if name != EVERYTHING and (problem := problem_with(name)):
                    raise ValueError(f"the permission {name!r} of {role!r} {problem}")
            self._of[role] = frozenset(permissions)

    def permit(self, roles: Iterable[str], permission: str) -> bool:
        """Return whether one of these roles has a permission. A role not declared has none."""
        return any(
            permission in found or EVERYTHING in found
            for role in roles
            if (found := self._of.get(role))
        )
