"""Serve an application by several workers: python -m bench.workers APPLICATION PORT WORKERS.

As `uvicorn --workers` does, but for the socket: uvicorn 0.54 makes it without naming
TCP, whereupon asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for
an acknowledgement (https://github.com/Kludex/uvicorn/issues/3149).
"""

from __future__ import annotations

import socket
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess


def main() -> None:
    application, port, workers = sys.argv[1:]
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.set_inheritable(True)
    config = uvicorn.Config(
        application,
        workers=int(workers),
        http="httptools",
        interface="asgi3",
        access_log=False,
        proxy_headers=False,
        log_level="error",
    )
    Multiprocess(config, sockets=[listener]).run()


if __name__ == "__main__":
    main()
