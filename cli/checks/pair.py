"""Predict whether cookies stick between the address of the pages and that of the API.

If not, say why. The prediction follows RFC 6265bis, the Fetch standard and what browsers make
of them. It needs only the two addresses and the settings, and sends no request. A page signs in
by `fetch` with `credentials: "include"`; the answer sets the cookies, and the next request has
to carry them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from authingo.config import Settings
from authingo.domains import is_public_suffix
from authingo.findings import Finding, fail, ok, warn
from authingo.http.cookies import Cookies

from ..browsers import rules
from ..browsers.places import Place, address, path_matches, same_site

_BROWSERS_DIFFER = ("mixed_content", "secure", "third_party", "local_network")


def predict(front: Place, api: Place, settings: Settings) -> list[Finding]:
    """Return the findings, with the verdict last."""
    found = [
        one
        for look in (
            _content,
            _transport,
            _site,
            _domain,
            _path,
            _device,
            _public_url,
            _origin,
            _local_network,
        )
        for one in look(front, api, settings)
    ]
    return [*found, _verdict(front, api, found)]


def _verdict(front: Place, api: Place, found: list[Finding]) -> Finding:
    between = f"from {front.origin} to {api.origin}"
    failed = [one.name for one in found if one.status == "fail"]
    doubtful = [one.name for one in found if one.status == "warn" and one.name in _BROWSERS_DIFFER]
    if failed:
        return fail("cookies_stick", f"signing in {between} will not work", _see(failed))
    if doubtful:
        return warn("cookies_stick", f"signing in {between} works in some browsers", _see(doubtful))
    return ok("cookies_stick", f"the cookies stick {between}")


def _see(names: list[str]) -> str:
    return f"see above: {', '.join(names)}"


def _content(front: Place, api: Place, _: Settings) -> Iterator[Finding]:
    """Mixed content: browsers block http requests of an https page (W3C Mixed Content §5)."""
    if front.scheme == "https" and api.scheme == "http":
        if not api.loopback:
            yield fail(
                "mixed_content",
                "an https page may not ask an http address: browsers block it",
                "serve the API by https",
            )
        else:
            yield warn(
                "mixed_content",
                f"an https page asks {api.origin}: Safari blocks it, other browsers do not",
                "develop with both on http, or both on https",
            )


def _transport(_front: Place, api: Place, settings: Settings) -> Iterator[Finding]:
    """Secure: over http a browser neither accepts nor sends such a cookie (RFC 6265bis §5.7)."""
    session = rules.as_set(Cookies(settings).session)
    if api.plain:
        yield fail(
            "secure",
            f"{api} is plain http: browsers drop cookies that are Secure, "
            "and without it anybody on the way could read them",
            "serve the API by https",
        )
        return
    in_some = [warn("secure", one.text, one.fix) for one in rules.dropped_by_safari(session, api)]
    what = (
        "https, so Secure cookies are taken"
        if api.scheme == "https"
        else "a loopback address in public_url, so the cookies are not Secure"
    )
    yield from in_some or [ok("secure", what)]


def _site(front: Place, api: Place, settings: Settings) -> Iterator[Finding]:
    """Same site or not: scheme and registrable domain (RFC 6265bis §5.2, "schemeful same-site")."""
    session = rules.as_set(Cookies(settings).session)
    if same_site(front, api):
        ports = front.host == api.host and front.origin != api.origin
        what = "two ports of one host, which cookies do not tell apart" if ports else "one site"
        yield ok("same_site", f"{what}: {api.site}")
    elif rules.is_for_own_site(session):
        why, fix = _apart(front, api)
        yield fail(
            "same_site",
            f"{why}, so cookies with SameSite=Lax and Strict are neither kept nor sent",
            fix,
        )
    elif problems := list(rules.blocked_by_some(session)):
        yield from (warn("third_party", f"two sites: {one.text}", one.fix) for one in problems)
    else:
        yield warn(
            "third_party",
            "two sites, with partitioned cookies: browsers that do not know Partitioned "
            "(older Safari and Firefox) may drop them",
            "put both under one domain, or let the pages' server pass /api on (a rewrite)",
        )


def _apart(front: Place, api: Place) -> tuple[str, str]:
    """Say why two addresses are two sites, and what to do."""
    domains = f"{front.site} and {api.site} are two sites"
    one_domain = (
        "put both under one domain (app.example.com and api.example.com), or let the pages' server "
        'pass /api on; else cookies.same_site = "none" with partitioned = true'
    )
    if front.site == api.site:
        return (
            f"http and https of {api.site} are two sites (schemeful same-site)",
            "serve both by https",
        )
    if front.loopback and api.loopback:
        return f"{domains}, though both are this machine", f"use {api.host} for both"
    if front.is_ip or api.is_ip:
        return f"{domains}: an IP address is a site of its own", "use names below one domain"
    for one in (front, api):
        if one.registrable is None and not one.loopback:
            return f"{domains}: {one.host} is a public suffix", one_domain
    suffix = front.site.partition(".")[2]
    if suffix == api.site.partition(".")[2] and "." in suffix and is_public_suffix(suffix):
        return f"{domains}: {suffix} is a public suffix, below which each is its own", one_domain
    return domains, one_domain


def _domain(_front: Place, api: Place, settings: Settings) -> Iterator[Finding]:
    """Domain: whether the API's host may set it, and which hosts get the cookies."""
    domain = settings.cookies.domain
    if domain is None:
        return
    session = rules.as_set(Cookies(settings).session)
    if problems := list(rules.refused_domain(session, api)):
        yield from (fail("domain", one.text, one.fix) for one in problems)
    elif rules.domain_of(session, api):
        yield ok("domain", f"Domain={domain} covers {api.host}")
    else:
        yield ok("domain", f"{domain} is a public suffix: browsers keep the cookies for it only")


def _path(_front: Place, api: Place, settings: Settings) -> Iterator[Finding]:
    """Path: the refresh cookie goes to one path alone (RFC 6265bis §5.1.4)."""
    cookie, base, path = Cookies(settings).refresh, settings.base_path, api.path.rstrip("/")
    routes = base if base.startswith(f"{path}/") else path
    if not path_matches(cookie.path, f"{routes}/refresh"):
        yield fail(
            "refresh_path",
            f"{cookie.name} has Path={cookie.path}, and the browser would ask "
            f"{routes}/refresh without it: every session ends with its first token",
            f'set base_path = "{routes}", the path that browsers see',
        )
    else:
        yield ok("refresh_path", f"{cookie.name} goes to {cookie.path}")


def _device(_front: Place, api: Place, settings: Settings) -> Iterator[Finding]:
    """The cookie by which an account recognizes a browser: never with a Domain.

    Browsers send it wherever they send the others, so the other findings apply to it too.
    Users can sign in without it.
    """
    name, domain = Cookies(settings).device.name, settings.cookies.domain
    apart = f"; each host of {domain} recognizes browsers by itself" if domain else ""
    yield ok("device_cookie", f"{name} goes to {api.host} only{apart}")


def _public_url(_front: Place, api: Place, settings: Settings) -> Iterator[Finding]:
    """`public_url`: decides which Origin is the server's own, and whether cookies are Secure."""
    own = settings.public_origin
    if own is None:
        yield warn(
            "public_url",
            "it is unset: the API's own origin is whatever name a request gives it",
            f'set public_url = "{api.origin}"',
        )
    elif own != api.origin and not _twins(own, api):
        yield fail(
            "public_url",
            f"{settings.public_url} is not where browsers find the API, {api.origin}: "
            "its own pages would be refused as another origin's",
            f'set public_url = "{api.origin}"',
        )
    else:
        yield ok("public_url", f"{settings.public_url} is the API's")


def _twins(own: str, api: Place) -> bool:
    """Return whether both are loopback addresses that differ in nothing but their name."""
    ours = address(own)
    same = (ours.scheme, ours.port) == (api.scheme, api.port)
    return same and ours.loopback and api.loopback


def _origin(front: Place, api: Place, settings: Settings) -> Iterator[Finding]:
    """Origin and CORS: another origin may send requests and read answers only if it is listed."""
    if front.origin == api.origin:
        yield ok("origin", "one origin: nothing is cross-origin, CORS is not needed")
    elif front.origin in settings.trusted_origins:
        yield ok("origin", f"{front.origin} is trusted; its fetch needs credentials: 'include'")
    else:
        listed = [*settings.trusted_origins, front.origin]
        yield fail(
            "origin",
            f"{front.origin} is not in trusted_origins: 403 origin_not_allowed, and no CORS",
            f"trusted_origins = {json.dumps(listed)}",
        )
    if front.scheme == "http" and not front.loopback:
        yield fail(
            "page",
            f"{front.origin} is plain http: whoever is on the way can change the page, "
            "and act as its users",
            "serve the pages by https",
        )


def _local_network(front: Place, api: Place, _: Settings) -> Iterator[Finding]:
    """A public page needs the user's permission for a private address (Local Network Access)."""
    if api.private and not front.private:
        yield warn(
            "local_network",
            f"{api.host} is on this machine or a private network, and {front.host} is not: "
            "browsers ask for permission first, and from elsewhere there is nothing to be found",
            "give the API a public address",
        )
