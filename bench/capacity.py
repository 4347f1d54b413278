"""The capacity model of docs/scale.md: what a number of sessions needs.

Everything here is computed, from what `bench.scale` measured and from the assumptions below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_DAY = 86_400.0  # seconds

# How people use an application. Yours may differ: every figure is proportional to one of these.
SESSIONS_OF_A_USER = 2  # a telephone and a computer
SESSION_LIFE = 30.0  # days from a sign-in to the next one on the same device
CHECK_EVERY = 30.0  # seconds between two requests of a session that is active
REFRESH_EVERY = 900.0  # seconds: `sessions.session_lifetime`
NOTED_EVERY = 60.0  # seconds between two recorded uses of a session, at most
PEAK = 2.0  # the busiest minute, to the average of a day
BUSY = 0.5  # the share of a core that is computed with, so that a burst finds room
EVENTS_KEPT = 90.0  # days: `events.retention`
EVENTS_OF_A_SESSION = 2  # its beginning and its end

# What one database server can be asked to do.
DATABASE_CORES = 64
CONNECTIONS = 5_000
STORAGE = 8e12  # bytes
FREEZE_AFTER = 200e6  # transactions until PostgreSQL reads a table again: autovacuum_freeze_max_age
PAGE = 8192  # bytes of a page, and of its image in the WAL
CHECKPOINT_EVERY = 300.0  # seconds: checkpoint_timeout; after each, a changed page writes its image
# Bytes a second that autovacuum may change with its default cost limits: 200 / 20 pages in 2 ms.
FREEZE_RATE = 10 * PAGE / 0.002
# Seconds until a commit is on the disk. Commits that revoke take turns, because each holds a lock
# of the whole server until then: PostgreSQL delivers notices in the order of commits.
FLUSH = 0.001
TURNS = 0.5  # of the time that this lock may be held


@dataclass(frozen=True)
class Costs:
    """What the suite `scale` measured."""

    result: dict[str, Any]

    def server(self, what: str) -> float:
        """Return the seconds of a server's core that one of it takes."""
        return float(self.result["costs"][what]["server_us"]) / 1e6

    def database(self, what: str) -> float:
        """Return the seconds of PostgreSQL's cores that one of it takes."""
        return float(self.result["costs"][what]["database_us"]) / 1e6

    def wal(self, what: str) -> float:
        """Return the bytes of WAL that one of it writes, without page images."""
        return float(self.result["costs"][what]["wal"])

    def size(self, what: str) -> float:
        """Return the bytes that a row takes, its indexes included."""
        return float(self.result["bytes"][what])

    @property
    def hash(self) -> float:
        """Seconds of a core for a bcrypt hash."""
        return float(self.result["bcrypt_ms"]) / 1000

    @property
    def delivery(self) -> float:
        """Seconds of PostgreSQL's cores for each listener that receives a notice."""
        none, *_, most = self.result["notices"]
        used = most["database_us"] - none["database_us"]
        return max(0.0, float(used)) / 1e6 / float(most["listeners"])

    @property
    def turn(self) -> float:
        """Seconds for which a commit with a notice and nothing to write holds the lock, at most."""
        return 1 / float(self.result["notices"][0]["rate"])


@dataclass(frozen=True)
class Load:
    """What people do at the busiest minute, each second."""

    sessions: float
    share: float  # of them that are active then

    @property
    def users(self) -> float:
        return self.sessions / SESSIONS_OF_A_USER

    @property
    def active(self) -> float:
        return self.sessions * self.share

    @property
    def checks(self) -> float:
        return self.active / CHECK_EVERY

    @property
    def refreshes(self) -> float:
        return self.active / REFRESH_EVERY

    @property
    def last_uses(self) -> float:
        return self.active / max(NOTED_EVERY, CHECK_EVERY)

    @property
    def sign_ins(self) -> float:
        return PEAK * self.sessions / (SESSION_LIFE * _DAY)

    @property
    def revocations(self) -> float:
        """As many sessions end by a sign-out or a revocation as begin: the most there can be."""
        return self.sign_ins


@dataclass(frozen=True)
class Needs:
    """What a load needs, all of it on one database.

    `remembered`: every check is answered from memory, and every worker listens for notices. Else
    `sessions.cache` is 0: the database is asked for every check, and nobody listens.
    """

    costs: Costs
    load: Load
    remembered: bool = False

    # Servers

    @property
    def _check(self) -> str:
        return "check from memory" if self.remembered else "check"

    @cached_property
    def workers(self) -> float:
        """Server processes, of a core each, without what hashes take."""
        load, costs = self.load, self.costs
        work = (
            load.checks * costs.server(self._check)
            + load.refreshes * costs.server("refresh")
            + load.last_uses * costs.server("last use")
            + load.sign_ins * costs.server("sign-in")
            + load.revocations * costs.server("revocation")
        )
        return work / BUSY

    @property
    def processes(self) -> int:
        """The same as whole processes: at least one."""
        return max(1, math.ceil(self.workers))

    @property
    def hashing(self) -> float:
        """Cores for bcrypt."""
        return self.load.sign_ins * self.costs.hash / BUSY

    @property
    def memory(self) -> float:
        """Bytes of all workers, each remembering as many sessions as it is asked about."""
        measured = self.costs.result["memory"]
        each = min(10_000.0, self.load.active / self.processes)
        worker = 1e6 * measured["worker_mb"] + each * measured["session_bytes"]
        return self.processes * float(worker)

    # The database

    @cached_property
    def database(self) -> float:
        """Cores of PostgreSQL."""
        load, costs = self.load, self.costs
        work = (
            (0.0 if self.remembered else load.checks * costs.database("check"))
            + load.refreshes * costs.database("refresh")
            + load.last_uses * costs.database("last use")
            + load.sign_ins * costs.database("sign-in")
            + load.revocations * costs.database("revocation")
            + self.deliveries * costs.delivery
        )
        return work / BUSY

    @property
    def listeners(self) -> int:
        """Workers that listen."""
        return self.processes if self.remembered else 0

    @property
    def notices(self) -> float:
        """Commits with a notice, a second: revocations, and a heartbeat of each that listens."""
        return self.load.revocations + self.listeners

    @property
    def turns(self) -> float:
        """The share of the time in which some commit with a notice holds the lock."""
        return self.load.revocations * FLUSH + self.listeners * self.costs.turn

    @property
    def deliveries(self) -> float:
        """Notices that arrive, a second."""
        return self.notices * self.listeners

    @property
    def connections(self) -> int:
        """The pool of each worker, one for checks, and one that listens."""
        pools = self.processes * (int(self.costs.result["pool_size"]) + 1)
        return pools + self.listeners

    @property
    def storage(self) -> float:
        """Bytes of tables and indexes."""
        return self.users_bytes + self.sessions_bytes + self.events_bytes

    @property
    def users_bytes(self) -> float:
        return self.load.users * self.costs.size("user")

    @property
    def sessions_bytes(self) -> float:
        """Bytes of sessions, and of the device that each of them is on."""
        return self.load.sessions * (self.costs.size("session") + self.costs.size("device"))

    @property
    def events_bytes(self) -> float:
        a_day = EVENTS_OF_A_SESSION * self.load.sessions / SESSION_LIFE
        return a_day * EVENTS_KEPT * self.costs.size("event")

    @property
    def wal(self) -> float:
        """Bytes of WAL a day, without page images."""
        load, costs = self.load, self.costs
        second = (
            load.refreshes * costs.wal("refresh")
            + load.last_uses * costs.wal("last use")
            + load.sign_ins * costs.wal("sign-in")
            + load.revocations * costs.wal("revocation")
        )
        return second * _DAY / PEAK

    @property
    def page_images(self) -> float:
        """Bytes of page images a day: of each page of sessions in use, once for each checkpoint."""
        size = self.costs.size("session") - self.costs.size("session_indexes")
        pages = self.load.sessions * size / PAGE
        used = pages * (1 - math.exp(-self.load.active / PEAK / pages))
        return used * PAGE * _DAY / CHECKPOINT_EVERY

    @property
    def transactions(self) -> float:
        """Transactions that write, a second: two of a sign-in and of a revocation."""
        load = self.load
        batches = min(load.last_uses, self.processes / 2)  # a worker writes once in two seconds
        return load.refreshes + batches + 2 * load.sign_ins + 2 * load.revocations

    @property
    def freeze_every(self) -> float:
        """Seconds until autovacuum reads a whole table again, on average over a day."""
        return FREEZE_AFTER * PEAK / self.transactions

    @property
    def freeze_takes(self) -> float:
        """Seconds that it takes for the sessions, if every page has changed."""
        return self.load.sessions * self.costs.size("session") / FREEZE_RATE

    # What is too much for one database server

    @property
    def excesses(self) -> list[str]:
        """Say what is too much for one database server; nothing if one is enough."""
        found = {
            "cores": self.database > DATABASE_CORES,
            "connections": self.connections > CONNECTIONS,
            "notices": self.turns > TURNS,
            "vacuum": self.freeze_takes > self.freeze_every,
            "storage": self.storage > STORAGE,
        }
        return [what for what, too_much in found.items() if too_much]

    @property
    def databases(self) -> int:
        """How many databases, each with the users of its own: the least power of two."""
        number = 1
        while self.share_of(number).excesses and number < 2**20:
            number *= 2
        return number

    def share_of(self, databases: int) -> Needs:
        """Return what each of several databases needs, its workers included."""
        part = Load(self.load.sessions / databases, self.load.share)
        return Needs(self.costs, part, self.remembered)
