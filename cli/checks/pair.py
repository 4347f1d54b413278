"""Whether the cookies stick between the address of the pages and that of the API, and why not.

By the rules of RFC 6265bis, the Fetch standard and what browsers make of them, from
the two addresses and the settings alone: nothing is asked, nothing is sent. A page
signs in by `fetch` with `credentials: "include"`; the answer sets the cookies, the
next request has to carry them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from authingo.config import Settings
from authingo.cookies import Cookies
from authingo.findings import Finding, fail, ok, warn

from .sites import Address, address, covers, is_public_suffix

_BROWSERS_DIFFER = ("mixed_content", "secure", "third_party", "local_network")


def predict(front: Address, api: Address, settings: Settings) -> list[Finding]:
    """Return what was looked at, the verdict last."""
    found = [
        one
        for look in (
            _content,
            _transport,
            _site,
            _domain,
            _path,
            _public_url,
            _origin,
            _local_network,
        )
        for one in look(front, api, settings)
    ]
    return [*found, _verdict(front, api, found)]


def _verdict(front: Address, api: Address, found: list[Finding]) -> Finding:
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


def _content(front: Address, api: Address, _: Settings) -> Iterator[Finding]:
    """Mixed content: browsers let no https page ask over http (W3C Mixed Content §5)."""
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


def _transport(_front: Address, api: Address, settings: Settings) -> Iterator[Finding]:
    """Secure: over http a browser neither takes nor sends such a cookie (RFC 6265bis §5.7)."""
    if api.scheme == "https":
        yield ok("secure", "https, so Secure cookies are taken")
    elif not api.loopback:
        yield fail(
            "secure",
            f"{api.origin} is plain http: browsers drop cookies that are Secure, "
            "and without it anybody on the way could read them",
            "serve the API by https",
        )
    elif settings.secure_cookies:
        yield warn(
            "secure",
            f"Secure cookies at {api.origin}: Chromium and Firefox take them, Safari does not",
            f'for development set public_url = "{api.origin}"',
        )
    else:
        yield ok("secure", "a loopback address in public_url, so the cookies are not Secure")


def _site(front: Address, api: Address, settings: Settings) -> Iterator[Finding]:
    """Same site or not: scheme and registrable domain (RFC 6265bis §5.2, "schemeful same-site")."""
    if front.site == api.site:
        ports = front.host == api.host and front.origin != api.origin
        what = "two ports of one host, which cookies do not tell apart" if ports else "one site"
        yield ok("same_site", f"{what}: {api.site[1]}")
        return
    if settings.cookies.same_site != "none":
        why, mend = _apart(front, api)
        yield fail(
            "same_site",
            f"{why}, so cookies with SameSite=Lax and Strict are neither kept nor sent",
            mend,
        )
    elif not settings.cookies.partitioned:
        yield warn(
            "third_party",
            "two sites: browsers that block third-party cookies drop these "
            "(Safari always, Firefox and Chromium by their settings)",
            "set cookies.partitioned = true, or put both under one domain",
        )
    else:
        yield warn(
            "third_party",
            "two sites, with partitioned cookies: browsers that do not know Partitioned "
            "(older Safari and Firefox) may drop them",
            "put both under one domain, or let the pages' server pass /api on (a rewrite)",
        )


def _apart(front: Address, api: Address) -> tuple[str, str]:
    """Say why two addresses are two sites, and what to do."""
    domains = f"{front.site[1]} and {api.site[1]} are two sites"
    one_domain = (
        "put both under one domain (app.example.com and api.example.com), or let the pages' server "
        'pass /api on; else cookies.same_site = "none" with partitioned = true'
    )
    if front.site[1] == api.site[1]:
        return (
            f"http and https of {api.site[1]} are two sites (schemeful same-site)",
            "serve both by https",
        )
    if front.loopback and api.loopback:
        return f"{domains}, though both are this machine", f"use {api.host} for both"
    if front.is_ip or api.is_ip:
        return f"{domains}: an IP address is a site of its own", "use names below one domain"
    for one in (front, api):
        if one.registrable is None and not one.loopback:
            return f"{domains}: {one.host} is a public suffix", one_domain
    suffix = front.site[1].partition(".")[2]
    if suffix == api.site[1].partition(".")[2] and "." in suffix and is_public_suffix(suffix):
        return f"{domains}: {suffix} is a public suffix, below which each is its own", one_domain
    return domains, one_domain


def _domain(_front: Address, api: Address, settings: Settings) -> Iterator[Finding]:
    """Domain: must cover the host that sets it, and be no public suffix (RFC 6265bis §5.7)."""
    domain = settings.cookies.domain
    if domain is None:
        return
    if not covers(domain, api.host):
        yield fail(
            "domain",
            f"cookies.domain {domain} does not cover {api.host}: browsers drop the cookies",
            "remove cookies.domain, or reach the API under that domain",
        )
    elif is_public_suffix(domain) and domain != api.host:
        yield fail(
            "domain",
            f"cookies.domain {domain} is a public suffix: browsers drop the cookies",
            "remove cookies.domain",
        )
    else:
        yield ok("domain", f"Domain={domain} covers {api.host}")


def _path(_front: Address, api: Address, settings: Settings) -> Iterator[Finding]:
    """Path: the refresh cookie goes to one path alone (RFC 6265bis §5.1.4)."""
    base = settings.base_path
    cookie = Cookies(settings).refresh
    if api.path not in {"", base} and not base.startswith(api.path + "/"):
        yield fail(
            "refresh_path",
            f"{cookie.name} has Path={cookie.path}, and the browser would ask "
            f"{api.path}/refresh without it: every session ends with its first token",
            f'set base_path = "{api.path}", the path that browsers see',
        )
    else:
        yield ok("refresh_path", f"{cookie.name} goes to {cookie.path}")


def _public_url(_front: Address, api: Address, settings: Settings) -> Iterator[Finding]:
    """`public_url`: decides whose Origin is the server's own, and whether cookies are Secure."""
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


def _twins(own: str, api: Address) -> bool:
    """Tell whether two loopback addresses differ in their name alone."""
    ours = address(own)
    same = (ours.scheme, ours.port) == (api.scheme, api.port)
    return same and ours.loopback and api.loopback


def _origin(front: Address, api: Address, settings: Settings) -> Iterator[Finding]:
    """Origin and CORS: another origin may ask, and read, only where it is listed."""
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


def _local_network(front: Address, api: Address, _: Settings) -> Iterator[Finding]:
    """A public page that asks a private address needs its user's leave (Local Network Access)."""
    if api.private and not front.private:
        yield warn(
            "local_network",
            f"{api.host} is on this machine or a private network, and {front.host} is not: "
            "browsers ask for permission first, and from elsewhere there is nothing to be found",
            "give the API a public address",
        )
