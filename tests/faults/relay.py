"""Between a program and PostgreSQL: bytes that stop coming, without a word."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit


class Relay:
    """Passes on what is said on a socket of its own, until it is told to stop."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._server = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._home = Path(tempfile.mkdtemp(prefix="authingo-relay-", dir="/tmp"))  # sockets: short
        self.url = f"postgresql://authingo@{parts.path}?host={quote(str(self._home))}"
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
        self._lost = 0  # of the sockets, those whose bytes go nowhere for ever
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._home / ".s.PGSQL.5432"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self) -> int:
        """How many there were so far."""
        return len(self._sockets) // 2

    def hold(self) -> None:
        """Pass nothing on, and close nothing."""
        self._flowing.clear()

    def go_on(self) -> None:
        """Pass on what was held and what follows."""
        self._flowing.set()

    def lose(self) -> None:
        """Let whatever comes on the connections there are vanish; new ones work."""
        self._lost = len(self._sockets)

    def stop(self) -> None:
        self._flowing.set()
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                program, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                number = len(self._sockets)
                self._sockets += [program, server]
                for source, target in ((program, server), (server, program)):
                    threading.Thread(
                        target=self._pass_on, args=(source, target, number), daemon=True
                    ).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                if number >= self._lost:
                    target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
