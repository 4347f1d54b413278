"""Log a warning if WebKit is going to drop the cookies.

Without `public_url` cookies are Secure. On http://localhost Chromium and Firefox keep them, since
the address is this machine; WebKit (Safari, and every browser on iOS) drops them, so a sign-in gets
a 200 but the browser is not signed in.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit

from authingo.asgi import Scope
from authingo.config import Settings, is_loopback
from authingo.http.headers import header_values

# "AppleWebKit" is in the names of Chromium's browsers too, which add their own: "Chrome/" or
# "HeadlessChrome/". Those of iOS are WebKit, and write "CriOS/" and "EdgiOS/".
_CHROMIUM = re.compile(rb"(?:Chrome|Chromium|Edg)/")
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,100}", re.ASCII)
_log = logging.getLogger("authingo")


class DroppedCookies:
    """Looks at sign-ins under one configuration, and warns once."""

    def __init__(self, settings: Settings) -> None:
        self._unset = settings.public_url is None

    def look(self, scope: Scope) -> None:
        """Log what to set, if this browser drops the cookies that it is about to get."""
        if not self._unset or scope.get("scheme", "http") != "http":
            return
        agents = header_values(scope, b"user-agent")
        hosts = header_values(scope, b"host")
        origins = header_values(scope, b"origin")
        if len(hosts) != 1 or len(agents) != 1 or not _is_webkit(agents[0]):
            return
        if any(origin.startswith(b"https:") for origin in origins):
            return  # something in front of this server speaks TLS
        host = hosts[0].decode("latin-1")
        if _HOST.fullmatch(host) and _is_this_machine(host):
            self._unset = False  # once
            _log.warning(
                "a WebKit browser such as Safari signed in at http://%s: it drops the cookies, "
                'since they are Secure and this is plain http. Set public_url = "http://%s" '
                "(or AUTHINGO_PUBLIC_URL) while you develop",
                host,
                host,
            )


def _is_webkit(agent: bytes) -> bool:
    return b"AppleWebKit/" in agent and not _CHROMIUM.search(agent)


def _is_this_machine(host: str) -> bool:
    try:
        return is_loopback(urlsplit("//" + host).hostname or "")
    except ValueError:
        return False
