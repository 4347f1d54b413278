"""Send what many callers ask in few statements.

What is asked while a statement is running is sent together in the next one. So the busier the
server is, the fewer statements a question takes. Questions are answered in the order in which they
came, so that none waits for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from authingo.errors import StoreUnavailable

Q = TypeVar("Q")
A = TypeVar("A")

_MOST = 200  # questions in one statement


class _Asked(NamedTuple):
    """A question that waits for its answer. Its deadline is by the event loop's clock."""

    question: Any
    answer: asyncio.Future[Any]
    deadline: float


class Together(Generic[Q, A]):
    """Asks one statement after the other, on one event loop.

    Args:
        send: is given some questions, of which two may be equal, and the deadline of the one that
            has waited longest, by the event loop's clock. Returns the answers that there are, or
            raises StoreUnavailable when the deadline is over.
        timeout: seconds in which a question is answered. One that came later than another may be
            refused with it.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Q], float], Awaitable[Mapping[Q, A]]],
        *,
        timeout: float,
    ) -> None:
        self._send = send
        self._timeout = timeout
        self._waiting: list[_Asked] = []
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A | None:
        """Return the answer; None if there is none.

        Raises:
            StoreUnavailable: within the timeout, which begins with this call.
        """
        loop = asyncio.get_running_loop()
        asked = _Asked(question, loop.create_future(), loop.time() + self._timeout)
        self._waiting.append(asked)
        # It is done if it was cancelled before it began, or had nothing to wait for (Python 3.12's
        # eager tasks).
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        answer: A | None = await asked.answer
        return answer

    async def close(self) -> None:
        """End. What still waits raises StoreUnavailable."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None  # a task that is cancelled before its first step does not do it
        _refuse(self._waiting, StoreUnavailable())
        self._waiting = []

    def abandon(self) -> None:
        """End without waiting: what still waits is refused if the event loop runs again.

        Nothing may be asked after this.
        """
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        asked: list[_Asked] = []
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                answers = await self._send([one.question for one in asked], asked[0].deadline)
                for one in asked:
                    if not one.answer.done():
                        one.answer.set_result(answers.get(one.question))
        except BaseException as error:
            # What was asked meanwhile has waited too, so it fails as well.
            refused = error if isinstance(error, StoreUnavailable) else StoreUnavailable()
            _refuse([*asked, *self._waiting], refused)
            self._waiting = []
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            self._running = None


def _refuse(asked: list[_Asked], refused: StoreUnavailable) -> None:
    for one in asked:
        if not one.answer.done():
            one.answer.set_exception(refused)
