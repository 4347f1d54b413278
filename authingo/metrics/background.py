"""What metrics do while a server runs: share the counts, note current values, and listen."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

from authingo.core import Core
from authingo.metrics.cells import lock
from authingo.metrics.measures import Measured
from authingo.metrics.prometheus import Exposition, Server
from authingo.metrics.settings import Address, MetricsSettings

_EVERY = 1.0  # seconds between two looks at the current values
_LISTENER = "listener.lock"  # its owner is the process that listens for Prometheus

_log = logging.getLogger("authingo")


@contextlib.asynccontextmanager
async def measuring(core: Core) -> AsyncIterator[None]:
    """Show what is counted while a server runs, where metrics are on."""
    measured = core.measures
    if not isinstance(measured, Measured):
        yield
        return
    settings = core.settings.of(MetricsSettings)
    directory = settings.shared_directory(core.settings)
    if directory is not None:
        try:
            measured.cells.share(directory)
        except OSError as error:  # nobody should be kept from signing in by that
            _log.error("metrics count this process only: metrics.directory: %s", error)
            directory = None
    if settings.opentelemetry:
        measured.observe()
    exposition = Exposition(measured.cells, directory)
    listener = Listener(exposition, settings.address, directory)
    task = asyncio.create_task(_look(core, measured, listener))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await asyncio.to_thread(listener.close)
        measured.cells.leave()


async def _look(core: Core, measured: Measured, listener: Listener) -> None:
    while True:
        try:
            measured.look(core)
            listener.listen()
        except Exception:  # noqa: BLE001 - the next look may succeed
            _log.exception("metrics cannot be kept up to date")
        await asyncio.sleep(_EVERY)


class Listener:
    """Listens for Prometheus in one of the processes; if that ends, in another one."""

    def __init__(
        self, exposition: Exposition, address: Address | None, directory: Path | None
    ) -> None:
        """Do nothing yet."""
        self._exposition = exposition
        self._address = address
        self._directory = directory
        self._turn: int | None = None  # the file whose lock says that it is this process's turn
        self._server: Server | None = None
        self._complained = False

    def listen(self) -> None:
        """Begin to listen, unless this or another process does. Call it again and again."""
        if self._address is None or self._server is not None or not self._is_its_turn():
            return
        try:
            self._server = self._exposition.serve(self._address)
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._turn is not None:
            os.close(self._turn)
            self._turn = None

    def _is_its_turn(self) -> bool:
        if self._directory is None or self._turn is not None:
            return True
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            file = os.open(self._directory / _LISTENER, flags, mode=0o600)
        except OSError as error:
            self._complain(error)
            return False
        if lock(file):
            self._turn = file
            return True
        os.close(file)
        return False

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            hint = "" if self._directory else " (several processes need metrics.directory)"
            _log.error("metrics.listen: cannot listen yet: %s%s", error, hint)
