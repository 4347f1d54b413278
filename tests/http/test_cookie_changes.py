"""What a change of a cookie setting does to browsers that hold the cookies of the old one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.message import Message
from http.cookiejar import Cookie, CookieJar
from typing import Any
from urllib.request import Request

import pytest

from authingo.config import Settings, settings_from
from tests.server import ADA, Answer, Browser, LiveServer

HOST = "app.example.test"
DEVICE = "__Host-authingo_device"


class Response:
    """What a cookie jar needs of a response."""

    def __init__(self, answer: Answer) -> None:
        self._headers = Message()
        for name, value in answer.headers:
            self._headers.add_header(name, value)

    def info(self) -> Message:
        return self._headers


class Visitor:
    """A browser at https://app.example.test, which keeps host-only and Domain cookies apart."""

    def __init__(self) -> None:
        self.jar = CookieJar()
        self.server: LiveServer | None = None

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        assert self.server is not None
        request = Request(f"https://{HOST}{path}")
        self.jar.add_cookie_header(request)
        cookies = request.get_header("Cookie")
        headers = {"Host": HOST, **({"Cookie": cookies} if cookies else {})}
        answer = Browser(self.server.url).request(
            method, path, body, headers=headers, cookies={}, base=""
        )
        self.jar.extract_cookies(Response(answer), request)  # type: ignore[arg-type]
        return answer

    def sign_in(self) -> Answer:
        body = {"email": ADA["email"], "password": ADA["password"]}
        return self.ask("POST", "/api/auth/sign-in", body)

    def is_signed_in(self, base: str = "/api/auth") -> bool:
        return self.ask("GET", f"{base}/session").status == 200

    @property
    def kept(self) -> set[str]:
        return {cookie.name for cookie in self.jar}

    def keep(self, name: str, value: str, domain: str) -> None:
        named = domain.startswith(".")
        path = "/" if name.endswith("session") else "/api/auth/refresh"
        self.jar.set_cookie(
            Cookie(
                0, name, value, None, False, domain, named, named, path, True, True, None,
                False, None, None, {},
            )
        )  # fmt: skip


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


@pytest.fixture
def deploy(sqlite_url: str, visitor: Visitor) -> Iterator[Callable[..., None]]:
    """Replace the server that answers at the address by one with other settings."""
    servers: list[LiveServer] = []

    def start(**values: Any) -> None:
        def settings_for(url: str) -> Settings:
            return settings_from(
                {
                    "database_url": sqlite_url,
                    "public_url": f"https://{HOST}",
                    "passwords": {"bcrypt_cost": 4},
                    **values,
                }
            )

        while servers:
            servers.pop().stop()
        servers.append(LiveServer(settings_for))
        visitor.server = servers[0]

    yield start
    for server in servers:
        server.stop()


DOMAINS = [None, HOST, "example.test"]
SWITCHES = [(old, new) for old in DOMAINS for new in DOMAINS if old != new]


@pytest.mark.parametrize(("old", "new"), SWITCHES)
def test_a_change_of_the_domain_signs_nobody_out_and_lets_everybody_in(
    deploy: Callable[..., None], visitor: Visitor, old: str | None, new: str | None
) -> None:
    all_three = {"authingo_session", "authingo_refresh", DEVICE}
    deploy(cookies={"domain": old})
    assert visitor.ask("POST", "/api/auth/sign-up", ADA).status == 200
    deploy(cookies={"domain": new})
    assert visitor.is_signed_in()
    assert visitor.ask("POST", "/api/auth/refresh").status == 200
    assert len(visitor.jar) == 3, "not one of each setting"
    assert visitor.is_signed_in()
    deploy(cookies={"domain": old})
    assert visitor.sign_in().status == 200
    assert len(visitor.jar) == 3
    assert visitor.is_signed_in()
    assert visitor.ask("POST", "/api/auth/refresh").status == 200
    assert visitor.kept == all_three
    deploy(cookies={"domain": new})
    assert visitor.ask("POST", "/api/auth/sign-out").status == 200
    assert visitor.kept == {DEVICE}, "the browser is still one that has signed in here"


def test_somebody_who_already_holds_two_of_each_gets_in(
    deploy: Callable[..., None], visitor: Visitor
) -> None:
    """As earlier versions left them, which refused both until they were deleted by hand."""
    deploy()
    visitor.ask("POST", "/api/auth/sign-up", ADA)
    for domain in (f".{HOST}", ".example.test"):
        visitor.keep("authingo_session", "A" * 43, domain)
        visitor.keep("authingo_refresh", "A" * 64, domain)
    assert visitor.ask("GET", "/api/auth/session").code == "no_session", "two are still refused"
    assert visitor.ask("POST", "/api/auth/refresh").code == "no_session"
    assert len(visitor.jar) == 7, "a refusal neither sets nor clears"
    assert visitor.sign_in().status == 200
    assert visitor.is_signed_in()
    assert len(visitor.jar) == 3


def test_the_cookie_of_another_base_path_does_no_harm(
    deploy: Callable[..., None], visitor: Visitor
) -> None:
    """It stays where no route is; back there, the next sign-in replaces it."""
    deploy()
    visitor.ask("POST", "/api/auth/sign-up", ADA)
    deploy(base_path="/auth")
    assert visitor.is_signed_in("/auth"), "until the session token ends"
    assert visitor.ask("POST", "/auth/refresh").code == "no_session"
    body = {"email": ADA["email"], "password": ADA["password"]}
    assert visitor.ask("POST", "/auth/sign-in", body).status == 200
    assert visitor.ask("POST", "/auth/refresh").status == 200
    deploy()
    assert visitor.is_signed_in(), "by the session cookie of the other base path"
    assert visitor.ask("POST", "/api/auth/refresh").code == "no_session", "never refresh_reused"
    assert visitor.is_signed_in()
    assert visitor.sign_in().status == 200
    assert visitor.ask("POST", "/api/auth/refresh").status == 200


def test_two_applications_on_one_host_keep_apart_by_their_prefix(
    deploy: Callable[..., None], visitor: Visitor, tmp_path: Any
) -> None:
    """Cookies know no ports: both get the cookies of both, and read their own."""

    def shop_settings(url: str) -> Settings:
        return settings_from(
            {
                "database_url": f"sqlite:///{tmp_path}/shop.db",
                "public_url": f"https://{HOST}:8443",
                "cookies": {"prefix": "shop"},
                "passwords": {"bcrypt_cost": 4},
            }
        )

    deploy()
    first = visitor.server
    shop = LiveServer(shop_settings)
    try:
        for visitor.server in (first, shop):
            assert visitor.ask("POST", "/api/auth/sign-up", ADA).status == 200
        assert visitor.kept == {
            *(
                f"{prefix}_{kind}"
                for prefix in ("authingo", "shop")
                for kind in ("session", "refresh")
            ),
            *(f"__Host-{prefix}_device" for prefix in ("authingo", "shop")),
        }
        for visitor.server in (first, shop, first, shop):
            assert visitor.ask("POST", "/api/auth/refresh").status == 200
            assert visitor.is_signed_in()
        assert visitor.ask("POST", "/api/auth/sign-out").status == 200
        assert not visitor.is_signed_in()
        visitor.server = first
        assert visitor.is_signed_in(), "the other one's sign-out is not this one's"
        assert visitor.kept - {DEVICE, "__Host-shop_device"} == {
            "authingo_session",
            "authingo_refresh",
        }
    finally:
        shop.stop()


def test_a_hostile_host_header_reaches_no_answer_but_as_a_domain(
    deploy: Callable[..., None], visitor: Visitor, sqlite_url: str
) -> None:
    deploy(public_url=None)
    assert visitor.server is not None
    browser = visitor.server.browser()
    browser.sign_up()
    for host in ("x.example.test; Path=/evil", "x.example.test, a.example.test", "<b>.x.test"):
        answer = browser.request(
            "POST",
            "/sign-in",
            {"email": ADA["email"], "password": ADA["password"]},
            headers={"Host": host},
        )
        assert answer.status == 200
        sent = json.dumps(answer.all("set-cookie"))
        assert "evil" not in sent
        assert "Domain" not in sent
