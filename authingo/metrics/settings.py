"""The settings of metrics."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from authingo.config import CapabilitySettings, Settings
from authingo.errors import ConfigError

_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})", re.ASCII)


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


class MetricsSettings(CapabilitySettings, frozen=True):
    """The table [metrics] of authingo.toml. Each of the first three turns metrics on."""

    enabled: bool = False  # counts, for `auth.metrics`
    listen: str | None = None  # where Prometheus gets them, such as 127.0.0.1:9464
    opentelemetry: bool = False  # whether they go to the program's meter provider as well
    directory: str | None = None  # where several processes share their counts

    @property
    def on(self) -> bool:
        """Whether anything is counted."""
        return self.enabled or self.listen is not None or self.opentelemetry

    @property
    def address(self) -> Address | None:
        """Where Prometheus gets the metrics; None: nowhere of their own."""
        if self.listen is None:
            return None
        found = _ADDRESS.fullmatch(self.listen)
        if found is None or not 1 <= int(found["port"]) <= 65535:
            raise ConfigError(
                "metrics.listen: must be an address and a port, such as 127.0.0.1:9464"
            )
        return Address(found["host"].strip("[]"), int(found["port"]))

    def check(self, settings: Settings) -> None:  # noqa: ARG002 - the same for all capabilities
        """Refuse what cannot work."""
        if self.address is not None:
            require_prometheus("metrics.listen")
        if self.opentelemetry and not _is_there("opentelemetry.metrics"):
            raise ConfigError(
                "metrics.opentelemetry: needs the library opentelemetry-api",
                hint="pip install opentelemetry-sdk, and an exporter of your choice",
            )
        if self.directory is None:
            return
        if not self.on:
            raise ConfigError(
                "metrics.directory: metrics are off",
                hint='set metrics.listen = "127.0.0.1:9464" or metrics.enabled = true',
            )
        if sys.platform == "win32":
            raise ConfigError("metrics.directory: Windows has no locks of the kind that it needs")

    def shared_directory(self, settings: Settings) -> Path | None:
        """Return where several processes share their counts; None: there is one process."""
        return None if self.directory is None else Path(settings.directory, self.directory)


def require_prometheus(name: str) -> None:
    """Refuse what needs the client library of Prometheus if that is missing. Imports nothing.

    Raises:
        ConfigError: it names the extra.
    """
    if find_spec("prometheus_client") is None:
        raise ConfigError(
            f"{name}: needs the library prometheus-client",
            hint="pip install prometheus-client, or install authingo with the extra: "
            "authingo[metrics]",
        )


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its package is missing
        return False
