"""What a form of your own needs to sign people in and out: who sends it, and the cookies.

@app.post("/sign-in", dependencies=[Depends(own_form)])
async def sign_in(request: Request, email: Annotated[str, Form()], …) -> Response:
    signed_in = await auth.sign_in(email=email, password=password, **from_browser(request))
    response = RedirectResponse(next_path(request, next), status_code=303)
    set_session_cookies(response, signed_in, request=request)
    return response
"""

from __future__ import annotations

from typing import TypedDict

from starlette.requests import HTTPConnection
from starlette.responses import Response

from authingo.fastapi.guards import guard_of
from authingo.http.headers import cookie_header, header_values
from authingo.http.next_paths import checked_next
from authingo.models import Client, SignedIn


class FromBrowser(TypedDict):
    """Arguments of `Auth.sign_up`, `Auth.sign_in` and `Auth.begin_session`, read from a request."""

    session_token: str | None
    device: str | None
    client: Client


def from_browser(request: HTTPConnection) -> FromBrowser:
    """Return what a sign-in has to know of the browser that asks for it.

    With it, the session that the browser had ends (ASVS 5.0 V7.2.4), limits count by the client's
    address, and the browser is recognized by the accounts of others who use it.
    """
    guard = guard_of(request)
    sent = cookie_header(request.scope)
    return {
        "session_token": guard.cookies.session.read(sent),
        "device": guard.cookies.device.read(sent),
        "client": guard.clients.read(request.scope),
    }


def set_session_cookies(
    response: Response, signed_in: SignedIn, *, request: HTTPConnection
) -> None:
    """Add the cookies of a session to any response of yours, which is not to be stored then.

    Args:
        response: the response that you return, or the one that FastAPI passes to your route.
        signed_in: the result of `Auth.sign_up`, `sign_in`, `begin_session`, `reauthenticate` or
            `change_password`.
        request: the request that you answer. The settings of its application give the cookies
            their names and attributes, and its Host says which old cookies to expire.
    """
    guard = guard_of(request)
    guard.dropped_cookies.look(request.scope)
    _add(response, guard.cookies.write(signed_in, _host(request)))


def clear_session_cookies(response: Response, *, request: HTTPConnection) -> None:
    """Remove the cookies of a session in the browser, by any response of yours.

    It does not end the session: call `Auth.sign_out` first. The arguments are those of
    `set_session_cookies`.
    """
    _add(response, guard_of(request).cookies.clear(_host(request)))


def next_path(request: HTTPConnection, value: str | None, default: str = "/") -> str:
    """Return the path that a sign-in may lead to: `value` if it is one of this site, or `default`.

    `value` may come from anybody, such as the query parameter `next` of your sign-in page. Check it
    again when the form comes back. `authingo.http.next_paths` has the rule.
    """
    return checked_next(value, guard_of(request).settings) or default


def _add(response: Response, cookies: list[str]) -> None:
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)
    response.headers["cache-control"] = "no-store"  # ASVS 5.0 V14.3.2


def _host(request: HTTPConnection) -> str:
    hosts = header_values(request.scope, b"host")
    return hosts[0].decode("latin-1") if len(hosts) == 1 else ""
