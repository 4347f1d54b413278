"""Gates: functions of the application that may refuse a sign-up, a sign-in or a new address.

They are asked after the last factor, so that what they answer says nothing to strangers, and before
anything is written. A gate that fails or hangs admits nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from authingo.errors import AuthError, Refused, StoreUnavailable
from authingo.models import Client, User

Action = Literal["sign_up", "sign_in", "change_email"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAttempt:
    """What somebody is about to do, after they have proved who they are.

    Args:
        action: "sign_up", "sign_in" or "change_email".
        method: how they have proved it: "password", "link" (in a mail), "code" (from a mail),
            "session", or "program" if it is `Auth.begin_session` that was called.
        email: the address, normalized. For "change_email" it is the new one.
        user: the user as they are; None for a sign-up.
        client: who sends the request.
    """

    action: Action
    method: str
    email: str
    user: User | None
    client: Client


Gate = Callable[[GateAttempt], Awaitable[None]]


async def ask(gates: Sequence[Gate], attempt: GateAttempt, *, at_most: timedelta) -> None:
    """Ask all gates, in the order in which they were added. They have `at_most` together.

    Raises:
        Refused: a gate refuses.
        StoreUnavailable: they took too long.
        RuntimeError: a gate raised another error of authingo, which must not become the answer.
    """
    try:
        async with asyncio.timeout(at_most.total_seconds()) as deadline:
            for gate in gates:
                await gate(attempt)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise StoreUnavailable(
            f"a gate took longer than store.timeout, for {attempt.action} by {attempt.method}"
        ) from None
    except (Refused, StoreUnavailable):
        raise
    except AuthError as error:
        raise RuntimeError(f"a gate raised {type(error).__name__}") from error
