"""Reading the headers of a request.

Not every server limits them, and they are read before the user is known. So headers of more than
`MAX_SIZE` are refused before anything parses them (RFC 6585 §5; OWASP ASVS 5.0 V15.2.2), even
FastAPI, which splits the cookies for each dependency of a route. Parsing the others takes time in
proportion to their size.
"""

from __future__ import annotations

from collections.abc import Iterable

from authingo.asgi import Scope

MAX_SIZE = 64 * 1024  # bytes of all names and values, the same as h11's limit


def are_too_large(scope: Scope) -> bool:
    """Return whether the headers have more than `MAX_SIZE` bytes."""
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    return size > MAX_SIZE


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return every value of a header, lower-case name, in the order sent."""
    return [value for key, value in scope["headers"] if key == name]


def cookie_header(scope: Scope) -> bytes:
    """Return the Cookie headers as one (RFC 9113 §8.2.3); empty if there is none."""
    cookies: bytes = b""
    for name, value in scope["headers"]:
        if name == b"cookie":
            if cookies:  # rare, and joined at once, since there may be very many
                return b"; ".join(header_values(scope, b"cookie"))
            cookies = value
    return cookies


def small_cookie_header(scope: Scope) -> bytes | None:
    """Return `cookie_header`, or None if the headers `are_too_large`, in one pass.

    A check from memory does little more than read these headers, so it reads them only once.
    """
    size = 0
    cookies: bytes = b""
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"cookie":
            if cookies:
                return None if are_too_large(scope) else cookie_header(scope)
            cookies = value
    return cookies if size <= MAX_SIZE else None


def combined(scope: Scope) -> dict[bytes, bytes]:
    """Return all headers by their lower-case names, for callers that need several of them.

    The values of a field that came more than once are joined by commas (RFC 9110 §5.3), so they
    cannot be mistaken for a single value; cookies are joined by semicolons (RFC 9113 §8.2.3).
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
