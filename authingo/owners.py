"""The names of the owners of files, for messages."""

from __future__ import annotations


def user_name(number: int) -> str:
    """Return the name of a user of this machine, or the number if it has none."""
    import pwd  # noqa: PLC0415 - there is none on Windows

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def group_name(number: int) -> str:
    """Return the name of a group of this machine, or the number if it has none."""
    import grp  # noqa: PLC0415 - there is none on Windows

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return f"gid {number}"
