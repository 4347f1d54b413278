"""`authingo init` writes how this authingo was installed, and never a name that is not ours.

The command finds the metadata of a test's own first: that of an installation like it, as the
installer left it (PEP 610).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ran, Runner
from tests.test_wheel import built_wheel

COMMIT = "6613ecee9cebd3a9b6e67eb69c3c0675606240d4"
SHA = "72ac66698b0089df0e6a31afd1f1f98e29e153857d27e270a42953866a5d22de"


@pytest.fixture
def init(bare: Runner) -> Callable[[object], Ran]:
    """Run `init` as an authingo with this record does; None: it came from an index."""

    def run(record: object, text: str | None = None) -> Ran:
        info = bare.directory / "site" / "authingo-7.8.9.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: authingo\nVersion: 7.8.9\n")
        if record is not None or text is not None:
            (info / "direct_url.json").write_text(text or json.dumps(record))
        return bare("init", "app", PYTHONPATH=str(info.parent))

    return run


@pytest.fixture
def requirement(init: Callable[[object], Ran], bare: Runner) -> Callable[[object], str]:
    def run(record: object) -> str:
        ran = init(record)
        assert ran.code == 0, ran.err
        line, end = (bare.directory / "app" / "requirements.txt").read_text().split("\n")
        assert end == ""
        return line

    return run


def git(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "vcs_info": {"vcs": "git", "commit_id": COMMIT}, **more}


def test_from_an_index_it_is_the_version(requirement: Callable[[object], str]) -> None:
    assert requirement(None) == "authingo==7.8.9"


@pytest.mark.parametrize("info", [{}, {"editable": True}])
def test_from_a_directory_it_is_the_directory(
    requirement: Callable[[object], str], tmp_path: Path, info: dict[str, bool]
) -> None:
    clone = tmp_path / "my clone"
    clone.mkdir()
    line = requirement({"url": clone.as_uri(), "dir_info": info})
    assert line == f"authingo @ file://{tmp_path}/my%20clone"


@pytest.mark.parametrize(
    ("record", "line"),
    [
        (git("https://example.com/authingo.git"), "git+https://example.com/authingo.git@{commit}"),
        (
            git("https://example.com/mono", subdirectory="libs/authingo"),
            "git+https://example.com/mono@{commit}#subdirectory=libs/authingo",
        ),
        (git("ssh://git@example.com/a.git"), "git+ssh://git@example.com/a.git@{commit}"),
        (
            {
                "url": "https://example.com/authingo-1.whl",
                "archive_info": {"hashes": {"md5": "abc", "sha256": SHA}},
            },
            "https://example.com/authingo-1.whl#sha256={sha}",
        ),
        (
            {"url": "https://example.com/a.tar.gz", "archive_info": {"hash": f"sha256={SHA}"}},
            "https://example.com/a.tar.gz#sha256={sha}",
        ),
        (
            {"url": "https://example.com/a.tar.gz", "archive_info": {}},
            "https://example.com/a.tar.gz",
        ),
    ],
)
def test_from_a_url_it_is_that_very_thing(
    requirement: Callable[[object], str], record: object, line: str
) -> None:
    expected = line.replace("{commit}", COMMIT).replace("{sha}", SHA)
    assert requirement(record) == f"authingo @ {expected}"


@pytest.mark.parametrize("user", ["me:hunter2", "hunter2", "me:hunter2@x"])
@pytest.mark.parametrize("scheme", ["https", "ssh"])
def test_credentials_are_never_written(
    init: Callable[[object], Ran], bare: Runner, user: str, scheme: str
) -> None:
    ran = init(git(f"{scheme}://{user}@example.com/authingo.git"))
    assert ran.code == 0
    written = {one: one.read_text() for one in (bare.directory / "app").rglob("*") if one.is_file()}
    line = next(text for one, text in written.items() if one.name == "requirements.txt")
    assert line.endswith(f"example.com/authingo.git@{COMMIT}\n")
    if (scheme, user) != ("ssh", "hunter2"):  # there it is a name, as git@ is
        assert "hunter2" not in ran.out + ran.err + "".join(written.values())
        assert "without its credentials" in ran.err


def test_names_of_variables_are_no_credentials(requirement: Callable[[object], str]) -> None:
    line = requirement(git("https://${USER}:${TOKEN}@example.com/authingo.git"))
    assert line == f"authingo @ git+https://${{USER}}:${{TOKEN}}@example.com/authingo.git@{COMMIT}"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"url": "file:///gone/authingo", "dir_info": {}}, "/gone/authingo, which is gone"),
        ({"url": "file:///gone/authingo-1.whl", "archive_info": {}}, "which is gone"),
        (git("file:///gone/authingo.git"), "which is gone"),
        ({"url": "https://example.com/a.whl?token=hunter2", "archive_info": {}}, "a query"),
        (git("https://example.com/a\nstranger"), "cannot be read"),
        (git("https://example.com/a b"), "cannot be read"),
        ({"url": "https://example.com/a", "vcs_info": {"vcs": "git"}}, "cannot be read"),
        ({"url": "https://h/a", "vcs_info": {"vcs": "g x", "commit_id": "1"}}, "cannot be read"),
        ({"url": "https://h/a", "subdirectory": "a\nstranger"}, "cannot be read"),
        ({"url": "https://h/a", "archive_info": {"hash": "sha256=a\nb"}}, "cannot be read"),
        ({"url": 7}, "cannot be read"),
        ({}, "cannot be read"),
        ([], "cannot be read"),
        ("text", "cannot be read"),
    ],
)
def test_what_cannot_be_said_writes_nothing(
    init: Callable[[object], Ran], bare: Runner, record: object, reason: str
) -> None:
    ran = init(record)
    assert (ran.code, ran.out) == (1, "")
    assert "cannot write requirements.txt" in ran.err
    assert reason in ran.err
    assert "hint: install authingo again" in ran.err
    assert "hunter2" not in ran.err
    assert not (bare.directory / "app").exists()


def test_a_record_that_is_no_json_writes_nothing(bare: Runner, init: Any) -> None:
    assert init(None, text="{").code == 1
    assert not (bare.directory / "app").exists()


def test_a_source_tree_on_the_path_is_no_installation(bare: Runner) -> None:
    info = bare.directory / "site" / "authingo.egg-info"
    info.mkdir(parents=True)
    (info / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: authingo\nVersion: 7.8.9\n")
    assert bare("init", "app", PYTHONPATH=str(info.parent)).code == 0
    line = (bare.directory / "app" / "requirements.txt").read_text()
    assert "7.8.9" not in line, "that of the installation which runs"


def test_what_is_written_installs_it_again_and_nothing_else(tmp_path: Path) -> None:
    wheel = built_wheel(tmp_path)
    # No index is there to be asked for a name.
    offline = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*offline, "--target", tmp_path / "first", wheel], check=True, timeout=120)
    runner = Runner(tmp_path, PYTHONPATH=str(tmp_path / "first"))
    assert runner("init", "app").code == 0
    requirements = tmp_path / "app" / "requirements.txt"
    assert requirements.read_text().startswith(f"authingo @ {wheel.as_uri()}#sha256=")
    again = [*offline, "--target", str(tmp_path / "second"), "-r", str(requirements)]
    subprocess.run(again, check=True, timeout=120)
    assert (tmp_path / "second" / "authingo" / "__init__.py").exists()
    shutil.rmtree(tmp_path / "second")
    with wheel.open("ab") as changed:
        changed.write(b"more")
    refused = subprocess.run(again, capture_output=True, text=True, check=False, timeout=120)
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr
