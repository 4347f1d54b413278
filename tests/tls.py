"""A certificate that nobody trusts, for tests whose browser is told not to mind."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.browser import skip_or_fail

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
    if shutil.which("openssl") is None:
        skip_or_fail("openssl is missing: it makes the certificate")
    subprocess.run(["openssl", *_REQUEST], cwd=directory, capture_output=True, check=True)
    return Certificate(str(directory / "key.pem"), str(directory / "cert.pem"))
