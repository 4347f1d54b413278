"""Check whether the server knows the addresses of its clients, by what it tells this one.

If it does not, all clients share one address, and no limit applies per address. If it believes
any X-Forwarded-For, each client can have as many addresses as it likes.
"""

from __future__ import annotations

import secrets

from authingo.findings import Finding, fail, ok, warn

from .asking import Answer, Server

NAME = "client_address"
HEADER = "X-Authingo-Client-Address"  # on GET /health; authingo.http.routes


def examine(server: Server, health: Answer) -> Finding:
    """Judge the address that limits count this client under (ASVS 5.0 V4.1.3).

    Raises:
        Unreachable: the server stopped answering.
    """
    seen = health.first(HEADER.lower())
    if not seen:
        return warn(
            NAME,
            f"GET /health has no {HEADER}: whether the server sees its clients is not known",
            "let the proxy pass the header on; a server older than this command has none",
        )
    if server.address.scheme == "http":
        if seen != "shared":
            return ok(NAME, f"the server counts this client as {seen}")
        public = server.settings.public_origin or ""
        return warn(
            NAME,
            f"{server.address.origin} is behind what terminates TLS, so whether that names its "
            "clients cannot be seen from here",
            f"look at {public if public.startswith('https:') else 'its https address'} too",
        )
    made_up = f"192.0.2.{secrets.randbelow(254) + 1}"  # reserved, so no host has it (RFC 5737)
    if server.ask("GET", "/health", {"X-Forwarded-For": made_up}).first(HEADER.lower()) == made_up:
        return fail(
            NAME,
            "the server believes an X-Forwarded-For that this command made up: anybody can have "
            "as many addresses as they like, and no limit stops them",
            "let the proxy add the address of its client at the end of the header, and not only "
            "pass the header on: in nginx, proxy_set_header X-Forwarded-For "
            "$proxy_add_x_forwarded_for; look from a machine that is not in trusted_proxies",
        )
    if seen == "shared":
        return fail(
            NAME,
            "the server knows no address of this client: everybody shares the proxy's, and no "
            "limit applies per address",
            "let the proxy send X-Forwarded-For, and name the address that it connects from in "
            "trusted_proxies (docs/operations.md has the lines for nginx, Caddy and Traefik); "
            "look from a machine that is not itself in trusted_proxies",
        )
    return ok(NAME, f"the server counts this client as {seen}, whatever it writes into headers")
