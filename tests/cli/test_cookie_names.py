"""`cookies inspect` and `doctor`: cookies of another prefix, and those that only expire others."""

from __future__ import annotations

from collections.abc import Callable

from authingo.cli.browsers.places import address
from authingo.cli.checks.server import examine

from authingo.config import Settings, settings_from
from authingo.http.cookies import Cookies
from tests.command import Runner
from tests.server import LiveServer

SHOP = {"AUTHINGO_COOKIES__PREFIX": "shop"}
TOKEN = "A" * 43


def test_inspect_knows_the_prefix(authingo: Runner) -> None:
    authingo("migrate")
    header = f"Cookie: shop_session={TOKEN}; authingo_session={TOKEN}; theme_session=dark"
    found = authingo("cookies", "inspect", "--json", "-", stdin=header, **SHOP)
    assert [(one["name"], one["kind"]) for one in found.json["cookies"]] == [
        ("shop_session", "session"),
        ("authingo_session", "unknown"),
        ("theme_session", "unknown"),
    ]
    shown = authingo("cookies", "inspect", "-", stdin=header, **SHOP).out
    assert "2 other cookies, not of authingo: authingo_session, theme_session" in shown
    assert "authingo_session holds what a session token looks like" in shown
    assert "cookies.prefix, here shop" in shown
    assert "theme_session holds" not in shown
    assert TOKEN not in shown


def test_inspect_knows_hardened_names_with_a_prefix(authingo: Runner) -> None:
    authingo("migrate")
    env = {**SHOP, "AUTHINGO_COOKIES__HARDENED_NAMES": "true"}
    found = authingo(
        "cookies", "inspect", "--json", "-", stdin=f"Cookie: __Host-shop_session={TOKEN}", **env
    )
    (cookie,) = found.json["cookies"]
    assert (cookie["kind"], cookie["problems"]) == ("session", [])


def test_inspect_sums_up_what_expires_cookies_of_other_settings(bare: Runner) -> None:
    public_url = "https://app.example.com"
    headers = Cookies(settings_from({"public_url": public_url})).clear()
    text = "HTTP/1.1 200 OK\r\n" + "".join(f"Set-Cookie: {one}\r\n" for one in headers) + "\r\n"
    ran = bare("cookies", "inspect", "-", stdin=text, AUTHINGO_PUBLIC_URL=public_url)
    assert ran.out.count(" token, ") == 2
    assert f"{len(headers) - 2} more headers expire what another cookies.domain" in ran.out
    ran = bare("cookies", "inspect", "--json", "-", stdin=text, AUTHINGO_PUBLIC_URL=public_url)
    assert len(ran.json["cookies"]) == len(headers)
    assert all(one["problems"] == [] for one in ran.json["cookies"])
    strange = text.replace("Domain=app.example.com", "Domain=other.example")
    ran = bare("cookies", "inspect", "-", stdin=strange, AUTHINGO_PUBLIC_URL=public_url)
    assert "does not cover" in ran.out, "what a browser drops is still said"


def test_doctor_names_the_difference_to_a_running_server(
    serve: Callable[..., LiveServer], make_settings: Callable[..., Settings]
) -> None:
    server = serve(cookies={"prefix": "shop"})

    def found(settings: Settings) -> dict[str, str]:
        return {one.name: one.message for one in examine(address(server.url), settings)}

    same = found(server.auth.settings)
    assert "cookie_names" not in same
    assert same["cookies"].startswith("shop_session and shop_refresh")
    assert "leaves shop_device" in same["device_cookie"]
    assert "authingo_session" in found(make_settings(public_url=server.url))["cookie_names"]
