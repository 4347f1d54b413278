"""Reading the headers of a request."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return every value of a header, lower-case name, in the order sent."""
    return [value for key, value in scope["headers"] if key == name]


def cookie_header(scope: Scope) -> bytes:
    """Return the Cookie headers as one (RFC 9113 §8.2.3); empty where there is none."""
    cookies: bytes = b""
    for name, value in scope["headers"]:
        if name == b"cookie":
            if cookies:  # seldom, and then at once: there may be very many
                return b"; ".join(header_values(scope, b"cookie"))
            cookies = value
    return cookies


def combined(scope: Scope) -> dict[bytes, bytes]:
    """Return all headers by their lower-case names, for who looks at several of them.

    A field that came more than once has its values in one list (RFC 9110 §5.3), which is
    not what any single one of them says; cookies make one string (RFC 9113 §8.2.3).
    """
    headers = scope["headers"]
    fields: dict[bytes, bytes] = dict(headers)
    return fields if len(fields) == len(headers) else _joined(headers)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    said: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        said.setdefault(name, []).append(value)
    return {
        name: (b"; " if name == b"cookie" else b", ").join(values) for name, values in said.items()
    }
