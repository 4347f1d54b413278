"""Certificates for mail servers."""

from __future__ import annotations

import shutil

import pytest

from tests.browser import skip_or_fail
from tests.tls import Certificates


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("openssl") is None:
        skip_or_fail("openssl is missing: it makes the certificates")
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def certificates(authorities: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Those of two authorities. This machine trusts the one that signed the server's."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities["ours.pem"]))
    return authorities
