"""What docs/mail.md shows is what happens: settings, commands, page and texts work as printed."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path
from string import Template
from textwrap import indent
from typing import Any

from authingo import Auth
from authingo.config import settings_from
from authingo.mail.wording import BUILT_IN, COMMON, check_templates
from tests.documents import blocks, read, table
from tests.program import run_program
from tests.server import Browser
from tests.waiting import until

PAGE = read("docs/mail.md")
(PROGRAM,) = blocks(read("README.md"), "python")
(ROUTE,) = blocks(PAGE, "python")
(HTML,) = blocks(PAGE, "html")
PASSWORD = "a whole new sentence"


def test_a_forgotten_password_is_replaced_as_printed(
    bare_env: dict[str, str], tmp_path: Path
) -> None:
    inbox = tmp_path / "mail"
    settings = blocks(PAGE, "toml")[0].replace("/home/ada/mail", str(inbox))
    (tmp_path / "authingo.toml").write_text(settings)
    (tmp_path / "authingo.toml").chmod(0o600)
    (tmp_path / "main.py").write_text(PROGRAM + ROUTE)
    (tmp_path / "reset-password.html").write_text(HTML)
    request, find = blocks(PAGE, "sh")[:2]
    with run_program(tmp_path, bare_env, "uvicorn main:app") as port:
        browser = Browser(f"http://127.0.0.1:{port}")
        assert browser.sign_up().status == 200
        assert _run(request.replace(":8000", f":{port}"), tmp_path) == '{"sent":true}'
        until(lambda: len([*inbox.glob("*.eml")]) == 2, "no mail was written")
        link = _run(find.replace("/home/ada/mail", str(inbox)), tmp_path)
        page, _, token = link.strip().partition("#token=")
        path = page.removeprefix("http://localhost:8000")
        assert browser.get(path, base="").body.decode() == HTML
        new = {"token": token, "new_password": PASSWORD}
        assert browser.post("/reset-password", new).status == 200
        assert browser.sign_in(password=PASSWORD).status == 200


def test_somebody_is_invited_from_python_as_printed(sqlite_url: str, tmp_path: Path) -> None:
    (example,) = blocks(PAGE, "python3")
    auth = Auth(
        settings_from(
            {
                "database_url": sqlite_url,
                "public_url": "http://localhost:8000",
                "mail": {"url": (tmp_path / "mail").as_uri(), "from": "a@example.com"},
            }
        )
    )
    defined: dict[str, Any] = {}
    exec(f"async def invite(auth):\n{indent(example, '    ')}\n    return user", defined)

    async def work() -> tuple[str, list[str]]:
        user = await defined["invite"](auth)
        queued = [one.kind for one in await auth.store.mails.page(limit=9)]
        await auth.close()
        return user.name, queued

    assert asyncio.run(work()) == ("Ada", ["invitation"])


def test_the_page_sends_what_the_route_takes() -> None:
    assert re.findall(r"JSON\.stringify\((.*?)\)[,}]", HTML) == [
        "{ token, new_password: form.password.value }"
    ]
    assert 'fetch("/api/auth/reset-password"' in HTML


def test_the_text_of_the_example_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "de").mkdir()
    (text,) = blocks(PAGE, "text")
    (tmp_path / "de" / "reset_password.txt").write_text(text, "utf-8")
    check_templates(tmp_path)


def test_the_values_of_each_template_are_those_of_authingo() -> None:
    shown = {row[0].strip("`"): set(re.findall(r"\$(\w+)", row[2])) for row in table(PAGE, "File")}
    used = {
        file.name: set(Template(file.read_text("utf-8")).get_identifiers()) - COMMON
        for file in BUILT_IN.iterdir()
    }
    used["layout.html"].add("on_colour")  # which authingo's own leaves to the button
    assert shown == used


def _run(command: str, directory: Path) -> str:
    return subprocess.run(
        ["bash", "-euc", command], cwd=directory, capture_output=True, text=True, check=True
    ).stdout
