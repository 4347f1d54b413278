"""`authingo doctor` where something in front of the server hides its clients.

The server is a program as people write it, run by uvicorn with and without its own handling of
proxy headers, behind a real TLS terminator that adds what a test says.
"""

from __future__ import annotations

import pytest

from tests.cli.test_doctor import diagnosed, failing
from tests.cli.test_doctor_server import PROGRAM
from tests.command import Runner, Served
from tests.program import run_program
from tests.server import ADA, Browser
from tests.terminator import terminating

PUBLIC = "https://localhost"
UVICORN = {
    "uvicorn by default": "uvicorn main:app",
    "as documented": "uvicorn main:app --no-proxy-headers",
}
PROTO = "X-Forwarded-Proto: https"
APPENDED = "X-Forwarded-For: 198.51.100.7"


@pytest.mark.parametrize("command", UVICORN.values(), ids=UVICORN)
def test_from_outside_doctor_sees_whether_the_server_sees_its_clients(
    bare: Runner, command: str
) -> None:
    (bare.directory / "main.py").write_text(PROGRAM)
    bare.env["AUTHINGO_PUBLIC_URL"] = PUBLIC
    believes_anybody = "fail", "the server believes an X-Forwarded-For that this command made up"
    knows_nobody = "fail", "the server knows no address of this client"
    expected = {
        "": {(): knows_nobody, (PROTO,): knows_nobody, (APPENDED, PROTO): knows_nobody},
        "127.0.0.1": {
            # What a client writes into the header is passed on, as nginx does by default.
            (): believes_anybody,
            (PROTO,): believes_anybody,
            ("X-Forwarded-For: 127.0.0.1",): believes_anybody,
            (APPENDED, PROTO): (
                "ok",
                "the server counts this client as 198.51.100.7, whatever it writes into headers",
            ),
        },
    }
    for trusted, rows in expected.items():
        env = {**bare.env, "AUTHINGO_TRUSTED_PROXIES": trusted}
        with (
            run_program(bare.directory, env, command) as port,
            terminating(bare.directory, port) as front,
        ):
            for adds, (status, message) in rows.items():
                front.adds = adds
                variables = {"SSL_CERT_FILE": str(front.certificate)}
                _, checks = diagnosed(bare, "--url", front.url, **variables)
                assert checks["client_address"]["status"] == status, (trusted, adds)
                assert checks["client_address"]["message"].partition(":")[0] == message
                assert failing(checks) == (["client_address"] if status == "fail" else [])


def test_past_the_proxy_doctor_says_that_it_cannot_see(bare: Runner) -> None:
    (bare.directory / "main.py").write_text(PROGRAM)
    bare.env["AUTHINGO_PUBLIC_URL"] = "https://shop.example.com"
    with run_program(bare.directory, bare.env) as port:
        _, checks = diagnosed(bare, "--url", f"http://127.0.0.1:{port}")
    assert checks["client_address"]["status"] == "warn"
    assert "look at https://shop.example.com too" in checks["client_address"]["hint"]


def test_what_a_server_met_fails_doctor_with_the_lines_to_write(authingo: Runner) -> None:
    (authingo.directory / "main.py").write_text(PROGRAM)
    body = {"email": ADA["email"], "password": "wrong"}
    public = {"AUTHINGO_PUBLIC_URL": "https://example.com"}
    with run_program(authingo.directory, {**authingo.env, **public}) as port:
        Browser(f"http://127.0.0.1:{port}").post("/sign-in", body)
    _, checks = diagnosed(authingo, **public)
    assert failing(checks) == ["proxies"]
    assert checks["proxies"]["message"].startswith("127.0.0.1 passed on the requests of others")
    assert "docs/operations.md" in checks["proxies"]["hint"]
    assert checks["trusted_proxies"]["status"] == "warn", "none, and public_url is https"
    trusting = {**public, "AUTHINGO_TRUSTED_PROXIES": "127.0.0.1"}
    _, checks = diagnosed(authingo, **trusting)
    assert failing(checks) == []
    with run_program(authingo.directory, {**authingo.env, **trusting}) as port:
        Browser(f"http://127.0.0.1:{port}").post("/sign-in", body)
    _, checks = diagnosed(authingo, **trusting)
    assert failing(checks) == ["proxies"]
    assert "is trusted and named no client" in checks["proxies"]["message"]


def test_serve_warns_at_its_start_where_it_must_be_behind_a_proxy(bare: Runner) -> None:
    for trusted in ("", "127.0.0.1"):
        served = Served(bare, AUTHINGO_PUBLIC_URL=PUBLIC, AUTHINGO_TRUSTED_PROXIES=trusted)
        served.end()
        assert ("trusted_proxies is empty" in served.said) == (not trusted)
