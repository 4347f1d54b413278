"""The page of `authingo serve`, without a browser: where it is, where it is not, what it tells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.command import Runner, Served
from tests.server import ADA, Answer, Browser, LiveServer

FOLDER = Path(__file__).parent.parent.parent / "cli" / "page"
FILES = {file.name: file for file in sorted(FOLDER.iterdir())}
HEADER = "x-authingo-dev-cookies"
ATTRIBUTES = ["Max-Age=2592000", "HttpOnly"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(Runner(tmp_path_factory.mktemp("served")))
    yield server
    server.end()


@pytest.fixture
def browser(served: Served) -> Browser:
    return served.browser


def got(browser: Browser, path: str, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return browser.request(method, path, base="", headers=named, cookies={})


def told(answer: Answer) -> dict[str, list[object]]:
    (header,) = answer.all(HEADER)
    value: dict[str, list[object]] = json.loads(header)
    return value


def is_off(browser: Browser, **headers: str) -> bool:
    """Tell that there is no page, and nothing that is there for it."""
    missing = [got(browser, path, **headers) for path in ("/", "/page/page.js")]
    assert {answer.status for answer in missing} == {404}
    return got(browser, "/api/auth/session", **headers).all(HEADER) == []


def test_it_is_announced_first(served: Served) -> None:
    first = served.said.splitlines()[0]
    address = re.escape(f"http://127.0.0.1:{served.port}/")
    assert re.fullmatch(rf"Open {address}#inbox=[\w-]{{43}} to try every flow\.", first)


@pytest.mark.parametrize("name", [*FILES, "settings.json", "readme.html"])
def test_every_file_comes_with_its_type_and_a_strict_policy(browser: Browser, name: str) -> None:
    path = "/" if name == "index.html" else f"/page/{name}"
    answer = got(browser, path)
    assert answer.status == 200
    if name in FILES:
        assert answer.body.endswith(FILES[name].read_bytes())  # page.css has more in front
    kinds = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
    kinds |= {"svg": "image/svg+xml", "json": "application/json"}
    (kind,) = answer.all("content-type")
    assert kind.partition(";")[0] == kinds[name.rpartition(".")[2]]
    (policy,) = answer.all("content-security-policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert {name for name, value in rules.items() if value == "'none'"} == {
        "default-src", "base-uri", "form-action", "frame-ancestors", "trusted-types",
    }  # fmt: skip
    assert {name for name, value in rules.items() if value == "'self'"} == {
        "script-src", "style-src", "img-src", "connect-src", "frame-src",
    }  # fmt: skip
    assert rules["require-trusted-types-for"] == "'script'"
    assert len(rules) == 11
    assert answer.all("cache-control") == ["no-store"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert answer.all("referrer-policy") == ["no-referrer"]
    assert answer.all("cross-origin-opener-policy") == ["same-origin"]
    assert answer.all("cross-origin-resource-policy") == ["same-origin"]
    head = got(browser, path, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.all("content-length") == [str(len(answer.body))]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("PUT", "/page/page.js"),
        ("DELETE", "/"),
        ("GET", "//"),
        ("GET", "/page"),
        ("GET", "/page/"),
        ("GET", "/page.js"),
        ("GET", "/page/index.html"),
        ("GET", "/page/nothing.js"),
        ("GET", "/page/../serve.py"),
        ("GET", "/page/%2e%2e/serve.py"),
        ("GET", "/page/page.js/"),
        ("GET", "/index.html"),
    ],
)
def test_everything_else_is_what_it_was(browser: Browser, method: str, path: str) -> None:
    answer = got(browser, path, method)
    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})


def test_cookies_are_described_without_their_values(browser: Browser) -> None:
    answers = [browser.sign_up(email="told@example.com"), browser.post("/refresh")]
    seen = set(answers[0].tokens.values()) | set(answers[1].tokens.values())
    assert len(seen) == 5
    session = {
        "name": "authingo_session",
        "cleared": False,
        "attributes": ["Path=/", *ATTRIBUTES, "SameSite=Lax"],
    }
    refresh = {
        "name": "authingo_refresh",
        "cleared": False,
        "attributes": ["Path=/api/auth/refresh", *ATTRIBUTES, "SameSite=Strict"],
    }
    device = {
        "name": "authingo_device",
        "cleared": False,
        "attributes": ["Path=/", "Max-Age=31536000", *ATTRIBUTES[1:], "SameSite=Strict"],
    }
    assert told(answers[0]) == {"sent": [], "set": [session, refresh, device]}
    sent = ["authingo_session", "authingo_refresh", "authingo_device"]
    assert told(answers[1]) == {"sent": sent, "set": [session, refresh]}
    browser.cookies["somebody_elses"] = "secret-of-another-program"
    answers.append(browser.get("/session"))
    assert told(answers[-1]) == {"sent": sent, "set": []}
    answers += [
        browser.post(
            "/refresh", cookies={"authingo_refresh": answers[0].tokens["authingo_refresh"]}
        ),
        browser.sign_in(email="told@example.com", password="a wrong password"),
        browser.sign_in(email="told@example.com"),
        browser.post("/sign-out"),
    ]
    cleared = told(answers[-1])["set"]
    assert [one["cleared"] for one in cleared] == [True] * 4  # type: ignore[index]
    secrets = seen.union(*(answer.tokens.values() for answer in answers)) - {""}
    assert len(secrets) == 8
    for answer in answers:
        everything = json.dumps([one for one in answer.headers if one[0] != "set-cookie"])
        for secret in {*secrets, "somebody_elses", ADA["password"]}:
            assert secret not in everything + answer.body.decode()


def test_what_it_shows_of_the_configuration_is_not_secret(bare: Runner) -> None:
    server = Served(bare, AUTHINGO_DATABASE_URL="postgresql://user:hunter2@127.0.0.1:1/db")
    try:
        answer = got(server.browser, "/page/settings.json")
        assert answer.json["database"] == "postgresql://user@127.0.0.1:1/db"
        assert b"hunter2" not in answer.body
        assert answer.json["seconds"]["absolute"] == 90 * 24 * 3600
    finally:
        server.end()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "127.0.0.1.example.com"},
        {"Host": "[::1"},
        {"Host": ""},
        {"X_Forwarded_For": "203.0.113.7"},
        {"X_Forwarded_Host": "example.com"},
        {"Forwarded": "for=203.0.113.7"},
        {"Via": "1.1 proxy"},
    ],
    ids=str,
)
def test_it_is_off_for_whoever_does_not_come_straight_from_this_machine(
    browser: Browser, headers: dict[str, str]
) -> None:
    assert is_off(browser, **headers)


@pytest.mark.parametrize("host", ["localhost:8080", "app.localhost", "[::1]:8080", "127.0.0.2"])
def test_it_is_there_under_every_name_of_this_machine(browser: Browser, host: str) -> None:
    assert got(browser, "/", Host=host).status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_it_is_off_where_browsers_come_to_an_https_address(bare: Runner, host: str) -> None:
    server = Served(bare, "--host", host, AUTHINGO_PUBLIC_URL="https://example.com")
    try:
        assert is_off(server.browser)
    finally:
        server.end()
    assert "to try every flow" not in server.said
    assert "https://example.com/api/auth" in server.said


def test_it_is_off_beyond_loopback_whatever_public_url_says(bare: Runner) -> None:
    url = "http://localhost:8080"
    server = Served(bare, "--host", "0.0.0.0", AUTHINGO_PUBLIC_URL=url)
    try:
        assert is_off(server.browser)
    finally:
        server.end()
    assert "to try every flow" not in server.said


def test_a_program_of_ones_own_never_has_it(serve: Callable[..., LiveServer]) -> None:
    assert is_off(serve().browser())


def test_workers_have_it_too(bare: Runner) -> None:
    server = Served(bare, "--workers", "2")
    try:
        for _ in range(8):
            assert got(server.browser, "/").status == 200
            assert got(server.browser, "/api/auth/session").all(HEADER)
    finally:
        server.end()


@pytest.mark.parametrize(
    ("public_url", "announced"),
    [("http://localhost:{port}", "http://localhost:{port}/"),
     ("http://localhost:5173", "http://127.0.0.1:{port}/")],
)  # fmt: skip
def test_it_is_announced_where_it_is(
    bare: Runner, public_url: str, announced: str, unused_port: int
) -> None:
    variables = {"AUTHINGO_PUBLIC_URL": public_url.format(port=unused_port)}
    server = Served(bare, port=unused_port, **variables)
    server.end()
    assert server.said.startswith(f"Open {announced.format(port=unused_port)}#inbox=")


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.name)
def test_its_files_need_nothing_from_elsewhere_and_make_no_markup(file: Path) -> None:
    text = file.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"(?:https?:)?//[a-z]", text, re.IGNORECASE) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b", text) == []
    assert re.findall(r"document\.cookie|localStorage|indexedDB", text) == []
    if file.name != "inbox.js":  # where the token of the inbox survives a reload
        assert "sessionStorage" not in text
    if file.suffix == ".html":
        assert re.findall(r"\sstyle=|\son\w+=|<style|<script(?! type=\"module\" src)", text) == []
        assert re.findall(r"<script[^>]*>\s*\S[^<]*</script>", text) == []
