"""What somebody may change who has proved that a mailbox is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from authingo.models import ChangedUser
from authingo.stores.mails import NewMail


class Recovery(Protocol):
    """The changes of an account that spend a single-use secret, each in one transaction."""

    async def reset_password(
        self,
        purpose: str,
        digest: bytes,
        new_hash: str,
        *,
        keep: tuple[str, ...] = (),
        mails: Sequence[NewMail] = (),
    ) -> ChangedUser | None:
        """Spend a matter and store a new password for its user.

        All sessions and all other secrets of the user end, except the secrets of the purposes
        in `keep`. The email is verified from then on. If it was not verified before, somebody
        else may have signed up with it. So the user's other credentials are deleted, and the
        name becomes the part of the email before the `@`.

        Args:
            purpose: of the matter; see `authingo.stores.secrets`.
            digest: of the matter or of one of its tokens.
            new_hash: of the new password.
            keep: the purposes whose secrets stay.
            mails: what to queue in the same transaction.

        Returns:
            The user, and whether others were evicted. None, and nothing changes, if no such
            matter stands or it belongs to nobody.
        """
