"""The settings of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from authingo.config import CapabilitySettings, Settings
from authingo.config.checking import is_plain_path
from authingo.errors import ConfigError
from authingo.mail.inbox import Inbox
from authingo.mail.settings import MailSettings

# Where links in mails lead to, by the name of the link. The documents have the same names.
LINK_PAGES = {
    "reset_password": "reset-password",
    "verify_email": "verify-email",
    "change_email": "change-email",
    "undo_email_change": "undo-email-change",
    "undo_deletion": "undo-deletion",
}
LOGO_TYPES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
}
_LARGEST = 512 * 1024  # bytes of a file that is kept in memory


class PagesSettings(CapabilitySettings, frozen=True):
    """The table [pages] of authingo.toml."""

    enabled: bool = False
    path: str = "/auth"  # as the browser sees it
    name: str | None = None  # of your site; by default the host of `public_url`
    logo: str | None = None  # a picture, relative to authingo.toml
    css: str | None = None  # a style sheet with your own values, relative to authingo.toml
    inbox: bool = False  # whether a program in development shows its mails at /auth/inbox
    texts: str | None = None  # a TOML file with your own texts, relative to authingo.toml

    def check(self, settings: Settings) -> None:
        """Refuse what cannot work."""
        if not is_plain_path(self.path):
            raise ConfigError(
                "pages.path: must be a path such as /auth, with a leading slash and none at the end"
            )
        if not self.enabled:
            return
        pages, routes = self.path + "/", settings.base_path + "/"
        if pages.startswith(routes) or routes.startswith(pages):
            raise ConfigError("pages.path: must not be below base_path, nor above it")
        if not self.path.startswith(_site_path(settings) + "/"):
            raise ConfigError(
                f"pages.path: must begin with {_site_path(settings)}, the path of public_url, "
                "because links in mails lead there"
            )
        if self.logo is not None and self.logo.rpartition(".")[2].lower() not in LOGO_TYPES:
            raise ConfigError(f"pages.logo: must be a file of {', '.join(LOGO_TYPES)}")
        for name in ("logo", "css"):
            self.read(name, settings.directory)
        if self.texts is not None:
            from authingo.pages.texts import read_texts  # noqa: PLC0415 - only where it is used

            read_texts(self.read("texts", settings.directory))

    def own_paths(self) -> tuple[str, ...]:
        """Return the path of the pages, which `next` may not lead to."""
        return (self.path,) if self.enabled else ()

    def links(self, settings: Settings) -> Mapping[str, str]:
        """Return the pages that links and redirects lead to."""
        if not self.enabled:
            return {}
        below = self.path.removeprefix(_site_path(settings))
        pages = {**LINK_PAGES, "sign_in": "sign-in"}
        return {name: f"{below}/{page}" for name, page in pages.items()}

    def read(self, name: str, directory: Path) -> bytes | None:
        """Return the file that a setting names, or None if it names none.

        Raises:
            ConfigError: it cannot be read, or is too large.
        """
        value: str | None = getattr(self, name)
        if value is None:
            return None
        file = Path(directory, value)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ConfigError(f"pages.{name}: cannot read {file}: {error.strerror}") from None
        if len(content) > _LARGEST:
            raise ConfigError(f"pages.{name}: {file} has more than {_LARGEST // 1024} kB")
        return content


def has_inbox(settings: Settings) -> bool:
    """Return whether the pages show the mails of a program in development.

    They do where only this machine can reach it: `public_url` is http on a loopback address.
    """
    own = settings.of(PagesSettings)
    return own.enabled and own.inbox and not settings.secure_cookies


def opened_inbox(settings: Settings) -> Inbox | None:
    """Return the mails that the pages show, or None if they show none."""
    mail = settings.of(MailSettings)
    return mail.server.inbox if has_inbox(settings) and mail.server and mail.by_itself else None


def site_name(settings: Settings) -> str:
    """Return how the pages call the site."""
    named = settings.of(PagesSettings).name
    return named or urlsplit(settings.public_url or "").hostname or "your account"


def _site_path(settings: Settings) -> str:
    return urlsplit(settings.public_url or "").path.rstrip("/")
