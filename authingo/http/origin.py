"""The cross-origin check: did this request come from a page that may send it?

Cookies alone do not prove that the user wanted a request: a browser sends them whichever
page makes it. So these checks run before anything is read, hashed or looked up (OWASP ASVS
5.0 V3.5.1 to V3.5.3; OWASP CSRF Prevention Cheat Sheet, "Custom request headers" and "Fetch
metadata"):

1. If `public_url` is a loopback address, a Host that is not loopback is refused: with DNS
   rebinding, the name of another site can resolve to 127.0.0.1.
2. The request must have the header `X-Authingo-Client: true` exactly once. A form or an image
   cannot send it, and a script of another origin can send it only after a CORS preflight.
3. Origin, if sent, must be the server's own or one of `trusted_origins`. `null` (sandboxed
   frames, data: URLs) is always refused. The server's own origin is that of `public_url`. If
   `public_url` is a loopback address, any loopback name with the same scheme and port is the
   server's own too. If it is unset, the server's own origin is any whose host and port are
   those of the Host header; over https, only one of https.
4. Without Origin, `Sec-Fetch-Site: cross-site` is refused. A program that sends neither
   header is not a browser and has only its own cookies.

A guard may waive 2 for GET and HEAD, which a browser sends by itself for pages, images and
event streams. Then 4 lets the user open a page in the whole window (from a link in an email),
but refuses everything else from another site, even a frame.

A form cannot send the client header. A guard may accept one without it (`check_form`), by what the
browser says of where the request comes from: Sec-Fetch-Site, which no page can write, and which
browsers send over https and to loopback addresses since March 2023, else Origin. The rule is that
of `CrossOriginProtection` in Go's net/http (Filippo Valsorda, "Cross-Site Request Forgery", 2025),
but stricter in two cases: a request with neither header is refused, since it is no browser's form,
and so is `Sec-Fetch-Site: none`, since no form of a page sends that.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from authingo.asgi import Scope
from authingo.config import Settings, is_loopback, origin_of
from authingo.errors import MissingClientHeader
from authingo.http.headers import header_values
from authingo.http.refused_origins import RefusedOrigins

CLIENT_HEADER = b"x-authingo-client"
LONGEST = 300  # bytes; a scheme, then a name in DNS, which has 253 at most (RFC 1035 §2.3.4)
PAGES = ("GET", "HEAD")  # a browser sends these by itself, without the client header


class OriginCheck:
    """The check with one configuration."""

    def __init__(self, settings: Settings) -> None:
        self._trusted = frozenset(settings.trusted_origins)
        self._own = settings.public_origin
        own = urlsplit(self._own or "")
        self._loopback = self._own is not None and is_loopback(own.hostname or "")
        self._scheme_and_port = (own.scheme, own.port)
        self._refused = RefusedOrigins(settings)

    def check(
        self, scope: Scope, said: Mapping[bytes, bytes], waived_for: Container[str] = ()
    ) -> None:
        """Refuse an HTTP request that did not come from an allowed page.

        Args:
            scope: the ASGI connection.
            said: its headers, as `combined` returns them.
            waived_for: methods that do not need the client header; none but those of PAGES.

        Raises:
            MissingClientHeader, OriginNotAllowed: as described for this module.
        """
        if said.get(CLIENT_HEADER) != b"true" and scope["method"] not in waived_for:
            raise MissingClientHeader
        if self._loopback and not _names_loopback(said.get(b"host", b"")):
            raise self._refused.host(said)
        origin = said.get(b"origin")
        if origin is not None:
            if not self.allows(origin.decode("latin-1"), scope):
                raise self._refused.origin(said)
        elif said.get(b"sec-fetch-site") == b"cross-site" and not (
            scope["method"] in waived_for
            and said.get(b"sec-fetch-mode") == b"navigate"
            and said.get(b"sec-fetch-dest") == b"document"
        ):
            raise self._refused.origin(said)

    def check_form(
        self, scope: Scope, said: Mapping[bytes, bytes], waived_for: Container[str] = ()
    ) -> None:
        """Refuse a form's request that did not come from a page of this server's own origin.

        A page of one of `trusted_origins` can send the client header, and needs no form for it.

        Args:
            scope: the ASGI connection.
            said: its headers, as `combined` returns them.
            waived_for: as for `check`, which applies to these methods.

        Raises:
            OriginNotAllowed: if it comes from elsewhere, or nothing says where it comes from.
        """
        if scope["method"] in waived_for or said.get(CLIENT_HEADER) == b"true":
            self.check(scope, said, waived_for)
            return
        if self._loopback and not _names_loopback(said.get(b"host", b"")):
            raise self._refused.host(said)
        site = said.get(b"sec-fetch-site")
        if site is not None:
            is_own = site == b"same-origin"
        else:
            is_own = self._is_own(said.get(b"origin", b"").decode("latin-1"), scope)
        if not is_own:
            raise self._refused.form(said)

    def check_websocket(self, scope: Scope, said: Mapping[bytes, bytes]) -> None:
        """Refuse a WebSocket if its Origin is missing or not allowed.

        The client header is not checked, because a browser cannot send it with a WebSocket.

        Args:
            scope: the ASGI connection.
            said: its headers, as `combined` returns them.

        Raises:
            OriginNotAllowed: in either case (RFC 6455 §10.2).
        """
        origin = said.get(b"origin")
        if origin is None:
            raise self._refused.websocket()
        if self._loopback and not _names_loopback(said.get(b"host", b"")):
            raise self._refused.host(said)
        if not self.allows(origin.decode("latin-1"), scope):
            raise self._refused.origin(said)

    def report_preflight(self, said: Mapping[bytes, bytes]) -> None:
        """Log a refused CORS preflight, because the actual request will never come."""
        origin = said.get(b"origin")
        asks = b"access-control-request-method" in said
        if asks and origin is not None and not self.trusts(origin.decode("latin-1")):
            self._refused.preflight(said)

    def trusts(self, origin: str) -> bool:
        """Return whether an origin is one of `trusted_origins`."""
        return origin in self._trusted

    def allows(self, origin: str, scope: Scope) -> bool:
        """Return whether an origin is trusted or the server's own."""
        return origin in self._trusted or self._is_own(origin, scope)

    def _is_own(self, origin: str, scope: Scope) -> bool:
        if len(origin) > LONGEST:  # refused before it is parsed
            return False
        if self._loopback:
            return self._is_loopback_twin(origin)
        if self._own is not None:
            return origin == self._own
        if scope.get("scheme") in {"https", "wss"} and not origin.startswith("https:"):
            return False
        hosts = header_values(scope, b"host")
        return len(hosts) == 1 and _same_host(origin, hosts[0].decode("latin-1"))

    def _is_loopback_twin(self, origin: str) -> bool:
        try:
            exact = origin_of(origin) == origin  # nothing but scheme, host and port
        except ValueError:
            return False
        parts = urlsplit(origin)
        same = (parts.scheme, parts.port) == self._scheme_and_port
        return exact and same and is_loopback(parts.hostname or "")


@lru_cache(maxsize=64)
def _names_loopback(host: bytes) -> bool:
    if b"," in host or len(host) > LONGEST:  # several Host headers, or too long for a host
        return False
    try:
        return is_loopback(urlsplit("//" + host.decode("latin-1")).hostname or "")
    except ValueError:
        return False


def _same_host(origin: str, host: str) -> bool:
    scheme, separator, authority = origin.partition("://")
    default = {"http": ":80", "https": ":443"}.get(scheme)
    if not separator or default is None or not authority:
        return False
    return authority.lower().removesuffix(default) == host.lower().removesuffix(default)
