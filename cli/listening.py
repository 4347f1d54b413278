"""Open the port of `authingo serve` before anything is announced, or suggest another one."""

from __future__ import annotations

import contextlib
import errno
import shlex
import socket
import sys

_WAITING = 2048  # connections that may wait to be accepted; uvicorn's default
_TRIED = 100  # ports, one after the other


def listen(host: str, port: int, config: str | None) -> socket.socket:
    """Listen on the port before anything is announced; 0 picks one.

    Two servers can bind the same port until one of them listens (socket(7), SO_REUSEADDR), so
    a server that only binds it could lose it later. Clients that connect now wait for the
    start.

    Raises:
        ConfigError: it is not available; the hint is a command with a free port.
    """
    from authingo.errors import ConfigError

    try:
        listener = _listener(host, port)
    except (OSError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = error.strerror if isinstance(error, OSError) else "no such host"
        hint = "--host takes an address of this machine"
        if number in {errno.EADDRINUSE, errno.EACCES}:
            hint = f"type {_with_free_port(host, port, config)}"
        raise ConfigError(f"cannot listen on {host}, port {port}: {reason}", hint=hint) from None
    listener.set_inheritable(True)
    return listener


def _listener(host: str, port: int) -> socket.socket:
    """Listen. The socket must name TCP, or asyncio leaves Nagle's algorithm on.

    Each answer on a connection that is kept open would then wait 40 ms
    (https://github.com/Kludex/uvicorn/issues/3149).
    """
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_WAITING)
    except OSError:
        listener.close()
        raise
    return listener


def _with_free_port(host: str, port: int, config: str | None) -> str:
    """Return the command as it was typed, with the next free port, or with 0."""
    words = iter(sys.argv[1:])
    kept = [
        word
        for word in words
        if not word.startswith("--port=") and not (word == "--port" and next(words, "0"))
    ]
    first = port + 1 if port >= 1024 else 8080  # only root may use lower ones
    for free in range(first, min(first + _TRIED, 65536)):
        with contextlib.suppress(OSError):
            _listener(host, free).close()
            variable = _public_url(port, free, config)
            return variable + shlex.join(["authingo", *kept, "--port", str(free)])
    return shlex.join(["authingo", *kept, "--port", "0"])


def _public_url(taken: int, free: int, config: str | None) -> str:
    """Adapt a public_url with the taken port, or every sign-in would be refused."""
    from urllib.parse import urlsplit

    from authingo.config import is_loopback, load
    from authingo.errors import AuthError

    with contextlib.suppress(AuthError):
        url = urlsplit(load(config).public_url or "")
        if url.hostname and is_loopback(url.hostname) and url.port == taken:
            host = url.netloc.rpartition(":")[0]
            return f"AUTHINGO_PUBLIC_URL={url.scheme}://{host}:{free} "
    return ""
