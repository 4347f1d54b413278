"""The files of `authingo init` for production, as far as they can be tried without Docker.

Caddy and systemd's tools check what is theirs; where they are missing, these tests skip and say
so, and `AUTHINGO_REQUIRE_DEPLOYMENT=1` makes that a failure.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from authingo.config import load
from tests.command import Runner
from tests.program import await_listening, free_port, run_program
from tests.server import ADA
from tests.test_wheel import built_wheel

CLIENT = {"X-Authingo-Client": "true", "Content-Type": "application/json"}
KINDS: dict[str, list[str]] = {
    "plain": [],
    "pages": ["--pages"],
    "react": ["--react"],
    "next": ["--next"],
}


def need(command: str) -> str:
    found = shutil.which(command, path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        if os.environ.get("AUTHINGO_REQUIRE_DEPLOYMENT") == "1":
            pytest.fail(f"AUTHINGO_REQUIRE_DEPLOYMENT=1, and there is no {command}", pytrace=False)
        sys.stderr.write(f"\nNOT TESTED: there is no {command}\n")
        pytest.skip(f"there is no {command}")
    return found


@pytest.fixture(params=KINDS)
def project(request: pytest.FixtureRequest, bare: Runner) -> Path:
    assert bare("init", "app", *KINDS[request.param]).code == 0
    return bare.directory / "app"


@pytest.fixture
def plain(bare: Runner) -> Path:
    assert bare("init", "app").code == 0
    return bare.directory / "app"


def composed(project: Path) -> Any:
    text = (project / "compose.yaml").read_text()
    text = re.sub(r"\$\{DOMAIN(:\?[^}]*)?\}", "shop.example.com", text)
    return yaml.safe_load(text)


def test_the_composed_program_has_settings_that_work(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = composed(project)["services"]
    (secret,) = services["program"]["secrets"]
    assert composed(project)["secrets"][secret]["file"] == f"secrets/{secret}"
    environment = services["program"]["environment"]
    assert environment["AUTHINGO_DATABASE_URL_FILE"] == f"/run/secrets/{secret}"
    (project / "secrets").mkdir()
    readme = (project / "README.md").read_text()
    secrets = re.search(
        r"^ {4}(openssl rand .*\n {4}echo .* > secrets/database_url)$", readme, re.MULTILINE
    )
    assert secrets is not None
    subprocess.run(["bash", "-euc", secrets[1]], cwd=project, check=True)
    environment["AUTHINGO_DATABASE_URL_FILE"] = str(project / "secrets" / secret)
    settings = load(project / "authingo.toml", env=environment)
    assert settings.public_url == "https://shop.example.com"
    assert settings.secure_cookies
    database = urlsplit(settings.database_url)
    assert database.hostname == "postgres"
    assert database.password == (project / "secrets" / "postgres_password").read_text().strip()
    postgres = services["postgres"]["environment"]
    assert (database.username, database.path) == (
        postgres["POSTGRES_USER"],
        f"/{postgres['POSTGRES_DB']}",
    )


def test_the_one_trusted_proxy_is_caddy_and_no_container_can_get_its_address(
    project: Path,
) -> None:
    compose = composed(project)
    caddy = compose["services"]["caddy"]["networks"]["default"]["ipv4_address"]
    for name in ("program", "migrate", "prune"):
        service = compose["services"][name]
        assert service["environment"]["AUTHINGO_TRUSTED_PROXIES"] == caddy
        assert service["build"]["context"] == "."
        assert "image" not in service, "a name that a registry would be asked for"
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    address = ipaddress.ip_address(caddy)
    assert address in ipaddress.ip_network(network["subnet"])
    assert address not in ipaddress.ip_network(network["ip_range"])
    published = [name for name, service in compose["services"].items() if "ports" in service]
    assert published == ["caddy"]
    assert ("web" in compose["services"]) is (project / "web" / "Dockerfile").exists()


def test_what_the_composed_commands_call_is_there(plain: Path, bare: Runner) -> None:
    services = composed(plain)["services"]
    bare.directory = plain
    assert services["migrate"]["command"][0] == "authingo"
    assert bare(*services["migrate"]["command"][1:]).code == 0
    shell, option, script = services["prune"]["command"]
    assert "sleep 3600" in script
    once = script.replace("sleep 3600", "exit 7")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**bare.env, "PATH": path}
    done = subprocess.run([shell, option, once], cwd=plain, env=env, check=False, timeout=60)
    assert done.returncode == 7, "it has pruned, and waits"
    with run_program(plain, bare.env) as port:
        *python, check = services["program"]["healthcheck"]["test"][1:]
        assert python == ["python", "-c"]
        check = check.replace(":8000/", f":{port}/")
        subprocess.run([sys.executable, "-c", check], check=True, timeout=60)
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, check=False)
    assert ended.returncode == 1


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    lines = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines.splitlines())]


def test_the_image_installs_what_requirements_name_and_runs_the_program(
    tmp_path: Path,
) -> None:
    source = tmp_path / "my $1 'x'"
    source.mkdir()
    wheel = built_wheel(source)
    site = tmp_path / "site"
    offline = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
    subprocess.run([*offline, "--target", site, wheel], check=True, timeout=120)
    runner = Runner(tmp_path, PYTHONPATH=str(site))
    assert runner("init", "app").code == 0
    project = tmp_path / "app"
    (context,) = composed(project)["services"]["program"]["build"]["additional_contexts"].items()
    assert context == ("authingo", str(source).replace("$", "$$"))  # which compose undoes
    image = tmp_path / "image"  # what /srv/app would be
    shutil.copytree(project, image)
    handed_in = tmp_path / "handed-in"  # what /authingo would be
    handed_in.symlink_to(source)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"HOME": str(tmp_path), "PATH": path, "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1"}
    ran = []
    for word, rest in instructions(image / "Dockerfile"):
        if word != "RUN" or rest.startswith("useradd"):
            continue
        command = re.sub(r"^--mount=\S+\s+", "", rest)
        assert ("--mount=" in rest) is ("file:///authingo" in rest)
        command = command.replace("file:///authingo", f"file://{handed_in}")
        subprocess.run(["sh", "-euc", command], cwd=image, env=env, check=True, timeout=300)
        ran.append(command)
    assert len(ran) == 3
    (installed,) = (image / ".venv" / "lib").glob("python*/site-packages/authingo-*.dist-info")
    assert json.loads((installed / "direct_url.json").read_text())["url"] == (
        f"file://{handed_in}/{wheel.name}"
    )
    assert (image / "authingo.toml").stat().st_mode & 0o777 == 0o644, "the user of the image reads"
    (start,) = [rest for word, rest in instructions(image / "Dockerfile") if word == "CMD"]
    command, *arguments = json.loads(start)
    assert arguments[1:5] == ["--host", "0.0.0.0", "--port", "8000"]
    del arguments[1:5]
    with run_program(image, runner.env, " ".join([command, *arguments])) as port:
        assert_health(http.client.HTTPConnection("127.0.0.1", port))


def test_what_is_copied_into_an_image_holds_no_secret(project: Path) -> None:
    for left_out in (".env", "secrets/", "*.db", ".venv/"):
        assert left_out in (project / ".dockerignore").read_text().splitlines()
        assert left_out in (project / ".gitignore").read_text().splitlines()


def kept(answer: http.client.HTTPResponse) -> str:
    """Return what a browser sends back: what was set, not what was cleared."""
    pairs = [one.partition(";")[0] for one in answer.headers.get_all("Set-Cookie", [])]
    cookies = [pair for pair in pairs if not pair.endswith("=")]
    assert len(cookies) == 3, "the session's two, and the browser's"
    return "; ".join(cookies)


def assert_health(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/api/auth/health", headers={"Host": "localhost"})
    assert connection.getresponse().read() == b'{"status":"ok"}'
    connection.close()


@contextlib.contextmanager
def caddy(project: Path, domain: str, programs: dict[str, int]) -> Iterator[int]:
    """Run Caddy with the project's file on a free port, with certificates of its own."""
    command = need("caddy")
    http_port, https_port = free_port(), free_port()
    ours = f"""{{
        http_port {http_port}
        https_port {https_port}
        admin off
        skip_install_trust
        local_certs
    }}
    """
    text = (project / "Caddyfile").read_text()
    for name, port in programs.items():
        assert name in text
        text = text.replace(name, f"127.0.0.1:{port}")
    file = project / "Caddyfile.test"
    file.write_text(ours + text)
    process = subprocess.Popen(
        [command, "run", "--config", str(file), "--adapter", "caddyfile"],
        env={"PATH": os.environ["PATH"], "DOMAIN": domain, "HOME": str(project)},
        stderr=subprocess.DEVNULL,
    )
    try:
        await_listening(https_port, process)
        yield https_port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def over_tls(port: int, name: str) -> http.client.HTTPSConnection:
    """Connect to Caddy on this machine as to the server of that name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # of a certificate made a moment ago
    connection = http.client.HTTPSConnection(name, port, timeout=60, context=context)
    deadline = time.monotonic() + 60
    while True:  # it listens before it has its certificate
        raw = socket.create_connection(("127.0.0.1", port), timeout=60)
        try:
            connection.sock = context.wrap_socket(raw, server_hostname=name)
        except ssl.SSLError:
            raw.close()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return connection


def test_behind_caddy_cookies_are_secure_and_nobody_invents_an_address(
    plain: Path, bare: Runner
) -> None:
    need("caddy")
    name = "shop.example.com"
    env = {**bare.env, "AUTHINGO_TRUSTED_PROXIES": "127.0.0.1"}
    env["AUTHINGO_PUBLIC_URL"] = f"https://{name}"
    command = "uvicorn main:app --http httptools --no-proxy-headers"
    with (
        run_program(plain, env, command) as program,
        caddy(plain, name, {"program:8000": program}) as port,
    ):
        connection = over_tls(port, name)
        sent = {**CLIENT, "Host": name, "Origin": f"https://{name}"}
        forged = {**sent, "X-Forwarded-For": "203.0.113.9"}
        connection.request("POST", "/api/auth/sign-up", json.dumps(ADA), forged)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        assert all("; Secure" in one for one in answer.headers.get_all("Set-Cookie", []))
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        cookies = kept(answer)
        connection.request("GET", "/api/auth/sessions", headers={**forged, "Cookie": cookies})
        (session,) = json.load(connection.getresponse())["sessions"]
        assert session["ip"] == "127.0.0.1", "where Caddy was reached from"
        connection.request("GET", "/", headers={"Host": name, "Accept-Encoding": "gzip"})
        page = connection.getresponse()
        assert (page.status, page.headers["Content-Encoding"]) == (200, "gzip")
        connection.close()


def test_on_localhost_caddy_asks_for_no_lasting_https(plain: Path, bare: Runner) -> None:
    need("caddy")
    env = {**bare.env, "AUTHINGO_PUBLIC_URL": "https://localhost"}
    with (
        run_program(plain, env) as program,
        caddy(plain, "localhost", {"program:8000": program}) as port,
    ):
        connection = over_tls(port, "localhost")
        connection.request("GET", "/", headers={"Host": "localhost"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"] is None
        connection.close()


def test_caddy_sends_the_api_to_the_program_and_pages_to_next(bare: Runner) -> None:
    need("caddy")
    assert bare("init", "app", "--next").code == 0
    project = bare.directory / "app"
    (bare.directory / "pages").mkdir()
    (bare.directory / "pages" / "main.py").write_text(
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 418, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': b'next'})\n"
    )
    env = {**bare.env, "AUTHINGO_PUBLIC_URL": "https://localhost"}
    pages = run_program(bare.directory / "pages", bare.env, "uvicorn --lifespan off main:app")
    with (
        run_program(project, env) as program,
        pages as web,
        caddy(project, "localhost", {"program:8000": program, "web:3000": web}) as port,
    ):
        for path, status in {
            "/api/auth/health": 200,
            "/api/nope": 404,
            "/": 418,
            "/apis": 418,
        }.items():
            connection = over_tls(port, "localhost")
            connection.request("GET", path, headers={"Host": "localhost"})
            assert connection.getresponse().status == status, path
            connection.close()


def commands_of(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_systemd_takes_the_units(plain: Path) -> None:
    command = need("systemd-analyze")
    deploy = plain / "deploy"
    units = [one for one in deploy.iterdir() if one.suffix in {".service", ".timer"}]
    assert len(units) == 3
    scripts = plain / ".venv" / "bin"
    scripts.mkdir(parents=True)
    for name in ("authingo", "uvicorn"):
        (scripts / name).symlink_to(Path(sys.executable).with_name(name))
    for unit in units:
        unit.write_text(unit.read_text().replace("/srv/app", str(plain)))
    done = subprocess.run(
        [command, "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if str(deploy) in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


def test_the_unit_runs_the_program_behind_a_socket(plain: Path, bare: Runner) -> None:
    unit = commands_of(plain / "deploy" / "app.service")
    (before,), (start,) = unit["ExecStartPre"], unit["ExecStart"]
    assert unit["RuntimeDirectory"] == ["app"]
    env = {**bare.env, **dict(one.split("=", 1) for one in unit["Environment"])}
    env["WEB_CONCURRENCY"] = "1"
    here = str(Path(sys.executable).parent)
    before = before.replace("/srv/app/.venv/bin", here)
    subprocess.run(before.split(), cwd=plain, env=env, check=True, timeout=120)
    address = bare.directory / "app.sock"
    start = start.replace("/srv/app/.venv/bin", here).replace("/run/app/app.sock", str(address))
    process = subprocess.Popen(start.split(), cwd=plain, env=env, stderr=subprocess.DEVNULL)
    try:
        connection = over_socket(address, process)
        headers = {**CLIENT, "Host": "example.com", "X-Forwarded-For": "203.0.113.9"}
        connection.request("POST", "/api/auth/sign-up", json.dumps(ADA), headers)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        cookies = kept(answer)
        connection.request("GET", "/api/auth/sessions", headers={**headers, "Cookie": cookies})
        (session,) = json.load(connection.getresponse())["sessions"]
        assert session["ip"] == "203.0.113.9", "what the proxy on this machine says is believed"
        connection.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def over_socket(address: Path, process: subprocess.Popen[bytes]) -> http.client.HTTPConnection:
    deadline = time.monotonic() + 60
    while True:
        raw = socket.socket(socket.AF_UNIX)
        try:
            raw.connect(str(address))
        except OSError:
            raw.close()
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            connection = http.client.HTTPConnection("example.com", timeout=60)
            connection.sock = raw
            return connection


def test_pruning_is_one_line_for_cron_or_a_timer(plain: Path) -> None:
    deploy = plain / "deploy"
    assert commands_of(deploy / "authingo-prune.timer")["Persistent"] == ["true"]
    (command,) = commands_of(deploy / "authingo-prune.service")["ExecStart"]
    assert command.endswith("authingo sessions prune")
    entries = [line for line in (deploy / "crontab").read_text().splitlines() if line[:1].isdigit()]
    assert len(entries) == 1
    assert entries[0].endswith("authingo sessions prune")
