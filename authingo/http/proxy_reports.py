"""Report a proxy that hides its clients: in the log, and as an event that `doctor` reads."""

from __future__ import annotations

import logging

from authingo import clock, events
from authingo.asgi import Scope
from authingo.http.clients import ClientReader, Fault
from authingo.models import Client, Event
from authingo.stores import Store

_AGAIN = 3600.0  # seconds between two reports of one kind
_SO = "all clients behind it share one address, and no limit applies per address"
_TEXTS: dict[Fault, str] = {
    "proxy_not_trusted": (
        "{ip} passes on the requests of others and is not in trusted_proxies: " + _SO + ". If it "
        "is your proxy, let it send X-Forwarded-For and add it to trusted_proxies; if not, let "
        "nobody but your proxy reach this server"
    ),
    "proxy_names_nobody": (
        "{ip} is in trusted_proxies and names no client in X-Forwarded-For: " + _SO + ". Let it "
        "add the address of its client to that header, and let trusted_proxies name proxies only"
    ),
}
_REPLACED = (
    "the server has replaced the address of a proxy by what X-Forwarded-For says: "
    + _SO
    + ". Run uvicorn with --no-proxy-headers, and name the proxy in trusted_proxies"
)
_log = logging.getLogger("authingo")


class ProxyReports:
    """The reports of one handler. `authingo doctor` fails for a day after such an event."""

    def __init__(self, clients: ClientReader) -> None:
        self._clients = clients
        self._quiet_until: dict[Fault, float] = {}  # by authingo.clock
        self._to_record: list[Event] = []

    def meet(self, scope: Scope) -> Client:
        """Return the client of a request, and log a proxy that hides it, at most once an hour."""
        client, fault = self._clients.judge(scope)
        if fault is not None and clock.now() >= self._quiet_until.get(fault, 0.0):
            self._quiet_until[fault] = clock.now() + _AGAIN
            text = _TEXTS[fault] if client.ip else _REPLACED
            _log.warning("%s", text.format(ip=client.ip))
            self._to_record.append(events.happened(fault, ip=client.ip))
        return client

    async def record(self, store: Store) -> None:
        """Record the proxies found since the last time, if any."""
        if self._to_record:
            met, self._to_record = self._to_record, []
            await events.record(store, *met)
