"""A tab with the React client of the release before, which stays open during the upgrade."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import skip_or_fail
from tests.command import Runner, Served
from tests.server import ADA
from tests.upgrades.conftest import Release


class Tab:
    """Node.js in place of a page: it calls what it is asked to on the client."""

    def __init__(self, node: str, client: Path, origin: str) -> None:
        script = Path(__file__).with_name("tab.mjs")
        self._process = subprocess.Popen(
            [node, script, client / "client.js", origin],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, name: str, *arguments: object) -> Any:
        """Call a function of the client; return what it returned, and the state afterwards."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        assert self._process.wait(30) == 0
        self._process.stdout.close()


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        skip_or_fail("this needs Node.js 20 or later")
    return found


@pytest.fixture
def open_tab(node: str, release_before: Release) -> Iterator[Callable[[str], Tab]]:
    """Open a tab on an origin."""
    tabs: list[Tab] = []

    def open_tab(origin: str) -> Tab:
        tabs.append(Tab(node, release_before.client, origin))
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        tab.close()


def test_a_tab_stays_signed_in_and_works_with_the_new_server(
    open_tab: Callable[[str], Tab], before: Runner, now: Runner, start: Callable[..., Served]
) -> None:
    old = start(before)
    tab = open_tab(f"http://127.0.0.1:{old.port}")
    assert tab.call("signUp.email", ADA)["error"] is None
    old.end()
    embedded = now.env["AUTHINGO_DATABASE_URL"].startswith("sqlite")  # its server migrates it
    if now("migrate", "--status", "--json").json["pending"] and not embedded:
        behind = start(now, port=old.port)
        answer = tab.call("getSession")
        assert answer["error"]["code"] == "store_unavailable"
        assert answer["status"] == "authenticated"
        behind.end()
    assert now("migrate").code == 0
    start(now, port=old.port)
    for name in ("getSession", "refresh", "getSession", "listSessions", "revokeOtherSessions"):
        answer = tab.call(name)
        assert (answer["error"], answer["status"]) == (None, "authenticated"), name
    renamed = tab.call("updateUser", {"name": "Ada L."})
    assert renamed["data"]["user"]["name"] == "Ada L."
    changed = {"current_password": ADA["password"], "new_password": "a better battery horse"}
    assert tab.call("changePassword", changed)["error"] is None
    assert tab.call("signOut")["status"] == "unauthenticated"
    wrong = tab.call("signIn.email", {"email": ADA["email"], "password": ADA["password"]})
    assert wrong["error"]["code"] == "invalid_credentials"
    right = {"email": ADA["email"], "password": changed["new_password"]}
    assert tab.call("signIn.email", right)["data"]["user"]["name"] == "Ada L."
