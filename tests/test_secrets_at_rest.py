"""Nothing in a database is worth stealing."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.database import execute, sqlite_path
from tests.mail.inbox import code_in, mail_settings, wait_for
from tests.mail.server import SMTPServer
from tests.postgres import BundledServer, PostgresServer
from tests.server import ADA, LiveServer

LONG = "a sentence that is longer than the seventy-two bytes that bcrypt reads of it"


def spellings(token: str) -> set[bytes]:
    """The token as text, its bytes, their hex, and every part a selector or verifier is."""
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    parts = [raw] if len(raw) == 32 else [raw, raw[:16], raw[16:]]
    return {token.encode(), token[:22].encode()} | {
        form for part in parts for form in (part, part.hex().encode())
    }


def test_no_token_and_no_password_is_in_the_database(
    server: LiveServer, request: pytest.FixtureRequest
) -> None:
    """All of it is read: tables, indexes, free pages and write-ahead log."""
    browser = server.browser()
    used = list(browser.sign_up().tokens.values())
    for _ in range(3):
        used += browser.post("/refresh").tokens.values()
    body = {"current_password": ADA["password"], "new_password": LONG}
    used += browser.post("/reauthenticate", {"password": ADA["password"]}).tokens.values()
    used += browser.post("/change-password", body).tokens.values()
    used += browser.sign_in(password=LONG).tokens.values()
    browser.sign_in(password="a wrong password")
    # A session token begins with the id of the session, which is public.
    used = [token for value in used for token in value.split(".") if len(token) > 26]
    assert len(used) == 16
    content = everything_in(server, request)
    assert b"ada@example.com" in content, "the right bytes are being looked at"
    secrets = {ADA["password"].encode(), LONG.encode(), b"a wrong password"}
    secrets |= {form for token in used for form in spellings(token)}
    assert [secret for secret in secrets if secret in content] == []
    browser.post("/sign-out")
    content = everything_in(server, request)
    assert [secret for secret in secrets if secret in content] == []


def test_no_code_is_in_the_database(
    serve: Callable[..., LiveServer], request: pytest.FixtureRequest
) -> None:
    """Neither while it is good nor afterwards, nor is the cookie that it works with."""
    with SMTPServer() as mails:
        server = serve(mail=mail_settings(mails, email_code=True))
        browser = server.browser()
        browser.sign_up()
        cookie = browser.post("/sign-in/code/request", {"email": ADA["email"]}).tokens
        (mail,) = wait_for(mails, 1)
        code = code_in(mail)
        secrets = {code.encode(), code.replace("-", "").encode()}
        secrets |= spellings(cookie["authingo_ceremony"])
        content = everything_in(server, request)
        assert b"sign_in_code" in content, "the right bytes are being looked at"
        assert [secret for secret in secrets if secret in content] == []
        assert browser.post("/sign-in/code", {"code": code.lower()}).status == 200
        content = everything_in(server, request)
        assert [secret for secret in secrets if secret in content] == []
        assert code.lower().encode() not in content
        server.stop()


def test_every_column_is_an_id_a_digest_or_a_date(server: LiveServer) -> None:
    browser = server.browser()
    browser.sign_up()
    browser.post("/refresh")
    for table, digests in (("authingo_sessions", 6), ("authingo_secrets", 2)):
        (row,) = execute(server.database_url, f"SELECT * FROM {table}")
        assert [len(value) for value in row if isinstance(value, bytes)] == [32] * digests


def everything_in(server: LiveServer, request: pytest.FixtureRequest) -> bytes:
    url = server.database_url
    if url.startswith("sqlite"):
        files = sqlite_path(url).parent.glob("authingo.db*")
        return b"".join(file.read_bytes() for file in files)
    execute(url, "CHECKPOINT")
    postgres: PostgresServer = request.getfixturevalue("postgres")
    assert isinstance(postgres, BundledServer)
    return b"".join(file.read_bytes() for file in Path(postgres.data).rglob("*") if file.is_file())
