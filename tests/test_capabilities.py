"""A plugin is a package and one line: tests/invitations/, and the line `plugins`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from authingo_invitations.settings import InvitationSettings
from authingo_invitations.use_cases import Invitations

from authingo import Auth, config
from authingo.capabilities import capabilities
from authingo.config import CapabilitySettings, Settings, settings_from
from authingo.errors import ConfigError, NotFound
from authingo.events import names
from authingo.http.replies import Redirect
from authingo.http.routes import all_routes, routes_of
from authingo.stores import open_store
from tests.server import ADA, LiveServer

PLUGIN = "authingo_invitations:InvitationsPlugin"
LINE = {"plugins": [PLUGIN]}
ON: dict[str, object] = {**LINE, "plugin": {"invitations": {"enabled": True}}}
PATHS = {
    "/invitations",
    "/invitations/accept",
    "/invitations/guests",
    "/invitations/page",
}
Serve = Callable[..., LiveServer]


@pytest.fixture
def on(make_settings: Callable[..., Settings]) -> dict[str, object]:
    """The settings of the plugin, on a database that has its tables."""
    migrate(make_settings(public_url="http://localhost:8000", **ON))
    return ON


def migrate(settings: Settings) -> list[str]:
    """Migrate a database by hand, as `authingo migrate` does."""

    async def run() -> list[str]:
        store = open_store(settings)
        await store.open(create=True)
        try:
            return await store.migrate()
        finally:
            await store.close()

    return asyncio.run(run())


def described(server: LiveServer) -> set[str]:
    """Return the paths below the base path that the OpenAPI document has."""
    document = server.browser().get("/openapi.json", base="").json
    return {path.removeprefix("/api/auth") for path in document["paths"]}


def test_an_invitation_is_accepted_once(serve: Serve, on: dict[str, object]) -> None:
    server = serve(**on)
    ada, guest = server.browser(), server.browser()
    assert ada.post("/invitations").code == "no_session"
    ada.sign_up()
    token = ada.post("/invitations").json["token"]
    assert (
        guest.post("/invitations/accept", {"token": "another", "name": "Eve"}).code == "not_found"
    )
    accept = {"token": token, "name": "Grace"}
    assert guest.post("/invitations/accept", accept).json == {"success": True}
    assert guest.post("/invitations/accept", accept).code == "not_found"
    assert ada.get("/invitations/guests").json == {"guests": ["Grace"]}


def test_a_route_may_need_a_recent_authentication(serve: Serve, on: dict[str, object]) -> None:
    """Declared once: the handler refuses, and OpenAPI says so."""
    server = serve(**on)
    browser = server.browser()
    browser.sign_up()
    server.age_sessions(11 * 60)
    refused = browser.post("/invitations")
    assert (refused.status, refused.code) == (403, "reauthentication_required")
    assert refused.json["methods"] == ["password"]
    assert browser.post("/reauthenticate", {"password": ADA["password"]}).status == 200
    assert browser.post("/invitations").status == 200
    document = browser.get("/openapi.json", base="").json
    responses = document["paths"]["/api/auth/invitations"]["post"]["responses"]
    assert "reauthentication_required" in responses["403"]["description"]


def test_a_route_that_needs_a_recent_authentication_needs_a_session() -> None:
    assert all(route.session for route in all_routes() if route.recent)


def test_a_program_uses_it_without_http(
    make_settings: Callable[..., Settings], on: dict[str, object]
) -> None:
    async def run() -> None:
        auth = Auth(make_settings(public_url="https://example.com", **on))
        async with auth.lifespan():
            user = await auth.create_user(email="ada@example.com")
            invitations = auth.capability(Invitations)
            assert auth.capability(Invitations) is invitations
            token = await invitations.invite(user)
            await invitations.accept(token, name="Grace")
            with pytest.raises(NotFound):
                await invitations.accept(token, name="Grace")
            assert await invitations.guests(user) == ["Grace"]
            (accepted,) = await auth.list_events(name="invitation_accepted")
            assert accepted.user_id == user.id
            (made,) = await auth.list_events(name="invitation_made")
            assert made.user_id == user.id

    asyncio.run(run())


def test_its_routes_are_described_and_checked_like_any_other(
    serve: Serve, on: dict[str, object]
) -> None:
    server = serve(**on)
    browser = server.browser()
    assert described(server) >= PATHS
    document = browser.get("/openapi.json", base="").json
    accept = document["paths"]["/api/auth/invitations/accept"]["post"]
    assert accept["responses"]["404"]["description"] == "not_found"
    schema = accept["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["token", "name"]
    paths = document["paths"]
    redirect = paths["/api/auth/invitations"]["get"]["responses"]["303"]
    assert list(redirect["headers"]) == ["Location"]
    page = paths["/api/auth/invitations/page"]["get"]["responses"]["200"]
    assert list(page["content"]) == ["text/html"]
    answer = browser.request("DELETE", "/invitations")
    assert answer.status == 405
    assert answer.all("allow") == ["POST, GET"]
    wrong = {"token": 1, "name": "Eve"}
    assert browser.post("/invitations/accept", wrong).json["fields"] == {
        "token": "must be a string"
    }
    assert browser.post("/invitations", headers={"Origin": "https://evil.example"}).status == 403


def test_an_answer_may_be_a_page_or_a_redirect(serve: Serve, on: dict[str, object]) -> None:
    server = serve(**on)
    browser = server.browser()
    page = browser.get("/invitations/page")
    assert (page.status, page.all("content-type")) == (200, ["text/html; charset=utf-8"])
    assert page.body.startswith(b"<!doctype html>")
    assert "default-src 'none'" in page.all("content-security-policy")[0]
    redirect = browser.get("/invitations")
    assert (redirect.status, redirect.body) == (303, b"")
    assert redirect.all("location") == [f"{server.url}/api/auth/invitations/page"]
    for answer in (page, redirect):
        assert answer.all("cache-control") == ["no-store"]
        assert answer.all("x-content-type-options") == ["nosniff"]
        assert answer.all("referrer-policy") == ["no-referrer"]


@pytest.mark.parametrize("location", ["/a\r\nset-cookie: a=b", "/a b", "/ä", ""])
def test_a_redirect_goes_to_a_url_and_nothing_else(location: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        Redirect(location=location).prepare()


def test_switched_off_it_is_absent(serve: Serve, make_settings: Callable[..., Settings]) -> None:
    migrate(make_settings(**LINE))
    server = serve(**LINE)
    assert not described(server) & PATHS
    for path in PATHS:
        for method in ("GET", "POST", "DELETE"):
            assert server.browser().request(method, path).code == "not_found"


def test_without_its_line_it_is_absent(serve: Serve) -> None:
    with pytest.raises(ConfigError, match=r"unknown group of settings: plugin\.invitations"):
        settings_from({**ON, "plugins": []})
    server = serve()
    assert not described(server) & PATHS
    assert server.browser().post("/invitations").code == "not_found"
    assert "invitation_made" not in names()


def test_its_settings_are_read_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "authingo.toml"
    file.write_text(
        f'public_url = "https://example.com"\nplugins = ["{PLUGIN}"]\n'
        "[plugin.invitations]\nenabled = true\n"
    )
    variable = "AUTHINGO_PLUGIN__INVITATIONS__LIFETIME"
    settings = config.load(file, {variable: "2d"}).of(InvitationSettings)
    assert settings.enabled
    assert settings.lifetime.days == 2
    assert not config.load(env={"AUTHINGO_PLUGINS": PLUGIN}).of(InvitationSettings).enabled
    with pytest.raises(ConfigError, match=r"did you mean plugin.invitations.lifetime\?\)"):
        settings_from({**LINE, "plugin": {"invitations": {"lifetme": "2d"}}})
    with pytest.raises(ConfigError, match=f"did you mean {variable}"):
        config.load(file, env={variable.replace("TIME", "TME"): "2d"})
    with pytest.raises(ConfigError, match=f"unknown variable {variable}"):
        config.load(env={variable: "2d"})


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"enabled": True}, "invitations.enabled: needs public_url"),
        ({"lifetime": 0}, "invitations.lifetime: must be longer than 0"),
        ({"lifetime": "soon"}, "invitations.lifetime: must be seconds, or a duration"),
        ({"enabled": "perhaps"}, "invitations.enabled: must be true or false"),
        (True, "invitations: must be a group of settings"),
    ],
)
def test_settings_that_cannot_work_are_refused(table: object, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings_from({**LINE, "plugin": {"invitations": table}})
    assert str(refused.value).startswith(f"plugin.{problem}")


def test_no_two_capabilities_share_a_name() -> None:
    """Of a table, an event, a purpose, or a route with the same method.

    One may only replace a route of the core, under some settings.
    """
    known = capabilities([PLUGIN])
    added = [route for one in known if one.routes for route in routes_of(one.routes)]
    assert all(issubclass(one.settings, CapabilitySettings) for one in known)
    for shared in (
        [*Settings.__struct_fields__, *(one.name for one in known)],
        names([PLUGIN]),
        [purpose for one in known for purpose in one.purposes],
        [(route.method, route.path) for route in added],
        [route.handle.__name__ for route in all_routes([PLUGIN])],
    ):
        assert len(set(shared)) == len(shared)


def test_the_defaults_turn_no_capability_on() -> None:
    known = all_routes([PLUGIN])
    core = {route.path for route in known if route.enabled is None}
    assert {one.path for one in known if one.is_enabled(Settings())} == core
    assert not core & PATHS


@pytest.mark.parametrize(
    ("plugins", "problem"),
    [
        (["no_such_package:Plugin"], '"no_such_package:Plugin" cannot be imported'),
        (["authingo_invitations:Nothing"], "cannot be imported: AttributeError"),
        (["authingo_invitations.settings:InvitationSettings"], "does not inherit"),
        ([PLUGIN, PLUGIN], "the same id"),
        ({"invitations": {"enabled": True}}, "must be a list"),
        ([1], "must be a list"),
    ],
)
def test_plugins_that_cannot_work_are_refused(plugins: object, problem: str) -> None:
    with pytest.raises(ConfigError, match=r"^plugins: ") as refused:
        settings_from({"plugins": plugins})
    assert problem in str(refused.value)
