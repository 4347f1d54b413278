"""Parse the setting `mail.url`: the server that takes mail, or the directory that it goes to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote

from authingo.config import is_loopback, split_url
from authingo.errors import ConfigError
from authingo.mail.inbox import Inbox

Encryption = Literal["tls", "starttls", "none"]

_SHAPE = (
    "write smtps://user:password@host, or smtp+starttls://user:password@host; "
    "in a user or a password, [ ] / ? # % : and @ are written %5B %5D %2F %3F %23 %25 %3A and %40"
)
_FILE_SHAPE = "write file:// and an absolute path, such as file:///var/lib/app/mail"
_SMTP: dict[str, tuple[Encryption, int]] = {  # and the port that IANA assigned
    "smtps": ("tls", 465),  # RFC 8314 §3.3
    "smtp+starttls": ("starttls", 587),  # RFC 3207, RFC 6409
    "smtp": ("none", 25),
}
# What other programs call them.
_OTHERS = {
    "smtp+tls": "write smtp+starttls:// (port 587), or smtps:// (port 465)",
    "smtp+ssl": "write smtps://",
    "ssl": "write smtps://",
    "tls": "write smtp+starttls:// (port 587), or smtps:// (port 465)",
    "starttls": "write smtp+starttls://",
    "submission": "write smtp+starttls://",
    "submissions": "write smtps://",
}
_HOST = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::(\d+))?|([A-Za-z0-9._-]+)(?::(\d+))?", re.ASCII)
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is delivered to.

    Neither user nor password is ever shown: with some providers, the user is the secret as well.

    Args:
        host: a name or an IP address; empty if mail is written to a directory.
        port: 1 to 65535.
        encryption: "tls" from the first byte, "starttls" before anything else is said, or "none",
            which only a loopback address may have.
        user, password: both or none.
        directory: where mail is written to instead.
        inbox: what keeps mail in memory instead. No URL leads to one, so no configuration can lose
            the mail of a site.
    """

    host: str = ""
    port: int = 0
    encryption: Encryption = "none"
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    directory: Path | None = None
    inbox: Inbox | None = None

    @property
    def is_smtp(self) -> bool:
        """Whether it is a mail server, which is reached over a network and needs a library."""
        return bool(self.host)

    @property
    def where(self) -> str:
        """The URL without user and password, for messages."""
        if self.inbox is not None:
            return "an inbox in memory"
        if self.directory is not None:
            return self.directory.as_uri()
        scheme = next(name for name, (kind, _) in _SMTP.items() if kind == self.encryption)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def read_mail_url(url: str) -> MailServer:
    """Parse a URL.

    Args:
        url: `smtps://…`, `smtp+starttls://…`, `smtp://…` or `file:///…`. Special characters of a
            user and a password are percent-encoded; an @ may be left as it is.

    Raises:
        ConfigError: it repeats neither the URL nor a part of it, which may be a password.
    """
    try:
        parts = split_url(url)
    except ValueError:  # whose message can repeat the password
        raise _refused("is not a URL", _SHAPE) from None
    scheme = parts.scheme
    if scheme == "file":
        return MailServer(directory=_directory(parts))
    if scheme not in _SMTP or not url[len(scheme) :].startswith("://"):
        raise _refused(
            "must begin with smtps://, smtp+starttls://, smtp:// or file:///",
            _OTHERS.get(scheme, _SHAPE),
        )
    return _server(parts)


def _refused(reason: str, hint: str) -> ConfigError:
    return ConfigError(f"mail.url: {reason}", hint=hint)


def _directory(parts: SplitResult) -> Path:
    path = Path(_decoded(parts.path))
    if parts.netloc not in {"", "localhost"} or not path.is_absolute():
        raise _refused("a directory is an absolute path", _FILE_SHAPE)
    if parts.query or parts.fragment:
        raise _refused("has a ? or a # in its path", "write them %3F and %23")
    if path == path.parent:
        raise _refused("names no directory", _FILE_SHAPE)
    return path


def _server(parts: SplitResult) -> MailServer:
    encryption, usual_port = _SMTP[parts.scheme]
    who, at, where = parts.netloc.rpartition("@")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise _refused("has something after the host", _SHAPE)
    found = _HOST.fullmatch(where)
    if found is None:
        raise _refused("has no valid host", _SHAPE)
    host, port = found[1] or found[3], int(found[2] or found[4] or usual_port)
    if not 1 <= port <= 65535:
        raise _refused("has a port that is not between 1 and 65535", _SHAPE)
    if encryption == "none" and not is_loopback(host):
        raise _refused(
            "smtp:// sends passwords and links unencrypted, so it must lead to a loopback address",
            "write smtp+starttls:// (port 587), or smtps:// (port 465)",
        )
    user, password = _credentials(who) if at else (None, None)
    return MailServer(host=host, port=port, encryption=encryption, user=user, password=password)


def _credentials(who: str) -> tuple[str, str]:
    user, _, password = who.partition(":")
    if not user or not password:
        raise _refused("needs both a user and a password, or none of them", _SHAPE)
    return _decoded(user), _decoded(password)


def _decoded(text: str) -> str:
    """Replace the escapes. A NUL would end the user or the password (RFC 4616 §2)."""
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeError:
        raise _refused("has escapes that are not UTF-8", _SHAPE) from None
    if _ESCAPE.search(text) or any(ord(char) < 32 or ord(char) == 127 for char in decoded):
        raise _refused("has a % that is no escape, or a control character", _SHAPE)
    return decoded
