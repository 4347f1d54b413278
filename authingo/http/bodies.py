"""Read request bodies as JSON with limits on size and time, and notice clients that disconnect.

`json.loads` by itself accepts UTF-16, the last of two equal keys, NaN, and numbers that
exhaust a parser. Because of each of these, one layer of a system has read another value than
the next layer (ASVS 5.0 V1.5.3, V2.2.1, V4.1.5).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable
from functools import cache
from typing import Any, NoReturn, TypeVar

import msgspec
import msgspec.inspect
from msgspec.structs import FieldInfo

from authingo.asgi import Receive, Scope
from authingo.errors import (
    BodyTooLarge,
    InvalidInput,
    InvalidJSON,
    RequestTimeout,
    UnsupportedMediaType,
)
from authingo.http.headers import header_values

T = TypeVar("T")
B = TypeVar("B", bound=msgspec.Struct)

_EXPECTED: dict[type[msgspec.inspect.Type], str] = {
    msgspec.inspect.StrType: "must be a string",
    msgspec.inspect.BoolType: "must be true or false",
    msgspec.inspect.IntType: "must be a whole number",
    msgspec.inspect.StructType: "must be an object with the fields of this route",
    msgspec.inspect.ListType: "must be a list",
}

MAX_SIZE = 16 * 1024  # bytes
TIMEOUT = 10  # seconds for the whole body; a slower client would only occupy a connection

_MEDIA_TYPE = re.compile(rb'application/json(\s*;\s*charset\s*=\s*"?utf-8"?)?\s*', re.IGNORECASE)


class ClientGone(Exception):
    """The client disconnected before its body was complete, so there is no one to answer."""


async def read_body(scope: Scope, receive: Receive, kind: type[B]) -> B:
    """Read a JSON object with the fields of this type.

    Args:
        scope: of the request.
        receive: of the request.
        kind: the type of the body. If it has no fields, an empty body is accepted as well as `{}`.

    Raises:
        UnsupportedMediaType, BodyTooLarge, RequestTimeout, InvalidJSON,
        InvalidInput: checked in this order; no error repeats what the client sent.
        ClientGone: the client disconnected.
    """
    fields = _fields(kind)
    types = header_values(scope, b"content-type")
    unusual = len(types) > 1 or (types and not _MEDIA_TYPE.fullmatch(types[0]))
    if unusual or header_values(scope, b"content-encoding") or (fields and not types):
        raise UnsupportedMediaType
    raw = await _read(scope, receive)
    if not raw and not fields:
        return kind()
    if not types:
        raise UnsupportedMediaType
    value = _parse(raw)
    if not isinstance(value, dict):
        raise InvalidInput({}, "The body must be a JSON object.")
    return _build(kind, fields, value)


def _build(kind: type[B], fields: dict[str, FieldInfo], value: dict[str, object]) -> B:
    """Convert each field by itself, so that one error lists everything that is wrong."""
    if value.keys() - fields.keys():
        raise InvalidInput({}, "The body has a field that is not known here.")
    read: dict[str, object] = {}
    wrong: dict[str, str] = {}
    for name, one in fields.items():
        if name not in value:
            if one.required:
                wrong[name] = "is missing"
            continue
        try:
            read[name] = msgspec.convert(value[name], one.type)
        except msgspec.ValidationError:  # its message may repeat a key that the client sent
            wrong[name] = _expected(one.type)
    if wrong:
        raise InvalidInput(wrong)
    return kind(**read)


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    return {one.encode_name: one for one in msgspec.structs.fields(kind)}


def _expected(kind: Any) -> str:
    info = msgspec.inspect.type_info(kind)
    if isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return _EXPECTED.get(type(info), "has the wrong type")


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
    """Await an answer, and cancel it if the client disconnects.

    Raises:
        ClientGone: the client disconnected, and the work has been cancelled.
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
