"""Plugins: capabilities that other packages bring, named in authingo.toml.

A plugin has whatever a capability of authingo has, and nothing else is known about it: the server,
the command line, `authingo migrate` and `authingo doctor` all read `plugins` of the settings. It
runs with all rights of the program, so `plugins` is read only from a file that others cannot change
(`authingo.config.trusted_files`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from authingo.capabilities import Capability, CapabilityEvent
from authingo.config import CapabilitySettings
from authingo.core import Core
from authingo.errors import ConfigError
from authingo.http.route import Route

_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")


class NoSettings(CapabilitySettings, frozen=True):
    """The table of a plugin without settings."""


class Plugin:
    """What a package adds to authingo. Inherit, and name the class in `plugins`.

    One object of the class is made in each process, without arguments. What belongs to one `Auth`
    is in a class of use cases, which `auth.capability(TheirClass)` makes with its `Core`.

    Attributes:
        id: lower-case ASCII letters, digits and underscores, 32 at most. Its tables are named
            `authingo_<id>_…`, and its settings are in `[plugin.<id>]`.
        settings: the type of that table. Its defaults should turn nothing on.
        events: the names of what it records, each unlike any other.
        purposes: of its single-use secrets; see `authingo.stores.secrets`.
        secret_settings: the settings that hold a secret. A variable that ends in _FILE may name
            a file with it.
        migrations: the package with the folders `migrations/postgres` and `migrations/sqlite`, if
            it has tables of its own. Their files are numbered from `0001_name.sql`.
    """

    id: ClassVar[str]
    settings: ClassVar[type[CapabilitySettings]] = NoSettings
    events: ClassVar[tuple[CapabilityEvent, ...]] = ()
    purposes: ClassVar[tuple[str, ...]] = ()
    secret_settings: ClassVar[tuple[str, ...]] = ()
    migrations: ClassVar[str | None] = None

    def routes(self) -> Sequence[Route]:
        """Return its routes. They obey the same rules as those of authingo."""
        return ()

    async def open(self, core: Core) -> None:
        """Get ready: called when a server starts, after the database was opened."""

    async def close(self, core: Core) -> None:
        """Stop: called when the server ends, before the database is closed."""

    def capability(self) -> Capability:
        """Return what the plugin declares, as authingo's own parts do.

        Raises:
            ConfigError: the id is missing, or cannot be one.
        """
        name = getattr(self, "id", "")
        if not _ID.fullmatch(name):
            raise ConfigError(
                f"the id of the plugin {type(self).__name__} must match {_ID.pattern}"
            )
        return Capability(
            name=f"plugin.{name}",
            settings=self.settings,
            routes=self.routes,
            events=self.events,
            purposes=self.purposes,
            secret_settings=self.secret_settings,
            background=self._running,
            migrations=self.migrations,
        )

    @contextlib.asynccontextmanager
    async def _running(self, core: Core) -> AsyncIterator[None]:
        await self.open(core)
        try:
            yield
        finally:
            await self.close(core)
