"""Which addresses, origins and networks are refused at the start, and with what fix."""

from __future__ import annotations

from typing import Any

import pytest

from authingo.config import origin_of, settings_from
from authingo.errors import ConfigError
from tests.command import Runner

HTTPS = "https://shop.example.com"
HALVES = ["0.0.0.0/1", "128.0.0.0/1"]


def refused(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as error:
        settings_from(values)
    return error.value.message


@pytest.mark.parametrize(
    ("networks", "says"),
    [
        (["0.0.0.0/0"], "0.0.0.0/0 covers nearly all addresses"),
        (["::/0"], "::/0 covers nearly all addresses"),
        (["10.0.0.1", "0.0.0.0/0"], "0.0.0.0/0 covers nearly all addresses"),
        (HALVES, "0.0.0.0/1 covers nearly all addresses"),
        (["8.0.0.0/7"], "8.0.0.0/7 covers nearly all addresses"),
        (["2000::/3"], "2000::/3 covers nearly all addresses"),
        ([f"{first}.0.0.0/8" for first in range(256)], "together they cover nearly all addresses"),
        (
            [f"{first}.0.0.0/8" for first in range(0, 256, 2)],
            "together they cover nearly all addresses",
        ),
        ([f"{first:x}::/16" for first in range(0x2000, 0x4000)], "together they cover nearly"),
        (["::ffff:10.0.0.0/104"], "write 10.0.0.0/8"),
        (["::ffff:10.0.0.7"], "write 10.0.0.7/32"),
        (["::ffff:0:0/96"], "::ffff:0.0.0.0/96 covers all addresses"),
    ],
)
def test_nobody_may_trust_everybody_as_a_proxy(networks: list[str], says: str) -> None:
    said = refused({"trusted_proxies": networks})
    assert said.startswith("trusted_proxies: ")
    assert says in said.replace("::ffff:0:0/96", "::ffff:0.0.0.0/96")


@pytest.mark.parametrize(
    "networks",
    [
        [],
        ["127.0.0.1", "::1"],
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fd00::/8"],
        # What a large content network comes from, and the same again.
        [f"{first}.{second}.0.0/12" for first in range(100, 130) for second in (16, 32)] * 2,
    ],
)
def test_networks_of_proxies_are_accepted(networks: list[str]) -> None:
    assert len(settings_from({"trusted_proxies": networks}).trusted_proxies) == len(networks)


def test_a_page_over_plain_http_is_not_trusted_beside_https() -> None:
    said = refused({"public_url": HTTPS, "trusted_origins": ["http://app.example.com:8080"]})
    assert said.startswith("trusted_origins: http://app.example.com:8080 is plain http")
    assert "Write https://app.example.com" in said
    for harmless in (
        {"public_url": HTTPS, "trusted_origins": ["http://localhost:5173", "http://[::1]:3000"]},
        {"public_url": "http://localhost:8000", "trusted_origins": ["http://192.168.0.7:3000"]},
    ):
        settings_from(harmless)  # a developer's; `doctor` warns about it


@pytest.mark.parametrize("setting", ["public_url", "trusted_origins"])
@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://bücher.example", "write https://xn--bcher-kva.example"),
        ("https://BÜCHER.example:8443/app", "write https://xn--bcher-kva.example:8443"),
        ("https://пример.example", "write https://xn--e1afmkfd.example"),
        # IDNA 2003 makes fass.example of it, and browsers xn--fa-hia.example.
        ("https://faß.example", "a name with other letters begins with xn--"),
        ("https://βόλος.example", "a name with other letters begins with xn--"),
        ("https://exa\u200dmple.com", "a name with other letters begins with xn--"),
        ("https://example。com", "must be ASCII"),
        ("https://\uff45xample.com", "must be ASCII"),
        ("HTTPS://example.com", "write https://example.com"),
        ("https://" + "ü" * 300 + ".com", "must be ASCII"),
        ("https://example.com/ü", "written as %XX"),
        ("https://exam\tple.com", "without spaces"),
        ("https://example.com/a b", "without spaces"),
    ],
)
def test_an_address_is_written_as_browsers_send_it(setting: str, address: str, says: str) -> None:
    said = refused({setting: [address] if setting == "trusted_origins" else address})
    assert said.startswith(f"{setting}: must be")
    assert says in said


def test_the_written_form_is_the_one_that_is_compared() -> None:
    address = "https://xn--bcher-kva.example"
    settings = settings_from(
        {
            "public_url": "https://shop.XN--BCHER-KVA.example",
            "trusted_origins": [address],
            "cookies": {"domain": "xn--bcher-kva.example"},
        }
    )
    assert settings.public_origin == "https://shop.xn--bcher-kva.example"
    assert origin_of(address) == address
    for domain in ("bücher.example", ".Bücher.example"):
        said = refused({"public_url": address, "cookies": {"domain": domain}})
        assert said.endswith("write xn--bcher-kva.example")
    assert "such as example.com" in refused(
        {"public_url": address, "cookies": {"domain": "faß.de"}}
    )


def test_no_secret_in_an_address_is_repeated() -> None:
    for address in ("https://ada:hünter2@example.com", "hunter2://bücher.example"):
        for part in ("hünter2", "hunter2"):
            assert part not in refused({"public_url": address})


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"AUTHINGO_TRUSTED_PROXIES": "0.0.0.0/0"}, "covers nearly all addresses"),
        (
            {"AUTHINGO_PUBLIC_URL": HTTPS, "AUTHINGO_TRUSTED_ORIGINS": "http://app.example.com"},
            "Write https://app.example.com",
        ),
        ({"AUTHINGO_PUBLIC_URL": "https://bücher.example"}, "write https://xn--bcher-kva.example"),
    ],
)
def test_nothing_starts_with_them(bare: Runner, variables: dict[str, str], says: str) -> None:
    for command in (["serve", "--port", "0"], ["migrate"], ["doctor"]):
        ran = bare(*command, **variables)
        assert ran.code == 1
        assert says in " ".join((ran.out + ran.err).split())
        assert not (bare.directory / "authingo.db").exists()
