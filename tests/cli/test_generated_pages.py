"""What the programs of `authingo init` serve to a browser: a page, or the built front end."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import Runner
from tests.program import run_program

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"  # what browsers accept for a page


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass
class Program:
    port: int

    def get(self, path: str, accept: str = "*/*", method: str = "GET") -> Answer:
        """Send the path as it is: no client between normalizes it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers={"Accept": accept})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()


def generated(bare: Runner, *options: str) -> Path:
    assert bare("init", "app", *options).code == 0
    return bare.directory / "app"


@pytest.fixture(scope="module")
def react(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    bare = Runner(tmp_path_factory.mktemp("react"))
    app = generated(bare, "--react")
    built = app / "web" / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("the application")
    (built / "logo.svg").write_text("<svg/>")
    (built / "assets" / "index-abc.js").write_text("script")
    (built / "outside.txt").symlink_to(app / "authingo.toml")
    with run_program(app, bare.env) as port:
        yield Program(port)


@pytest.mark.parametrize(
    "path", ["/", "/orders/7", "/orders/7/", "/apiary", "/orders?page=2", "/assets.html/x"]
)
def test_an_address_of_the_application_opens_it(react: Program, path: str) -> None:
    for accept in (HTML, "*/*"):
        answer = react.get(path, accept)
        assert (answer.status, answer.text) == (200, "the application")
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_address_with_a_dot_opens_where_a_page_is_wanted(react: Program) -> None:
    assert react.get("/people/ada@example.com", HTML).text == "the application"
    assert react.get("/people/ada@example.com", "image/avif,*/*").status == 404


def test_files_are_served_as_they_are(react: Program) -> None:
    script = react.get("/assets/index-abc.js")
    assert (script.status, script.text) == (200, "script")
    assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    logo = react.get("/logo.svg")
    assert (logo.text, logo.headers["Cache-Control"]) == ("<svg/>", "no-cache")


@pytest.mark.parametrize(
    "path",
    ["/assets/gone.js", "/assets/gone", "/assets", "/api", "/api/", "/api/nope", "//api/nope"],
)
def test_what_is_missing_stays_missing(react: Program, path: str) -> None:
    for accept in (HTML, "*/*"):
        assert react.get(path, accept).status == 404, accept
    assert react.get("/gone.png").status == 404


def test_the_routes_answer_for_themselves(react: Program) -> None:
    assert react.get("/api/auth/nope", HTML).headers["Content-Type"] == "application/json"
    assert react.get("/api/auth/nope", HTML).status == 404
    assert react.get("/api/auth/health").status == 200
    assert react.get("/orders/7", HTML, method="POST").status == 405
    assert "swagger" in react.get("/docs", HTML).text


@pytest.mark.parametrize(
    "path",
    [
        "/../authingo.toml",
        "/assets/../../../authingo.toml",
        "/..%2f..%2fauthingo.toml",
        "/%2e%2e/%2e%2e/authingo.toml",
        "/..\\..\\authingo.toml",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/outside.txt",  # a link that leads out
        "/%00",
        "/" + "x" * 5000,
        "/../../main",
        "/%ff%fe",
    ],
)
def test_nothing_outside_of_the_folder_is_read(react: Program, path: str) -> None:
    for accept in (HTML, "*/*"):
        answer = react.get(path, accept)
        assert (answer.status, answer.text) == (200, "the application") or answer.status == 404


def test_before_it_is_built_the_program_runs_without_it(bare: Runner) -> None:
    with run_program(generated(bare, "--react"), bare.env) as port:
        assert Program(port).get("/", HTML).status == 404
        assert Program(port).get("/api/auth/health").status == 200


def test_without_a_front_end_there_is_a_page(bare: Runner) -> None:
    app = generated(bare)
    with run_program(app, bare.env) as port:
        program = Program(port)
        page = program.get("/", HTML)
        assert page.status == 200
        assert "<title>app</title>" in page.text
        for file in ("page.js", "page.css"):
            assert f'"{file}"' in page.text, "so that it works below a prefix too"
            assert program.get(f"/{file}").text == (app / "page" / file).read_text()
        policy = page.headers["Content-Security-Policy"]
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy
        assert not [word for word in ("style=", "onclick", "<script>") if word in page.text]
        for missing in ("/api/nope", "/nope", "/../main.py", "/..%2fauthingo.toml"):
            assert program.get(missing, HTML).status == 404
