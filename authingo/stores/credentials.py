"""Credentials: what a user can sign in with besides a password.

Passkeys, TOTP, recovery codes and identities of other providers are rows of one table. The
subject of a credential is a SHA-256 digest of what finds it, unique for its kind: so a passkey
or an identity belongs to one user, and is never moved by adding it once more. A counter may
only grow, so that a passkey that was copied is noticed (WebAuthn Level 3, section 6.1.1), and a
TOTP step is accepted once (RFC 6238, section 5.2; ASVS 5.0 V6.5.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from authingo.ids import new_id
from authingo.models import User


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewCredential:
    """A credential about to be added.

    Args:
        kind: such as "passkey".
        subject: the SHA-256 of what finds it: the id of a passkey, a recovery code, the JSON
            `[issuer, subject]` of an identity; of a kind that a user has once, the user's id.
        user_id: who may sign in with it.
        label: what the user calls it.
        data: what the capability keeps with it, such as a public key. What opens something
            is encrypted.
        counter: the last value that was used, if the kind counts.
    """

    kind: str
    subject: bytes
    user_id: str
    label: str | None = None
    data: bytes | None = None
    counter: int = 0
    id: str = field(default_factory=lambda: new_id("cred_"))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credential:
    """A credential as it is stored. `last_used_at` is None until the first use."""

    id: str
    kind: str
    subject: bytes
    user_id: str
    label: str | None
    data: bytes | None
    counter: int
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class CredentialMatch:
    """A credential, its user, and the user's security version, under which a session begins."""

    credential: Credential
    user: User
    version: int


@dataclass(frozen=True, slots=True)
class CredentialUse:
    """A credential after a use. `accepted` is false where its counter did not grow."""

    credential: Credential
    accepted: bool


class Credentials(Protocol):
    """The credentials of a store. They are deleted with their user.

    The verbs that change one name the user too: an id of somebody else's finds nothing.
    """

    async def add(
        self, new: NewCredential, *, version: int | None = None, grow_version: bool
    ) -> Credential | None:
        """Add a credential.

        Args:
            new: the credential.
            version: the security version that the caller has seen; None: the present one.
            grow_version: whether the user's security version grows in the same transaction,
                which ends every single-use secret issued before: for a second factor.

        Returns:
            None, and nothing has changed, where the subject is somebody's credential of this
            kind already, or the user is unknown, disabled, or no longer has `version`.
        """

    async def find(self, kind: str, subject: bytes) -> CredentialMatch | None:
        """Find a credential with its user, who may be disabled. Changes nothing."""

    async def of_user(self, user_id: str, kind: str | None = None) -> list[Credential]:
        """Return the credentials of a user, of one kind or all, in the order they were added."""

    async def use(self, user_id: str, credential_id: str, *, counter: int) -> CredentialUse | None:
        """Use a credential: store the counter and the time, if the counter has grown.

        Of any number at once with the same counter, one is accepted. A credential that does
        not count has 0 and is used with 0, which is always accepted; nothing is stored of a
        use that is not. Returns None where the user has no such credential.
        """

    async def remove(
        self, user_id: str, credential_id: str, *, grow_version: bool
    ) -> Credential | None:
        """Delete a credential and return it; of any number at once, one gets it.

        `grow_version`: as for `add`, if there was one: for a factor or a passkey. A recovery
        code is used by removing it.
        """

    async def remove_all(self, user_id: str, *, kind: str | None = None) -> int:
        """Delete the credentials of a user, of one kind or all; return how many there were."""
