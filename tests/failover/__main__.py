"""Run everything in namespaces of its own, which end with it. See the package."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import asyncpg

from tests.failover import cluster as machines
from tests.failover.cluster import HAPROXY_PORT, HERE, NODES, Cluster, Node, run
from tests.failover.people import Window, World
from tests.failover.servers import PORTS, servers
from tests.failover.table import Row, table, write

_INSIDE = "INSIDE_TESTS_FAILOVER"
_NEEDED = ("ip", "setpriv", "unshare", "etcd", "patroni", "haproxy", "curl")
_WAYS = ["hosts", "haproxy"]  # how a program finds the primary
_PACKAGES = "etcd-server patroni haproxy postgresql iproute2 util-linux curl"


def main() -> None:
    """Begin again in a network of its own, in which no process outlives this one."""
    options = _options()
    if os.environ.get(_INSIDE):
        asyncio.run(_run(options))
        return
    os.environ["PATH"] += ":/usr/sbin"
    missing = [one for one in _NEEDED if shutil.which(one) is None]
    if missing or os.geteuid() != 0:
        sys.exit(f"this needs root and {', '.join(missing)}: apt-get install {_PACKAGES}")
    apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    # A shell is the first process, because it buries the orphans of those that are killed.
    shell = 'mkdir -p /run/netns; mount -t tmpfs none /run/netns; "$@"; exit $?'
    again = [sys.executable, "-m", "tests.failover", *sys.argv[1:]]
    environment = {**os.environ, _INSIDE: "1"}
    sys.exit(
        subprocess.run(
            [*apart, "sh", "-c", shell, "sh", *again], env=environment, check=False
        ).returncode
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.failover")
    parser.add_argument("--kills", type=int, default=20, help="of the primary's machine")
    parser.add_argument("--by", nargs="+", default=_WAYS, choices=_WAYS)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--write", action="store_true", help="the tables into the document")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"))
    with tempfile.TemporaryDirectory(prefix="authingo-failover-", ignore_cleanup_errors=True) as at:
        home = Path(at)
        home.chmod(0o755)
        rows: list[Row] = []
        with machines.network(home):
            cluster = Cluster(home, binaries)
            try:
                cluster.start()
                for name in options.by:
                    done = await _round(name, cluster, options, home)
                    text = "\n\n".join([_summary(done), table(done), _about(binaries)])
                    print(f"{name}\n{text}", flush=True)  # noqa: T201 - a program
                    if options.write:
                        write(name, text)
                    rows += done
            except BaseException:
                _keep_logs(home)
                raise
            finally:
                for node in cluster.nodes:
                    node.kill()
    sys.exit(any(sum(row.counted) for row in rows))


async def _round(name: str, cluster: Cluster, options: argparse.Namespace, home: Path) -> list[Row]:
    """Make trouble for programs that find the primary in one way."""
    by_proxy = name == "haproxy"
    place = f"{HERE}:{HAPROXY_PORT}" if by_proxy else ",".join(NODES.values())
    with machines.haproxy(home) if by_proxy else contextlib.nullcontext():
        async with _Trouble.beginning(cluster, place, options.people, home) as trouble:
            await trouble.all(options.kills)
    return trouble.rows


def _keep_logs(home: Path) -> None:
    kept = Path("/tmp/failover-logs")
    for log in home.rglob("*log"):
        if log.is_file():
            kept.mkdir(exist_ok=True)
            shutil.copy(log, kept / "-".join(log.relative_to(home).parts))


class _Trouble:
    """Makes trouble, and writes down what came of it."""

    def __init__(self, cluster: Cluster, world: World, running: list[subprocess.Popen[bytes]]):
        self._cluster = cluster
        self._world = world
        self._running = running
        self.rows: list[Row] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def beginning(
        cls, cluster: Cluster, place: str, people: int, home: Path
    ) -> AsyncIterator[_Trouble]:
        """Let people use two servers until the end of the block."""
        password = quote(cluster.passwords["authingo"])
        url = f"postgresql://authingo:{password}@{place}/authingo"
        with servers(url, home, f"authingo-{len(place)}.log") as running:
            world = World(PORTS, people)
            using = [asyncio.create_task(person.run()) for person in world.people]
            try:
                await world.verify()
                yield cls(cluster, world, running)
                world.over = True
                await asyncio.gather(*using)
            finally:
                for one in using:
                    one.cancel()

    async def all(self, kills: int) -> None:
        """Make every kind of trouble."""
        for number in range(1, kills + 1):
            await self._make(f"kill -9, {number} of {kills}", self._kill)
        await self._make("PostgreSQL is killed, Patroni is not", self._kill_postmaster)
        await self._make("switchover", self._switch_over)
        await self._make("the primary is unplugged", self._unplug)
        await self._make("the primary cannot send to etcd and the standby", self._cut_off)
        await self._make("primary and standby cannot reach each other", self._part)
        await self._make("kill -9 of the standby", self._kill_standby)
        window = self._world.window = Window()
        await self._world.verify(everything=True)
        self._note(Row("afterwards, everything once more", window))

    async def _make(self, what: str, trouble: Callable[[], None]) -> None:
        window = self._world.window = Window()
        await asyncio.to_thread(trouble)
        await asyncio.to_thread(self._cluster.until_whole)
        await self._world.verify()
        if any(one.poll() is not None for one in self._running):
            raise RuntimeError("a server has ended")
        self._note(Row(what, window))

    def _note(self, row: Row) -> None:
        self.rows.append(row)
        window = row.window
        print(row.text, flush=True)  # noqa: T201 - a program
        for one in (window.strange, window.lost, window.signed_out, window.alive):
            for problem in one[:5]:
                print(f"    {problem}", file=sys.stderr, flush=True)  # noqa: T201 - a program

    def _fail_over(self, trouble: Callable[[Node], None]) -> Node:
        """Make trouble for the primary, wait until the other node leads, return the old one."""
        primary, standby = self._cluster.leader, self._cluster.standby
        trouble(primary)
        self._cluster.until_led_by(standby)
        return primary

    def _kill(self) -> None:
        self._fail_over(Node.kill).start()

    def _kill_postmaster(self) -> None:
        self._cluster.leader.kill_postmaster()

    def _switch_over(self) -> None:
        self._fail_over(lambda _: self._cluster.switch_over())

    def _unplug(self) -> None:
        self._fail_over(Node.unplug).plug()

    def _cut_off(self) -> None:
        primary = self._fail_over(lambda node: node.cut(machines.ETCD, node.other))
        primary.join(machines.ETCD, primary.other)

    def _part(self) -> None:
        """Leave the primary with etcd but without its standby, until it goes on by itself."""
        nodes = self._cluster.nodes
        leader = self._cluster.leader
        for node in nodes:
            node.cut(node.other)
        machines.until(
            lambda: leader.execute("SHOW synchronous_standby_names") == "",
            "the primary does not go on without its standby",
        )
        for node in nodes:
            node.join(node.other)

    def _kill_standby(self) -> None:
        standby = self._cluster.standby
        standby.kill()
        machines.until(
            lambda: self._cluster.leader.execute("SHOW synchronous_standby_names") == "",
            "the primary does not go on without its standby",
        )
        standby.start()


def _summary(rows: list[Row]) -> str:
    kills = [row for row in rows if "kill -9, " in row.what]
    whole = [row for row in kills if not sum(row.counted[1:])]
    seconds = sorted(row.window.seconds_of_503 for row in kills)
    middle = seconds[len(seconds) // 2] if seconds else 0.0
    return (
        f"**{len(whole)} of {len(kills)} kills without loss.** "
        f"Seconds of 503 of a kill: {middle:.0f} in the middle, {seconds[-1]:.0f} at most."
        if kills
        else "No kills."
    )


def _about(binaries: Path) -> str:
    postgres = run(binaries / "postgres", "--version").split()[2]
    patroni = run("patroni", "--version").split()[-1]
    etcd = run("etcd", "--version").splitlines()[0].split()[-1]
    haproxy = run("haproxy", "-v").split()[2]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with PostgreSQL {postgres}, Patroni {patroni}, "
        f"etcd {etcd}, HAProxy {haproxy} and asyncpg {asyncpg.__version__}, all on one machine "
        f"with {os.cpu_count()} cores."
    )


if __name__ == "__main__":
    main()
