"""Find out how this authingo was installed, and write the requirement that installs it again.

The bare name is written only where authingo came from an index. Elsewhere that name belongs
to whoever registers it, and `pip install` would run their code.

An installer records where it found a package in direct_url.json (PEP 610,
https://packaging.python.org/en/latest/specifications/direct-url/); for a package from an
index there is no such file.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname

_HASHES = ("sha512", "sha384", "sha256")  # the secure ones of those that pip checks in a URL
# PEP 610 lets the names of environment variables stand for a user and a password.
_VARIABLES = re.compile(r"\$\{[A-Za-z0-9_-]+\}(:\$\{[A-Za-z0-9_-]+\})?", re.ASCII)
_REINSTALL = "install authingo again, from a directory, a wheel or a repository that stays"


@dataclass(frozen=True)
class Source:
    """Where an authingo came from.

    Attributes:
        requirement: a line that installs the same version again. It holds no credentials.
        directory: the directory that the line needs; None if it needs only a network.
        credentials_left_out: the URL had some, which the user who installs has to supply.
    """

    requirement: str
    directory: Path | None = None
    credentials_left_out: bool = False


def installed_from() -> Source:
    """Return where the authingo that runs came from.

    Raises:
        FileConflict: that is unknown, or what it came from is gone.
    """
    # A source tree on sys.path has metadata too (egg-info, without METADATA), and no record.
    found = next((one for one in distributions(name="authingo") if one.read_text("METADATA")), None)
    if found is None:
        _refuse("this authingo runs from its sources and is not installed", "pip install it")
    record = found.read_text("direct_url.json")
    if record is None:
        return Source(f"authingo=={found.version}")
    try:
        return _source(json.loads(record))
    except (ValueError, KeyError, TypeError, AttributeError):
        _refuse("the record of how authingo was installed cannot be read", _REINSTALL)


def _source(record: dict[str, Any]) -> Source:
    url = urlsplit(_one_line(record["url"]))
    vcs, archive = record.get("vcs_info"), record.get("archive_info") or {}
    if url.query:
        _refuse("authingo was installed from a URL with a query, which may be a secret", _REINSTALL)
    prefix = suffix = ""
    fragments = []
    if vcs is not None:
        prefix = f"{_word(vcs['vcs'])}+"
        suffix = f"@{_word(vcs['commit_id'])}"
    elif checksum := _checksum(archive):
        fragments.append(checksum)
    if record.get("subdirectory"):
        fragments.append(f"subdirectory={record['subdirectory']}")
    if url.scheme == "file":
        path = Path(url2pathname(url.path))
        if not path.exists():
            _refuse(f"authingo was installed from {path}, which is gone", _REINSTALL)
        address, left_out = path.as_uri(), False
        directory = path if path.is_dir() else path.parent
    else:
        address, left_out = _without_credentials(url)
        directory = None
    whole = f"{prefix}{address}{suffix}{'#' if fragments else ''}{'&'.join(fragments)}"
    return Source(f"authingo @ {_one_line(whole)}", directory, left_out)


def _without_credentials(url: SplitResult) -> tuple[str, bool]:
    user, at, host = url.netloc.rpartition("@")
    if not _VARIABLES.fullmatch(user):
        # `git@` of an ssh address is the name of a service, not of a person.
        kept = user.partition(":")[0] if url.scheme.endswith("ssh") else ""
        address = f"{url.scheme}://{kept}{'@' if kept else ''}{host}{url.path}"
        return address, kept != user
    return f"{url.scheme}://{user}{at}{host}{url.path}", False


def _checksum(archive: dict[str, Any]) -> str | None:
    name, _, value = archive.get("hash", "").partition("=")  # as older installers wrote it
    known = {name: value, **archive.get("hashes", {})}
    return next((f"{one}={_word(known[one])}" for one in _HASHES if one in known), None)


def _one_line(url: str) -> str:
    """Refuse a URL that would end early in a requirements.txt, and let something else begin."""
    if re.search(r"\s", url) or not url.isprintable():
        raise ValueError
    return url


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text, re.ASCII):
        raise ValueError
    return text


def _refuse(why: str, hint: str) -> NoReturn:
    from authingo.cli.errors import FileConflict

    raise FileConflict(f"cannot write requirements.txt: {why}", hint=hint)
