"""Settings: where they come from, and what is refused with a reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from authingo.config import Settings, load, origin_of, redact_url, settings_from
from authingo.errors import ConfigError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        settings_from(values)
    return error.value.message


def test_the_defaults_are_the_documented_ones() -> None:
    settings = load(env={})
    assert settings.database_url == "sqlite:///authingo.db"
    assert settings.base_path == "/api/auth"
    assert (settings.public_url, settings.sign_up, settings.trusted_origins) == (None, True, ())
    lives = settings.sessions
    assert lives.session_lifetime == timedelta(minutes=15)
    assert lives.refresh_lifetime == timedelta(days=30)
    assert lives.absolute_lifetime == timedelta(days=90)
    assert lives.refresh_grace == timedelta(seconds=15)
    assert lives.max_per_user == 100
    assert (settings.passwords.min_length, settings.passwords.bcrypt_cost) == (8, 12)
    assert (settings.store.timeout, settings.store.pool_size) == (timedelta(seconds=5), 10)
    assert settings.secure_cookies


def test_a_variable_beats_the_file_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "authingo.toml"
    file.write_text(
        'base_path = "/auth"\nsign_up = false\n[sessions]\nrefresh_grace = "5s"\n'
        "session_lifetime = 60\n[store]\npool_size = 3\n"
    )
    settings = load(env={"AUTHINGO_SESSIONS__REFRESH_GRACE": "2", "AUTHINGO_SIGN_UP": "true"})
    assert (settings.base_path, settings.sign_up, settings.store.pool_size) == ("/auth", True, 3)
    assert settings.sessions.refresh_grace == timedelta(seconds=2)
    assert settings.sessions.session_lifetime == timedelta(minutes=1)


def test_the_file_is_found_upwards_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "authingo.toml").write_text('base_path = "/above"')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert load(env={}).base_path == "/above"
    assert load(env={}).directory == tmp_path
    other = tmp_path / "other.toml"
    other.write_text('base_path = "/other"')
    assert load(env={"AUTHINGO_CONFIG": str(other)}).base_path == "/other"
    assert load(other, env={"AUTHINGO_CONFIG": "/nowhere"}).base_path == "/other"
    with pytest.raises(ConfigError, match="cannot read"):
        load(env={"AUTHINGO_CONFIG": "/nowhere.toml"})


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example, https://b.example",
        "https://a.example,https://b.example,",
        " https://a.example  https://b.example\n",
        '["https://a.example","https://b.example"]',
        "['https://a.example', \"https://b.example\",]",
        '"https://a.example","https://b.example"',
        '\'["https://a.example", "https://b.example"]\'',
    ],
)
def test_a_list_is_written_in_any_usual_way(text: str) -> None:
    expected = ("https://a.example", "https://b.example")
    assert load(env={"AUTHINGO_TRUSTED_ORIGINS": text}).trusted_origins == expected
    assert settings_from({"trusted_origins": text}).trusted_origins == expected


def test_what_is_no_list_is_refused() -> None:
    for text in ("[oops", '["a"]\nsign_up = 1', "[" * 5000):
        with pytest.raises(ConfigError, match="trusted_origins: "):
            load(env={"AUTHINGO_TRUSTED_ORIGINS": text})
    assert load(env={"AUTHINGO_TRUSTED_ORIGINS": "[]"}).trusted_origins == ()


def test_an_empty_variable_is_unset(tmp_path: Path) -> None:
    (tmp_path / "authingo.toml").write_text(
        'sign_up = false\ntrusted_origins = ["https://a.example"]\n[sessions]\ncache = "3s"\n'
    )
    secret = tmp_path / "secret"
    secret.write_text("postgresql://h/db")
    for empty in ("", "  ", '""'):
        settings = load(
            env={
                "AUTHINGO_CONFIG": empty,
                "AUTHINGO_SIGN_UP": empty,
                "AUTHINGO_TRUSTED_ORIGINS": empty,
                "AUTHINGO_SESSIONS__CACHE": empty,
                "AUTHINGO_PUBLIC_URL": empty,
                "AUTHINGO_COOKIES__SAME_SITE": empty,
                "AUTHINGO_DATABASE_URL": empty,
                "AUTHINGO_DATABASE_URL_FILE": str(secret),
                "AUTHINGO_LISTEN_URL_FILE": empty,
            }
        )
        assert settings.sign_up is False
        assert settings.trusted_origins == ("https://a.example",)
        assert settings.sessions.cache == timedelta(seconds=3)
        assert (settings.public_url, settings.cookies.same_site) == (None, "lax")
        assert settings.database_url == "postgresql://h/db"


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    file, secret = tmp_path / "authingo.toml", tmp_path / "secret"
    file.write_bytes(b'\xef\xbb\xbfbase_path = "/x"\r\n[sessions]\r\ncache = 0\r\n')
    secret.write_bytes(b"\xef\xbb\xbfpostgresql://u:pw@h/db\r\n")
    settings = load(env={"AUTHINGO_DATABASE_URL_FILE": str(secret)})
    assert (settings.base_path, settings.sessions.cache) == ("/x", timedelta(0))
    assert settings.database_url == "postgresql://u:pw@h/db"
    assert load(env={"AUTHINGO_BASE_PATH": "\ufeff/y"}).base_path == "/y"
    file.write_bytes('base_path = "/x"'.encode("utf-16"))
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        load(env={})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((word, True) for word in ("true", "True", "TRUE", "yes", "Yes", "on", "ON", "1", 1)),
        *((word, False) for word in ("false", "FALSE", "no", "No", "off", "Off", "0", 0)),
        *(('"false"', False), ("'yes'", True), (" off ", False), (True, True)),
    ],
)
def test_a_boolean_is_written_in_any_usual_way(
    written: str | int, meant: bool, tmp_path: Path
) -> None:
    values = {"sign_up": written, "limits": {"enabled": written}}
    for settings in (
        settings_from(values),
        load(
            env={"AUTHINGO_SIGN_UP": str(written), "AUTHINGO_LIMITS__ENABLED": str(written)},
        ),
    ):
        assert (settings.sign_up, settings.limits.enabled) == (meant, meant)


@pytest.mark.parametrize("written", ["maybe", "2", 2, "", "nope", "y", [], {}, "truefalse"])
def test_what_is_no_boolean_is_refused(written: object) -> None:
    assert refused({"sign_up": written}) == "sign_up: must be true or false"
    reason = "limits.enabled: must be true or false"
    assert refused({"limits": {"enabled": written}}) == reason


def test_quotes_and_space_around_a_value_are_no_part_of_it(tmp_path: Path) -> None:
    """`docker run --env-file` keeps the quotes of the file."""
    secret = tmp_path / "secret"
    secret.write_text('"postgresql://u:pw@h/db"\n')
    settings = load(
        env={
            "AUTHINGO_DATABASE_URL_FILE": f'"{secret}"',
            "AUTHINGO_BASE_PATH": "'/x' ",
            "AUTHINGO_PUBLIC_URL": ' "https://example.com"',
            "AUTHINGO_COOKIES__SAME_SITE": '"Lax"',
            "AUTHINGO_PASSWORDS__MIN_LENGTH": '" 12 "',
            "AUTHINGO_SESSIONS__CACHE": '"5s"',
        }
    )
    assert settings.database_url == "postgresql://u:pw@h/db"
    assert (settings.base_path, settings.public_url) == ("/x", "https://example.com")
    assert (settings.cookies.same_site, settings.passwords.min_length) == ("lax", 12)
    assert settings.sessions.cache == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90),
        (90, 90),
        (1.5, 1.5),
        ("15m", 900),
        ("1.5h", 5400),
        ("30d", 2592000),
        ("500ms", 0.5),
        ("15 minutes", 900),
        ("1 Hour", 3600),
        ("1d12h", 129600),
        ("1d, 12 hours 30min", 131400),
        (timedelta(minutes=2), 120),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    value = settings_from(
        {"sessions": {"session_lifetime": written, "refresh_lifetime": "31d"}}
    ).sessions.session_lifetime
    assert value == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            "15 lightyears",
            "15M",
            "1 month",
            "1d12",
            "PT15M",
            "0:15:00",
            "-1",
            "1e99",
            "d",
            "5,",
        ),
        *(-1, True, None, [], float("nan"), float("inf"), "9" * 14 + "w"),
    ],
)
def test_what_is_no_duration(written: object) -> None:
    assert "sessions.session_lifetime" in refused({"sessions": {"session_lifetime": written}})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("postgresql://u:pw@h/db\n")
    env = {"AUTHINGO_DATABASE_URL_FILE": str(file)}
    assert load(env=env).database_url == "postgresql://u:pw@h/db"
    with pytest.raises(ConfigError, match="both set"):
        load(env={**env, "AUTHINGO_DATABASE_URL": "sqlite:///x.db"})
    with pytest.raises(ConfigError, match="No such file"):
        load(env={"AUTHINGO_DATABASE_URL_FILE": str(tmp_path / "nowhere")})
    for content, reason in (
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"postgresql://u:pw@h/db\npostgresql://u:pw@i/db\n", "one line"),
        (b"postgresql://u:pw\xff@h/db", "not UTF-8 text"),
    ):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=reason) as error:
            load(env=env)
        assert "pw" not in str(error.value)


def test_unknown_names_are_named_and_refused(tmp_path: Path) -> None:
    assert refused({"theme": "x"}) == "unknown setting: theme"
    (tmp_path / "authingo.toml").write_text('directory = "/"')
    with pytest.raises(ConfigError, match="unknown setting: directory"):
        load(env={})
    (tmp_path / "authingo.toml").unlink()
    for name in (
        "AUTHINGO_BASEPATH",
        "AUTHINGO_SESSION__REFRESH_GRACE",
        "AUTHINGO_SESSIONS__GRACE",
        "AUTHINGO_SESSIONS",
        "AUTHINGO_SIGN_UP__X",
        "AUTHINGO_DIRECTORY",
    ):
        with pytest.raises(ConfigError, match=f"unknown variable {name}"):
            load(env={name: "x"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"databse_url": "x"}, "unknown setting: databse_url (did you mean database_url?)"),
        (
            {"sessions": {"lifetime": 1}},
            "unknown setting: sessions.lifetime (did you mean sessions.session_lifetime?)",
        ),
        ({"pool_size": 3}, "unknown setting: pool_size (did you mean store.pool_size?)"),
        (
            {"sessions": {"pool_size": 3}},
            "unknown setting: sessions.pool_size (did you mean store.pool_size?)",
        ),
        (
            {"limits": {"sign_up": False}},
            "unknown setting: limits.sign_up "
            "(did you mean sign_up, above the first [group] of the file?)",
        ),
        (
            {"session": {"cache": "5s"}},
            "unknown group of settings: session (did you mean sessions?)",
        ),
        ({"zzz": {"cache": "5s"}}, "unknown group of settings: zzz"),
        (
            {"trusted-origins": []},
            "unknown setting: trusted-origins (did you mean trusted_origins?)",
        ),
    ],
)
def test_the_nearest_known_setting_is_suggested(values: dict[str, Any], message: str) -> None:
    assert refused(values) == message


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AUTHINGO_DATABSE_URL", "AUTHINGO_DATABASE_URL"),
        ("AUTHINGO_SESSIONS_REFRESH_GRACE", "AUTHINGO_SESSIONS__REFRESH_GRACE"),
        ("AUTHINGO_REFRESH_GRACE", "AUTHINGO_SESSIONS__REFRESH_GRACE"),
        ("AUTHINGO_STORE__REFRESH_GRACE", "AUTHINGO_SESSIONS__REFRESH_GRACE"),
        ("AUTHINGO_SESSION__CACHE", "AUTHINGO_SESSIONS__CACHE"),
        ("AUTHINGO_LIMITS__PUBLIC_URL", "AUTHINGO_PUBLIC_URL"),
        ("AUTHINGO_BASEPATH", "AUTHINGO_BASE_PATH"),
        ("AUTHINGO_DATABASEURL_FILE", "AUTHINGO_DATABASE_URL"),
    ],
)
def test_the_nearest_known_variable_is_suggested(name: str, meant: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(env={name: "hunter2"})
    assert error.value.message == f"unknown variable {name} (did you mean {meant}?)"


def test_variables_of_others_are_ignored() -> None:
    names = ["CONFIG_", "TEST_DATABASE_URL", "REQUIRE_POSTGRES", "SERVICE_HOST", "PORT"]
    names += ["PORT_8080_TCP_ADDR", "AUTH_SERVICE_PORT_HTTP"]
    load(env={f"AUTHINGO_{name}": "x" for name in names[1:]})
    with pytest.raises(ConfigError):
        load(env={f"AUTHINGO_{names[0]}": "x"})


def test_an_unreadable_file_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "authingo.toml"
    for content in (b"sign_up = ", b"\xff\xfe", b"a = 1\na = 2"):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=r"authingo\.toml is not"):
            load(env={})
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, env={})


def test_a_file_whose_brackets_are_too_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / "authingo.toml").write_text("trusted_origins = " + "[" * 5000)
    with pytest.raises(ConfigError, match="not valid TOML: its brackets are nested too deeply"):
        load(env={})


def test_a_file_that_everybody_can_write_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "authingo.toml"
    file.write_text("")
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="written by every user") as error:
        load(env={})
    assert error.value.hint == f"chmod o-w {file}"
    file.chmod(0o664)
    load(env={})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"database_url": "mysql://x"}, "database_url: must begin"),
        ({"database_url": "sqlite://x.db"}, "three slashes"),
        ({"base_path": "auth"}, "base_path"),
        ({"base_path": "/auth/"}, "base_path"),
        ({"base_path": "/api/../auth"}, "base_path"),
        ({"base_path": "/a;Domain=evil"}, "base_path"),
        ({"public_url": "http://example.com"}, "must be https"),
        ({"public_url": "example.com"}, "write https://example.com"),
        ({"public_url": "localhost:8000/"}, "write http://localhost:8000/"),
        ({"public_url": "https://example.com:port"}, "public_url: must be an http"),
        ({"public_url": "https://*.example.com"}, "public_url: must be an http"),
        ({"public_url": "https://u:p@example.com"}, "public_url"),
        ({"public_url": "https://example.com//app"}, "its path"),
        ({"public_url": "https://example.com/\\app"}, "its path"),
        ({"public_url": "https://example.com/caf%C3%A9"}, "its path"),
        ({"trusted_origins": ["*"]}, "trusted_origins: a wildcard would let"),
        ({"trusted_origins": ["https://*.example.com"]}, "list each origin"),
        ({"trusted_origins": ["https://*.example.com/x"]}, "list each origin"),
        ({"trusted_origins": ["*.example.com"]}, "list each origin"),
        ({"trusted_origins": "*"}, "list each origin"),
        ({"trusted_origins": ["null"]}, "any page in a sandbox"),
        ({"trusted_origins": ["https://app.example.com/"]}, "write https://app.example.com"),
        ({"trusted_origins": ["https://app.example.com/a/b"]}, "write https://app.example.com"),
        ({"trusted_origins": ["https://App.example.com"]}, "write https://app.example.com"),
        ({"trusted_origins": ["HTTPS://app.example.com:443"]}, "write https://app.example.com"),
        ({"trusted_origins": ["app.example.com"]}, "write https://app.example.com"),
        ({"trusted_origins": ["localhost:5173"]}, "write http://localhost:5173"),
        ({"trusted_origins": ["http://localhost:99999"]}, "trusted_origins: must be an http"),
        ({"trusted_origins": ["https://a.example;https://b.example"]}, "trusted_origins"),
        ({"trusted_origins": [5]}, "trusted_origins"),
        ({"trusted_proxies": ["*"]}, "any client choose its own address"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "write 10.0.0.0/8"),
        ({"trusted_proxies": "proxy.internal"}, "names are not looked up"),
        (
            {"cookies": {"domain": ".example.com"}, "public_url": "https://example.com"},
            "a leading dot",
        ),
        ({"cookies": {"domain": "Example.com"}, "public_url": "https://example.com"}, "lower case"),
        ({"cookies": {"same_site": "strict"}}, "cookies.same_site"),
        ({"cookies": {"same_site": "none"}}, "needs an https public_url"),
        (
            {"cookies": {"same_site": "none"}, "public_url": "https://example.com"},
            "trusted_origins",
        ),
        ({"cookies": {"partitioned": True}}, "cookies.partitioned"),
        (
            {"cookies": {"hardened_names": True}, "public_url": "http://localhost:8080"},
            "hardened_names",
        ),
        (
            {
                "cookies": {"hardened_names": True, "domain": "example.com"},
                "public_url": "https://example.com",
            },
            "__Host- forbids",
        ),
        ({"cookies": {"domain": "example.com"}}, "cookies.domain"),
        *(
            ({"cookies": {"prefix": prefix}}, "cookies.prefix")
            for prefix in ("", "__Host-x", "__secure-x", "a b", "a=b", "a;b", "ä", "a\nb", "a" * 65)
        ),
        (
            {"cookies": {"domain": "other.com"}, "public_url": "https://example.com"},
            "cookies.domain",
        ),
        ({"cookies": {"domain": "2.7"}, "public_url": "https://192.0.2.7"}, "cookies.domain"),
        ({"cookies": {"domain": "a.b;c"}, "public_url": "https://x.a.b"}, "cookies.domain"),
        ({"sessions": {"session_lifetime": 0}}, "session_lifetime"),
        ({"sessions": {"session_lifetime": "40d"}}, "must not decrease"),
        ({"sessions": {"refresh_lifetime": "91d"}}, "must not decrease"),
        ({"sessions": {"refresh_grace": "61s"}}, "refresh_grace"),
        ({"sessions": {"fresh": 0}}, "sessions.fresh"),
        ({"sessions": {"fresh": "25h"}}, "sessions.fresh"),
        ({"sessions": {"absolute_lifetime": "4000d"}}, "ten years"),
        ({"sessions": {"max_per_user": 0}}, "max_per_user: must be from 1 to 1000"),
        ({"sessions": {"max_per_user": 1001}}, "max_per_user: must be from 1 to 1000"),
        ({"sessions": {"max_per_user": "many"}}, "max_per_user"),
        ({"passwords": {"min_length": 7}}, "min_length"),
        ({"passwords": {"bcrypt_cost": 3}}, "bcrypt_cost"),
        ({"passwords": {"bcrypt_cost": 16}}, "bcrypt_cost"),
        ({"store": {"timeout": 0}}, "store.timeout"),
        ({"store": {"pool_size": 0}}, "store.pool_size"),
        ({"sessions": 3}, "sessions"),
        ({"sign_up": "maybe"}, "sign_up"),
    ],
)
def test_what_cannot_work_or_is_unsafe_is_refused(values: dict[str, Any], reason: str) -> None:
    assert reason in refused(values)


def test_settings_made_in_a_program_are_checked_too() -> None:
    with pytest.raises(ConfigError):
        Settings(base_path="nowhere")


def test_what_works_is_accepted() -> None:
    settings_from(
        {
            "cookies": {"same_site": "none", "partitioned": True, "hardened_names": True},
            "public_url": "https://example.com",
            "trusted_origins": ["https://app.example.org", "http://localhost:5173"],
        }
    )
    settings_from({"cookies": {"domain": "example.com"}, "public_url": "https://a.example.com"})


@pytest.mark.parametrize(
    ("public_url", "secure"),
    [
        (None, True),
        ("https://example.com", True),
        ("http://localhost:8080", False),
        ("http://127.0.0.1", False),
        ("http://[::1]:8000", False),
        ("https://localhost", True),
    ],
)
def test_cookies_are_secure_but_on_explicit_loopback_http(
    public_url: str | None, secure: bool
) -> None:
    assert settings_from({"public_url": public_url}).secure_cookies is secure


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.com/app", "https://example.com"),
        ("https://example.com:443", "https://example.com"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_the_origin_of_a_url(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_no_message_and_no_repr_holds_a_secret() -> None:
    secret = "hunter2"
    url = f"postgresql://user:{secret}@db.example:5432/app?password={secret}"
    settings = settings_from({"database_url": url})
    assert secret not in repr(settings)
    assert redact_url(url) == "postgresql://user@db.example:5432/app"
    assert redact_url("postgresql:///app?host=/run/pg&password=x") == "postgresql:///app"
    assert redact_url("sqlite:////var/lib/a.db") == "sqlite:////var/lib/a.db"
    for values in ({"database_url": f"{secret}://x"}, {"database_url": url, "bsae": secret}):
        assert secret not in refused(values)
    with pytest.raises(ConfigError) as error:
        load(env={"AUTHINGO_DATABASE_URL": url, "AUTHINGO_BASE_PATH": secret})
    assert secret not in str(error.value)
    for address in (
        f"https://user:{secret}",
        f"https://user:{secret}@example.com",
        f"u:{secret}@h",
    ):
        assert secret not in refused({"public_url": address})
        assert secret not in refused({"trusted_origins": [address]})
