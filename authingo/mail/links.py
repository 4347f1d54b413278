"""Links in mails: a token in the fragment of a page of the application.

A fragment reaches no server, log or proxy, and no Referer header (RFC 9110 §10.1.3; OWASP Forgot
Password Cheat Sheet). The page asks for a click and sends the token by POST, so a scanner that
opens links uses up nothing. Nothing in a link comes from a request.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from authingo.core import Core
from authingo.models import User
from authingo.stores.mails import Mail
from authingo.stores.secrets import NewMatter
from authingo.tokens import digest

_SECRET_SIZE = 32  # bytes


@dataclass(frozen=True, slots=True, repr=False)
class Link:
    """A link, and what finds its token.

    Args:
        url: the link.
        purpose: of its matter.
        forgotten: the digest of what ends if the mail is not delivered: of the matter, or only of
            the token where the matter is older than the mail.
    """

    url: str
    purpose: str
    forgotten: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """What a mail says.

    Args:
        values: of its template.
        link: that it has, if any.
        template: whose values they are; None: the template of the mail's kind.
    """

    values: Mapping[str, str]
    link: Link | None = None
    template: str | None = None


async def addressee(core: Core, mail: Mail) -> User | None:
    """Return the user of a mail; None if they are disabled or gone, or have another address."""
    store = await core.opened()
    user = await store.users.find(mail.user_id) if mail.user_id else None
    if user is None or not user.may_be_taken_over or user.email != mail.address:
        return None
    return user


async def draw_link(core: Core, new: NewMatter, *, address: str, page: str) -> Link | None:
    """Draw the token of a mail, and make the link with it.

    Each try to deliver a mail has a matter of its own, so that its link works for the whole
    lifetime, however long the mail server took nothing before. All of them end with the security
    version of the user.

    Args:
        core: of the application.
        new: the matter of the link.
        address: whom the mail goes to.
        page: the path that the link leads to.

    Returns:
        The link, or None if none is due: the address is no longer that of the user, or the user
        is disabled or gone, or has another security version than `new.version`.
    """
    token = secrets.token_urlsafe(_SECRET_SIZE)
    opened = await (await core.opened()).secrets.open(new, token=token_digest(token))
    if opened is None or opened.address != address:
        return None
    return Link(_url(core, page, token), new.purpose, new.digest)


async def draw_token(core: Core, purpose: str, matter: bytes, *, page: str) -> Link | None:
    """Draw a token for a matter that is open, and make a link with it; None if it is not."""
    token = secrets.token_urlsafe(_SECRET_SIZE)
    key = token_digest(token)
    if await (await core.opened()).secrets.draw(purpose, matter, key) is None:
        return None
    return Link(_url(core, page, token), purpose, key)


def _url(core: Core, page: str, token: str) -> str:
    site = (core.settings.public_url or "").rstrip("/")  # which may end with one
    return f"{site}{page}#token={token}"


def new_digest() -> bytes:
    """Draw the digest of a matter that only tokens find."""
    return secrets.token_bytes(_SECRET_SIZE)


def token_digest(token: str) -> bytes:
    """Return what the store keeps of a token that somebody sends. Any text has one."""
    return digest(token.encode("utf-8", "surrogatepass"))
