"""htmx, as docs/server-rendered.md says to get it."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.browser import skip_or_fail

_PACKAGE = "htmx.org@2.0.11"


@functools.cache
def htmx_script() -> bytes:
    """Return htmx.min.js, from the registry of npm."""
    npm = shutil.which("npm")
    if npm is None:
        skip_or_fail("npm is missing: it gets htmx")
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run([npm, "pack", _PACKAGE], cwd=directory, check=True, capture_output=True)
        (archive,) = Path(directory).glob("*.tgz")
        with tarfile.open(archive) as packed:
            script = packed.extractfile("package/dist/htmx.min.js")
            assert script is not None
            return script.read()
