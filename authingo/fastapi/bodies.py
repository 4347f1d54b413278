"""Request bodies: JSON, small, prompt, and with one meaning only; and when nobody waits any more.

`json.loads` alone would take UTF-16, the last of two equal keys, NaN and
numbers that exhaust a parser; each has let one layer see another value than the
next one (ASVS 5.0 V1.5.3, V2.2.1, V4.1.5).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NoReturn, TypeVar

from authingo.errors import (
    BodyTooLarge,
    InvalidInput,
    InvalidJSON,
    RequestTimeout,
    UnsupportedMediaType,
)
from authingo.fastapi.headers import Scope, header_values

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

T = TypeVar("T")

MAX_SIZE = 16 * 1024  # bytes
TIMEOUT = 10  # seconds for the whole body; a slower one holds a connection for nothing

_MEDIA_TYPE = re.compile(rb'application/json(\s*;\s*charset\s*=\s*"?utf-8"?)?\s*', re.IGNORECASE)


class ClientGone(Exception):
    """The client hung up before its body was complete: there is nobody to answer."""


async def read_strings(scope: Scope, receive: Receive, names: tuple[str, ...]) -> dict[str, str]:
    """Read a JSON object that has exactly these fields, all of them strings.

    Args:
        scope: of the request.
        receive: of the request.
        names: the fields; where there are none, no body and `{}` are both fine.

    Raises:
        UnsupportedMediaType, BodyTooLarge, RequestTimeout, InvalidJSON,
        InvalidInput: in this order; none repeats what was sent.
        ClientGone: there is nobody to answer.
    """
    types = header_values(scope, b"content-type")
    unusual = len(types) > 1 or (types and not _MEDIA_TYPE.fullmatch(types[0]))
    if unusual or header_values(scope, b"content-encoding") or (names and not types):
        raise UnsupportedMediaType
    raw = await _read(scope, receive)
    if not raw and not names:
        return {}
    if not types:
        raise UnsupportedMediaType
    value = _parse(raw)
    if not isinstance(value, dict):
        raise InvalidInput({}, "The body must be a JSON object.")
    if value.keys() - set(names):
        raise InvalidInput({}, "The body has a field that is not known here.")
    fields = {
        name: "must be a string" if name in value else "is missing"
        for name in names
        if not isinstance(value.get(name), str)
    }
    if fields:
        raise InvalidInput(fields)
    return value


async def _read(scope: Scope, receive: Receive) -> bytes:
    lengths = header_values(scope, b"content-length")
    if any(not length.isdigit() or int(length[:20]) > MAX_SIZE for length in lengths):
        raise BodyTooLarge
    raw = bytearray()
    try:
        async with asyncio.timeout(TIMEOUT):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                raw += message.get("body", b"")
                if len(raw) > MAX_SIZE:
                    raise BodyTooLarge
                if not message.get("more_body", False):
                    return bytes(raw)
    except TimeoutError:
        raise RequestTimeout from None


async def while_listening(answering: Awaitable[T], receive: Receive) -> T:
    """Await an answer for as long as the client does.

    Raises:
        ClientGone: it hung up, and what it asked for has been cancelled.
    """
    answer = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(_await_disconnect(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientGone
        return answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _await_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _parse(raw: bytes) -> object:
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):  # a UnicodeDecodeError is a ValueError
        raise InvalidJSON from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
