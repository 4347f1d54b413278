"""The tables of authingo.toml: each setting in them, its default and its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from authingo.models import Lifetimes


class Duration(timedelta):
    """A time span, written as seconds or as "15m", "30d"."""


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One table of authingo.toml."""


class CookieSettings(Group, frozen=True):
    """How the cookies are sent. See `authingo.http.cookies` for the attributes."""

    prefix: str = (
        "authingo"  # of the cookies' names; use a different one for each application on a host
    )
    same_site: Literal["lax", "none"] = "lax"
    domain: str | None = None
    hardened_names: bool = False
    partitioned: bool = False


class SessionSettings(Group, frozen=True):
    """Lifetimes, counted from the moment something is issued."""

    session_lifetime: Duration = Duration(minutes=15)
    refresh_lifetime: Duration = Duration(days=30)  # from the last use
    absolute_lifetime: Duration = Duration(days=90)  # from sign-in
    refresh_grace: Duration = Duration(seconds=15)  # tabs that refresh at once; 0 turns it off
    fresh: Duration = Duration(minutes=10)  # what counts as a recent authentication
    cache: Duration = Duration(seconds=10)  # longest time in the process's memory; 0 turns it off
    max_per_user: int = 100  # beyond that, the one unused for the longest ends

    @property
    def lifetimes(self) -> Lifetimes:
        """The lifetimes in the form that the store takes."""
        return Lifetimes(
            session=self.session_lifetime,
            refresh=self.refresh_lifetime,
            absolute=self.absolute_lifetime,
            grace=self.refresh_grace,
            remembered=self.cache,
        )


class PasswordSettings(Group, frozen=True):
    """The policy for new passwords, and the cost of hashing."""

    min_length: int = 8  # code points
    bcrypt_cost: int = 12  # 2^12 rounds: a quarter of a second on a core of 2024


class StoreSettings(Group, frozen=True):
    """Limits on waiting for the database."""

    timeout: Duration = Duration(seconds=5)
    pool_size: int = 10  # connections of one process; PostgreSQL only


class LimitSettings(Group, frozen=True):
    """Limits against guessing. The numbers are in `authingo.limits`."""

    enabled: bool = True


class EventSettings(Group, frozen=True):
    """How long events are kept."""

    retention: Duration = Duration(days=90)  # then `authingo sessions prune` deletes them


class UserSettings(Group, frozen=True):
    """What users may do with their own account."""

    deletion: bool = True  # whether they may delete it
    deletion_grace: Duration = Duration(0)  # time to change their mind; 0 deletes at once


class LinkSettings(Group, frozen=True):
    """The paths of your pages that links lead to, below `public_url`; see `Settings.link_to`."""

    reset_password: str | None = None
    verify_email: str | None = None
    change_email: str | None = None
    undo_email_change: str | None = None
    undo_deletion: str | None = None
    sign_in: str | None = None
