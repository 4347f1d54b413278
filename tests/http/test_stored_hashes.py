"""Passwords that came from elsewhere, or from a weaker time."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable

import bcrypt
import pytest

from authingo.foreign_hashes import as_stored
from authingo.passwords import NO_PASSWORD
from tests.database import execute
from tests.foreign import REAL
from tests.server import ADA, Browser, LiveServer

PASSWORD = ADA["password"].encode()


@pytest.fixture
def browser(server: LiveServer) -> Browser:
    """Ada has an account, and nobody is signed in."""
    browser = server.browser()
    browser.sign_up()
    browser.post("/sign-out")
    return browser


def stored(server: LiveServer) -> tuple[str, int]:
    ((password_hash, version),) = execute(
        server.database_url, "SELECT password_hash, password_version FROM authingo_users"
    )
    return password_hash, version


def store_hash(server: LiveServer, password_hash: str) -> None:
    execute(server.database_url, f"UPDATE authingo_users SET password_hash = '{password_hash}'")


@pytest.mark.parametrize("variant", ["$2a$", "$2y$", "$2b$"])
def test_a_hash_from_elsewhere_signs_in(server: LiveServer, browser: Browser, variant: str) -> None:
    theirs = bcrypt.hashpw(PASSWORD, bcrypt.gensalt(4)).decode().replace("$2b$", variant)
    store_hash(server, theirs)
    assert browser.sign_in(password="another one").code == "invalid_credentials"
    assert stored(server) == (theirs, 1), "a failure changes nothing"
    assert browser.sign_in().status == 200
    replaced = theirs if variant == "$2b$" else stored(server)[0]
    assert stored(server) == (replaced, 1)
    assert replaced.startswith("$2b$04$")
    assert browser.sign_in().status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "aspnet 2",
        "django pbkdf2_sha1",
        "firebase",
        "passlib pbkdf2, SHA-512",
        "passlib phpass",
        "werkzeug scrypt",
        "wordpress 6.8",
    ],
)
def test_a_hash_of_another_kind_signs_in_once_and_is_bcrypt_then(
    server: LiveServer, browser: Browser, kind: str
) -> None:
    theirs, password = REAL[kind]
    store_hash(server, theirs)
    assert browser.sign_in(password=password + "x").code == "invalid_credentials"
    assert stored(server) == (theirs, 1), "a failure changes nothing"
    assert browser.sign_in(password=password).status == 200
    assert stored(server)[0].startswith("$2b$04$")
    assert browser.sign_in(password=password).status == 200


def test_a_weaker_hash_is_strengthened_and_no_session_ends(
    serve: Callable[..., LiveServer],
) -> None:
    weak = serve(passwords={"bcrypt_cost": 4})
    elsewhere = weak.browser()
    elsewhere.sign_up()
    strong = serve(passwords={"bcrypt_cost": 5}, public_url=weak.url)
    assert strong.browser().sign_in().status == 200
    password_hash, version = stored(strong)
    assert password_hash.startswith("$2b$05$")
    assert version == 1, "a rehash is no new password"
    assert elsewhere.get("/session").status == 200
    assert weak.browser().sign_in().status == 200
    assert stored(weak)[0] == password_hash, "nothing is weakened"


@pytest.mark.parametrize(
    "malformed", ["", "plain text", "$2b$12$short", "$2x$04$" + "." * 53, "$2b$31$" + "." * 53]
)
def test_a_malformed_hash_is_a_failed_sign_in_and_an_event(
    server: LiveServer, browser: Browser, caplog: pytest.LogCaptureFixture, malformed: str
) -> None:
    store_hash(server, malformed)
    with caplog.at_level(logging.INFO, "authingo.events"):
        answer = browser.sign_in()
    assert (answer.status, answer.code) == (401, "invalid_credentials")
    events = [json.loads(record.getMessage())["event"] for record in caplog.records]
    assert events == ["password_hash_malformed", "sign_in_failed"]
    assert malformed not in caplog.text or not malformed


def test_who_has_no_password_is_no_malformed_hash(
    server: LiveServer, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    store_hash(server, NO_PASSWORD)
    with caplog.at_level(logging.INFO, "authingo.events"):
        assert browser.sign_in(password=NO_PASSWORD).code == "invalid_credentials"
    events = [json.loads(record.getMessage())["event"] for record in caplog.records]
    assert events == ["sign_in_failed"]


@pytest.mark.parametrize(
    ("theirs", "chosen", "typed"),
    [
        pytest.param("wordpress 6.8", "admin", " admin\t", id="trimmed by WordPress"),
        pytest.param("better-auth", "Zürich 2026", "Zu\u0308rich 2026", id="NFKC of Better Auth"),
    ],
)
def test_a_hash_is_replaced_only_by_that_of_the_password_that_was_chosen(
    server: LiveServer, browser: Browser, theirs: str, chosen: str, typed: str
) -> None:
    """Or somebody who signed in once with a pasted space would need that space from then on."""
    if theirs in REAL:
        old = as_stored(REAL[theirs][0])
    else:
        salt = "00112233445566778899aabbccddeeff"
        key = hashlib.scrypt(
            chosen.encode(), salt=salt.encode(), n=16384, r=16, p=1, maxmem=2**26, dklen=64
        )
        old = as_stored(f"{salt}:{key.hex()}")
    store_hash(server, old)
    assert browser.sign_in(password=typed).status == 200
    assert stored(server)[0] == old
    assert browser.sign_in(password=chosen).status == 200
    assert stored(server)[0].startswith("$2b$04$")
    assert browser.sign_in(password=chosen).status == 200
