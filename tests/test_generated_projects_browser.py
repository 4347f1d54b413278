"""What a newcomer does: a clean clone, `authingo init`, then the generated README, word for word.

The commands are read from the README and run as they are, at the ports that they say, and with
package registries that refuse our names. Then somebody signs up in a browser.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import skip_or_fail
from tests.frontends import assert_our_client_is_a_file
from tests.person import PASSWORD, Person, fill, is_signed_in
from tests.registries import Registries, registries_without_us

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parent.parent
PORTS = (8000, 5173, 3000)  # those that the READMEs name
KINDS: dict[str, list[str]] = {
    "plain": [],
    "pages": ["--pages"],
    "react": ["--react"],
    "next": ["--next"],
}
_START_TIMEOUT = 420  # seconds, installing included


@pytest.fixture(scope="module")
def registries(chromium: Browser) -> Iterator[Registries]:
    if shutil.which("npm") is None:
        skip_or_fail("npm is missing: it comes with Node.js 20 or later")
    with registries_without_us() as registries:
        yield registries


@pytest.fixture(scope="module")
def env(registries: Registries) -> dict[str, str]:
    """The environment of somebody who has never heard of authingo."""
    ours = re.compile(r"AUTHINGO_.*|PYTHON.*|VIRTUAL_ENV|COV_.*|npm_.*")
    theirs = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    return {**theirs, **registries.variables, "NEXT_TELEMETRY_DISABLED": "1"}


@pytest.fixture(scope="module")
def clone(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the README's first command was run, without its server."""
    clone = tmp_path_factory.mktemp("clone") / "authingo"
    clone.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    without = shutil.ignore_patterns("node_modules", "__pycache__")
    for name in ("authingo", "cli", "templates"):
        shutil.copytree(ROOT / name, clone / name, ignore=without)
    install = "python3 -m venv .venv && .venv/bin/pip install -q ."
    assert install in (ROOT / "README.md").read_text("utf-8")
    run(install, clone, env)
    return clone


@pytest.fixture(scope="module", autouse=True)
def ports() -> Iterator[None]:
    """Keep two runs of these tests from each other, since the ports are fixed."""
    with (Path(tempfile.gettempdir()) / "authingo-fixed-ports.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for port in PORTS:
            with hold(port):
                pass
        yield


@contextlib.contextmanager
def hold(port: int) -> Iterator[None]:
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            pytest.fail(f"port {port} is taken, and the READMEs name it", pytrace=False)
        holder.listen()
        yield


def run(script: str, directory: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_START_TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def blocks(readme: str, heading: str) -> list[str]:
    """Return the commands of a section, those between two texts together."""
    section = readme.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^ {4}.*\n)+", section + "\n", re.MULTILINE)
    return [re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in found]


@contextlib.contextmanager
def terminal(script: str, directory: Path, env: dict[str, str], port: int) -> Iterator[list[str]]:
    """Type commands of which the last one runs until Ctrl-C; go on once it listens.

    Yields what is shown, which grows.
    """
    process = subprocess.Popen(
        ["bash", "-euc", script],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    shown: list[str] = []
    reader = threading.Thread(target=shown.extend, args=[process.stdout])
    reader.start()
    try:
        deadline = time.monotonic() + _START_TIMEOUT
        while not listens(port):
            assert process.poll() is None, "".join(shown)
            assert time.monotonic() < deadline, "".join(shown)
            time.sleep(0.1)
        yield shown
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)
            reader.join()
            process.stdout.close()


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_readme_word_for_word(
    kind: str, clone: Path, env: dict[str, str], registries: Registries, chromium: Browser
) -> None:
    began = time.monotonic()
    registries.asked.clear()
    project = clone.parent / f"my-{kind}"
    command = ["authingo/.venv/bin/authingo", "init", project.name, *KINDS[kind]]
    run(" ".join(command), clone.parent, env)
    readme = (project / "README.md").read_text("utf-8")
    terminals = blocks(readme, "Run it")
    has_front_end = kind in {"react", "next"}
    assert len(terminals) == (2 if has_front_end else 1)
    opened = re.search(r"^Open (http://localhost:(\d+)) ", readme, re.MULTILINE)
    assert opened is not None
    with contextlib.ExitStack() as running:
        shown = [
            running.enter_context(terminal(script, project, env, port))
            for script, port in zip(terminals, [8000, int(opened[2])], strict=False)
        ]
        print(f"{kind}: it runs after {time.monotonic() - began:.0f} s")  # noqa: T201 - with -s
        person = Person(chromium.new_context(), opened[1], "grace@example.com")
        if kind == "pages":
            uses_the_pages(person, project.name, shown[0])
        else:
            uses_the_front_end(person, project.name)
            (by_hand,) = blocks(readme, "What is here")
            assert '"email":"ada@example.com"' in run(by_hand, project, env)
        print(f"{kind}: it is tried after {time.monotonic() - began:.0f} s")  # noqa: T201 - likewise
        person.context.close()
        assert person.complaints == []
    (test,) = blocks(readme, "Test it")
    assert " passed" in run(test, project, env)
    if has_front_end:
        assert_our_client_is_a_file(project / "web")
        refuses_a_port_that_is_taken(project / "web", env, int(opened[2]))
        dockerfile = "Dockerfile" if kind == "react" else "web/Dockerfile"
        installs_for_an_image(project / "web", (project / dockerfile).read_text("utf-8"), env)
    assert registries.asked, "else nothing was installed through them"
    assert registries.asked_for_us() == []


def uses_the_front_end(person: Person, name: str) -> None:
    page = person.sign_up()
    assert page.title() == name
    page.locator("pre").get_by_text(person.email).wait_for()
    page.reload()
    is_signed_in(page)


def uses_the_pages(person: Person, name: str, shown: list[str]) -> None:
    """Write a note, forget the password and choose another one, and look at the account."""
    page = person.open()
    assert page.title() == name
    icon = page.locator("link[rel=icon]").get_attribute("href")
    assert page.request.get(f"{person.url}{icon}").headers["content-type"] == "image/svg+xml"
    page.get_by_role("link", name="Create an account").click()
    fill(page, Name="Ada", Email=person.email, Password=PASSWORD)
    page.get_by_role("button", name="Create account").click()
    fill(page, Note="milk")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("listitem").filter(has_text="milk").wait_for()
    (address,) = re.findall(r"^Mails come to (\S+)$", "".join(shown), re.MULTILINE)
    inbox = person.context.new_page()
    inbox.goto(address)
    inbox.locator("#mails summary").get_by_text("Confirm your email").wait_for()
    page.bring_to_front()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Forgot your password?").click()
    fill(page, Email=person.email)
    page.get_by_role("button", name="Send the link").click()
    inbox.bring_to_front()
    mail = inbox.locator("#mails .mail", has_text="Choose a new password")
    mail.and_(inbox.locator("[open]")).wait_for()
    mail.locator("iframe").content_frame.get_by_role("link", name="Choose password").click()
    fill(inbox, New_password="another horse battery")
    inbox.get_by_role("button", name="Save password").click()
    inbox.get_by_role("link", name="Sign in").click()
    fill(inbox, Email=person.email, Password="another horse battery")
    inbox.get_by_role("button", name="Sign in", exact=True).click()
    inbox.get_by_role("heading", name="Your account").wait_for()
    inbox.get_by_text(person.email, exact=True).first.wait_for()
    page = person.context.new_page()
    page.goto(f"{person.url}/notes")
    page.get_by_role("listitem").filter(has_text="milk").wait_for()


def refuses_a_port_that_is_taken(web: Path, env: dict[str, str], port: int) -> None:
    with hold(port):
        process = subprocess.Popen(
            ["npm", "run", "dev"],
            cwd=web,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):  # npm would leave its children
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode != 0
    assert re.search(rf"\b{port}\b.*\bin use\b|EADDRINUSE", said)


def installs_for_an_image(web: Path, dockerfile: str, env: dict[str, str]) -> None:
    """Do what the Dockerfile does with the files that it copies first."""
    (install,) = re.findall(r"^RUN (npm install .*)$", dockerfile, re.MULTILINE)
    copied = web.parent / "image"
    copied.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(web / name, copied)
    shutil.copytree(web / "authingo-react", copied / "authingo-react")
    run(install, copied, env)
    assert (copied / "node_modules" / "@authingo" / "react" / "index.js").is_file()


def test_the_registries_do_refuse_our_names(env: dict[str, str], registries: Registries) -> None:
    for command in (
        [sys.executable, "-m", "pip", "download", "--no-deps", "authingo"],
        ["npm", "view", "@authingo/react"],
    ):
        with tempfile.TemporaryDirectory() as directory:
            done = subprocess.run(
                command, cwd=directory, env=env, capture_output=True, check=False, timeout=120
            )
        assert done.returncode != 0
    assert len(registries.asked_for_us()) >= 2
