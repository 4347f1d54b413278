"""Write files as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write(target: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file and the directories above it.

    It writes a file beside the target and then renames it. So a full disk leaves the old file,
    not half of the new one, and a symbolic link is replaced, not written through (CWE-59).

    Raises:
        FileConflict: it cannot be written.
    """
    from authingo.cli.errors import FileConflict

    mode = 0o600 if private else 0o644
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as stream:
            stream.write(content)
        part.replace(target)
    except OSError as error:
        raise FileConflict(f"cannot write {target}: {error.strerror}") from None
