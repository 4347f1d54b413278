"""Users' own fields over HTTP, on both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from authingo import Auth, User
from authingo.profile import MAX_SIZE
from tests.database import execute
from tests.profiles import Cross, Profile
from tests.server import ADA, LiveServer

SHOWN: dict[str, Any] = {
    "theme": "light",
    "nickname": None,
    "birthday": None,
    "address": None,
    "tags": [],
    "ratio": 0.5,
    "anything": None,
    "plan": "free",
}


@pytest.fixture
def server(serve: Callable[..., LiveServer]) -> LiveServer:
    return serve(profile="tests.profiles:Profile")


def by_program(server: LiveServer, **profile: Any) -> User[Any]:
    """Change the profile as another program does."""

    async def work() -> User[Any]:
        auth = Auth(server.auth.settings)
        async with auth.lifespan():
            user = await auth.find_user(ADA["email"])
            return (await auth.update_user(user, profile=profile)).user

    return asyncio.run(work())


def test_a_user_has_a_profile_from_the_beginning(server: LiveServer) -> None:
    browser = server.browser()
    assert browser.sign_up().json["user"]["profile"] == SHOWN
    assert browser.get("/session").json["user"]["profile"] == SHOWN
    assert browser.post("/refresh").json["user"]["profile"] == SHOWN
    assert execute(server.database_url, "SELECT profile FROM authingo_users") == [(None,)]


def test_a_sign_up_brings_some_of_it(server: LiveServer) -> None:
    brought = {"theme": "dark", "birthday": "1815-12-10"}
    answer = server.browser().sign_up(profile=brought)
    assert answer.json["user"]["profile"] == SHOWN | brought


@pytest.mark.parametrize("profile", [{"plan": "pro"}, {"theme": "dark", "notes": "x"}], ids=str)
def test_nobody_gives_themselves_what_only_the_application_writes(
    server: LiveServer, profile: dict[str, str]
) -> None:
    """Mass assignment: the whole request is refused, and no part of it is written."""
    refused = server.browser().post("/sign-up", {**ADA, "profile": profile})
    assert (refused.status, list(refused.json["fields"])) == (422, ["profile"])
    browser = server.browser()
    browser.sign_up()
    refused = browser.request("PATCH", "/user", {"name": "X", "profile": profile})
    assert (refused.status, list(refused.json["fields"])) == (422, ["profile"])
    user = browser.get("/session").json["user"]
    assert (user["name"], user["profile"]) == (ADA["name"], SHOWN)


def test_a_patch_changes_what_it_names_in_every_session_at_once(server: LiveServer) -> None:
    here, there = server.browser(), server.browser()
    here.sign_up(profile={"theme": "dark"})
    there.sign_in()
    assert there.get("/session").json["user"]["profile"]["theme"] == "dark"
    changed = here.request("PATCH", "/user", {"profile": {"address": {"city": "London"}}})
    expected = SHOWN | {"theme": "dark", "address": {"city": "London", "street": None}}
    assert changed.json["user"]["profile"] == expected
    for browser in (here, there):
        assert browser.get("/session").json["user"] == changed.json["user"]
    by_program(server, plan="pro", notes="pays late")
    assert here.get("/session").json["user"]["profile"] == expected | {"plan": "pro"}
    assert "pays late" not in here.get("/session").body.decode()
    names = execute(server.database_url, "SELECT name FROM authingo_events ORDER BY id")
    assert names == [(one,) for one in ("sign_up", "sign_in", *["profile_changed"] * 2)]


def test_patches_of_different_fields_at_once_all_survive(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    patches: list[dict[str, Any]] = [{"theme": "dark"}, {"nickname": "x"}, {"tags": ["a"]}]

    def send(profile: dict[str, Any] | None) -> None:
        if profile is None:
            by_program(server, plan="pro")
        else:
            answer = browser.request("PATCH", "/user", {"profile": profile}, cookies=cookies)
            assert answer.status == 200

    cookies = dict(browser.cookies)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, [*patches, None]))
    expected = SHOWN | {"theme": "dark", "nickname": "x", "tags": ["a"], "plan": "pro"}
    assert browser.get("/session").json["user"]["profile"] == expected


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"profile": "x"}, ["profile"]),
        ({"profile": {"theme": "blue"}}, ["profile.theme"]),
        ({"profile": {"anything": "\0"}}, ["profile"]),
    ],
    ids=str,
)
def test_what_is_not_acceptable_changes_nothing(
    server: LiveServer, body: dict[str, Any], fields: list[str]
) -> None:
    browser = server.browser()
    before = browser.sign_up().json
    refused = browser.request("PATCH", "/user", {**body, "name": "X"})
    assert (refused.status, list(refused.json["fields"])) == (422, fields)
    assert browser.get("/session").json == before


@pytest.mark.parametrize("stored", ['{"theme":5,"nickname":"x"}', "nonsense"])
def test_what_no_longer_fits_is_left_out_and_recorded_once(server: LiveServer, stored: str) -> None:
    """Never a 500, whatever another program or an older model has written."""
    browser = server.browser()
    browser.sign_up()
    execute(server.database_url, f"UPDATE authingo_users SET profile = '{stored}'")
    for _ in range(2):
        answer = browser.get("/session")
        assert answer.status == 200
        profile = answer.json["user"].get("profile")
        left = {name: one for name, one in SHOWN.items() if name != "theme"} | {"nickname": "x"}
        assert profile == (None if stored == "nonsense" else left)
        browser.post("/refresh")
    assert by_program(server).profile == Profile(nickname=None if stored == "nonsense" else "x")
    found = execute(
        server.database_url,
        "SELECT count(*) FROM authingo_events WHERE name = 'profile_left_out'",
    )
    assert found == [(1,)]


def test_no_client_can_use_all_the_room_that_the_program_needs(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    rest = MAX_SIZE - 16_000 - len('{"anything":"","tags":[""]}')
    for values, status in (
        ({"anything": "x" * 16_000}, 200),
        ({"tags": ["y" * (rest + 1)]}, 422),
        ({"tags": ["y" * rest]}, 200),
    ):
        assert browser.request("PATCH", "/user", {"profile": values}).status == status
    full = browser.request("PATCH", "/user", {"profile": {"theme": "dark"}})
    assert (full.status, full.json["fields"]) == (422, {"profile": "must be at most 16 KiB"})
    assert by_program(server, banned=True, notes="x" * MAX_SIZE).profile.banned


def test_a_misfit_of_the_whole_model_leaves_what_the_program_wrote(
    serve: Callable[..., LiveServer],
) -> None:
    """And what is written is in the next answer, or refused."""
    server = serve(profile="tests.profiles:Cross")
    browser = server.browser()
    browser.sign_up()
    stored = '{"least":3,"most":2,"features":["x"],"plan":"pro","banned":true}'
    execute(server.database_url, f"UPDATE authingo_users SET profile = '{stored}'")
    assert by_program(server).profile == Cross(most=2, plan="pro", features=["x"], banned=True)
    shown = {"most": 2, "plan": "pro", "features": ["x"]}
    assert browser.get("/session").json["user"]["profile"] == shown
    changed = browser.request("PATCH", "/user", {"profile": {"most": 1}})
    assert changed.json["user"]["profile"] == shown | {"most": 1}
    refused = browser.request("PATCH", "/user", {"profile": {"least": 2}})
    assert (refused.status, refused.json["fields"]) == (422, {"profile": "the range is empty"})
    changed = browser.request("PATCH", "/user", {"profile": {"most": 5}})
    assert changed.json["user"]["profile"] == shown | {"least": 3, "most": 5}


def test_without_a_model_there_is_nothing_of_it(serve: Callable[..., LiveServer]) -> None:
    """Off means absent: in answers, requests and the OpenAPI document."""
    server = serve()
    browser = server.browser()
    refused = browser.post("/sign-up", {**ADA, "profile": {"theme": "dark"}})
    assert (refused.status, refused.json["fields"]) == (422, {})
    assert "profile" not in browser.sign_up().json["user"]
    assert browser.request("PATCH", "/user", {"profile": None}).status == 422
