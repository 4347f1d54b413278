"""What a device cookie is worth: the accounts that recognize a browser by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from authingo.attempts import REPLACED_DEVICE_LIFE, DeviceMatch
from authingo.models import User
from authingo.stores import Store
from authingo.tokens import DeviceToken

DeviceState = Literal["active", "rotated", "expired", "unknown"]

# The states, the best first, and the reason to show. A cookie has the best state of its tokens.
REASONS: dict[DeviceState, str] = {
    "active": "it opens nothing; an account that recognizes the browser by it counts the attempts "
    "from here by themselves, so that strangers cannot keep its owner out",
    "rotated": "a later sign-in has replaced it: the browser should have the next one",
    "expired": "nobody has signed in here for a year: the next sign-in sets another one",
    "unknown": "no account recognizes the browser by it: forgotten for a new password, another "
    "email, ten failures in a row or twenty later browsers, or of another database. The next "
    "sign-in sets another one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One token of a device cookie: whose account recognizes the browser by it, and until when."""

    state: DeviceState
    reason: str
    user: User | None = None
    until: datetime | None = None


async def look_up(store: Store, tokens: tuple[DeviceToken, ...]) -> tuple[Device, ...]:
    """Find the accounts of the tokens, in their order. Changes nothing."""
    known = await store.devices.find([one.digest for one in tokens])
    return tuple(_device(known.get(one.digest)) for one in tokens)


def state_of(devices: tuple[Device, ...]) -> DeviceState:
    """Return the best state of them."""
    states = {one.state for one in devices}
    return next(state for state in REASONS if state in states)


def _device(match: DeviceMatch | None) -> Device:
    if match is None:
        return Device(state="unknown", reason="no account recognizes the browser by this token")
    state: DeviceState
    if not match.active:
        state, reason = "expired", "recognizes the browser no longer: its year is over"
    elif match.active_for <= REPLACED_DEVICE_LIFE:
        state, reason = "rotated", "recognizes the browser a little longer: another replaced it"
    else:
        state, reason = "active", "recognizes the browser"
    return Device(state=state, reason=reason, user=match.user, until=match.expires_at)
