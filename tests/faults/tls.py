"""A PostgreSQL that speaks TLS on a loopback port."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from tests.postgres import BundledServer
from tests.program import free_port
from tests.tls import Certificates

_HBA = """\
local all all trust
hostssl all carol 127.0.0.1/32 cert
hostssl all dora 127.0.0.1/32 scram-sha-256
hostssl all authingo 127.0.0.1/32 trust
"""


class TLSServer(BundledServer):
    """A server that lets nobody in over the network without TLS."""

    def __init__(self, binaries: Path, certificates: Certificates) -> None:
        super().__init__(binaries)
        self.halt(signal.SIGQUIT)
        (self.data / "pg_hba.conf").write_text(_HBA)
        for name in ("server.pem", "server.key", "ours.pem"):
            copy = Path(shutil.copy(certificates[name], self.data))
            copy.chmod(0o600)
            if self._user is not None:
                shutil.chown(copy, self._user)
        self.port = free_port()
        self._settings = [
            "listen_addresses=127.0.0.1",
            "ssl=on",
            "ssl_cert_file=server.pem",
            "ssl_key_file=server.key",
            "ssl_ca_file=ours.pem",
            f"port={self.port}",
        ]
        self._maintenance_url = f"{self._maintenance_url}&port={self.port}"
        self.start()

    def tcp_url(self, query: str, host: str = "127.0.0.1", user: str = "authingo:hunter2") -> str:
        """Return a URL over the network, with a password that must not be shown."""
        return f"postgresql://{user}@{host}:{self.port}/postgres?{query}"
