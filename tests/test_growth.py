"""Every text that comes from outside is read in a time that grows as the text does.

Those of browsers' tools, which are tried with more, are in tests/cli/test_cookie_sources.py.
"""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from authingo import domains, foreign_hashes, inputs, passwords
from authingo.config import Settings, load, origin_of, read_postgres_url, settings_from
from authingo.errors import ConfigError
from authingo.http.clients import ClientReader
from authingo.importing.fields import Fields, Refused
from authingo.importing.files import read
from authingo.importing.systems import SYSTEMS, Context
from tests.growth import grows_linearly, repeated

# Two marks whose order normalizing changes: the longer the run, the longer the way of each.
MARKS = "\u0300\u0323"
LIGATURE = "\ufdfa"  # eighteen characters when normalized

user_agents: Any = importlib.import_module("authingo.cli.user_agents")
places: Any = importlib.import_module("authingo.cli.browsers.places")
cookie_sources: Any = importlib.import_module("authingo.cli.cookies.sources")
verdicts: Any = importlib.import_module("authingo.cli.cookies.verdicts")


def file_of_users(text: str) -> None:
    for _ in read(io.BytesIO(text.encode())):
        pass


def field(system: str, name: str) -> Callable[[str], object]:
    """Return what reads a user of a system that has this text in one of its fields."""
    user = {"email": "a@b.co", "Email": "a@b.co", "user_email": "a@b.co"}
    hashes = dict.fromkeys(("password", "passwordHash", "PasswordHash", "encrypted_password"))

    def read_user(text: str) -> None:
        try:
            SYSTEMS[system](Fields({**user, **hashes, name: text}), Context(datetime.now(UTC)))
        except Refused:
            return

    return read_user


def stored_hash(text: str) -> None:
    stored = foreign_hashes.as_stored(text)
    assert foreign_hashes.recognize(stored) is None
    assert not passwords.is_hash(stored)
    assert foreign_hashes.missing_extra(stored) is None


def host(text: str) -> None:
    domains.domains_above(text)
    domains.registrable(text)
    domains.is_public_suffix(text)


def forwarded(text: str) -> None:
    reader = ClientReader(Settings(trusted_proxies=("10.0.0.0/8",)))
    headers = [(b"x-forwarded-for", text.encode())]
    reader.read({"type": "http", "client": ("10.0.0.1", 1), "headers": headers})


def setting(name: str) -> Callable[[str], object]:
    group, _, key = name.rpartition(".")
    return lambda text: settings_from({group: {key: text}} if group else {key: text})


def har(text: str) -> None:
    """Read a HAR file in which whatever is a text says this, and judge the cookies in it."""
    given = {"name": "authingo_session", "value": text, "path": text, "domain": text}
    headers = [{"name": "cookie", "value": text}, {"name": "set-cookie", "value": text}]
    message = {"url": f"http://{text}/{text}", "cookies": [{**given, "expires": text}]}
    entry = {"request": {**message, "headers": headers}, "response": message}
    body = {"response": {"content": {"text": text}, "headers": headers}}
    raw = json.dumps({"log": {"entries": [entry, {"response": message}, body]}}).encode()
    verdicts.Inspector(Settings(), cookie_sources.read_cookies(raw)).without_store()


PARSERS: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "email": (inputs.normalize_email, (MARKS, "a@", "a.", LIGATURE)),
    "email's domain": (lambda text: inputs.normalize_email(f"a@{text}.co"), (MARKS, "a.", "ü.")),
    "name": (inputs.clean_name, ("a", " ", MARKS)),
    "password": (lambda text: passwords.problem_with(text, email="a@b.co"), ("a", MARKS)),
    "hash": (stored_hash, ("$", "$2b$12$", "bcrypt$", "pbkdf2_sha256$1$", "$argon2id$v=19$m=1")),
    "host": (host, ("a.", "1.", "::", MARKS)),
    "addresses": (forwarded, ("10.0.0.1,", ",", "1", ":", "[")),
    "user agent": (user_agents.short_name, ("Mozilla/5.0 ", "a.", "(")),
    "origin": (lambda text: origin_of(f"https://{text}"), (MARKS, LIGATURE, "a.", "@", ":")),
    "url": (lambda text: places.Place.parse(f"//{text}"), (MARKS, "a.", "[", "%")),
    "database": (
        lambda text: read_postgres_url("database_url", f"postgresql://{text}"),
        (MARKS, "h:1,", "@", "?", "a=b&", "%41"),
    ),
    "parameter": (
        lambda text: read_postgres_url("database_url", f"postgresql://h/d?{text}"),
        ("a", "a=b&", "host=a,b&", "options=-c a=b&", "%3D"),
    ),
    "duration": (setting("sessions.cache"), ("1h", "1h ", "1", "h", "1.", ", ")),
    "list": (setting("trusted_proxies"), ("10.0.0.0/8,", "a, ", "'", " ")),
    "list in brackets": (
        lambda text: setting("trusted_origins")(f"[{text}"),
        ("{a.", "a.", "[", "'a',", '"a', "{a="),
    ),
    "name of a setting": (lambda text: settings_from({text: 1}), ("a", "a.", "sessions.")),
    "time": (field("django", "date_joined"), ("1", "2020-01-01T", "0.", " ")),
    "flag": (field("django", "is_active"), ("1", "true", " ")),
    "column of a hash": (field("aspnet", "PasswordHash"), ("A", "$", "=")),
    "JSON in a column": (field("supabase", "raw_user_meta_data"), ('{"a":1,', '{"a":', "[", '"')),
    "HAR": (har, ('\\"', '"', ";", "a=b;", "\n", MARKS, "a.", "1", "/", "Path=/;")),
}


@pytest.mark.parametrize(
    ("parser", "part"),
    [(name, part) for name, (_, parts) in PARSERS.items() for part in parts],
)
def test_twice_the_text_takes_twice_the_time(parser: str, part: str) -> None:
    assert grows_linearly(PARSERS[parser][0], repeated(part))


@pytest.mark.parametrize(
    ("start", "part"),
    [
        *(("", part) for part in ('{"users":[]}', '{"users":[1],"a":[[1]]}')),
        *(("[", part) for part in ('{"a":[1]},', '{"a":[', '"', ",")),
        *(('{"users":[', part) for part in ('{"a":', "[")),
        *(('{"a":[', part) for part in ("{},", '"', "[", "],[")),
        *(("id,email\n", part) for part in ('"1","2"\n', ",", '"')),
    ],
)
def test_twice_the_users_take_twice_the_time(start: str, part: str) -> None:
    """More of them, because a file is read in pieces of 64 KiB."""
    assert grows_linearly(file_of_users, repeated(part, start), smallest=16 * 1024)


@pytest.mark.parametrize("part", ["a.", "a.b-", "[", "a=1\n", "[a]\n", "a = {", "#\n"])
def test_twice_the_configuration_takes_twice_the_time(tmp_path: Path, part: str) -> None:
    file = tmp_path / "authingo.toml"

    def work(text: str) -> None:
        file.write_text(text)
        load(file, {})

    assert grows_linearly(work, repeated(part), smallest=64 * 1024)
    file.write_text("#" * 65 * 1024)
    with pytest.raises(ConfigError, match="larger than 64 KiB"):
        load(file, {})
