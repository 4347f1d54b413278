"""The client knows every code that the server answers with."""

import subprocess
import sys
from pathlib import Path

REACT = Path(__file__).parent.parent / "react"


def test_the_codes_of_the_client_are_those_of_the_server() -> None:
    """`npm test` says so too; here it is seen by who adds an error in Python."""
    printed = subprocess.run(
        [sys.executable, REACT / "scripts" / "codes.py"], capture_output=True, text=True, check=True
    ).stdout
    assert (REACT / "src" / "codes.ts").read_text() == printed, "run: npm run codes, in react/"
