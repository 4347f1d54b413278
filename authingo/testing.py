"""Helpers for the tests of your own program. docs/testing.md has complete examples.

    # conftest.py
    from authingo.testing import use_database

    use_database()  # in memory; before anything imports the program

    # test_main.py
    def test_me() -> None:
        with TestClient(app, base_url=base_url(app)) as client:
            login_as(client, "ada@example.com")
            assert client.get("/api/me").json()["email"] == "ada@example.com"

Hold the client open with `with`: the application's lifespan then runs, every request
is answered by one event loop, and each test begins with an empty database. To replace
a guard altogether, use `app.dependency_overrides[authingo.fastapi.current_user]`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Protocol, overload

from authingo import testing_database
from authingo.auth import Auth
from authingo.config import PasswordSettings, Settings
from authingo.errors import NoSuchUser
from authingo.http.cookies import Cookie, Cookies
from authingo.mail.testing import Deliveries, SentMail, with_mail
from authingo.models import NO_CLIENT, SignedIn, User
from authingo.sessions import PASSWORD
from authingo.testing_database import CHEAPEST_COST, IN_MEMORY

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

CHEAPEST = PasswordSettings(bcrypt_cost=CHEAPEST_COST)


class AsyncClient(Protocol):
    """What `login_as` needs of an `AsyncClient`, that of httpx or of httpx2."""

    @property
    def cookies(self) -> Any:
        """Its cookies."""

    @property
    def base_url(self) -> Any:
        """The URL below which it asks."""

    @property
    def headers(self) -> Any:
        """The headers of each request."""

    async def aclose(self) -> None:
        """Close it: a TestClient has no such method."""


def use_database(url: str = IN_MEMORY) -> None:
    """Give every Auth that this process makes from now on another database.

    So `auth = Auth.from_config()` in a program that tests import never meets the database
    of authingo.toml or of the environment. All other settings stay, except that passwords
    are hashed in the cheapest way, and that no mail leaves the process: see `mails`.

    Call it at the top of conftest.py. A server that a test starts in a process of its own
    is not reached: give that one AUTHINGO_DATABASE_URL.

    Args:
        url: `sqlite:///:memory:`, where each Auth has a database of its own that is gone
            when its last lifespan ends, or the URL of a database for tests only.

    Raises:
        RuntimeError: an Auth on another database has already been made.
    """
    testing_database.use(url)


def memory_auth(*, mail: bool = False) -> Auth:
    """Make an Auth with default settings on a database in memory, with the cheapest hashing.

    The database is gone when the last lifespan ends. With `mail`, mail is on; `mails` delivers it.
    """
    settings = Settings(database_url=IN_MEMORY, passwords=CHEAPEST)
    return Auth(with_mail(settings) if mail else settings)


def base_url(app: FastAPI) -> str:
    """Return the address to give a test client, so that cookies and origins fit the settings.

    It is `public_url`, or `https://testserver` where that is not set: cookies are Secure
    then, and a client on plain http drops them.
    """
    return _auth_of(app).settings.public_origin or "https://testserver"


@overload
def login_as(client: TestClient, user: User | str, *, app: FastAPI | None = None) -> SignedIn: ...


@overload
def login_as(client: AsyncClient, user: User | str, *, app: FastAPI) -> Awaitable[SignedIn]: ...


def login_as(
    client: Any, user: User | str, *, app: FastAPI | None = None
) -> SignedIn | Awaitable[SignedIn]:
    """Sign a test client in without a password: cookies and client header from now on.

    The session counts as begun with a password, so it is authenticated recently. One that
    `Auth.begin_session` begins is not.

    Args:
        client: Starlette's TestClient, or an `httpx.AsyncClient` on an ASGITransport: then
            `await login_as(client, user, app=app)`.
        user: one that exists, or an email; if no user has it, one is created.
        app: the application that `install` was called for. A TestClient knows it, unless
            something is wrapped around the application.

    Raises:
        TypeError: the application is not known.
        NoSession: the user is disabled or was deleted.
    """
    waits = hasattr(client, "aclose")
    if app is None and waits:
        raise TypeError("an AsyncClient does not say which application it asks: pass app=")
    auth = _auth_of(client.app if app is None else app)

    async def begin() -> SignedIn:
        somebody = await _user_with(auth, user) if isinstance(user, str) else user
        signed_in = await auth._signing_in.begin_session(
            somebody, methods=(PASSWORD,), session_token=None, device=None, client=NO_CLIENT
        )
        _hand_over(client, auth, signed_in)
        return signed_in

    if waits:
        return begin()
    if client.portal is not None:
        signed_in: SignedIn = client.portal.call(begin)
        return signed_in
    import anyio  # noqa: PLC0415 - Starlette's, where there is a TestClient

    return anyio.run(begin)


@overload
def mails(sent_by: TestClient) -> list[SentMail]: ...


@overload
def mails(sent_by: Auth) -> Awaitable[list[SentMail]]: ...


def mails(sent_by: Any) -> list[SentMail] | Awaitable[list[SentMail]]:
    """Deliver what is queued, and return it: each mail once, the first one first.

    Nothing leaves the process, and nothing is delivered before this is called. So a test never
    waits for a mail. Links are as in the real mail: their tokens work once.

    Args:
        sent_by: an Auth, to be awaited: `await mails(auth)`. Or a TestClient that is held open
            with `with`, which needs no await.

    Raises:
        ConfigError: mail is off. It is on in tests if `mail.from` or `mail.url` is set.
        RuntimeError: the Auth is not one for tests.
    """
    if isinstance(sent_by, Auth):
        return sent_by.capability(Deliveries).deliver()
    if getattr(sent_by, "portal", None) is None:
        raise TypeError("pass an Auth, or a TestClient that is held open with `with`")
    deliveries = _auth_of(sent_by.app).capability(Deliveries)
    sent: list[SentMail] = sent_by.portal.call(deliveries.deliver)
    return sent


def _auth_of(app: Any) -> Auth:
    auth = getattr(getattr(app, "state", None), "authingo", None)
    if not isinstance(auth, Auth):
        raise TypeError("pass the application that auth.install(app) was called for")
    return auth


def _hand_over(client: Any, auth: Auth, signed_in: SignedIn) -> None:
    cookies = Cookies(auth.settings)
    for cookie, token in (
        (cookies.session, signed_in.tokens.session),
        (cookies.refresh, signed_in.tokens.refresh),
        (cookies.device, signed_in.tokens.device),
    ):
        client.cookies.delete(cookie.name)
        client.cookies.set(cookie.name, token, domain=_domain_of(client, cookie), path=cookie.path)
    client.headers["X-Authingo-Client"] = "true"


def _domain_of(client: Any, cookie: Cookie) -> str:
    """Return the domain under which the client keeps this cookie when an answer sets it.

    With another domain, it would keep the cookies of the next refresh too, and send both.
    http.cookiejar appends .local to a host without a dot.
    """
    if cookie.domain is not None:
        return f".{cookie.domain}"
    host: str = client.base_url.host
    return host if "." in host or not host else f"{host}.local"


async def _user_with(auth: Auth, email: str) -> User:
    try:
        return await auth.find_user(email)
    except NoSuchUser:
        return await auth.create_user(email=email)
