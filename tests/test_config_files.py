"""Whose configuration files are obeyed: real files of real other users.

Only root can give files away, so elsewhere most of this is skipped, and says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.command import Runner

ROOT = os.geteuid() == 0
ADA, EVE, APP = 20001, 20002, 20003  # nobody's on this machine, so messages have numbers
TEAM = 30001

# Answers one question a line, each in a process of its own that has become that user. Root may
# have installed Python where nobody else may read, so what is needed is imported first.
AS = """\
import grp, json, os, pwd, sys
from authingo.config import load
from authingo.errors import ConfigError
load(env={}), b"x".decode("utf-8-sig")
for line in sys.stdin:
    uid, gid, path, directory, env, sudo = json.loads(line)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    os.environ.update(sudo)
    os.chdir(directory)
    os.setgroups([])
    os.setegid(gid), os.seteuid(uid)
    try:
        settings = load(path, env)
        answer = {"base_path": settings.base_path, "database_url": settings.database_url}
    except ConfigError as error:
        answer = {"message": error.message, "hint": error.hint}
    print(json.dumps(answer), flush=True)
    os._exit(0)
"""
_asking: list[subprocess.Popen[str]] = []


@pytest.fixture(scope="module", autouse=True)
def _answering() -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", AS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as process:
        _asking.append(process)
        yield
        _asking.clear()
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(autouse=True)
def _as_root() -> None:
    if not ROOT:
        sys.stderr.write(
            "\nNOT TESTED: whose files are obeyed, since only root can give them away\n"
        )
        pytest.skip("only root can give files away")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of root's that anybody may enter, below /tmp."""
    made = Path(tempfile.mkdtemp(prefix="authingo-owners-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@dataclass
class Caller:
    """A user who runs something, with the group that is theirs."""

    uid: int
    gid: int = -1
    sudo: dict[str, str] = field(default_factory=dict)

    def load(self, directory: Path, path: Path | None = None, **env: str) -> dict[str, Any]:
        """Return the settings that matter here, or the message and the hint."""
        gid = self.uid if self.gid == -1 else self.gid
        (process,) = _asking
        assert process.stdin is not None
        assert process.stdout is not None
        asked = [self.uid, gid, path and str(path), str(directory), env, self.sudo]
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer


def owned(path: Path, uid: int, mode: int, gid: int | None = None) -> Path:
    """Let it belong to somebody, whose group has the same number unless another is given."""
    os.chown(path, uid, uid if gid is None else gid)
    path.chmod(mode)
    return path


def directory(path: Path, uid: int, mode: int = 0o755) -> Path:
    path.mkdir()
    return owned(path, uid, mode)


def config(where: Path, uid: int, mode: int = 0o644, gid: int | None = None) -> Path:
    file = where / "authingo.toml"
    file.write_text('base_path = "/obeyed"\n')
    return owned(file, uid, mode, gid)


OBEYED = "/obeyed"
ME, ROOTS, SUDO = Caller(ADA), Caller(0), Caller(0, 0, {"SUDO_UID": str(ADA), "SUDO_GID": str(ADA)})


@pytest.mark.parametrize(
    ("caller", "of_directory", "of_file"),
    [
        (ME, (ADA, 0o755), (ADA, 0o644)),
        (ME, (ADA, 0o755), (ADA, 0o600)),
        (ME, (ADA, 0o775), (ADA, 0o664)),  # umask 002, and a group of one's own
        (ME, (0, 0o755), (0, 0o644)),
        (ME, (0, 0o755), (ADA, 0o644)),
        (ME, (ADA, 0o755), (0, 0o644)),
        (ME, (0, 0o1777), (ADA, 0o644)),  # /tmp
        (ME, (0, 0o1777), (0, 0o644)),
        (ROOTS, (0, 0o755), (0, 0o644)),
        (ROOTS, (0, 0o1777), (0, 0o600)),
        (SUDO, (ADA, 0o755), (ADA, 0o644)),
        (SUDO, (ADA, 0o775), (ADA, 0o664)),
        (SUDO, (ADA, 0o755), (0, 0o644)),
    ],
)
def test_a_file_of_ones_own_or_of_roots_is_obeyed(
    place: Path, caller: Caller, of_directory: tuple[int, int], of_file: tuple[int, int]
) -> None:
    project = directory(place / "project", *of_directory)
    config(project, *of_file)
    assert caller.load(project)["base_path"] == OBEYED
    below = directory(project / "below", caller.uid)
    assert caller.load(below)["base_path"] == OBEYED


@pytest.mark.parametrize(
    ("caller", "of_directory", "of_file", "says", "fix"),
    [
        (ME, (ADA, 0o755), (EVE, 0o644), "belongs to uid 20002 (mode 0644)", "chown uid 20001"),
        (ME, (EVE, 0o755), (EVE, 0o644), "belongs to uid 20002 (mode 0644)", "another directory"),
        (ME, (0, 0o1777), (EVE, 0o644), "belongs to uid 20002 (mode 0644)", "another directory"),
        (ME, (EVE, 0o755), (ADA, 0o644), "in a directory of uid 20002 (mode 0755)", "AUTHINGO_"),
        (ME, (EVE, 0o755), (0, 0o644), "in a directory of uid 20002 (mode 0755)", "AUTHINGO_"),
        (ME, (EVE, 0o1777), (ADA, 0o644), "in a directory of uid 20002", "AUTHINGO_"),
        (ME, (0, 0o777), (ADA, 0o644), "every user of this machine can write", "chmod o-w"),
        (ME, (ADA, 0o757), (ADA, 0o644), "(mode 0757)", "chmod o-w"),
        (ME, (ADA, 0o755), (ADA, 0o666), "written by every user", "chmod o-w"),
        (ME, (ADA, 0o755), (ADA, 0o646), "(mode 0646)", "chmod o-w"),
        (ME, (ADA, 0o755), (ADA, 0o664, TEAM), "by the group gid 30001", "chmod g-w"),
        (ME, (ADA, 0o755), (ADA, 0o660, EVE), "(mode 0660)", "chmod g-w"),
        (ROOTS, (ADA, 0o755), (ADA, 0o644), "this runs as root", "--config"),
        (ROOTS, (0, 0o755), (ADA, 0o644), "uid 20001 would choose the database", "--config"),
        (ROOTS, (ADA, 0o755), (0, 0o644), "in a directory of uid 20001", "AUTHINGO_CONFIG="),
        (ROOTS, (0, 0o755), (0, 0o664, ADA), "by the group gid 20001", "chmod g-w"),
        (SUDO, (EVE, 0o755), (EVE, 0o644), "belongs to uid 20002", "--config"),
    ],
)
def test_a_file_that_a_stranger_could_have_put_there_is_refused(
    place: Path,
    caller: Caller,
    of_directory: tuple[int, int],
    of_file: tuple[int, ...],
    says: str,
    fix: str,
) -> None:
    project = directory(place / "project", *of_directory)
    file = config(project, *of_file)
    below = directory(project / "below", caller.uid)
    for where in (project, below):
        refusal = caller.load(where)
        assert says in refusal["message"]
        assert refusal["message"].startswith(f"{file} ")
        assert fix in refusal["hint"]


def test_sudo_says_who_asks_only_to_root(place: Path) -> None:
    """Anybody can set the variable; after sudo it is root who has it."""
    project = directory(place / "project", EVE)
    config(project, EVE)
    liar = Caller(ADA, ADA, {"SUDO_UID": str(EVE), "SUDO_GID": str(EVE)})
    assert "belongs to uid 20002" in liar.load(project)["message"]
    assert Caller(0, 0, {"SUDO_UID": str(EVE)}).load(project)["base_path"] == OBEYED
    for odd in ("", "-1", "²", "20002 "):
        assert "belongs to uid 20002" in Caller(0, 0, {"SUDO_UID": odd}).load(project)["message"]


def test_a_link_in_a_shared_directory_is_its_makers_choice(place: Path) -> None:
    """Eve may not write Ada's files, and may not choose among them either."""
    other = directory(place / "other", ADA)
    config(other, ADA)
    shared = directory(place / "shared", 0, 0o1777)
    link = shared / "authingo.toml"
    link.symlink_to(other / "authingo.toml")
    os.lchown(link, EVE, EVE)
    assert f"{link} is a symbolic link of uid 20002" in ME.load(shared)["message"]
    os.lchown(link, ADA, ADA)
    assert ME.load(shared)["base_path"] == OBEYED


def test_a_stranger_above_is_no_reason_to_look_further_up(place: Path) -> None:
    project = directory(place / "project", ADA)
    config(project, ADA)
    theirs = directory(project / "theirs", EVE, 0o777)
    config(theirs, EVE)
    assert "belongs to uid 20002" in ME.load(directory(theirs / "mine", ADA))["message"]


def test_a_file_that_was_named_may_lie_anywhere_and_not_be_anybodys(place: Path) -> None:
    theirs = directory(place / "theirs", EVE, 0o777)
    file = config(theirs, ADA)
    assert ME.load(place, file)["base_path"] == OBEYED
    assert ME.load(place, AUTHINGO_CONFIG=str(file))["base_path"] == OBEYED
    owned(file, EVE, 0o644)
    for refusal in (ME.load(place, file), ME.load(place, AUTHINGO_CONFIG=str(file))):
        assert refusal["message"].startswith(f"{file} belongs to uid 20002 (mode 0644), and this")
        assert refusal["hint"].startswith(f"chown root {file}, or move it")
    assert ROOTS.load(place, file)["base_path"] == OBEYED, "root knows whom to trust"
    for mode, group in ((0o646, EVE), (0o664, EVE)):
        owned(file, EVE, mode, group)
        for caller in (ME, ROOTS):
            assert f"(mode 0{mode:o})" in caller.load(place, file)["message"]


def test_what_root_has_put_into_a_directory_of_its_own_was_chosen_too(place: Path) -> None:
    """As Docker does with a secret from a file of the user who wrote it."""
    for mode, obeyed in ((0o755, True), (0o775, False), (0o777, False), (0o1777, False)):
        roots = directory(place / f"{mode:o}", 0, mode)
        result = ME.load(place, config(roots, EVE))
        assert ("base_path" in result) is obeyed, oct(mode)


URL = "postgresql://app:hunter2@db/app"


@pytest.mark.parametrize(
    ("of_directory", "of_file", "caller"),
    [
        ((0, 0o755), (0, 0o444), Caller(APP)),  # Docker, and systemd's credentials
        ((0, 0o1777), (0, 0o644), Caller(APP)),  # Kubernetes
        ((0, 0o1777), (0, 0o440, TEAM), Caller(APP, TEAM)),  # with fsGroup
        ((0, 0o777), (0, 0o644), Caller(APP)),
        ((0, 0o755), (ADA, 0o644), Caller(APP)),  # Compose, with the file of who wrote it
        ((0, 0o755), (ADA, 0o600), Caller(0)),
        ((APP, 0o700), (APP, 0o600), Caller(APP)),
        ((APP, 0o700), (APP, 0o660), Caller(APP)),
    ],
)
def test_secrets_as_platforms_mount_them_are_read(
    place: Path, of_directory: tuple[int, int], of_file: tuple[int, ...], caller: Caller
) -> None:
    where = directory(place / "secrets", *of_directory)
    secret = where / "database_url"
    secret.write_text(URL)
    owned(secret, *of_file)
    found = caller.load(place, AUTHINGO_DATABASE_URL_FILE=str(secret))
    assert found["database_url"] == URL


@pytest.mark.parametrize(
    ("of_directory", "of_file", "says", "fix"),
    [
        ((0, 0o1777), (EVE, 0o644), "belongs to uid 20002 (mode 0644)", "chown root"),
        ((EVE, 0o755), (EVE, 0o644), "belongs to uid 20002 (mode 0644)", "chown root"),
        ((0, 0o755), (0, 0o666), "can be written by every user", "chmod o-w"),
        ((0, 0o755), (0, 0o664, TEAM), "can be written by the group gid 30001", "chmod g-w"),
    ],
)
def test_a_secret_that_a_stranger_could_have_written_is_refused(
    place: Path, of_directory: tuple[int, int], of_file: tuple[int, ...], says: str, fix: str
) -> None:
    where = directory(place / "secrets", *of_directory)
    secret = where / "database_url"
    secret.write_text(URL)
    owned(secret, *of_file)
    refusal = Caller(APP).load(place, AUTHINGO_DATABASE_URL_FILE=str(secret))
    named = f"the file of AUTHINGO_DATABASE_URL_FILE, {secret}, "
    assert refusal["message"].startswith(named + says)
    assert fix in refusal["hint"]
    assert "hunter2" not in refusal["message"] + refusal["hint"]


def test_the_command_line_names_the_file_its_owner_and_the_fix(bare: Runner) -> None:
    """As root, with the file of somebody whose directory it was started in."""
    file = config(bare.directory, EVE, 0o640)
    ran = bare("migrate")
    assert (ran.code, ran.out) == (1, "")
    said = " ".join(ran.err.split())
    assert f"{file} belongs to uid 20002 (mode 0640), and this runs as root" in said
    assert f"if you trust uid 20002, name it: --config {file}" in said
    assert not (bare.directory / "authingo.db").exists()
    assert bare("migrate", "--config", str(file)).code == 0
    checks = bare("doctor", "--json", "--config", str(file)).json["checks"]
    assert ("config_file", "ok") in [(one["name"], one["status"]) for one in checks]
