"""A network between a browser and a server, which can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.program import free_port


class Network:
    """Forwards a loopback port of its own to the port of a server."""

    def __init__(self, server_port: int = 0) -> None:
        """`server_port` may be set later, where the server has to know the port of the network."""
        self.port = free_port()
        self.server_port = server_port
        self._lost: bytes | None = None
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @contextlib.contextmanager
    def up(self) -> Iterator[Network]:
        self._connect()
        try:
            yield self
        finally:
            self._cut()

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Meanwhile no connection exists, and none can be made."""
        self._cut()
        try:
            yield
        finally:
            self._connect()

    @contextlib.contextmanager
    def losing(self, request: str) -> Iterator[None]:
        """Meanwhile requests that begin so, such as "POST /refresh", get lost, and no others."""
        self._lost = request.encode()
        try:
            yield
        finally:
            self._lost = None

    def _connect(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _cut(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # which wakes the thread that waits for it
        self._accepting.join()
        self._listener.close()
        for end in self._ends:
            _hang_up(end)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()
        self._ends, self._threads = [], []

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was cut
            while True:
                browser, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server_port))
                self._ends += [browser, server]
                for ends in ((browser, server), (server, browser)):
                    self._threads.append(threading.Thread(target=self._forward, args=ends))
                    self._threads[-1].start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):  # one of them hung up
            while (piece := source.recv(65536)) and not self._loses(piece):
                target.sendall(piece)
        _hang_up(source)
        _hang_up(target)

    def _loses(self, piece: bytes) -> bool:
        """A browser sends the next request of a connection after it has got the answer."""
        return self._lost is not None and piece.startswith(self._lost)


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other did
        end.shutdown(socket.SHUT_RDWR)
