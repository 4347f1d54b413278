"""For the tests of your own application.

    auth = memory_auth()
    app = FastAPI(lifespan=auth.lifespan)
    auth.install(app)

    def test_me() -> None:
        with TestClient(app, base_url="https://testserver") as client:
            login_as(client, "ada@example.com")
            assert client.get("/api/me").json() == {"email": "ada@example.com"}

Use an https base URL: the cookies are Secure, and a TestClient on plain http
drops those that a route sets. Hold the client open with `with`, so that every
request runs on one event loop. To replace a guard altogether, use
`app.dependency_overrides[authingo.fastapi.current_user]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from authingo import passwords
from authingo.auth import Auth
from authingo.config import PasswordSettings, Settings
from authingo.cookies import Cookies
from authingo.models import SignedIn, User

if TYPE_CHECKING:
    from starlette.testclient import TestClient

CHEAPEST = PasswordSettings(bcrypt_cost=4)  # a thousandth of a second; never outside tests


def memory_auth() -> Auth:
    """Make an Auth on a database in memory, with the cheapest password hashing.

    The database is gone when the last lifespan ends.
    """
    return Auth(Settings(database_url="sqlite:///:memory:", passwords=CHEAPEST))


def login_as(client: TestClient, user: User | str) -> SignedIn:
    """Sign a TestClient in without a password: cookies and client header from now on.

    Args:
        client: of an application that `install` was called for.
        user: one that exists, or an email; where nobody has it, a user is made.
    """
    auth: Auth = client.app.state.authingo  # type: ignore[attr-defined]  # an ASGI app, to its type

    async def begin() -> SignedIn:
        return await auth.begin_session(
            await _user_with(auth, user) if isinstance(user, str) else user
        )

    if client.portal is not None:
        signed_in = client.portal.call(begin)
    else:
        import anyio  # noqa: PLC0415 - Starlette's, where there is a TestClient

        signed_in = anyio.run(begin)
    cookies = Cookies(auth.settings)
    for cookie, token in (
        (cookies.session, signed_in.tokens.session),
        (cookies.refresh, signed_in.tokens.refresh),
    ):
        client.cookies.set(cookie.name, token, path=cookie.path)
    client.headers["X-Authingo-Client"] = "true"
    return signed_in


async def _user_with(auth: Auth, email: str) -> User:
    await auth.open()
    found = await auth.store.credentials(email)
    if found is not None:
        return found.user
    return await auth.create_user(email=email, password=passwords.generate())
