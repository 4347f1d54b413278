"""Which files are trusted.

Anyone who can write a configuration file chooses the database and the trusted pages. So a
user who works in another user's directory, or below one, must not read settings from a file
there. git once did (CVE-2022-24765; also CWE-732, CWE-427). A file is trusted if both hold:

1. Neither everyone nor a group can write it. The caller's own primary group may, since many
   systems give each user one and let it write by default.
2. It belongs to the caller or to root. Root is as strict as other users: a user's file would
   let that user control root's commands. After `sudo`, the caller is also the user who ran
   it (SUDO_UID).

A file that was found instead of named must also be in a directory that belongs to one of
these users and that others cannot write. Otherwise a stranger could choose which of the
caller's own files is there. In a sticky directory such as /tmp, the owner of the file and of
any symbolic link to it is checked instead.

A file that was named (`--config`, AUTHINGO_CONFIG, AUTHINGO_DATABASE_URL_FILE) was chosen on
purpose, so the directory does not matter. It may then also belong to another user

- if root named it: root knows whom to trust, and in a container often only has files of the
  user who mounted them;
- or if only root and the caller can write its directory, since one of them has put it
  there. Docker mounts a secret from its author's file into such a directory.

On Windows files have no such owners and modes, so nothing is checked there.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from authingo.errors import ConfigError
from authingo.owners import group_name, user_name


def require_trusted(
    file: Path,
    facts: os.stat_result,
    *,
    named: bool,
    of: str = "",
    chooses: str = "the database and the trusted pages",
) -> None:
    """Refuse a file, or a directory, that another user could have written.

    Args:
        file: where it is.
        facts: those of the open file, so that it cannot be swapped after the check.
        named: whether it was named; else it was found in the working directory or above.
        of: the variable that names the file, if it holds a secret.
        chooses: what its author decides, for the message.

    Raises:
        ConfigError: it is not trusted; with its owner, its mode, and what to do.
    """
    if sys.platform == "win32":
        return
    shown = f"the file of {of}, {file}," if of else str(file)
    _check_writers(file, shown, facts)
    if facts.st_uid not in _own_users() and not (named and _is_chosen(file.parent)):
        raise _of_a_stranger(file, shown, facts, found=not named, chooses=chooses)
    if not named:
        _check_place(file)


def _own_users() -> set[int]:
    return {os.geteuid(), 0, *_before_sudo("SUDO_UID")}


def _own_groups() -> set[int]:
    return {os.getegid(), *_before_sudo("SUDO_GID")}


def _before_sudo(variable: str) -> list[int]:
    """Return the user or group that ran sudo. Unless this is root, the variable proves nothing."""
    text = os.environ.get(variable, "")
    return [int(text)] if os.geteuid() == 0 and text.isascii() and text.isdigit() else []


def _check_writers(file: Path, shown: str, facts: os.stat_result) -> None:
    owner, mode = user_name(facts.st_uid), _mode(facts)
    if facts.st_mode & stat.S_IWOTH:
        raise ConfigError(
            f"{shown} can be written by every user of this machine: it belongs to {owner} "
            f"(mode {mode})",
            hint=f"chmod o-w {file}",
        )
    if facts.st_mode & stat.S_IWGRP and facts.st_gid not in _own_groups():
        raise ConfigError(
            f"{shown} can be written by the group {group_name(facts.st_gid)}: it belongs to "
            f"{owner} (mode {mode}), and this runs as {_me()}",
            hint=f"chmod g-w {file}",
        )


def _is_chosen(directory: Path) -> bool:
    """Return whether root or the caller named the file, or must have put it there."""
    if os.geteuid() == 0:
        return True
    try:
        facts = directory.stat()
    except OSError:
        return False
    return facts.st_uid in _own_users() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _of_a_stranger(
    file: Path, shown: str, facts: os.stat_result, *, found: bool, chooses: str
) -> ConfigError:
    owner = user_name(facts.st_uid)
    if not found:
        hint = f"chown root {file}, or move it into a directory that only root can write"
    elif os.geteuid() == 0:
        hint = (
            f"if you trust {owner}, name it: --config {file}, or AUTHINGO_CONFIG; "
            f"or chown root {file}; else run this in another directory"
        )
    else:
        hint = f"if you trust it: chown {_me()} {file}; else run this in another directory"
    return ConfigError(
        f"{shown} belongs to {owner} (mode {_mode(facts)}), and this runs as {_me()}: {owner} "
        f"would choose {chooses}",
        hint=hint,
    )


def _check_place(file: Path) -> None:
    directory, link = file.parent, file.lstat()
    if link.st_uid not in _own_users():  # else it is the file itself
        raise ConfigError(
            f"{file} is a symbolic link of {user_name(link.st_uid)}, and this runs as {_me()}",
            hint=f"if you trust it: chown -h {_me()} {file}; else run this in another directory",
        )
    facts = directory.stat()
    owner, mode = user_name(facts.st_uid), _mode(facts)
    if facts.st_uid not in _own_users():
        raise ConfigError(
            f"{file} is in a directory of {owner} (mode {mode}), and this runs as {_me()}: "
            f"{owner} decides which file is there",
            hint=f"if you trust {owner}, name the file: AUTHINGO_CONFIG={file}; "
            "else run this in another directory",
        )
    others = facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX
    if others and not os.statvfs(directory).f_flag & os.ST_RDONLY:
        raise ConfigError(
            f"{file} is in a directory that every user of this machine can write: it belongs to "
            f"{owner} (mode {mode})",
            hint=f"chmod o-w {directory}, or name the file: AUTHINGO_CONFIG={file}",
        )


def _me() -> str:
    return user_name(os.geteuid())


def _mode(facts: os.stat_result) -> str:
    return f"{stat.S_IMODE(facts.st_mode):04o}"
