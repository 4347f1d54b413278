"""docs/security.md names files that are there, and every requirement that the code names."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs/security.md").read_text()


def test_the_files_it_names_are_there() -> None:
    named = set(re.findall(r"`((?:authingo|tests)/[\w/.]*)`", DOCUMENT))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_it_lists_what_docstrings_claim_to_answer() -> None:
    """Of V3, V6 and V7, the chapters whose state it promises."""
    listed = set(re.findall(r"\b[367]\.\d+\.\d+\b", DOCUMENT))
    claimed = {
        number
        for file in (ROOT / "authingo").rglob("*.py")
        for number in re.findall(r"\bV([367]\.\d+\.\d+)\b", file.read_text())
    }
    assert len(claimed) > 10
    assert claimed - listed == set()


def test_it_has_the_state_of_every_requirement_of_level_1() -> None:
    level_1 = {
        "3.2.1", "3.2.2", "3.3.1", "3.4.1", "3.4.2", "3.5.1", "3.5.2", "3.5.3",
        "6.1.1", "6.2.1", "6.2.2", "6.2.3", "6.2.4", "6.2.5", "6.2.6", "6.2.7", "6.3.1",
        "6.4.1", "6.4.2", "7.2.1", "7.2.2", "7.2.3", "7.2.4", "7.4.1", "7.4.2",
    }  # fmt: skip
    rows = [
        (numbers, state.strip())
        for numbers, state in re.findall(
            r"^\| ([\d., ]+) \| \d \| ([^|]+) \|", DOCUMENT, re.MULTILINE
        )
    ]
    states = {number: state for numbers, state in rows for number in numbers.split(", ")}
    assert level_1 - states.keys() == set()
    assert set(states.values()) <= {"Done", "Yours", "Deviation", "Not applicable"}
