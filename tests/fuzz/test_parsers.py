"""Whatever text comes, a parser answers or refuses as it says, and never repeats a secret."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authingo import inputs
from authingo.config import Settings, load, redact_url, settings_from
from authingo.errors import AuthError, ConfigError
from authingo.http.bodies import read_body
from authingo.http.clients import ClientReader
from authingo.http.cookies import Cookies
from authingo.http.headers import cookie_header
from authingo.http.origin import OriginCheck
from authingo.http.routes import SignIn
from authingo.tokens import RefreshToken, SessionToken
from tests.fuzz.conftest import in_batches

Search = Callable[[Callable[[], None]], None]
FIELDS = ("email", "password")


def test_a_body_is_what_json_says_or_refused(until_time_is_up: Search) -> None:
    """What is accepted is exactly what the standard library reads, with one meaning."""

    @in_batches
    @given(
        st.one_of(
            st.binary(max_size=200),
            st.dictionaries(st.sampled_from([*FIELDS, "more"]), st.text()).map(
                lambda value: json.dumps(value).encode()
            ),
            st.binary(max_size=40).map(lambda raw: b'{"email": "%s", "password": ""}' % raw),
        )
    )
    def search(raw: bytes) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
        try:
            read = msgspec.structs.asdict(asyncio.run(read_body(scope, receive, SignIn)))
        except AuthError as error:
            assert error.code in {"invalid_json", "invalid_input", "body_too_large"}
        else:
            assert read == json.loads(raw)
            assert set(read) == set(FIELDS)

    until_time_is_up(search)


def test_a_cookie_is_found_where_it_came_once(until_time_is_up: Search) -> None:
    others = st.text(st.characters(max_codepoint=255, exclude_characters=";"), max_size=20)

    @in_batches
    @given(st.lists(st.tuples(others, st.booleans()), max_size=6), others)
    @example([("authingo_session=x", False)], "x")
    def search(parts: list[tuple[str, bool]], value: str) -> None:
        ours = f"authingo_session={value}"
        sent = [ours if is_ours else text for text, is_ours in parts]
        headers = [(b"cookie", "; ".join(sent).encode("latin-1"))]
        found = Cookies(Settings()).session.read(cookie_header({"headers": headers}))
        named = [text for text in sent if text.strip(" \t").startswith("authingo_session=")]
        if len(named) == 1:
            assert found == named[0].strip(" \t").partition("=")[2]
        else:
            assert found is None

    until_time_is_up(search)


def test_a_token_has_one_spelling(until_time_is_up: Search) -> None:
    @in_batches
    @given(
        st.one_of(st.text(), st.text("ABab01-_=+/. \n", min_size=42, max_size=72)),
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=16, max_size=16),
    )
    def search(text: str, secret: bytes, selector: bytes) -> None:
        for kind in (SessionToken, RefreshToken):
            parsed = kind.parse(text)
            assert parsed is None or str(parsed) == text
        for session in (SessionToken(secret, "ses_1"), SessionToken(secret, None)):
            assert SessionToken.parse(str(session)) == session
        refresh = RefreshToken(selector, secret)
        assert RefreshToken.parse(str(refresh)) == refresh

    until_time_is_up(search)


def test_an_email_keeps_its_one_spelling(until_time_is_up: Search) -> None:
    texts = st.one_of(
        st.emails(),
        st.text(),
        st.builds("{}@{}".format, st.text(max_size=20), st.text(max_size=20)),
        st.builds("a@{}.test".format, st.text(max_size=10)),
    )

    @in_batches
    @given(texts)
    def search(text: str) -> None:
        normalized = inputs.normalize_email(text)
        if normalized is not None:
            assert normalized.isascii()
            assert normalized == normalized.lower()
            assert inputs.normalize_email(normalized) == normalized
            if text.isascii():
                assert inputs.normalize_email(text.swapcase()) == normalized

    until_time_is_up(search)


def test_a_name_is_one_line(until_time_is_up: Search) -> None:
    @in_batches
    @given(st.text(st.characters(), max_size=250))
    def search(text: str) -> None:
        name = inputs.clean_name(text)
        if name is not None:
            assert len(name.splitlines()) == 1
            assert inputs.clean_name(name) == name
            name.encode()

    until_time_is_up(search)


def test_a_stranger_cannot_choose_their_address(until_time_is_up: Search) -> None:
    plain, behind = (
        ClientReader(settings_from({"trusted_proxies": proxies}))
        for proxies in ([], ["10.0.0.0/8"])
    )
    entries = st.one_of(
        st.ip_addresses().map(str), st.text(st.characters(max_codepoint=255), max_size=20)
    )

    @in_batches
    @given(st.lists(entries, max_size=5).map(", ".join), st.ip_addresses(v=4).map(str))
    def search(forwarded: str, real: str) -> None:
        def read(reader: ClientReader, peer: str, *values: str) -> str | None:
            headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in values]
            return reader.read({"type": "http", "client": (peer, 5), "headers": headers}).ip

        assert read(plain, "192.0.2.1", forwarded) == "192.0.2.1"
        if not real.startswith("10."):
            assert read(behind, "10.0.0.1", forwarded, real) == real

    until_time_is_up(search)


@pytest.mark.parametrize("public_url", [None, "http://127.0.0.1:8080", "https://example.com"])
def test_an_origin_is_allowed_or_refused(until_time_is_up: Search, public_url: str | None) -> None:
    check = OriginCheck(settings_from({"public_url": public_url}))
    latin = st.text(st.characters(max_codepoint=255), max_size=40)
    origins = st.one_of(
        latin,
        st.builds("http://{}".format, latin),
        st.builds("https://{}.com{}".format, latin, latin),
    )

    @in_batches
    @given(origins, st.one_of(st.just("example.com"), st.just("127.0.0.1:8080"), latin))
    def search(origin: str, host: str) -> None:
        headers = [
            (b"x-authingo-client", b"true"),
            (b"origin", origin.encode("latin-1")),
            (b"host", host.encode("latin-1")),
        ]
        try:
            check.check({"method": "POST", "headers": headers}, dict(headers))
        except AuthError as error:
            assert error.code == "origin_not_allowed"
        else:
            assert origin != "null"
            if public_url and "example" in public_url:
                assert origin == "https://example.com"

    until_time_is_up(search)


def test_a_configuration_works_or_is_refused_without_its_secrets(until_time_is_up: Search) -> None:
    secret = "hunter2hunter2"
    scalars = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.none())
    tables = st.dictionaries(st.text(max_size=10), scalars, max_size=3)
    known = st.sampled_from([key.name for key in msgspec.structs.fields(Settings)])
    variables = st.sampled_from(
        ["SIGN_UP", "TRUSTED_ORIGINS", "TRUSTED_PROXIES", "SESSIONS__CACHE", "STORE__POOL_SIZE"]
    )
    urls = st.one_of(
        st.just(f"postgresql://app:{secret}@db/app"),
        st.builds(f"postgresql://app:{secret}@{{}}".format, st.text(max_size=10)),
        st.builds(f"{{}}://app:{secret}@h/{{}}".format, st.text(max_size=10), st.text(max_size=5)),
    )

    @in_batches
    @given(
        st.dictionaries(
            known, st.one_of(scalars, tables, st.lists(scalars, max_size=3)), max_size=4
        ),
        urls,
        st.dictionaries(
            st.one_of(st.text("ABCDEFGH_", max_size=8), variables),
            st.one_of(st.text(max_size=10), st.text("0123456789smhd .,[]\"'\n", max_size=20)),
            max_size=3,
        ),
    )
    def search(values: dict[str, Any], url: str, variables: dict[str, str]) -> None:
        env = {"AUTHINGO_" + name: text.replace("\0", "") for name, text in variables.items()}
        env["AUTHINGO_DATABASE_URL"] = url
        for attempt in (
            partial(settings_from, {**values, "database_url": url}),
            partial(load, env=env),
        ):
            try:
                accepted = attempt()
            except ConfigError as error:
                assert secret not in f"{error} {error.message} {error.hint}"
            else:
                assert secret not in redact_url(accepted.database_url)

    until_time_is_up(search)
