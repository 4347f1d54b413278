"""Single-use secrets: what somebody was given to prove, once and within a deadline.

A *matter* is what a proof is about: one reset of a password, one change of address, a
pending sign-up, a ceremony with a provider, a passkey challenge, a sign-in that waits for
its second factor. It is found by the digest of a cookie, or by that of a *token* that was
drawn for it and sent by mail. A purpose keeps matters apart: a token for one purpose finds
nothing under another.

The store keeps SHA-256 digests of at least 112 random bits, which need no slow hash
(NIST SP 800-63B-4 section 3.1.2.2). A shorter code is a bcrypt hash in `data` of a matter that
only the cookie of the browser finds, with few tries (ASVS 5.0 V6.6.3).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

# While a matter of this purpose is open, nobody else can take the address that is its subject: it
# is that of a user who has changed the address and may want it back.
HOLDS_ADDRESS = "undo_email_change"
TOKENS_KEPT = 3  # of a matter: mail may be asked for again while an earlier one is on its way
SWEPT = 2  # expired secrets that each new one deletes, so that nobody can fill the table


def address_digest(email: str) -> bytes:
    """Return the subject of a matter that holds an address."""
    return hashlib.sha256(b"address " + email.encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewMatter:
    """A matter about to be opened.

    Args:
        purpose: such as "reset_password".
        digest: finds the matter. The SHA-256 of a cookie's secret, or 32 random bytes of
            which nobody has the preimage, where only tokens find it.
        lifetime: of the matter and of all its tokens.
        user_id: who it belongs to, if anybody; it ends with this user.
        version: the security version that the caller has seen; None: the user's present one.
        bound: whether it ends when the user's security version or address changes. Only an
            undo link outlives such changes, because undoing them is its purpose.
        address: of a matter that is not bound to a user. One that is has the user's.
        subject: a digest by which others find it too, such as that of an address.
        data: what the capability keeps with it. No secret that opens anything.
    """

    purpose: str
    digest: bytes
    lifetime: timedelta
    user_id: str | None = None
    version: int | None = None
    bound: bool = True
    address: str | None = None
    subject: bytes | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Matter:
    """A matter as it is stored. `version` is None where it is not bound to a user."""

    digest: bytes
    purpose: str
    user_id: str | None
    address: str | None
    version: int | None
    subject: bytes | None
    data: bytes | None
    tries: int
    expires_at: datetime


class Secrets(Protocol):
    """The single-use secrets of a store.

    A matter *stands* while its deadline has not passed and, if it belongs to a user, this
    user is enabled and has the security version and the address that it was opened under.
    Every verb requires that in the statement that acts: a new password, a new address or a
    disabled account ends what was issued before, whether or not its rows are deleted
    (ASVS 5.0 V6.5.1 and V6.4.3). A `digest` is a matter's own, or that of one of its tokens.

    Deadlines are judged by the database's clock. Expired rows are deleted by
    `forget_records`, and two of them with each matter or token that is added. Device tokens
    sweep nothing: a user has few of them, and only a sign-in adds one.
    """

    async def open(self, new: NewMatter, *, token: bytes | None = None) -> Matter | None:
        """Open a matter, and add the digest of its first token, if there is one, as `draw` does.

        Returns None where the user is unknown, disabled, or no longer has `version`.
        """

    async def draw(self, purpose: str, matter: bytes, token: bytes) -> Matter | None:
        """Add the digest of a token to a matter that stands, until the matter's deadline.

        At most TOKENS_KEPT tokens find a matter: the one drawn first ends. The user's row is
        locked against changes meanwhile, so that no token is drawn for an address that has
        just been replaced. Returns None where no such matter stands.
        """

    async def find(self, purpose: str, digest: bytes) -> Matter | None:
        """Find a matter that stands. Changes nothing."""

    async def open_about(self, purpose: str, subject: bytes) -> list[Matter]:
        """Return the matters that stand with this subject, the first to expire first."""

    async def count_try(self, purpose: str, digest: bytes, *, most: int) -> Matter | None:
        """Count a try, before what was tried is compared.

        Of any number at once, `most` get the matter. The next try gets None and ends it for
        every verb, even if what is right is known by then. Returns None where no such
        matter stands.
        """

    async def put(self, purpose: str, digest: bytes, data: bytes) -> bool:
        """Replace the data of a matter that stands; return whether one does."""

    async def spend(self, purpose: str, digest: bytes) -> Matter | None:
        """End a matter that stands, with all its tokens, and return it.

        Of any number at once, one gets it; the others, and all who come later, get None.
        A verb that changes something in return spends in its own transaction, by the
        function `spend` of the adapter's module `secrets`, so that both happen or neither.
        """

    async def forget(self, purpose: str, digest: bytes) -> bool:
        """Delete a matter with its tokens, or only the token whose digest this is.

        Works on what no longer stands too. Returns whether there was one.
        """

    async def forget_of(self, user_id: str, *, but: tuple[str, ...] = ()) -> int:
        """Delete the secrets of a user, device tokens too, except those of some purposes.

        Returns how many there were. This is clean-up: the security version protects.
        """
