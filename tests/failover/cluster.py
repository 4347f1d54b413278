"""PostgreSQL under Patroni with etcd, and HAProxy, each in a network namespace of its own.

A bridge joins the namespaces. The programs and the clients are beside the bridge. Only
`sudo python -m tests.failover` may use it, since it changes the network of its process.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE, ETCD = "10.203.0.1", "10.203.0.10"
NODES = {"a": "10.203.0.11", "b": "10.203.0.12"}
PATRONI = {"ttl": 20, "loop_wait": 5, "retry_timeout": 5}  # seconds
WAL_TIMEOUT = "10s"  # after which a standby that has vanished is given up
HAPROXY_PORT = 5000
_PATIENCE = 180.0  # seconds for what must happen


def until(holds: Callable[[], object], what: str) -> None:
    """Look again and again until it holds. While it cannot be found out, it does not."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(LookupError, RuntimeError):
            if holds():
                return
        time.sleep(0.1)
    raise TimeoutError(what)


def run(*command: str | Path) -> str:
    """Run a command that must work, and return what it prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout


class Node:
    """A machine with PostgreSQL and Patroni: a namespace, and what runs in it."""

    def __init__(self, name: str, home: Path, binaries: Path, passwords: dict[str, str]) -> None:
        self.name = name
        self.address = NODES[name]
        self.other = next(address for address in NODES.values() if address != self.address)
        self._home = home / name
        self._home.mkdir()
        shutil.chown(self._home, "postgres", "postgres")
        self._settings = self._home / "patroni.yml"
        self._settings.write_text(json.dumps(self._patroni(binaries, passwords)))  # JSON is YAML
        self._process: subprocess.Popen[bytes] | None = None
        _namespace(name, self.address)

    def _patroni(self, binaries: Path, passwords: dict[str, str]) -> dict[str, Any]:
        return {
            "scope": "authingo",
            "name": self.name,
            "restapi": {
                "listen": f"{self.address}:8008",
                "connect_address": f"{self.address}:8008",
            },
            "etcd3": {"host": f"{ETCD}:2379"},
            "bootstrap": {
                "dcs": {
                    **PATRONI,
                    "synchronous_mode": True,
                    "postgresql": {
                        "use_pg_rewind": True,
                        "use_slots": True,
                        "parameters": {
                            "synchronous_commit": "on",
                            "wal_log_hints": "on",
                            "wal_sender_timeout": WAL_TIMEOUT,
                            "wal_receiver_timeout": WAL_TIMEOUT,
                        },
                    },
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"{self.address}:5432",
                "connect_address": f"{self.address}:5432",
                "data_dir": str(self._home / "data"),
                "bin_dir": str(binaries),
                "pgpass": str(self._home / "pgpass"),
                "authentication": {
                    user: {"username": name, "password": passwords[name]}
                    for user, name in (("superuser", "postgres"), ("replication", "replicator"))
                },
                "parameters": {"unix_socket_directories": str(self._home)},
                "pg_hba": [
                    "local all all trust",
                    "host all all 10.203.0.0/24 scram-sha-256",
                    "host replication replicator 10.203.0.0/24 scram-sha-256",
                ],
            },
        }

    def start(self) -> None:
        """Start Patroni, which starts PostgreSQL."""
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("ip", "netns", "exec", self.name),
                    *("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"),
                    *("patroni", str(self._settings)),
                ],
                stdout=log,
                stderr=log,
                cwd=self._home,
            )

    def kill(self) -> None:
        """Kill everything on this machine, as the loss of its power would."""
        while pids := run("ip", "netns", "pids", self.name).split():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            if self._process is not None:
                self._process.wait()

    def kill_postmaster(self) -> None:
        """Kill the main process of PostgreSQL, and wait until Patroni has started another."""
        killed = self._postmaster()
        os.kill(killed, signal.SIGKILL)
        until(lambda: self._postmaster() not in {0, killed}, "PostgreSQL is not started again")

    def _postmaster(self) -> int:
        with contextlib.suppress(FileNotFoundError, IndexError):
            return int((self._home / "data" / "postmaster.pid").read_text().split()[0])
        return 0

    def cut(self, *addresses: str) -> None:
        """Let nothing that this machine sends reach these addresses; what they send arrives."""
        for address in addresses:
            run("ip", "-n", self.name, "route", "add", f"{address}/32", "dev", "nowhere")

    def join(self, *addresses: str) -> None:
        """Undo `cut`."""
        for address in addresses:
            run("ip", "-n", self.name, "route", "del", f"{address}/32", "dev", "nowhere")

    def unplug(self) -> None:
        """Take this machine off the network."""
        run("ip", "link", "set", f"v-{self.name}", "down")

    def plug(self) -> None:
        """Undo `unplug`."""
        run("ip", "link", "set", f"v-{self.name}", "up")

    def execute(self, statement: str) -> str:
        """Run a statement as the superuser, on this machine itself."""
        return run(
            *("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"),
            *("psql", "-h", self._home, "-qAt", "-c", statement, "postgres"),
        ).strip()

    def members(self) -> dict[str, dict[str, Any]]:
        """Return what Patroni says here of each machine; nothing if it does not answer."""
        try:
            return {one["name"]: one for one in _ask(self.address, "GET", "/cluster")["members"]}
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return {}


class Cluster:
    """Two nodes."""

    def __init__(self, home: Path, binaries: Path) -> None:
        self.passwords = {
            name: secrets.token_hex(16) for name in ("postgres", "replicator", "authingo")
        }
        self.nodes = [Node(name, home, binaries, self.passwords) for name in NODES]

    def start(self) -> None:
        """Start one node after the other, and make the database."""
        first, second = self.nodes
        first.start()
        until(lambda: self._leads(first), "the first node does not lead")
        second.start()
        self.until_whole()
        password = self.passwords["authingo"]
        self.leader.execute(f"CREATE ROLE authingo LOGIN PASSWORD '{password}'")
        self.leader.execute("CREATE DATABASE authingo OWNER authingo")

    @property
    def leader(self) -> Node:
        """The node that leads. Raises LookupError."""
        return [node for node in self.nodes if self._leads(node)][0]  # noqa: RUF015 - see Raises

    @property
    def standby(self) -> Node:
        """The other one."""
        leader = self.leader
        return next(node for node in self.nodes if node is not leader)

    def until_whole(self) -> None:
        """Wait until each node says that one leads and that the other follows synchronously."""
        roles = [["leader", "sync_standby"]] * len(self.nodes)
        until(lambda: [_roles(node) for node in self.nodes] == roles, "the cluster is not whole")
        until(self._in_sync, "the standby is not synchronous")

    def until_led_by(self, node: Node) -> None:
        """Wait until a node leads."""
        until(lambda: self._leads(node), f"{node.name} does not lead")

    def switch_over(self) -> None:
        """Ask Patroni to make the standby the primary."""
        leader, standby = self.leader, self.standby
        _ask(
            leader.address,
            "POST",
            "/switchover",
            {"leader": leader.name, "candidate": standby.name},
        )

    def _leads(self, node: Node) -> bool:
        member = node.members().get(node.name, {})
        return member.get("role") == "leader" and member.get("state") == "running"

    def _in_sync(self) -> bool:
        return self.leader.execute("SELECT sync_state FROM pg_stat_replication") == "sync"


def _roles(node: Node) -> list[str]:
    found = node.members().values()
    return sorted(one["role"] for one in found if one["state"] in {"running", "streaming"})


def _ask(address: str, method: str, path: str, body: object = None) -> Any:
    connection = http.client.HTTPConnection(address, 8008, timeout=30 if body else 2)
    try:
        connection.request(method, path, json.dumps(body) if body else None)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    if answer.status >= 400:
        raise OSError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
    return json.loads(text) if text.startswith(b"{") else text


def _namespace(name: str, address: str) -> None:
    run("ip", "netns", "add", name)
    run("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "link", "set", f"v-{name}", "master", "lan", "up")
    run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
    run("ip", "-n", name, "link", "set", "eth0", "up")
    # Packets into one end of this pair vanish at the other, where no address is.
    run("ip", "-n", name, "link", "add", "nowhere", "type", "veth", "peer", "name", "end")
    run("ip", "-n", name, "link", "set", "end", "up")
    run("ip", "-n", name, "link", "set", "nowhere", "arp", "off", "up")


@contextlib.contextmanager
def network(home: Path) -> Iterator[None]:
    """Make the bridge and start etcd."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "lan", "type", "bridge")
    run("ip", "addr", "add", f"{HERE}/24", "dev", "lan")
    run("ip", "link", "set", "lan", "up")
    _namespace("etcd", ETCD)
    command = [
        *("ip", "netns", "exec", "etcd", "etcd", "--data-dir", str(home / "etcd")),
        *("--listen-client-urls", f"http://{ETCD}:2379"),
        *("--advertise-client-urls", f"http://{ETCD}:2379"),
        *("--listen-peer-urls", "http://127.0.0.1:2380"),
    ]
    with (home / "etcd.log").open("wb") as log:
        etcd = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: _listens(ETCD, 2379), "etcd does not listen")
        yield
    finally:
        etcd.kill()
        etcd.wait()


HAPROXY = f"""\
defaults
    mode tcp
    timeout connect 2s
    timeout client 30m
    timeout server 30m

listen primary
    bind {HERE}:{HAPROXY_PORT}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 1s fall 2 rise 1 on-marked-down shutdown-sessions
    server a {NODES["a"]}:5432 check port 8008
    server b {NODES["b"]}:5432 check port 8008
"""


@contextlib.contextmanager
def haproxy(home: Path) -> Iterator[None]:
    """Start HAProxy, which asks Patroni who the primary is."""
    settings = home / "haproxy.cfg"
    settings.write_text(HAPROXY)
    with (home / "haproxy.log").open("wb") as log:
        proxy = subprocess.Popen(["haproxy", "-db", "-f", settings], stdout=log, stderr=log)
    try:
        until(lambda: _listens(HERE, HAPROXY_PORT), "HAProxy does not listen")
        yield
    finally:
        proxy.kill()
        proxy.wait()


def _listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False
