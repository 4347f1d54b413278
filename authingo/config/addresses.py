"""Web addresses: their origin, and whether they are loopback."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_LONGEST_UNENCODED = 2048  # characters of a URL that is not ASCII
_NO_ADDRESS = "must be an http or https address such as https://example.com"
_PRINTABLE = re.compile(r"[!-~]+", re.ASCII)
_LONGEST_NAME = 253  # characters (RFC 1035 §2.3.4)
_DEVIATING = re.compile("[\u00df\u03c2\u200c\u200d]")  # between IDNA 2003 and 2008
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+", re.ASCII)
_HOST = re.compile(
    r"(localhost|\[[0-9a-f:.]+\]|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)(:\d{1,5})?/?", re.ASCII
)


def split_url(url: str) -> SplitResult:
    """Split a URL as urllib does, with a limit on its length.

    urllib normalizes a host that is not ASCII, in a time that grows with the square of its
    length (CWE-407). So a non-ASCII URL longer than a person would type is refused; programs
    write URLs in ASCII (RFC 3986 §2).

    Raises:
        ValueError: it is not a URL. The message can repeat a password.
    """
    if len(url) > _LONGEST_UNENCODED and not url.isascii():
        raise ValueError("is too long for a URL that is not ASCII")
    return urlsplit(url)


def origin_of(url: str) -> str:
    """Return scheme, host and non-default port, as browsers write an origin (RFC 6454 §6.2).

    Raises:
        ValueError: it is not an http or https URL with a host. The message says what
            to write, and repeats only parts that cannot be a secret.
    """
    if "://" not in url and _HOST.fullmatch(url):
        scheme = "http" if is_loopback(re.split(r":\d|/", url)[0]) else "https"
        raise ValueError(f"must begin with http:// or https://: write {scheme}://{url}")
    if not _PRINTABLE.fullmatch(url):
        raise ValueError(f"{_NO_ADDRESS}, without spaces" if url.isascii() else _in_ascii(url))
    try:
        parts = split_url(url)
        port = parts.port
    except ValueError:  # whose message can repeat a password
        raise ValueError(_NO_ADDRESS) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(_NO_ADDRESS)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be an address without user, query or fragment")
    host = parts.hostname
    if not (_HOST_NAME.fullmatch(host) or ":" in host):
        raise ValueError(_NO_ADDRESS)
    if ":" in host:
        host = f"[{host}]"
    default = 443 if parts.scheme == "https" else 80
    shown_port = "" if port in {None, default} else f":{port}"
    return f"{parts.scheme}://{host}{shown_port}"


def _in_ascii(url: str) -> str:
    """Say how to write an address that has characters beyond ASCII.

    The rules for which letters a name may have and how they are converted have changed
    (RFC 5891, UTS #46), and browsers, Python and registries differ. So the setting must have
    the origin exactly as browsers send it, and there is nothing to guess.
    """
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        written = punycode(parts.hostname or "")
        if written and parts.scheme in {"http", "https"}:
            port = f":{parts.port}" if parts.port else ""
            return f"must be ASCII, as browsers send it: write {parts.scheme}://{written}{port}"
    return (
        "must be ASCII, as browsers send it: a name with other letters begins with xn--, and in "
        "a path they are written as %XX"
    )


def punycode(host: str) -> str | None:
    """Return a host name with letters beyond ASCII as every browser sends it.

    Return None if it has no such letters, is not a name, or if browsers may disagree. They
    only disagree about characters that look alike or vanish, so only a name that survives the
    conversion in both directions is accepted.
    """
    if host.isascii() or len(host) > _LONGEST_NAME or _DEVIATING.search(host):
        return None
    try:
        written = host.encode("idna").decode()
        same = written.encode().decode("idna") == host
    except UnicodeError:
        return None
    return written if same and _HOST_NAME.fullmatch(written) else None


def check_trusted_origin(text: str) -> None:
    """Refuse anything but an origin exactly as browsers send it.

    Browsers compare it as a whole, and so does the server. A wildcard would trust
    every subdomain, even one that an attacker took over (ASVS 5.0 V3.4.2).

    Raises:
        ValueError: the message says what to write.
    """
    if "*" in text:
        raise ValueError(
            "a wildcard would let every matching page use the sessions, even on a subdomain "
            "that an attacker took over: list each origin, such as https://app.example.com"
        )
    if text.lower() == "null":
        raise ValueError('"null" cannot be trusted, because any page in a sandbox sends it')
    origin = origin_of(text)
    if origin != text:
        raise ValueError(
            f"must be exactly what browsers send, in lower case and without a path or a slash "
            f"at the end: write {origin}"
        )


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, without port, is loopback."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
