"""Report a refused origin: log which one it was, and tell a developer what to set.

An answer never repeats its input, so only the log names the origin. Anyone who can send a
request can choose it, so it is logged only if it consists of characters that cannot be
mistaken for anything else (OWASP ASVS 5.0 V16.4.1; CWE-117). The number of lines is limited,
so that attackers cannot fill a disk (CWE-779).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from authingo import clock
from authingo.config import Settings, is_loopback, origin_of
from authingo.errors import OriginNotAllowed

_WINDOW = 60.0  # seconds
_MOST = 10  # different lines in it

_AUTHORITY = r"(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?"
_HOST = re.compile(_AUTHORITY, re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(rf"[a-z][a-z0-9+.-]{{0,30}}://{_AUTHORITY}", re.ASCII | re.IGNORECASE)
_log = logging.getLogger("authingo")


class RefusedOrigins:
    """Reports refusals under one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._own = settings.public_origin
        self._lines = _BoundedLog()

    def origin(self, said: Mapping[bytes, bytes]) -> OriginNotAllowed:
        """Log a request from a page that is not allowed, and return the error."""
        shown = _shown(said.get(b"origin"), _ORIGIN)
        if b"origin" not in said:
            who = "a request that a page of another site made (it has no Origin header)"
            self._lines.warn(f"origin_not_allowed: refused {who}")
        elif shown == "null":
            self._lines.warn(
                "origin_not_allowed: refused a request from the origin null, which any sandboxed "
                "frame or local file has, and which cannot be trusted: open the page over http"
            )
        else:
            self._lines.warn(
                f"origin_not_allowed: refused a request from a page of {shown}, "
                f"since {self._own_and_host(said)}. {_what_to_set(shown)}"
            )
        return OriginNotAllowed(self._answer())

    def form(self, said: Mapping[bytes, bytes]) -> OriginNotAllowed:
        """Log a form's request that did not come from a page of this server."""
        site = said.get(b"sec-fetch-site")
        if site is None and b"origin" not in said:
            why = "has neither Sec-Fetch-Site nor Origin, so it does not come from a browser's form"
        elif site is None:
            shown = _shown(said.get(b"origin"), _ORIGIN)
            why = f"has the Origin {shown}, not {self._own or 'that of the Host header'}"
            if shown == "null":
                why += ". A page with Referrer-Policy: no-referrer sends that too"
        else:
            why = "comes from another origin, as its Sec-Fetch-Site says"
        self._lines.warn(f"origin_not_allowed: refused a form that {why}")
        return OriginNotAllowed("A form of this address is accepted from its own pages only.")

    def preflight(self, said: Mapping[bytes, bytes]) -> None:
        """Log a CORS preflight from an untrusted origin; the actual request never comes."""
        shown = _shown(said.get(b"origin"), _ORIGIN)
        self._lines.warn(
            f"no CORS for a page of {shown}: it is not in trusted_origins, so its browser does "
            f"not send the request. {_what_to_set(shown)}"
        )

    def host(self, said: Mapping[bytes, bytes]) -> OriginNotAllowed:
        """Log a Host that is not a name of this machine, and return the error."""
        shown = _shown(said.get(b"host"), _HOST)
        self._lines.warn(
            f"origin_not_allowed: refused a request for the host {shown}, since public_url, "
            f"{self._own}, is this machine only. If that is your address, set public_url to it"
        )
        return OriginNotAllowed(self._answer())

    def websocket(self) -> OriginNotAllowed:
        """Log that a WebSocket has no Origin, and return the error."""
        self._lines.warn("origin_not_allowed: refused a WebSocket without an Origin header")
        return OriginNotAllowed(self._answer())

    def _own_and_host(self, said: Mapping[bytes, bytes]) -> str:
        if self._own is not None:
            return f"public_url is {self._own} and trusted_origins does not list it"
        host = _shown(said.get(b"host"), _HOST)
        return (
            f"the request was for the host {host}, public_url is unset, "
            "and trusted_origins does not list it"
        )

    def _answer(self) -> str | None:
        """Return the message for the answer; None for the usual one.

        It contains public_url if that is loopback, which helps the page's developer. A public
        address is not revealed to strangers who found the server.
        """
        if self._own is None or not is_loopback(urlsplit(self._own).hostname or ""):
            return None
        return f"{OriginNotAllowed().message[:-1]}. Here public_url is {self._own}."


class _BoundedLog:
    """Log each text once per window, and a limited number of texts."""

    def __init__(self) -> None:
        self._began = float("-inf")
        self._seen: set[str] = set()
        self._left_out = 0

    def warn(self, text: str) -> None:
        now = clock.now()
        if now - self._began >= _WINDOW:
            if self._left_out:
                _log.warning("%d more requests were refused and not logged", self._left_out)
            self._began, self._left_out = now, 0
            self._seen.clear()
        if text in self._seen:
            return
        if len(self._seen) >= _MOST:
            self._left_out += 1
            return
        self._seen.add(text)
        _log.warning("%s", text)


def _shown(value: bytes | None, form: re.Pattern[str]) -> str:
    text = (value or b"").decode("latin-1")
    return text if text == "null" or form.fullmatch(text) else "(not a valid one)"


def _what_to_set(origin: str) -> str:
    """Say which settings allow the origin, if it can be allowed at all."""
    try:
        if origin_of(origin) != origin:
            return "Only http and https origins can be trusted"
    except ValueError:
        return "Only http and https origins can be trusted"
    return (
        f'If the page is yours, set public_url = "{origin}", if that is the address people '
        f'open, or add it to trusted_origins = ["{origin}"]'
    )
