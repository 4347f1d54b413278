"""Whatever another program wrote into the database, no command lets it give orders.

Every text of every row, ids included: control characters to a terminal (CWE-150), formulas
to a spreadsheet (CWE-1236).
"""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Iterator

import pytest

from authingo.tokens import SessionToken
from tests.command import Ran, Runner
from tests.database import execute

ORDERS = "\x1b]0;owned\x07\u202e\n\x9b2J"
EMAIL = f"={ORDERS}@example.com"
USER, SESSION = f"=usr_{ORDERS}", f"-ses_{ORDERS}"  # the first ones in the order of ids
TOKEN = SessionToken(secrets.token_bytes(32), None)  # no token can have this id in it
SGR = re.compile(r"\x1b\[\d*m")  # colours are our own
FORMULA = re.compile(r"[=+\-@\t\r]")


@pytest.fixture
def url(authingo: Runner) -> str:
    """A database with a user, a session and an event whose every text is hostile, and others."""
    url = authingo.env["AUTHINGO_DATABASE_URL"]
    if url.startswith("sqlite"):
        at, later, digest = "1", "4102444800000000", f"x'{TOKEN.digest.hex()}'"
        random = "randomblob(32)"
    else:
        at, later = "to_timestamp(1)", "to_timestamp(4102444800)"
        digest = rf"'\x{TOKEN.digest.hex()}'::bytea"
        random = "sha256(gen_random_uuid()::text::bytea)"
    times = f"{at}, {at}, {later}, {later}, {later}"
    for statement in (
        "INSERT INTO authingo_users (id, email, name, password_hash, created_at, updated_at)"
        f" VALUES ('{USER}', '{EMAIL}', '+{ORDERS}', '@{ORDERS}', {at}, {at}),"
        f" ('usr_2', 'grace@example.com', 'Grace', 'x', {at}, {at})",
        "INSERT INTO authingo_sessions (id, user_id, legacy_digest, selector_digest,"
        " verifier_digest, created_at, last_used_at, expires_at, refresh_expires_at,"
        " absolute_expires_at, ip, user_agent)"
        f" VALUES ('{SESSION}', '{USER}', {digest}, {random}, {random}, {times},"
        f" '@{ORDERS}', '={ORDERS}'),"
        f" ('ses_2', 'usr_2', {random}, {random}, {random}, {times}, NULL, NULL)",
        "INSERT INTO authingo_events (id, at, name, user_id, session_id, ip)"
        f" VALUES ('evt_{ORDERS}', {at}, '{ORDERS}', '={ORDERS}', '{SESSION}', '{ORDERS}')",
    ):
        execute(url, statement)
    return url


def unprintable(ran: Ran) -> list[str]:
    """Return what a terminal could take for an order, or would not show."""
    said = SGR.sub("", ran.out + ran.err).replace("\r\n", "\n")
    return [char for char in said if not char.isprintable() and char != "\n"]


LISTS = [
    ["users", "list"],
    ["users", "list", "--order", "oldest", "--limit", "1"],
    ["users", "export", "--csv", "--with-password-hashes"],
    ["sessions", "list"],
    ["sessions", "list", "--order", "oldest", "--limit", "1"],
    ["events", "list"],
    ["stats"],
    ["migrate", "--status"],
    ["doctor"],
]
JSON = [
    ["users", "list", "--json"],
    ["users", "export"],
    ["sessions", "list", "--json"],
    ["events", "list", "--json"],
    ["stats", "--json"],
]


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_no_list_lets_a_row_give_orders(authingo: Runner, url: str, command: list[str]) -> None:
    """On a terminal; what a program reads back from an export it reads exactly."""
    shown = authingo.on_terminal(*command, columns=300)
    assert unprintable(shown) == []
    if "list" in command:
        assert r"\x1b]0;owned\x07\u202e\n" in shown.out
    if "1" in command:
        assert "there are more: --after " in shown.out
    if "export" not in command:
        assert unprintable(authingo(*command)) == []


def test_json_is_ascii(authingo: Runner, url: str) -> None:
    for command in JSON:
        ran = authingo(*command)
        assert ran.code == 0
        assert ran.out.isascii()
        assert unprintable(ran) == []


def test_an_inspected_cookie_lets_a_row_give_orders_neither(authingo: Runner, url: str) -> None:
    ran = authingo("cookies", "inspect", stdin=f"authingo_session={TOKEN}")
    assert "usr_" in ran.out
    assert r"\x1b]0;owned" in ran.out
    assert unprintable(ran) == []


def found_by_email(authingo: Runner, url: str) -> str:
    """Give the user an email that a command line can name, and return it."""
    execute(url, "UPDATE authingo_users SET email = 'ada@example.com' WHERE name <> 'Grace'")
    return "ada@example.com"


def commands(email: str) -> Iterator[list[str]]:
    yield ["users", "show", email]
    yield ["users", "create", email, "--if-missing", "--generate-password"]
    yield ["users", "verify", email]
    yield ["users", "verify", email]
    yield ["sessions", "list", "--user", email]
    yield ["users", "set-password", email, "--generate-password"]
    yield ["sessions", "revoke", "--user", email]
    yield ["users", "disable", email, "--yes"]
    yield ["users", "disable", email, "--yes"]
    yield ["users", "enable", email]
    yield ["users", "enable", email]
    yield ["users", "delete", email, "--yes"]


def test_no_command_about_a_user_lets_a_row_give_orders(authingo: Runner, url: str) -> None:
    """The id of whom an email finds is shown by nearly all of them."""
    for command in commands(found_by_email(authingo, url)):
        ran = authingo(*command)
        assert ran.code == 0, ran.err
        assert unprintable(ran) == [], command


def test_no_question_lets_a_row_give_orders(authingo: Runner, url: str) -> None:
    email = found_by_email(authingo, url)
    for command in ("disable", "delete"):
        asked = authingo.on_terminal("users", command, email, answers=[("[y/N] ", "n\n")])
        assert "nothing was changed" in asked.out
        assert unprintable(asked) == []


@pytest.mark.parametrize(
    "command",
    [
        ["users", "list", "--csv"],
        ["sessions", "list", "--csv"],
        ["users", "export", "--csv", "--with-password-hashes"],
    ],
    ids=" ".join,
)
def test_no_cell_of_a_csv_is_run_by_a_spreadsheet(
    authingo: Runner, url: str, command: list[str]
) -> None:
    ran = authingo(*command)
    rows = list(csv.reader(io.StringIO(ran.out, newline="")))
    assert len(rows) == 3
    assert [cell for cell in rows[1] if FORMULA.match(cell)] == []
    assert sum(cell.startswith("'") for cell in rows[1]) >= 3, "the ids too"
