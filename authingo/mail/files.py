"""Write mails into a directory, to look at them while developing."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from authingo.mail.outcomes import NotDelivered

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)


def write(directory: Path, name: str, mail: bytes) -> None:
    """Write a mail as `<name>.eml`, which appears only when it is complete.

    The directory is created if its parent exists. Only its owner can read it and the mails,
    because they hold links that reset passwords.

    Raises:
        NotDelivered: it cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise NotDelivered("the Message-ID cannot be the name of a file", permanent=True)
    unfinished = directory / f".{name}.{secrets.token_hex(8)}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        try:
            _write_through(unfinished, mail)
            unfinished.replace(directory / f"{name}.eml")
        finally:
            with contextlib.suppress(FileNotFoundError):  # it has its final name
                unfinished.unlink()
    except OSError as error:
        raise NotDelivered(f"cannot write to {directory}: {error.strerror}") from None


def _write_through(path: Path, mail: bytes) -> None:
    """Write a new file and wait until the disk has it, so that a crash leaves no empty mail."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(mail)
        file.flush()
        os.fsync(descriptor)
