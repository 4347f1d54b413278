"""What a program's tests use instead of its real database and mail; see `authingo.testing`."""

from __future__ import annotations

import msgspec

from authingo.capabilities import capabilities, load
from authingo.config import Settings

IN_MEMORY = "sqlite:///:memory:"
CHEAPEST_COST = 4  # of bcrypt: a thousandth of a second; never outside tests

_used: set[str] = set()  # the database of every Auth that this process has made
_url: str | None = None  # what all of them use; None: what their settings say


def use(url: str) -> None:
    """Do what `authingo.testing.use_database` says."""
    global _url  # noqa: PLW0603 - it is about the whole process
    if _used - {url, IN_MEMORY}:
        raise RuntimeError(
            "use_database() came too late: the program has already made an Auth on its own "
            "database. Call it in conftest.py, before anything imports the program"
        )
    _url = url


def settings_for(settings: Settings, *, own_store: bool) -> Settings:
    """Return the settings to make an Auth with: in tests, with another database and no mail."""
    if _url is not None:
        settings = _for_tests(settings)
    if _url is not None and settings.database_url != IN_MEMORY:
        if own_store:
            raise RuntimeError("use_database() cannot replace a store that is handed to Auth")
        passwords = msgspec.structs.replace(settings.passwords, bcrypt_cost=CHEAPEST_COST)
        settings = msgspec.structs.replace(
            settings, database_url=_url, listen_url=None, passwords=passwords
        )
    _used.add(settings.database_url)
    return settings


def _for_tests(settings: Settings) -> Settings:
    for capability in capabilities(settings.plugins):
        if capability.in_tests is not None:
            settings = load(capability.in_tests)(settings)
    return settings
