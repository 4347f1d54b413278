"""Numbers that processes share through files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from authingo.metrics.cells import NOW, Cells, read_all
from authingo.metrics.families import added_up

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no flock")


def in_all(directory: Path) -> dict[tuple[str, ...], tuple[float, ...]]:
    return dict(added_up(read_all(directory)))


def test_what_was_counted_before_is_shared_too(tmp_path: Path) -> None:
    cells = Cells()
    before = cells.row("request", "ok")
    before.add()
    cells.share(tmp_path)
    before.add(2)
    cells.row("time", count=3).add(0.5, 2)
    assert in_all(tmp_path) == {("request", "ok"): (3,), ("time",): (0, 0, 0.5)}
    assert cells.own() == in_all(tmp_path)
    cells.leave()


def test_a_file_without_an_owner_is_taken_over_with_its_counts(tmp_path: Path) -> None:
    first, second, third = Cells(), Cells(), Cells()
    for one in (first, second):
        one.share(tmp_path)
        one.row("request").add(10)
        one.row(NOW, "waiting").set(3)
    assert in_all(tmp_path) == {("request",): (20,), (NOW, "waiting"): (6,)}
    first.leave()
    assert in_all(tmp_path) == {("request",): (20,), (NOW, "waiting"): (3,)}
    third.row("request").add()
    third.share(tmp_path)
    third.row("request").add()
    third.row(NOW, "waiting").set(1)
    assert in_all(tmp_path) == {("request",): (22,), (NOW, "waiting"): (4,)}
    assert third.own() == {("request",): (2,), (NOW, "waiting"): (1,)}
    assert len([*tmp_path.glob("*.cells")]) == 2
    second.leave()
    third.leave()


def test_a_process_that_is_killed_leaves_its_counts(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from authingo.metrics.cells import Cells\n"
        "cells = Cells()\n"
        "cells.share(pathlib.Path(sys.argv[1]))\n"
        "cells.row('request').add(7)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert in_all(tmp_path) == {("request",): (7,)}


def test_a_file_of_another_version_begins_again(tmp_path: Path) -> None:
    file = tmp_path / "authingo-0.cells"
    file.write_bytes(b"authingo cells 0 and something else")
    assert in_all(tmp_path) == {}
    cells = Cells()
    cells.share(tmp_path)
    cells.row("request").add()
    assert in_all(tmp_path) == {("request",): (1,)}
    assert [one.name for one in tmp_path.iterdir()] == [file.name]
    cells.leave()


def test_a_file_that_is_full_keeps_nobody_from_counting(tmp_path: Path) -> None:
    cells = Cells()
    cells.share(tmp_path)
    for number in range(10_000):
        cells.row("x" * 100, str(number)).add()
    assert 1000 < len(in_all(tmp_path)) < 10_000
    cells.leave()


def test_only_its_user_can_read_the_files(tmp_path: Path) -> None:
    cells = Cells()
    cells.share(tmp_path / "made")
    made = tmp_path / "made"
    modes = [one.stat().st_mode & 0o777 for one in (made, *made.iterdir())]
    assert modes == [0o700, 0o600]
    cells.leave()


def test_a_link_that_somebody_has_put_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "authingo-0.cells").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError):
        Cells().share(tmp_path)
    assert (tmp_path / "victim").read_text() == "precious"
