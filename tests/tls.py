"""Certificates: one that nobody trusts, and those of two authorities."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.browser import skip_or_fail

_NAMES = "subjectAltName=IP:127.0.0.1,DNS:db.example"  # not localhost
_REQUEST = shlex.split(
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    " -keyout key.pem -out cert.pem -days 2 -subj /CN=test"
)


@dataclass(frozen=True)
class Certificate:
    """The two files, as uvicorn takes them."""

    key: str
    certificate: str


def make_certificate(directory: Path) -> Certificate:
    """Make one for tests whose browser is told not to mind."""
    if shutil.which("openssl") is None:
        skip_or_fail("openssl is missing: it makes the certificate")
    subprocess.run(["openssl", *_REQUEST], cwd=directory, capture_output=True, check=True)
    return Certificate(str(directory / "key.pem"), str(directory / "cert.pem"))


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
