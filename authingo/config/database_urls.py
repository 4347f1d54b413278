"""URLs of databases: what they may look like, and what may be shown of them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from authingo.errors import ConfigError


def check_database_url(key: str, url: str) -> None:
    """Refuse what is no URL of a database. `key`: the setting that holds it.

    Raises:
        ConfigError: the URL is not repeated in it, since it may hold a password.
    """
    if scheme_of(url) not in {"sqlite", "postgresql", "postgres"}:
        raise ConfigError(f"{key}: must begin with sqlite:///, or postgresql://")
    if scheme_of(url) == "sqlite" and not url.startswith("sqlite:///"):
        raise ConfigError(f"{key}: a SQLite path takes three slashes, an absolute one four")
    try:
        redact_url(url)
    except ValueError:  # whose message can repeat the password
        raise ConfigError(
            f"{key}: is not a URL",
            hint="write postgresql://user:password@host:5432/database; "
            "a password's [ ] / ? # % and @ are written %5B %5D %2F %3F %23 %25 and %40",
        ) from None


def redact_url(url: str) -> str:
    """Show a database URL without its password or its parameters."""
    parts = urlsplit(url)
    if not parts.hostname and not parts.username:
        return f"{parts.scheme}://{parts.path}"
    user = f"{parts.username}@" if parts.username else ""
    port = re.search(r":(\d+)$", parts.netloc)
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port[0] if port else ''}{parts.path}"


def scheme_of(url: str) -> str:
    """Return what comes before the colon, which names the kind of database."""
    return url.partition(":")[0]
