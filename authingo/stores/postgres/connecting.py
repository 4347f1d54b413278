"""Make a connection. No other module calls the driver's `connect`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

import asyncpg

from authingo.config.postgres_urls import SYSTEM, PostgresURL
from authingo.errors import StoreUnavailable
from authingo.stores.postgres.connecting_failures import (
    broken_file,
    no_trust,
    refused,
    unreachable,
)

_HEAD_START = 0.25  # seconds that a host has to answer before the next one is asked too


async def connect(
    url: PostgresURL,
    *,
    timeout: float,  # noqa: ASYNC109 - it covers all hosts, and a shorter one in the URL wins
    kept: int = 0,
    **more: Any,
) -> asyncpg.Connection:
    """Make a connection outside the pool. With `kept` 0 it works through any pooling proxy.

    The hosts of the URL are asked in their order until one is the primary. Each is asked as soon
    as the one before has refused, is no primary, or has not answered for `_HEAD_START`: a machine
    that lost its power or its network refuses nothing, and must not use up the whole timeout.

    Args:
        url: the server, the database and the role.
        timeout: in seconds. A shorter one in the URL wins.
        kept: how many prepared statements the connection keeps.
        more: other arguments of asyncpg's connect.

    Raises:
        StoreUnavailable: with the reason, and what to do.
    """
    if url.connect_timeout is not None:
        timeout = min(timeout, url.connect_timeout)
    more["statement_cache_size"] = kept
    try:
        if url.sslrootcert == SYSTEM:
            more["ssl"] = _trusting_this_machine(url)
        async with asyncio.timeout(timeout):
            return await _first(url.each_host(), more)
    except asyncpg.PostgresError as error:
        raise refused(error, url) from None
    except asyncpg.TargetServerAttributeNotMatched:
        raise StoreUnavailable(
            f"no host of {url.setting} is {url.target}",
            hint=f"name the primary in {url.setting}, or correct target_session_attrs",
        ) from None
    except ssl.SSLError as error:
        raise broken_file(url) or no_trust(error, url) from None
    except TimeoutError:
        raise StoreUnavailable(
            f"PostgreSQL did not answer in time at {url.where}",
            hint=f"is the host in {url.setting} right, and no firewall in between?",
        ) from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise broken_file(url) or unreachable(error, url) from None


async def _first(urls: Sequence[PostgresURL], more: dict[str, Any]) -> asyncpg.Connection:
    """Return the first connection that can be used; of several at once, that of the first URL."""
    attempts: list[asyncio.Task[asyncpg.Connection]] = []
    failures: list[BaseException] = []
    loop = asyncio.get_running_loop()
    try:
        while len(failures) < len(urls):
            waiting = len(urls) - len(attempts)
            if waiting:
                url = urls[len(attempts)]
                attempts.append(loop.create_task(asyncpg.connect(**url.arguments(), **more)))
            await asyncio.wait(
                [one for one in attempts if not one.done()],
                timeout=_HEAD_START if waiting > 1 else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            done = [one for one in attempts if one.done()]
            for one in done:
                if one.exception() is None:
                    return attempts.pop(attempts.index(one)).result()
            failures = [error for one in done if (error := one.exception())]
        raise min(failures, key=_how_vague)
    finally:
        for one in attempts:
            one.cancel()
            one.add_done_callback(_discard)


def _how_vague(error: BaseException) -> int:
    """Order the failures of several hosts: what an operator has to correct comes first."""
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return 2  # which is as it should be for all hosts but one
    return 0 if isinstance(error, asyncpg.PostgresError | ssl.SSLError) else 1


def _discard(attempt: asyncio.Task[asyncpg.Connection]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


def _trusting_this_machine(url: PostgresURL) -> ssl.SSLContext:
    """Verify the server's certificate by the authorities that this machine trusts.

    This is what libpq does with sslrootcert=system.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    driver = url.driver
    if "sslcert" in driver:
        context.load_cert_chain(
            driver["sslcert"], driver.get("sslkey"), lambda: driver.get("sslpassword", "")
        )
    if "sslcrl" in driver:
        context.load_verify_locations(driver["sslcrl"])
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if oldest := driver.get("ssl_min_protocol_version"):
        context.minimum_version = ssl.TLSVersion[oldest.replace(".", "_")]
    if newest := driver.get("ssl_max_protocol_version"):
        context.maximum_version = ssl.TLSVersion[newest.replace(".", "_")]
    return context
