"""What a person reads when the encryption to PostgreSQL, or the one who asks, is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Runner, Served
from tests.database import run_script
from tests.faults.tls import TLSServer
from tests.postgres import BundledServer, PostgresServer
from tests.program import free_port
from tests.tls import Certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[TLSServer]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        reason = "this needs a PostgreSQL with TLS (Debian's package postgresql)"
        if os.environ.get("AUTHINGO_REQUIRE_POSTGRES_TLS") == "1":
            pytest.fail(f"AUTHINGO_REQUIRE_POSTGRES_TLS=1, and {reason}", pytrace=False)
        sys.stderr.write(f"\nNOT TESTED OVER TLS: {reason}\n")
        pytest.skip(reason)
    server = TLSServer(found[-1].parent.parent, certificates)
    yield server
    server.stop()


def failure(bare: Runner, url: str, **variables: str) -> str:
    """Ask at the command line; return what it says on stderr, on one line."""
    ran = bare("migrate", "--status", AUTHINGO_DATABASE_URL=url, **variables)
    assert ran.code == 1, ran.out
    assert "hunter2" not in ran.err
    assert "://" not in ran.err
    return " ".join(ran.err.split())


def connects(bare: Runner, url: str, **variables: str) -> bool:
    ran = bare("migrate", "--status", AUTHINGO_DATABASE_URL=url, **variables)
    assert ran.code == 0 or "certificate" in ran.err, ran.err
    return ran.code == 0


@pytest.mark.parametrize(
    ("mode", "authority", "good", "other_host"),
    [
        ("prefer", None, True, True),
        ("require", None, True, True),
        ("require", "ours", True, True),
        ("require", "others", False, False),  # as in libpq: an authority that is named counts
        ("verify-ca", "ours", True, True),
        ("verify-ca", "others", False, False),
        ("verify-full", "ours", True, False),
        ("verify-full", "others", False, False),
    ],
)
def test_each_sslmode_checks_what_it_says(
    server: TLSServer,
    certificates: Certificates,
    bare: Runner,
    mode: str,
    authority: str | None,
    good: bool,
    other_host: bool,
) -> None:
    root = f"&sslrootcert={certificates[authority + '.pem']}" if authority else ""
    for host, expected in (("127.0.0.1", good), ("localhost", other_host)):
        assert connects(bare, server.tcp_url(f"sslmode={mode}{root}", host)) is expected


def test_a_certificate_of_another_host(
    server: TLSServer, certificates: Certificates, bare: Runner
) -> None:
    query = f"sslmode=verify-full&sslrootcert={certificates['ours.pem']}"
    said = failure(bare, server.tcp_url(query, "localhost"))
    assert "the certificate of the PostgreSQL server is for another host than localhost" in said
    assert "sslmode=verify-ca" in said


def test_a_certificate_of_another_authority(
    server: TLSServer, certificates: Certificates, bare: Runner
) -> None:
    others = certificates["others.pem"]
    said = failure(bare, server.tcp_url(f"sslmode=verify-full&sslrootcert={others}"))
    assert f"is not signed by an authority in {others}" in said
    assert "sslrootcert=FILE in database_url" in said


@pytest.mark.parametrize("query", ["sslrootcert=system", "sslmode=require&channel_binding=require"])
def test_the_authorities_of_the_machine(
    server: TLSServer, certificates: Certificates, bare: Runner, query: str
) -> None:
    """Whoever asks for channel binding gets the certificate verified, by the host's name too."""
    trusted = {"SSL_CERT_FILE": str(certificates["ours.pem"])}
    assert connects(bare, server.tcp_url(query), **trusted)
    assert "another host" in failure(bare, server.tcp_url(query, "localhost"), **trusted)
    said = failure(bare, server.tcp_url(query))
    assert "is not signed by an authority that this machine trusts" in said
    assert "ca-certificates" in said


def test_a_root_certificate_that_is_missing(
    server: TLSServer, certificates: Certificates, bare: Runner, tmp_path: Path
) -> None:
    said = failure(bare, server.tcp_url("sslmode=verify-full"))
    assert "there is no ~/.postgresql/root.crt" in said
    assert "sslrootcert=system" in said
    said = failure(bare, server.tcp_url("sslmode=verify-ca&sslrootcert=nowhere.pem"))
    assert f"sslrootcert in database_url: {tmp_path}/nowhere.pem cannot be read: No such" in said
    (tmp_path / "junk.pem").write_text("junk")
    said = failure(bare, server.tcp_url("sslmode=verify-ca&sslrootcert=junk.pem"))
    assert f"{tmp_path}/junk.pem holds no certificate in PEM" in said


def test_without_tls_where_the_server_wants_it(server: TLSServer, bare: Runner) -> None:
    said = failure(bare, server.tcp_url("sslmode=disable"))
    assert "PostgreSQL requires TLS from here (pg_hba.conf)" in said
    assert "sslmode=disable in database_url turns it off" in said
    assert "write sslmode=verify-full" in said


def test_with_tls_where_the_server_has_none(postgres: PostgresServer, bare: Runner) -> None:
    if not isinstance(postgres, BundledServer):
        pytest.skip("AUTHINGO_TEST_DATABASE_URL is somebody's server: it is not started again")
    server = PlainServer(postgres.binaries)
    try:
        modes = {"sslmode=require": "require", "ssl=true": "require"}
        for query, mode in {**modes, "sslrootcert=system": "verify-full"}.items():
            said = failure(bare, server.tcp_url(query))
            assert f"127.0.0.1:{server.port} has no TLS, which sslmode={mode} demands" in said
        said = failure(bare, server.tcp_url("sslnegotiation=direct"))
        assert f"reached at 127.0.0.1:{server.port}: connection reset" in said
        assert "sslnegotiation=direct needs PostgreSQL 17 with TLS" in said
        assert connects(bare, server.tcp_url("sslmode=prefer"))
    finally:
        server.stop()


class PlainServer(BundledServer):
    """A server on a loopback port without TLS."""

    def __init__(self, binaries: Path) -> None:
        self.port = free_port()
        super().__init__(
            binaries, settings=["listen_addresses=127.0.0.1", f"port={self.port}"], port=self.port
        )

    def tcp_url(self, query: str) -> str:
        return f"postgresql://authingo:hunter2@127.0.0.1:{self.port}/postgres?{query}"


def test_a_client_that_has_to_show_a_certificate(
    server: TLSServer, certificates: Certificates, bare: Runner, tmp_path: Path
) -> None:
    run_script(server.url("postgres"), "CREATE ROLE carol LOGIN")
    said = failure(bare, server.tcp_url("sslmode=require", user="carol"))
    assert "(pg_hba.conf)" in said
    assert "sslcert and sslkey" in said
    mine = f"sslcert={certificates['carol.pem']}&sslkey={certificates['carol.key']}"
    assert connects(bare, server.tcp_url(f"sslmode=require&{mine}", user="carol"))
    trusted = {"SSL_CERT_FILE": str(certificates["ours.pem"])}
    assert connects(bare, server.tcp_url(f"sslrootcert=system&{mine}", user="carol"), **trusted)
    wrong = f"sslcert={certificates['carol.pem']}&sslkey={certificates['server.key']}"
    said = failure(bare, server.tcp_url(f"sslmode=require&{wrong}", user="carol"))
    assert "sslcert and sslkey in database_url do not belong together" in said


def test_a_role_or_a_database_that_is_not_there_and_a_wrong_password(
    server: TLSServer, bare: Runner
) -> None:
    run_script(server.url("postgres"), "CREATE ROLE dora LOGIN PASSWORD 'right'")
    said = failure(bare, server.tcp_url("sslmode=require", user="dora:hunter2"))
    assert "PostgreSQL refuses the user or the password" in said
    assert connects(bare, server.tcp_url("sslmode=require", user="dora:right"))
    said = failure(bare, server.tcp_url("sslmode=require", user="nobody:hunter2"))
    assert "PostgreSQL does not let this user into this database from here" in said
    said = failure(bare, server.tcp_url("sslmode=require&dbname=nowhere"))
    assert "PostgreSQL has no database nowhere" in said
    socket = server.url("postgres").replace("authingo@", "nobody@")
    assert "PostgreSQL has no role nobody that may log in" in failure(bare, socket)


def test_what_listens_but_is_no_postgresql_and_where_nobody_listens(
    bare: Runner, unused_port: int
) -> None:
    for host in ("127.0.0.1", "localhost"):
        said = failure(bare, f"postgresql://u:hunter2@{host}:{unused_port}/db")
        assert f"PostgreSQL cannot be reached at {host}:{unused_port}: " in said
        assert "refused" in said or "Connect call failed" in said
    said = failure(bare, "postgresql://u:hunter2@no-such-host.invalid/db")
    assert "PostgreSQL cannot be reached at no-such-host.invalid:5432: " in said
    said = failure(bare, "postgresql:///db?host=/nowhere")
    assert "PostgreSQL cannot be reached at /nowhere/.s.PGSQL.5432: No such file" in said


def test_the_log_says_it_and_a_browser_does_not(
    server: TLSServer, certificates: Certificates, bare: Runner
) -> None:
    others = certificates["others.pem"]
    failing = {
        "is not signed by an authority": f"sslmode=verify-full&sslrootcert={others}",
        "there is no ~/.postgresql/root.crt": "sslmode=verify-full",
        "requires TLS from here": "sslmode=disable",
    }
    for reason, query in failing.items():
        served = Served(bare, AUTHINGO_DATABASE_URL=server.tcp_url(query))
        answers = [
            served.browser.get("/health"),
            served.browser.sign_in(),
            served.browser.get("/session", cookies={"authingo_session": "A" * 43}),
        ]
        served.end()
        for answer in answers:
            assert (answer.status, answer.code) == (503, "store_unavailable")
            body = answer.body.decode()
            assert answer.json["message"] == "The database does not answer: try again shortly."
            for secret in ("://", "postgres", "sslmode", "127.0.0.1", "pg_hba", "authingo:"):
                assert secret not in body
        assert served.said.count(reason) >= 2, "at the start, and with each request"
        assert "hunter2" not in served.said
