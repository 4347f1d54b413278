"""The list of capabilities, and what each of them declares.

A capability is one package. Its `__init__.py` declares what it adds to authingo, and one line in
the list below includes it. Without that line, authingo has none of its routes, settings and
events.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NewType

import msgspec

from authingo.errors import ConfigError

# One line for each, such as "authingo.invitations:INVITATIONS": its package, and the name of the
# `Capability` there.
CAPABILITIES: list[str] = [
    "authingo.mail:MAIL",
    "authingo.pages:PAGES",
    "authingo.metrics:METRICS",
]

CapabilityEvent = NewType("CapabilityEvent", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a capability declares. Its use cases are `auth.capability(TheirClass)`.

    Args:
        name: of its table in authingo.toml.
        settings: the type of that table, a subclass of `authingo.config.CapabilitySettings`.
        routes: where its list of routes is, as "package.module:NAME". They are imported when
            a server needs them, so that the command line stays quick. None: it has no routes.
        events: the names of what it records; see `authingo.events`.
        purposes: of its single-use secrets; see `authingo.stores.secrets`.
        lasting_purposes: those of them whose secrets stay when the password or the address of
            their user changes. By default such a change ends them.
        secret_settings: the settings of its table that hold a secret. A variable that ends in
            _FILE may name a file with it.
        notices: what returns the mails that tell a user of a change, as "package.module:NAME": a
            function that is given the settings, the kind of the notice, the user and the client.
        noticed: what is called after mails from `notices` were stored, so that they are sent at
            once, as "package.module:NAME": a function that is given the `Core`.
        admits: what may refuse a session, after the password was found to be right, as
            "package.module:NAME": a coroutine function that is given the `Core`, the user, the
            security version and the client. It raises an `AuthError` to refuse. For a sign-up it
            is given a `NewUser` without a version. An address that was just proved is verified.
        in_tests: what keeps the tests of a program from reaching the world outside, as
            "package.module:NAME": a function that is given the settings and returns others.
        methods: what says how a user without a password can reauthenticate, as
            "package.module:NAME": a function that is given the settings and the credentials of
            the user, and returns names for `Session.methods`.
        site: what answers outside of the base path, as "package.module:NAME": a function that is
            given the settings and returns a `authingo.http.site.Site`, or None if it is off.
        serving: what changes the settings of a program that serves, as "package.module:NAME": a
            function that is given the settings and returns others.
        background: what runs while a server does, as "package.module:NAME": a function that is
            given the `Core` and returns an asynchronous context manager.
        measures: what counts what the program does, as "package.module:NAME": a function that is
            given the settings and returns a `authingo.measuring.Measures`, or None if it is off.
        migrations: the package that has those of its own tables: numbered files in the folders
            `migrations/postgres` and `migrations/sqlite`. Only a plugin has some.

    A plugin gives functions where others give their names, because it is imported anyway.
    """

    name: str
    settings: type[msgspec.Struct]
    routes: str | Callable[..., Any] | None = None
    events: tuple[CapabilityEvent, ...] = ()
    purposes: tuple[str, ...] = ()
    lasting_purposes: tuple[str, ...] = ()
    secret_settings: tuple[str, ...] = ()
    notices: str | None = None
    noticed: str | None = None
    admits: str | None = None
    methods: str | None = None
    in_tests: str | None = None
    site: str | None = None
    serving: str | None = None
    background: str | Callable[..., Any] | None = None
    measures: str | None = None
    migrations: str | None = None


def capabilities(plugins: Sequence[str] = ()) -> list[Capability]:
    """Return what the capabilities of the list declare, and then the plugins of the settings.

    Raises:
        ConfigError: a plugin cannot be imported, is none, or has the id of another.
    """
    found = [load(one) for one in CAPABILITIES]
    found += [_declared_by(one) for one in plugins]
    names = [one.name for one in found]
    if len(set(names)) < len(names):
        raise ConfigError(f"plugins: two of {', '.join(plugins)} have the same id")
    return found


@cache
def _declared_by(plugin: str) -> Capability:
    """Make a plugin, once in each process, and return what it declares."""
    try:
        kind = load(plugin)
    except Exception as error:  # whatever its module raises
        raise ConfigError(
            f'plugins: "{plugin}" cannot be imported: {type(error).__name__}: {error}',
            hint="install its package, and write package.module:Class",
        ) from error
    if not (isinstance(kind, type) and hasattr(kind, "capability")):
        raise ConfigError(f'plugins: "{plugin}" does not inherit from authingo.Plugin')
    declared: Capability = kind().capability()
    return declared


def lasting_purposes() -> tuple[str, ...]:
    """Return the purposes of the secrets that a change of the password or address does not end."""
    return tuple(purpose for one in capabilities() for purpose in one.lasting_purposes)


def load(where: str | Callable[..., Any]) -> Any:
    """Import what a text such as "package.module:NAME" names. Return anything else as it is."""
    if not isinstance(where, str):
        return where
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)
