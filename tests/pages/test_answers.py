"""The pages as a server answers with them: headers, caching, and their absence."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI

from authingo import Auth
from authingo.config import Settings, settings_from
from authingo.errors import ConfigError
from authingo.pages.documents import DOCUMENTS, PANELS
from authingo.pages.serving import CHANGE_PASSWORD, PageSite
from authingo.pages.texts import read_texts
from tests.server import Answer, LiveServer

Serve = Callable[..., LiveServer]
NAMES = [one.name for one in DOCUMENTS if one.name not in {"inbox", "missing"}]
ON = {"pages": {"enabled": True}}
MAIL = {"url": "file:///tmp/authingo-mails", "from": "a@example.com", "email_code": True}
EVERYTHING = {"public_url": "https://example.com", **ON, "mail": MAIL}
LARGEST = 60_000  # bytes of all pages together, compressed
PROGRAM = """
import sys
from fastapi import FastAPI
from authingo import Auth
Auth().install(FastAPI())
print(*sys.modules)
"""
FIRST_PAGE = 2  # requests until the form can be seen: the document and its style sheet


class Links(HTMLParser):
    """What a document refers to, and what stands in it that its policy would refuse."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.styles: list[str] = []
        self.modules: list[str] = []
        self.others: list[str] = []
        self.refused: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get("src") or found.get("href") or ""
        if tag == "style" or (tag == "script" and not found.get("src")):
            self.refused.append(tag)
        self.refused += [name for name in found if name == "style" or name.startswith("on")]
        if tag == "link" and found["rel"] == "stylesheet":
            self.styles.append(address)
        elif tag == "script" or (tag == "link" and found["rel"] == "modulepreload"):
            self.modules.append(address)
        elif address:
            self.others.append(address)


def get(server: LiveServer, path: str, **headers: str) -> Answer:
    return server.browser().request("GET", path, base="", headers=headers)


@pytest.mark.parametrize("name", [*NAMES, "no-such-page"])
def test_a_page_may_do_nothing_that_it_need_not(serve: Serve, name: str) -> None:
    server = serve(**ON, mail=MAIL)
    answer = get(server, f"/auth/{name}")
    assert answer.status == (404 if name == "no-such-page" else 200)
    (policy,) = answer.all("content-security-policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "font-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert answer.all("cache-control") == ["no-store"]
    assert answer.all("referrer-policy") == ["same-origin"]
    assert answer.all("x-content-type-options") == ["nosniff"]
    assert answer.all("cross-origin-opener-policy") == ["same-origin"]
    assert answer.all("cross-origin-resource-policy") == ["same-origin"]
    assert answer.all("set-cookie") == []
    links = Links(answer.body.decode())
    assert links.refused == []
    for address in [*links.styles, *links.modules]:
        assert address.startswith("/auth/assets/")
        assert get(server, address).status == 200
    assert all(address.startswith("/auth/") for address in links.others)


def test_files_are_kept_for_a_year_and_change_their_path(serve: Serve) -> None:
    server = serve(**ON)
    first = Links(get(server, "/auth/sign-in").body.decode())
    other = Links(get(serve(pages={"enabled": True, "name": "A"}), "/auth/sign-in").body.decode())
    assert first.styles == other.styles, "the name is in the documents only"
    answer = get(server, first.styles[0])
    assert answer.all("cache-control") == ["public, max-age=31536000, immutable"]
    assert answer.all("content-type") == ["text/css; charset=utf-8"]
    assert "sandbox" in answer.all("content-security-policy")[0]
    of_another_release = re.sub(r"[0-9a-f]{16}", "0" * 16, first.styles[0])
    assert get(server, of_another_release).all("cache-control") == ["no-store"]
    assert get(server, first.styles[0] + "/../../sign-in").status == 404


def test_the_client_is_one_module_at_one_address(serve: Serve) -> None:
    server = serve(**ON)
    answer = get(server, "/auth/client.js")
    assert answer.all("content-type") == ["text/javascript; charset=utf-8"]
    assert answer.all("cache-control") == ["no-cache"]
    assert not re.search(rb"\bimport\b|\bfrom *[\"']", answer.body)
    assert b"createAuthClient" in answer.body
    (tag,) = answer.all("etag")
    again = get(server, "/auth/client.js", **{"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.body) == (304, b"")
    assert get(server, "/auth/client.js", **{"If-None-Match": '"other"'}).status == 200
    types = get(server, "/auth/client.d.ts")
    assert types.all("content-type") == ["text/plain; charset=utf-8"]
    assert b"export declare function createAuthClient" in types.body


def test_password_managers_find_the_account(serve: Serve) -> None:
    server = serve(**ON)
    for path in (CHANGE_PASSWORD, "/auth", "/auth/"):
        answer = get(server, path)
        assert (answer.status, answer.all("location")) == (303, ["/auth/account"])
    missing = get(
        server, "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"
    )
    assert missing.status == 404  # so that they can tell a redirect from a catch-all


def test_only_reading_is_allowed(serve: Serve) -> None:
    server = serve(**ON)
    answer = server.browser().request("POST", "/auth/sign-in", {}, base="")
    assert (answer.status, answer.all("allow")) == (405, ["GET, HEAD"])
    head = server.browser().request("HEAD", "/auth/sign-in", base="")
    assert (head.status, head.body) == (200, b"")


def test_switched_off_they_are_absent(serve: Serve) -> None:
    server = serve()
    for path in ("/auth", "/auth/sign-in", "/auth/client.js", CHANGE_PASSWORD):
        assert get(server, path).status == 404
    assert server.auth.settings.link_to("reset_password") == "/reset-password"
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert "authingo.pages" in told.stdout.split(), "its settings"
    assert "authingo.pages.serving" not in told.stdout
    assert "authingo.pages.documents" not in told.stdout


def test_they_are_not_in_the_openapi_document(serve: Serve) -> None:
    paths = [get(one, "/openapi.json").json["paths"] for one in (serve(), serve(**ON))]
    assert paths[0] == paths[1]


def test_a_page_that_could_not_work_is_absent(serve: Serve) -> None:
    """Without mail there are none for links; closed sign-up has no page, and no link to one."""
    server = serve(**ON, sign_up=False)
    for name in NAMES:
        expected = 200 if name in {"sign-in", "account"} else 404
        assert get(server, f"/auth/{name}").status == expected
    page = get(server, "/auth/sign-in").body.decode()
    assert "sign-up" not in page
    assert "forgot" not in page.partition("<body")[2]


def test_a_program_can_switch_them_on(make_settings: Callable[..., Settings]) -> None:
    def application(auth: Auth) -> FastAPI:
        app = FastAPI()
        auth.install(app, pages=True)
        return app

    server = LiveServer(lambda url: make_settings(public_url=url), application)
    try:
        assert get(server, "/auth/sign-in").status == 200
        assert server.auth.settings.link_to("verify_email") == "/auth/verify-email"
    finally:
        server.stop()


def test_links_lead_to_them_unless_the_program_has_its_own() -> None:
    settings = settings_from({**EVERYTHING, "links": {"verify_email": "/verify-email"}})
    assert settings.link_to("reset_password") == "/auth/reset-password"
    assert settings.link_to("undo_email_change") == "/auth/undo-email-change"
    assert settings.link_to("verify_email") == "/verify-email"
    below = {**EVERYTHING, "public_url": "https://example.com/shop"}
    with pytest.raises(ConfigError, match="must begin with /shop"):
        settings_from(below)
    settings = settings_from({**below, "pages": {"enabled": True, "path": "/shop/auth"}})
    assert settings.link_to("reset_password") == "/auth/reset-password"


def test_they_are_found_below_a_root_path(make_settings: Callable[..., Settings]) -> None:
    server = LiveServer(
        lambda url: make_settings(
            public_url=url, base_path="/shop/api", pages={"enabled": True, "path": "/shop/auth"}
        ),
        root_path="/shop",
    )
    try:
        assert get(server, "/auth/sign-in").status == 200
    finally:
        server.stop()


def test_names_and_texts_are_text(serve: Serve, tmp_path: Path) -> None:
    texts = tmp_path / "texts.toml"
    texts.write_text('direction = "rtl"\n[sign_in]\nlead = "<b>\\"{site}\\"</b>"\n')
    name = "<script>alert(1)</script>"
    pages = {"enabled": True, "name": name, "texts": str(texts)}
    page = get(serve(pages=pages), "/auth/sign-in").body.decode()
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert 'dir="rtl"' in page
    assert "&lt;b&gt;&quot;&lt;script&gt;" in page


def test_own_files_are_served(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "own.css").write_text(":root { --accent: #123456; }")
    (tmp_path / "logo.SVG").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    pages = {"enabled": True, "css": str(tmp_path / "own.css"), "logo": str(tmp_path / "logo.SVG")}
    server = serve(pages=pages)
    page = Links(get(server, "/auth/sign-in").body.decode())
    assert b"#123456" in get(server, page.styles[-1]).body
    logo = next(one for one in page.others if "logo" in one)
    assert get(server, logo).all("content-type") == ["image/svg+xml"]
    assert "sandbox" in get(server, logo).all("content-security-policy")[0]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"path": "auth"}, "pages.path: must be a path"),
        ({"path": "/auth/"}, "pages.path: must be a path"),
        ({"path": "/a/../b"}, "pages.path: must be a path"),
        ({"path": "/api/auth/pages"}, "pages.path: must not be below base_path"),
        ({"path": "/api"}, "pages.path: must not be below base_path"),
        ({"logo": "logo.exe"}, "pages.logo: must be a file of svg"),
        ({"logo": "no.svg"}, "pages.logo: cannot read"),
        ({"css": "no.css"}, "pages.css: cannot read"),
        ({"texts": "no.toml"}, "pages.texts: cannot read"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    table: dict[str, object], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as refused:
        settings_from({"directory": tmp_path, "pages": {"enabled": True, **table}})
    assert str(refused.value).startswith(problem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[sign_in]\ntitel = 'a'", "there is no text sign_in.titel (did you mean sign_in.title?)"),
        ("[sign_in]\ntitle = 1", "sign_in.title must be a text"),
        ("[sign_in]\ntitle = '{email}'", "sign_in.title has a place for email"),
        ("direction = 'up'", "direction must be"),
        ("language = 'a b'", "language must be"),
        ("[", "Invalid"),
    ],
)
def test_texts_that_cannot_work_are_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "texts.toml").write_text(text)
    with pytest.raises(ConfigError) as refused:
        settings_from({"directory": tmp_path, "pages": {"enabled": True, "texts": "texts.toml"}})
    assert str(refused.value).startswith(f"pages.texts: {problem}")


def test_the_name_of_the_site_can_be_in_any_text(own_file: Callable[[str, str], str]) -> None:
    texts = own_file("texts.toml", '[sign_in]\ntitle = "Sign in to {site}"\n')
    pages = {"enabled": True, "texts": texts, "name": "Acme & Sons"}
    answers = PageSite(settings_from({"pages": pages}))._answers
    assert b"Sign in to Acme &amp; Sons</h1>" in answers["/auth/sign-in"].body


def all_answers() -> dict[str, bytes]:
    site = PageSite(settings_from(EVERYTHING))
    return {path: answer.body for path, answer in site._answers.items()}


def test_all_pages_together_are_small() -> None:
    sizes = {path: len(gzip.compress(body)) for path, body in all_answers().items()}
    assert sum(sizes.values()) < LARGEST, sizes


def test_the_first_page_is_seen_after_two_requests_and_works_after_four_more() -> None:
    page = Links(all_answers()["/auth/sign-in"].decode())
    seen = [one for one in page.styles if "no-script" not in one]
    assert 1 + len(seen) == FIRST_PAGE
    assert len({*page.modules}) == 4, "none waits for another: they are all in the document"


def test_every_module_is_announced_in_the_document_that_needs_it() -> None:
    answers = all_answers()
    for path, body in answers.items():
        if path.startswith("/auth/assets/") or not body.startswith(b"<!doctype"):
            continue
        announced = {*Links(body.decode()).modules}
        for address in announced:
            folder = address.rpartition("/")[0]
            for name in re.findall(rb'from "\./([\w.-]+)"|from "\.\./([\w.-]+)"', answers[address]):
                base = folder if name[0] else folder.rpartition("/")[0]
                wanted = f"{base}/{(name[0] or name[1]).decode()}"
                assert wanted in announced, f"{path} does not announce {wanted}"


def test_every_text_that_is_named_is_in_the_catalogue_and_the_other_way_round() -> None:
    folder = Path(__file__).parent.parent.parent / "authingo/pages"
    sources = "".join(
        one.read_text() for one in folder.rglob("*") if one.suffix in {".html", ".js"}
    )
    texts = read_texts(None)
    tables = {name.partition(".")[0] for name in texts if "." in name}
    names = re.findall(rf"\b((?:{'|'.join(tables)})\.\w+)", sources)
    made = ("errors.", "fields.", "panel_email.", "sign_in.flash_")  # some names are put together
    used = {one for one in names if one != "recent.js" and not one.endswith("_")}
    assert used - texts.keys() == set()
    unused = texts.keys() - used - {"language", "direction"}
    assert [one for one in sorted(unused) if not one.startswith(made)] == []
    assert {one.name for one in PANELS} == {one.stem for one in (folder / "html/panels").iterdir()}
