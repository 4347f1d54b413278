"""A mail server that takes every mail and keeps none: `python -m bench.mail_server PORT`."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiosmtpd.smtp import SMTP


class _Taken:
    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 - what aiosmtpd calls
        return "250 2.0.0 Queued"


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()

    def connection() -> SMTP:
        return SMTP(_Taken(), loop=loop, hostname="mail.example")

    server = await loop.create_server(connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
