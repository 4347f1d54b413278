"""Hooks of the application that run inside the transaction that changes a user.

What they write is committed together with that change, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Literal, Protocol, TypeVar, get_args

from authingo.errors import AuthError, Refused, StoreUnavailable
from authingo.models import User

T = TypeVar("T")

WithinEvent = Literal["user_created", "user_deleted", "user_evicted"]

# What would end the transaction, or start another one.
_CONTROL = re.compile(
    r"\s*(abort|begin|commit|end|release|rollback|savepoint|start|prepare|attach|detach|pragma|vacuum)\b",
    re.IGNORECASE,
)


class Statements(Protocol):
    """How an adapter runs a statement in a transaction that has begun."""

    async def execute(self, statement: str, parameters: Sequence[object]) -> int:
        """Run a statement, and return how many rows it changed."""

    async def fetch(self, statement: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
        """Run a statement, and return its rows by the names of their columns."""


class HookConnection:
    """What a hook gets: statements in the transaction that is open, with `$1`, `$2` … for values.

    An error of the driver is raised as it is. After that the transaction is rolled back, even if
    the hook catches the error: PostgreSQL accepts no more statements then.
    """

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self.is_over = False
        self.failure: Exception | None = None

    async def execute(self, statement: str, *parameters: object) -> int:
        """Run a statement, and return how many rows it changed."""
        return await self._checked(self._statements.execute, statement, parameters)

    async def fetch(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """Run a statement, and return its rows by the names of their columns."""
        return await self._checked(self._statements.fetch, statement, parameters)

    async def _checked(
        self,
        run: Callable[[str, Sequence[object]], Awaitable[T]],
        statement: str,
        parameters: Sequence[object],
    ) -> T:
        if self.is_over:
            raise RuntimeError("this connection was for a hook that has returned")
        if _CONTROL.match(statement):
            raise ValueError("a hook can neither begin nor end a transaction")
        try:
            return await run(statement, parameters)
        except Exception as error:
            self.failure = self.failure or error
            raise


WithinHook = Callable[[User, HookConnection], Awaitable[None]]


class HookFailed(Exception):
    """What a hook raised. It must not be translated like an error of the database."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


# The connection of the hook that runs at this moment.
_running: ContextVar[HookConnection | None] = ContextVar("authingo_hook", default=None)


def refuse_inside_hook() -> None:
    """Refuse to use the store inside a hook, which would wait for itself.

    Raises:
        RuntimeError: this is the task of a hook, or one that it started, and it is not over.
    """
    connection = _running.get()
    if connection is not None and not connection.is_over:
        raise RuntimeError(
            "authingo cannot be called inside a `within` hook, whose transaction is still open: "
            "use the hook's connection"
        )


class Within:
    """The hooks of one store, by their event."""

    def __init__(self) -> None:
        self._hooks: dict[WithinEvent, list[WithinHook]] = {}

    def add(self, event: WithinEvent, hook: WithinHook) -> None:
        """Add a hook. Hooks of one event run in the order in which they were added.

        Raises:
            ValueError: there is no such event.
        """
        if event not in get_args(WithinEvent):
            raise ValueError(f"within: {event!r} is none of {', '.join(get_args(WithinEvent))}")
        self._hooks.setdefault(event, []).append(hook)

    def has(self, event: WithinEvent) -> bool:
        """Return whether there is a hook for an event."""
        return event in self._hooks

    async def run(self, event: WithinEvent, user: User, statements: Statements) -> None:
        """Run the hooks of an event. The caller sees to the deadline.

        Raises:
            HookFailed: a hook raised an error. The transaction has to be rolled back.
            StoreUnavailable: the database failed.
        """

        async def hooks(connection: HookConnection) -> None:
            for hook in self._hooks.get(event, ()):
                await hook(user, connection)

        try:
            await run_inside(hooks, statements)
        except HookFailed as failed:
            error = failed.error
            if isinstance(error, AuthError) and not isinstance(error, Refused):
                wrong = RuntimeError(f"a hook for {event} raised {type(error).__name__}")
                wrong.__cause__ = error
                raise HookFailed(wrong) from error
            raise


async def run_inside(work: Callable[[HookConnection], Awaitable[T]], statements: Statements) -> T:
    """Do work in a transaction that has begun. The caller sees to the deadline.

    Raises:
        HookFailed: the work raised an error, or a statement failed. The caller rolls back.
        StoreUnavailable: the database failed.
    """
    connection = HookConnection(statements)
    token = _running.set(connection)
    try:
        done = await work(connection)
        if connection.failure is not None:
            raise connection.failure  # noqa: TRY301 - it goes the same way
    except StoreUnavailable:
        raise
    except Exception as error:
        raise HookFailed(error) from error
    else:
        return done
    finally:
        connection.is_over = True
        _running.reset(token)
