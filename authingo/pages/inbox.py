"""The inbox of a program in development: who may read it, and what it answers.

A mail holds a link that resets a password, and other users of the machine can reach a server
on a loopback address too. So only those may read mails who know a token that is printed at the
start. The page gets it in the fragment of its address, which no server and no log receives, and
sends it as a header. The HTML of a mail has an address that is as hard to guess as the token,
because a frame sends no header (ASVS 5.0 V14.2.1).
"""

from __future__ import annotations

import hmac
import json
import secrets
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

from authingo.asgi import Scope
from authingo.config import Settings
from authingo.http.headers import header_values
from authingo.http.replies import NOTHING_ALLOWED, Prepared
from authingo.mail.inbox import Inbox
from authingo.mail.settings import with_inbox

_HEADER = b"x-authingo-inbox"
_SIZE = 32  # bytes of a secret
_PRIVATE = (
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
# No script and no form in a mail, in the page's frame or by itself. The same origin lets the page
# measure how high it is; without scripts, nothing in the mail can make use of that.
_IN_FRAME = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; base-uri 'none'; "
    b"form-action 'none'; frame-ancestors 'self'; "
    b"sandbox allow-same-origin allow-top-navigation-by-user-activation",
)


class PageInbox:
    """Mails in memory, and the token that opens them.

    Args:
        path: where they are asked for, as the browser sees it.
        mails: what keeps them.
    """

    def __init__(self, path: str, mails: Inbox) -> None:
        """Draw the token, which is new for each server."""
        self.path = path
        self.mails = mails
        self.token = secrets.token_urlsafe(_SIZE)

    def receiving(self, settings: Settings) -> Settings:
        """Return settings with which mail comes here."""
        return with_inbox(settings, self.mails)

    def has(self, path: str) -> bool:
        """Return whether it answers for a path, as the browser sees it."""
        return path == self.path or path.startswith(self.path + "/")

    def answer(self, path: str, scope: Scope) -> Prepared:
        """Answer a request for its path, or for something below it."""
        name = path.removeprefix(self.path)
        if name:
            return self._mail(name.removeprefix("/"))
        tokens = header_values(scope, _HEADER)
        if len(tokens) != 1 or not hmac.compare_digest(tokens[0], self.token.encode()):
            return _json(403, {"code": "forbidden", "message": "This token opens no inbox."})
        after = scope["query_string"].removeprefix(b"after=")
        number = int(after) if after.isdigit() and len(after) < 16 else 0
        listed = [self._listed(*pair) for pair in self.mails.after(number)]
        return _json(200, {"mails": listed})

    def _listed(self, number: int, mail: EmailMessage) -> dict[str, object]:
        return {
            "number": number,
            "subject": str(mail["Subject"]),
            "to": str(mail["To"]),
            "at": parsedate_to_datetime(str(mail["Date"])).isoformat(),
            "text": _part(mail, "plain"),
            "html": f"{self.path}/{self._name(number)}",
        }

    def _mail(self, name: str) -> Prepared:
        for number, mail in self.mails.after(0):
            if hmac.compare_digest(name.encode(), self._name(number).encode()):
                html = _part(mail, "html").encode()
                return _prepared(200, b"text/html; charset=utf-8", html, _IN_FRAME)
        return _json(404, {"code": "not_found", "message": "There is no such mail."})

    def _name(self, number: int) -> str:
        return hmac.digest(self.token.encode(), b"%d" % number, "sha256").hex()


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else ""


def _json(status: int, value: object) -> Prepared:
    policy = (b"content-security-policy", NOTHING_ALLOWED.encode())
    return _prepared(status, b"application/json", json.dumps(value).encode(), policy)


def _prepared(status: int, kind: bytes, body: bytes, *more: tuple[bytes, bytes]) -> Prepared:
    length = (b"content-length", b"%d" % len(body))
    return Prepared(status, ((b"content-type", kind), length, *_PRIVATE, *more), body)
