"""Requests made from the OpenAPI document, by Schemathesis: what it allows and what it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import LiveServer

# That whatever fits the document is accepted cannot be had: no schema says which
# passwords are common, or that one is not its email.
_EXCLUDED = "positive_data_acceptance"

# What does not fit is refused, too large included: a text that is too long can be that.
_CONFIGURATION = """\
[auth.openapi.AuthingoSession]
api_key = "{token}"
[checks.negative_data_rejection]
expected-statuses = ["4xx", "503"]
"""


@pytest.mark.usefixtures("nothing_logged_as_error")
def test_the_routes_keep_what_their_document_says(
    serve: Callable[..., LiveServer], seconds: float, tmp_path: Path
) -> None:
    server = serve(limits={"enabled": False})
    token = server.browser().sign_up().tokens["authingo_session"]
    tmp_path.joinpath("schemathesis.toml").write_text(_CONFIGURATION.format(token=token))
    options = ["--max-time", str(int(seconds)), "--checks", "all", "--exclude-checks", _EXCLUDED]
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{server.url}/openapi.json",
            *options,
            "--continue-on-failure",
            "--request-timeout=20",
            "--warnings=off",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 120,
    )
    assert done.returncode == 0, done.stdout
    assert "14 selected / 14 total" in done.stdout
    assert server.browser().get("/health").status == 200
