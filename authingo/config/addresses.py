"""Web addresses: the origin of one, and whether it is this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

_NO_ADDRESS = "must be an http or https address such as https://example.com"
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_HOST = re.compile(
    r"(localhost|\[[0-9a-f:.]+\]|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)(:\d{1,5})?/?", re.ASCII
)


def origin_of(url: str) -> str:
    """Return scheme, host and non-default port, as browsers write an origin (RFC 6454 §6.2).

    Raises:
        ValueError: it is not an http or https URL with a host. The message says what
            to write, and repeats only what cannot be a secret.
    """
    if "://" not in url and _HOST.fullmatch(url):
        scheme = "http" if is_loopback(re.split(r":\d|/", url)[0]) else "https"
        raise ValueError(f"must begin with http:// or https://: write {scheme}://{url}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # whose message can repeat a password
        raise ValueError(_NO_ADDRESS) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(_NO_ADDRESS)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address without user, query or fragment")
    host = _ascii(parts.hostname)
    if not (_HOST_NAME.fullmatch(host) or ":" in host):
        raise ValueError(_NO_ADDRESS)
    if ":" in host:
        host = f"[{host}]"
    default = 443 if parts.scheme == "https" else 80
    shown_port = "" if port in {None, default} else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ValueError(_NO_ADDRESS) from None


def check_trusted_origin(text: str) -> None:
    """Refuse what is not exactly an origin as browsers send it.

    Browsers compare it as a whole, and so does the server: a wildcard would trust
    every subdomain, also one that somebody else took over (ASVS 5.0 V3.4.2).

    Raises:
        ValueError: the message says what to write.
    """
    if "*" in text:
        raise ValueError(
            "a wildcard would let every page that it covers use the sessions, also one of a "
            "subdomain that somebody took over: list each origin, such as https://app.example.com"
        )
    if text.lower() == "null":
        raise ValueError('"null" is what any page in a sandbox sends: it cannot be trusted')
    origin = origin_of(text)
    if origin != text:
        raise ValueError(
            f"must be exactly what browsers send, in lower case and without a path or a slash "
            f"at the end: write {origin}"
        )


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address, without port, is this machine to itself."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
