"""Tokens: spelling, digests, and the test vectors of the derivation.

The vectors were made with another tool, so that a change of the derivation,
which would sign everybody out in the middle of a refresh, is noticed:

    { printf 'authingo/1 refresh\\0'; cat VERIFIER; } |
      openssl dgst -sha256 -mac HMAC -macopt hexkey:NONCE
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authingo.ids import first_id, new_id
from authingo.models import Tokens
from authingo.tokens import RefreshToken, SessionToken, new_nonce, session_key

VERIFIER, NONCE, SELECTOR = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 80))
NEXT_VERIFIER = "uqOVh_GDJlVcTfLrTWtwi54PtncObtVay-POb-_YGR0"
NEXT_SESSION = "zCnY2IigBIZOJUr16Wi5mBk6JzArpbuiZOQL_oLuOU0"


def test_the_successors_are_those_of_the_vectors() -> None:
    session, refresh = RefreshToken(SELECTOR, VERIFIER).successors(NONCE)
    assert session == urlsafe_b64decode(NEXT_SESSION + "=")
    assert refresh.selector == SELECTOR
    assert refresh.verifier == urlsafe_b64decode(NEXT_VERIFIER + "=")


def test_successors_differ_by_nonce_and_by_verifier() -> None:
    token = RefreshToken.generate()
    first, again = token.successors(NONCE), token.successors(NONCE)
    assert first == again
    for other in (token.successors(new_nonce()), RefreshToken.generate().successors(NONCE)):
        assert other[0] != first[0]
        assert other[1].verifier != first[1].verifier


@given(st.binary(min_size=32, max_size=32))
def test_a_session_token_survives_its_spelling(secret: bytes) -> None:
    for session_id, size in (("ses_06fh2mq3k8dchrtjl1sp6gkm2o", 70), (None, 43)):
        token = SessionToken(secret, session_id)
        assert len(str(token)) == size
        assert SessionToken.parse(str(token)) == token
        assert token.key == (session_id, hashlib.sha256(secret).digest())
        assert session_key(str(token)) == token.key


@given(st.binary(min_size=48, max_size=48))
def test_a_refresh_token_survives_its_spelling(raw: bytes) -> None:
    token = RefreshToken(raw[:16], raw[16:])
    assert len(str(token)) == 64
    assert RefreshToken.parse(str(token)) == token
    assert token.selector_digest == hashlib.sha256(raw[:16]).digest()
    assert token.verifier_digest == hashlib.sha256(raw[16:]).digest()


@given(st.text(max_size=70) | st.text("ABCxyz019-_=+/. \n", min_size=40, max_size=72))
def test_only_the_exact_spelling_is_read(text: str) -> None:
    session, refresh = SessionToken.parse(text), RefreshToken.parse(text)
    assert session_key(text) == (session and session.key)
    for parsed in (session, refresh):
        assert parsed is None or str(parsed) == text
    assert session is None or len(session.secret) == 32
    assert refresh is None or len(refresh.selector + refresh.verifier) == 48


def test_a_second_spelling_of_the_same_bytes_is_refused() -> None:
    padded = urlsafe_b64encode(bytes(32)).decode()
    for session_id, begins in (("ses_1", "1."), (None, "")):
        text = str(SessionToken(bytes(32), session_id))
        twin = text[:-1] + "B"  # differs in bits that a lenient decoder drops
        assert urlsafe_b64decode(twin.removeprefix(begins) + "=") == bytes(32)
        wrong = [twin, begins + padded, text + "\n", text[:-1], text + "A", "", "." + text]
        wrong += [text.replace("A", "À"), "1." + "1." + text, "ü." + text, "x" * 65 + "." + text]
        for one in wrong:
            assert SessionToken.parse(one) is None
            assert session_key(one) is None


def test_secrets_do_not_show_in_a_repr() -> None:
    session, refresh = SessionToken.generate("ses_1"), RefreshToken.generate()
    shown = repr((session, refresh, Tokens(str(session), str(refresh))))
    assert str(session) not in shown
    assert str(refresh) not in shown


def test_ids_sort_by_time_and_never_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for milliseconds in (0, 1, 1_700_000_000_001, 2**45):
        monkeypatch.setattr("time.time_ns", lambda at=milliseconds: at * 1_000_000)
        at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)
        ids += [first_id("usr_", at), *sorted(new_id("usr_") for _ in range(3))]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {len(one) for one in ids} == {4 + 26}
