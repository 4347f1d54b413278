"""Links in mails: a token in the fragment of a page of the application.

A fragment reaches no server, log or proxy, and no Referer header (RFC 9110 §10.1.3; OWASP Forgot
Password Cheat Sheet). The page asks for a click and sends the token by POST, so a scanner that
opens links uses up nothing. Nothing in a link comes from a request.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from authingo.core import Core
from authingo.stores.mails import Mail
from authingo.stores.secrets import NewMatter
from authingo.tokens import digest

_SECRET_SIZE = 32  # bytes


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """A link, the purpose and the digest of its matter, and the digest of its token."""

    url: str
    purpose: str
    matter: bytes
    token: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """What a mail says: the values of its template, and its link, if it has one."""

    values: Mapping[str, str]
    link: Link | None = None


async def draw_link(
    core: Core, mail: Mail, *, purpose: str, lifetime: timedelta, page: str, version: int | None
) -> Link | None:
    """Draw the token of a mail to a user, and make the link with it.

    Each try has a matter of its own, so that its link works for the whole lifetime, however long
    the mail server took nothing before. All of them end with the security version of the user.

    Args:
        core: of the application.
        mail: which will have the link.
        purpose: of the matter.
        lifetime: of the link, from now.
        page: the path that the link leads to.
        version: the security version that the user had when the mail was asked for; None: any.

    Returns:
        The link, or None if none is due: the address is no longer that of the user, or the user
        is disabled or gone, or has changed the password meanwhile.
    """
    store = await core.opened()
    user = await store.users.find(mail.user_id) if mail.user_id else None
    if user is None or user.disabled_at is not None or user.email != mail.address:
        return None
    matter = secrets.token_bytes(_SECRET_SIZE)
    opened = await store.secrets.open(
        NewMatter(
            purpose=purpose, digest=matter, lifetime=lifetime, user_id=user.id, version=version
        )
    )
    if opened is None or opened.address != mail.address:
        return None
    token = secrets.token_urlsafe(_SECRET_SIZE)
    key = digest(token.encode())
    if await store.secrets.draw(purpose, matter, key) is None:
        return None
    site = (core.settings.public_url or "").rstrip("/")  # which may end with one
    return Link(f"{site}{page}#token={token}", purpose, matter, key)
