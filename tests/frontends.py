"""The front ends that `authingo init` writes: installed, built and started as their READMEs say."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import generated_database
from tests.browser import need_chromium, skip_or_fail
from tests.links import mail_into
from tests.network import Network
from tests.program import await_listening, free_port, run_program

_ENV = {
    **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    "NEXT_TELEMETRY_DISABLED": "1",
    "AUTHINGO_PASSWORDS__BCRYPT_COST": "4",
}


@dataclass
class Site:
    """A front end and its program, both running."""

    kind: str
    url: str
    database: Path

    @property
    def mails(self) -> Path:
        """Where the program writes its mails."""
        return self.database.with_name("mail")

    def expire(self, email: str) -> None:
        """Let the session tokens of a user have run out, as they do after 15 minutes."""
        generated_database.expire(self.database, email)


@dataclass
class NetworkedSite(Site):
    """A site behind a network that a test can cut."""

    network: Network


@dataclass
class FrontEnd:
    """A project with a front end in `web/`, as `init` wrote it and npm built it."""

    kind: str
    directory: Path
    port: int  # of the program: Next.js remembers it from the build
    port_in_development: int

    @property
    def web(self) -> Path:
        return self.directory / "web"

    @contextlib.contextmanager
    def built(self) -> Iterator[NetworkedSite]:
        """Run what was built: FastAPI serves the files that Vite made, Next.js serves its own."""
        if self.kind == "react":
            with Network(self.port).up() as network:
                site = self._site(network)
                with self._program(site.url, self.port):
                    yield site
        else:
            with self._next_to_the_program("npm run start --", self.port) as site:
                yield site

    @contextlib.contextmanager
    def developed(self) -> Iterator[Site]:
        """Run the development server, with its proxy."""
        with self._next_to_the_program("npm run dev --", self.port_in_development) as site:
            yield site

    @contextlib.contextmanager
    def _next_to_the_program(self, command: str, program: int) -> Iterator[NetworkedSite]:
        port = free_port()
        with Network(port).up() as network, self._program(self._site(network).url, program):
            process = subprocess.Popen(
                [*command.split(), "--port", str(port)],
                cwd=self.web,
                env={**_ENV, "API_URL": f"http://127.0.0.1:{program}"},
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # npm has children, and does not tell them to end
            )
            try:
                await_listening(port, process)
                yield self._site(network)
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(30)

    @contextlib.contextmanager
    def _program(self, public_url: str, port: int) -> Iterator[None]:
        env = {**_ENV, "AUTHINGO_PUBLIC_URL": public_url, **mail_into(self.directory / "mail")}
        with run_program(self.directory, env, port=port):
            yield

    def _site(self, network: Network) -> NetworkedSite:
        url = f"http://localhost:{network.port}"
        return NetworkedSite(self.kind, url, self.directory / "authingo.db", network)


def npm(arguments: str, directory: Path, **variables: str) -> None:
    if shutil.which("npm") is None:
        skip_or_fail("npm is missing: it comes with Node.js 20 or later")
    done = subprocess.run(
        ["npm", *arguments.split()],
        cwd=directory,
        env={**_ENV, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"npm {arguments}\n{done.stdout}\n{done.stderr}"


def build(kind: str, directory: Path) -> FrontEnd:
    """Do what the README of the front end says, from `authingo init` on."""
    subprocess.run(
        [Path(sys.executable).with_name("authingo"), "init", directory, f"--{kind}"],
        env=_ENV,
        capture_output=True,
        check=True,
    )
    made = FrontEnd(kind, directory, free_port(), free_port())
    if kind == "react":
        _move_the_program(made)
    _change(made.web / "src" / "mail.ts", "EMAIL_CODE: boolean = false", "EMAIL_CODE = true")
    npm("install --no-audit --no-fund --prefer-offline", made.web)
    assert_our_client_is_a_file(made.web)
    npm("run build", made.web, API_URL=f"http://127.0.0.1:{made.port}")
    return made


def assert_our_client_is_a_file(web: Path) -> None:
    """Hold that npm took the client from the project: the name is in no registry of ours."""
    locked = json.loads((web / "package-lock.json").read_text("utf-8"))["packages"]
    ours = {name: entry for name, entry in locked.items() if "authingo" in name}
    assert ours.pop("authingo-react")["name"] == "@authingo/react"
    assert ours == {"node_modules/@authingo/react": {"resolved": "authingo-react", "link": True}}


def _move_the_program(made: FrontEnd) -> None:
    """Let the proxy of Vite find the program at a port of the test's own."""
    _change(made.web / "vite.config.ts", "127.0.0.1:8000", f"127.0.0.1:{made.port_in_development}")


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="session")
def react(tmp_path_factory: pytest.TempPathFactory) -> FrontEnd:
    need_chromium()
    return build("react", tmp_path_factory.mktemp("react"))


@pytest.fixture(scope="session")
def next_js(tmp_path_factory: pytest.TempPathFactory) -> FrontEnd:
    need_chromium()
    return build("next", tmp_path_factory.mktemp("next"))
