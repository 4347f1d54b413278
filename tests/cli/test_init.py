"""`authingo init`: what it writes runs, and it writes over nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from authingo.config import load, settings_from
from authingo.mail.settings import MailSettings
from authingo.pages.settings import PagesSettings
from tests.command import Runner
from tests.program import run_program
from tests.server import ADA, Browser

ALWAYS = {
    ".dockerignore",
    ".gitignore",
    "Caddyfile",
    "Dockerfile",
    "README.md",
    "authingo.toml",
    "compose.yaml",
    "conftest.py",
    "deploy/app.service",
    "deploy/authingo-prune.service",
    "deploy/authingo-prune.timer",
    "deploy/crontab",
    "main.py",
    "pytest.ini",
    "requirements-dev.txt",
    "requirements.txt",
    "test_main.py",
}
PAGE = {"pages.py", "test_pages.py"} | {
    f"page/{name}"
    for name in ("index.html", "page.css", "page.js", "address.js", "ask.js", "code.js", "mail.js")
}
WRITTEN = ALWAYS | PAGE
RENDERED = (
    ALWAYS
    | {"static/icon.svg", "static/style.css"}
    | {f"templates/{name}.html" for name in ("home", "layout", "notes")}
)
TEMPLATES = Path(__file__).parent.parent.parent / "templates"
COMPONENTS = ("Account", "Address", "App", "Code", "Forgot", "Form", "Links", "Sessions", "SignIn")
SHARED = {f"web/src/{name}.tsx" for name in COMPONENTS} | {
    "web/src/fields.ts",
    "web/src/mail.ts",
    "web/src/useToken.ts",
    "web/.gitignore",
    "web/README.md",
    "web/package.json",
    "web/src/style.css",
    "web/tsconfig.json",
    *(f"web/authingo-react/{one.name}" for one in TEMPLATES.glob("client/web/authingo-react/*")),
}
VITE = {"web/index.html", "web/src/main.tsx", "web/vite.config.ts", "pages.py", "test_pages.py"}
NEXT = {"web/api.ts", "web/app/layout.tsx", "web/app/page.tsx", "web/next.config.ts"} | {
    f"web/app/{link}/page.tsx"
    for link in (
        "reset-password",
        "verify-email",
        "change-email",
        "undo-email-change",
        "undo-deletion",
    )
}
DOCKER = {"web/.dockerignore", "web/Dockerfile"}
FRONT_ENDS = {"--react": ALWAYS | SHARED | VITE, "--next": ALWAYS | SHARED | NEXT | DOCKER}
KINDS: dict[str, list[str]] = {
    "plain": [],
    "pages": ["--pages"],
    "react": ["--react"],
    "next": ["--next"],
}
PUBLIC_URLS = {
    "plain": "http://localhost:8000",
    "pages": "http://localhost:8000",
    "react": "http://localhost:5173",
    "next": "http://localhost:3000",
}


def files_in(directory: Path) -> set[str]:
    return {str(one.relative_to(directory)) for one in directory.rglob("*") if one.is_file()}


@pytest.fixture
def project(bare: Runner) -> Runner:
    assert bare("init", "app").code == 0
    bare.directory /= "app"
    return bare


@pytest.fixture
def program(project: Runner) -> Iterator[Browser]:
    """The generated program, run as its README says."""
    with run_program(project.directory, project.env) as port:
        yield Browser(f"http://127.0.0.1:{port}")


def test_it_writes_a_project_and_says_what_is_next(bare: Runner) -> None:
    ran = bare("init", "app")
    assert ran.code == 0
    assert {line.removeprefix("app/") for line in ran.out.splitlines()} == WRITTEN
    assert files_in(bare.directory / "app") == WRITTEN
    assert "cd app" in ran.err
    assert (bare.directory / "app" / "authingo.toml").stat().st_mode & 0o777 == 0o600
    here = bare("init")
    assert "cd" not in here.err.split()
    assert files_in(bare.directory) == WRITTEN | {f"app/{name}" for name in WRITTEN}


def test_the_generated_program_runs(program: Browser, project: Runner) -> None:
    assert program.get("/api/me", base="").code == "no_session"
    signed_up = program.sign_up()
    me = program.get("/api/me", base="").json
    assert me == {"id": signed_up.json["user"]["id"], "email": ADA["email"], "name": ADA["name"]}
    assert program.get("/api/hello", base="").json == {"hello": "Ada"}
    assert "/api/me" in json.loads(program.get("/openapi.json", base="").body)["paths"]
    listed = project("users", "list", "--json").json
    assert [user["email"] for user in listed] == [ADA["email"]]
    assert project("sessions", "prune").code == 0


def test_every_setting_of_the_file_is_a_real_one(project: Runner) -> None:
    file = project.directory / "authingo.toml"
    text = file.read_text()
    written = re.findall(r"^# (\w+) = .+$", text, re.MULTILINE)
    assert len(written) == 49
    active = re.sub(r"^# (\w+ = .+)$", r"\1", text, flags=re.MULTILINE)
    file.write_text(active)
    (project.directory / "mail").mkdir()  # for mail.templates
    # One of them is for PostgreSQL alone.
    postgres = {"AUTHINGO_DATABASE_URL": "postgresql://user@host/name"}
    everything = load(file, env={**postgres, "AUTHINGO_PUBLIC_URL": "https://example.com"})
    # The rest is the default, as the file says.
    different = {"database_url", "listen_url", "public_url", "trusted_origins", "trusted_proxies"}
    different |= {"cookies", "directory", "capabilities", "links"}
    defaults = settings_from({})
    for name in set(everything.__struct_fields__) - different:
        assert getattr(everything, name) == getattr(defaults, name), name
    for name in type(defaults.links).__struct_fields__:
        assert everything.link_to(name) == defaults.link_to(name), name
    mail = everything.of(MailSettings)
    for name in set(mail.__struct_fields__) - {"url", "sender", "templates"}:
        assert getattr(mail, name) == getattr(MailSettings(), name), name
    pages = everything.of(PagesSettings)
    assert (pages.enabled, pages.path) == (False, PagesSettings().path)


def test_the_server_can_render_the_pages(bare: Runner) -> None:
    assert bare("init", "app", "--pages").code == 0
    app = bare.directory / "app"
    assert files_in(app) == RENDERED
    requirements = (app / "requirements.txt").read_text().splitlines()
    assert requirements[0].startswith("authingo @ ")
    assert [re.split("[>=]", line)[0] for line in requirements[1:]] == [
        "jinja2",
        "python-multipart",
    ]
    pages = load(app / "authingo.toml", env={}).of(PagesSettings)
    assert (pages.enabled, pages.inbox, pages.name) == (True, True, "app")


@pytest.mark.parametrize("option", FRONT_ENDS)
def test_a_front_end_comes_beside_the_program(bare: Runner, option: str) -> None:
    dry = bare("init", "app", option, "--dry-run")
    assert (dry.code, list(bare.directory.iterdir())) == (0, [])
    ran = bare("init", "app", option)
    assert (ran.code, ran.out) == (0, dry.out)
    app = bare.directory / "app"
    assert files_in(app) == FRONT_ENDS[option]
    assert "npm run dev" in ran.err
    package = json.loads((app / "web" / "package.json").read_text())
    assert package["dependencies"]["@authingo/react"] == "file:./authingo-react"
    client = json.loads((app / "web" / "authingo-react" / "package.json").read_text())
    assert (client["name"], client["private"]) == ("@authingo/react", True)
    assert not [name for name in files_in(app) if "node_modules" in name]


@pytest.mark.parametrize("options", [("--react", "--next"), ("--pages", "--react")])
def test_one_front_end_at_most(bare: Runner, options: tuple[str, str]) -> None:
    ran = bare("init", "app", *options)
    assert (ran.code, ran.out) == (2, "")
    assert "exclude each other" in ran.err
    assert list(bare.directory.iterdir()) == []


def test_a_front_end_overwrites_nothing(bare: Runner) -> None:
    mine = bare.directory / "web" / "package.json"
    mine.parent.mkdir()
    mine.write_text("{}")
    ran = bare("init", "--react")
    assert (ran.code, ran.out) == (1, "")
    assert "these files exist: web/package.json" in ran.err
    assert files_in(bare.directory) == {"web/package.json"}
    assert mine.read_text() == "{}"
    assert bare("init", "--react", "--force").code == 0
    assert files_in(bare.directory) == FRONT_ENDS["--react"]


def test_nothing_is_overwritten(bare: Runner) -> None:
    mine = bare.directory / "main.py"
    mine.write_text("mine")
    ran = bare("init")
    assert (ran.code, ran.out) == (1, "")
    assert "these files exist: main.py" in ran.err
    assert "--force" in ran.err
    assert files_in(bare.directory) == {"main.py"}
    assert mine.read_text() == "mine"
    assert bare("init", "--force").code == 0
    assert "FastAPI" in mine.read_text()
    assert files_in(bare.directory) == WRITTEN, "nothing half-written is left"


def test_a_dry_run_writes_nothing(bare: Runner) -> None:
    ran = bare("init", "app", "--dry-run")
    assert (ran.code, len(ran.out.splitlines())) == (0, len(WRITTEN))
    assert list(bare.directory.iterdir()) == []


def test_no_link_is_written_through(bare: Runner) -> None:
    outside = bare.directory / "outside.txt"
    outside.write_text("mine")
    app = bare.directory / "app"
    app.mkdir()
    (app / "main.py").symlink_to(outside)
    for options in ([], ["--force"]):
        ran = bare("init", "app", *options)
        assert ran.code == 1
        assert "symbolic link" in ran.err
    assert outside.read_text() == "mine"
    assert files_in(app) == {"main.py"}


def test_no_directory_is_written_through_a_symbolic_link(bare: Runner) -> None:
    outside, app = bare.directory / "outside", bare.directory / "app"
    outside.mkdir()
    app.mkdir()
    (app / "web").symlink_to(outside)
    ran = bare("init", "app", "--react", "--force")
    assert ran.code == 1
    assert f"symbolic link: {Path('app') / 'web'}" in ran.err
    assert files_in(outside) == set()


def test_where_nothing_can_be_written(bare: Runner) -> None:
    (bare.directory / "file").write_text("")
    for directory, reason in (("file", "not a directory"), ("file/app", "not a directory")):
        ran = bare("init", directory)
        assert ran.code == 1
        assert reason in ran.err
    ran = bare("init", "/proc/nowhere")
    assert ran.code == 1
    assert "cannot write" in ran.err


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_is_that_of_the_readme_from_where_it_was_called(bare: Runner, kind: str) -> None:
    for directory in (".", "my shop"):
        ran = bare("init", directory, *KINDS[kind])
        readme = (bare.directory / directory / "README.md").read_text()
        steps = re.search(r"^## Run it\n\n(.+?)\n\n## ", readme, re.MULTILINE | re.DOTALL)
        assert steps is not None
        entered = steps[1]
        if directory != ".":
            assert ran.err.startswith("\n    cd 'my shop'\n")
            entered = f"    cd 'my shop'\n{entered}".replace("cd web", "cd 'my shop'/web")
        assert ran.err.strip("\n").startswith(entered)
        commands = re.findall(r"^ {4}(.+)$", ran.err, re.MULTILINE)
        for command in ("pip install -r requirements.txt", "uvicorn main:app --reload"):
            assert f".venv/bin/{command}" in commands
        assert ("npm run dev" in commands) is (kind in {"react", "next"})
        if kind in {"react", "next"}:
            of_web = (bare.directory / directory / "web" / "README.md").read_text()
            assert "\n    npm install\n    npm run dev\n" in of_web
            assert PUBLIC_URLS[kind] in of_web


@pytest.mark.parametrize("kind", KINDS)
def test_it_sets_the_address_of_development_and_says_so(bare: Runner, kind: str) -> None:
    ran = bare("init", "app", *KINDS[kind])
    url = PUBLIC_URLS[kind]
    assert load(bare.directory / "app" / "authingo.toml", env={}).public_url == url
    for text in (ran.err, (bare.directory / "app" / "README.md").read_text()):
        assert f"Open {url} and make an account." in text
        assert "`public_url` in `authingo.toml`" in text
        assert "Safari too" in text
        others = {*PUBLIC_URLS.values()} - {url, PUBLIC_URLS["plain"]}
        assert not [other for other in others if other in text]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_template_is_left(bare: Runner, kind: str) -> None:
    assert bare("init", "my-shop", *KINDS[kind]).code == 0
    named = set()
    for name in files_in(bare.directory):
        text = (bare.directory / name).read_text("utf-8")
        if "/authingo-react/" not in name:
            assert not re.search(
                r"only with|My application|^\W*end(?: -->)?$", text, re.MULTILINE
            ), name
            assert "/path/to/" not in text
        if "my-shop" in text:
            named.add(name.removeprefix("my-shop/"))
    assert {"README.md", "main.py", "deploy/app.service"} <= named
    titled = {
        "plain": {"page/index.html", "test_pages.py"},
        "pages": {"templates/layout.html", "templates/home.html", "authingo.toml"},
        "react": {"web/index.html", "web/src/SignIn.tsx", "web/src/Account.tsx"},
        "next": {"web/app/layout.tsx", "web/src/SignIn.tsx", "web/src/Account.tsx"},
    }
    assert titled[kind] <= named


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("my shop", "my shop"),
        ("Müller & Söhne", "Müller Söhne"),
        ("v1.2_beta", "v1.2_beta"),
        ("<script>alert(1)</script>", "script"),  # a path: what follows the last slash
        ('"); import os; os.system("x', "import os os.system x"),
        ("{evil}`${x}`%n", "evil x n"),
        ("a\nb", "a b"),
        ("..", "{parent}"),
        ("x" * 200, "x" * 64),
        ("$(id)", "id"),
        ("&&&", "My application"),
    ],
)
def test_the_name_of_a_directory_becomes_harmless(bare: Runner, directory: str, name: str) -> None:
    inner = bare.directory / "inner"
    inner.mkdir()
    name = name.format(parent=bare.directory.name[:64]) if name == "{parent}" else name
    bare.directory = inner
    assert bare("init", "--", directory).code == 0
    project = inner / directory
    assert (project / "README.md").read_text().splitlines()[0] == f"# {name}"
    assert f'title="{name}"' in (project / "main.py").read_text()
    assert f"<title>{name}</title>" in (project / "page" / "index.html").read_text()
    compile((project / "main.py").read_text(), "main.py", "exec")
