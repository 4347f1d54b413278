"""A PostgreSQL that speaks TLS on a loopback port, and the certificates for it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

from tests.postgres import BundledServer
from tests.program import free_port

_HBA = """\
local all all trust
hostssl all carol 127.0.0.1/32 cert
hostssl all dora 127.0.0.1/32 scram-sha-256
hostssl all authingo 127.0.0.1/32 trust
"""
_NAMES = "subjectAltName=IP:127.0.0.1,DNS:db.example"  # not localhost


class Certificates:
    """Two authorities; the first one signed the server's certificate and a client's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for authority in ("ours", "others"):
            self._openssl(
                f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={authority}"
                " -addext keyUsage=critical,keyCertSign,cRLSign"
                f" -keyout {authority}.key -out {authority}.pem"
            )
        # Python 3.13 wants to see which key signed (RFC 5280 §4.2.1.1), as every public one says.
        self["extensions"].write_text("authorityKeyIdentifier = keyid\n")
        for name in ("server", "carol"):
            self._openssl(
                f"req -newkey rsa:2048 -nodes -subj /CN={name} -addext {_NAMES}"
                f" -keyout {name}.key -out {name}.csr"
            )
            self._openssl(
                f"x509 -req -in {name}.csr -CA ours.pem -CAkey ours.key -days 2"
                f" -copy_extensions copy -extfile extensions -out {name}.pem"
            )

    def __getitem__(self, name: str) -> Path:
        return self._directory / name

    def _openssl(self, arguments: str) -> None:
        command = ["openssl", *arguments.split()]
        subprocess.run(command, cwd=self._directory, check=True, capture_output=True)


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
