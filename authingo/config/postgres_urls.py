"""Parse a PostgreSQL URL once: what the driver gets, and what may be shown.

It is read as libpq reads it: the query overrides the parts before it, so
`…@localhost/db?host=/cloudsql/…` means the socket. The driver by itself would do the opposite,
and would send all parameters that it does not know to the server as settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode

from authingo.errors import ConfigError

from .addresses import split_url
from .postgres_parameters import MODES, PARAMETERS, Use

SHAPE = (
    "write postgresql://user:password@host:5432/database; "
    "a password's [ ] / ? # % and @ are written %5B %5D %2F %3F %23 %25 and %40"
)
SYSTEM = "system"  # sslrootcert: the authorities that this machine trusts
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
_HOST = re.compile(  # an IPv6 address, a directory, or a name
    r"\[([0-9A-Fa-f:.%\w]+)\](?::(\d+))?|(/.*)|([^:/\[\]]*)(?::(\d*))?", re.ASCII
)
_OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][A-Za-z0-9_.-]*)=", re.ASCII)


@dataclass(frozen=True, slots=True)
class PostgresURL:
    """The parts of a URL. None means unset: the driver then uses a default or PG* variables.

    `setting` is the setting that holds the URL, for messages: database_url or listen_url.
    """

    setting: str
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    hosts: tuple[str, ...]
    ports: tuple[int, ...]  # one for each host, or one, or none
    sslmode: str | None
    sslrootcert: str | None
    direct_tls: bool
    driver: Mapping[str, str] = field(repr=False)  # what the driver reads from a URL
    server: Mapping[str, str] = field(repr=False)  # settings of the server
    target: str  # target_session_attrs
    pooled: bool
    connect_timeout: float | None  # seconds
    connection_limit: int | None

    @property
    def where(self) -> str:
        """The hosts to connect to, for messages."""
        return ", ".join(self._places(default=5432)) or "the default host"

    @property
    def redacted(self) -> str:
        """The URL without its password, its parameters and its sockets."""
        remote = not any(map(is_socket, self.hosts))
        user = f"{self.user}@" if self.user else ""
        hosts = ",".join(self._places()) if remote else ""
        return f"postgresql://{user}{hosts}/{self.database or ''}"

    def _places(self, default: int | None = None) -> list[str]:
        ports: list[int | None] = [*self._port_of_each()] or [default] * len(self.hosts)
        return [_place(host, port) for host, port in zip(self.hosts, ports, strict=True)]

    def _port_of_each(self) -> list[int]:
        return list(self.ports * len(self.hosts) if len(self.ports) == 1 else self.ports)

    def each_host(self) -> list[PostgresURL]:
        """Return a URL for each host, in their order. One without hosts stays as it is."""
        if self.target == "prefer-standby":  # which the driver decides once it knows all of them
            return [self]
        ports = self._port_of_each()
        each = [
            replace(self, hosts=(host,), ports=tuple(ports[number : number + 1]))
            for number, host in enumerate(self.hosts)
        ]
        return each or [self]

    @property
    def sent(self) -> list[str]:
        """The names of all settings that the server gets, including those in `options`."""
        return [*self.server, *_OPTION.findall(self.server.get("options", ""))]

    def arguments(self) -> dict[str, Any]:
        """Return the arguments for the driver's connect. None of them is a URL with a password."""
        read = dict(self.driver)
        if self.sslmode is not None:
            read["sslmode"] = self.sslmode
        if self.sslrootcert not in {None, SYSTEM}:
            read["sslrootcert"] = str(self.sslrootcert)
        given = {
            "dsn": f"postgresql://?{urlencode(read)}" if read else None,
            "host": list(self.hosts),
            "port": self._port_of_each() if self.hosts else sum(self.ports),
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "target_session_attrs": self.target,
            "direct_tls": True if self.direct_tls else None,
        }
        return {
            "server_settings": dict(self.server),
            **{name: value for name, value in given.items() if value},
        }


def _place(host: str, port: int | None) -> str:
    if is_socket(host):
        return f"{host}/.s.PGSQL.{port}"
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def is_socket(host: str) -> bool:
    """Return whether it is a directory with a socket."""
    return host.startswith("/")


def read_postgres_url(setting: str, url: str) -> PostgresURL:
    """Parse a URL.

    Args:
        setting: the setting that holds it.
        url: it begins with postgresql://, or postgres://.

    Raises:
        ConfigError: names a parameter that is unknown or cannot be applied, never its value.
    """
    try:
        parts = split_url(url)
        front = _front(parts)
        query = dict(_query(parts))
    except ValueError:  # whose message can repeat the password
        raise ConfigError(f"{setting}: is not a URL", hint=SHAPE) from None
    for name, value in query.items():
        _check(setting, name, value, url)
    query = {name: value for name, value in query.items() if value}
    hosts, ports = front.hosts, front.ports
    try:
        if "host" in query:
            named, own_ports = _hosts(query["host"])
            hosts, ports = named, own_ports or (ports if len(ports) <= 1 else ())
        if "port" in query:
            ports = tuple(_port(one) for one in query["port"].split(","))
    except ValueError:
        raise ConfigError(f"{setting}: the host or port in its query is not valid") from None
    if len(ports) > 1 and len(ports) != len(hosts):
        raise ConfigError(f"{setting}: has {len(hosts)} hosts but {len(ports)} ports")
    sslmode, sslrootcert = _encryption(
        setting, query, sockets_only=bool(hosts) and all(map(is_socket, hosts))
    )
    return PostgresURL(
        setting=setting,
        user=query.get("user", front.user),
        password=query.get("password", front.password),
        database=query.get("dbname", query.get("database", front.database)),
        hosts=hosts,
        ports=ports,
        sslmode=sslmode,
        sslrootcert=sslrootcert,
        direct_tls=query.get("sslnegotiation") == "direct",
        driver={name: v for name, v in query.items() if PARAMETERS[name].use is Use.DRIVER},
        server=_server_settings(query),
        target=query.get("target_session_attrs", "primary"),
        pooled=query.get("pgbouncer") == "true" or "0" in (query.get(name) for name in _CACHES),
        connect_timeout=float(_count(setting, query, "connect_timeout", least=0) or 0) or None,
        connection_limit=_count(setting, query, "connection_limit", least=1),
    )


_CACHES = ("statement_cache_size", "prepared_statement_cache_size")


class _Front(NamedTuple):
    """The part before the query."""

    user: str | None
    password: str | None
    hosts: tuple[str, ...]
    ports: tuple[int, ...]
    database: str | None


def _front(parts: SplitResult) -> _Front:
    """Parse it. A password that should have been encoded makes it invalid.

    Raises:
        ValueError: without a message, which could repeat the password.
    """
    who, _, where = parts.netloc.rpartition("@")
    user, _, password = who.partition(":")
    hosts, ports = _hosts(where) if where else ((), ())
    database = parts.path.removeprefix("/")
    if parts.fragment or "#" in parts.query or set("/@") & set(database):
        raise ValueError
    return _Front(
        user=unquote(user) or None,
        password=unquote(password) or None,
        hosts=tuple(map(unquote, hosts)),
        ports=ports,
        database=unquote(database) or None,
    )


def _hosts(text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Parse a list of hosts, each of which may have a port. Raises ValueError."""
    hosts: list[str] = []
    ports: list[int | None] = []
    for one in text.split(","):
        found = _HOST.fullmatch(one)
        if found is None:
            raise ValueError
        hosts.append(found[1] or found[3] or found[4] or "")
        port = found[2] or found[5]
        ports.append(_port(port) if port else None)
    if not any(hosts) and len(hosts) > 1:
        raise ValueError
    given = [port or 5432 for port in ports] if any(ports) else []
    return tuple(hosts if any(hosts) else ()), tuple(given)


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError
    return port


def _query(parts: SplitResult) -> list[tuple[str, str]]:
    """Parse the query; if a name occurs twice, the last one counts. Raises ValueError."""
    if not parts.query:
        return []
    return parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True)


def _check(setting: str, name: str, value: str, url: str) -> None:
    known = PARAMETERS.get(name)
    if known is None:
        # If a password contains a ?, the rest of it looks like a query, so do not show it.
        netloc, _, rest = url.partition("://")[2].partition("?")
        if not _NAME.fullmatch(name) or ("@" in rest and "@" not in netloc):
            raise ConfigError(f"{setting}: is not a URL", hint=SHAPE)
        near = get_close_matches(name, PARAMETERS, 1)
        raise ConfigError(
            f"{setting}: unknown parameter {name}",
            hint=f"did you mean {near[0]}?"
            if near
            else f"remove it; a server setting goes into options=-c%20{name}%3D…",
        )
    if known.use is Use.REFUSED:
        raise ConfigError(f"{setting}: the parameter {name} cannot be applied", hint=known.about)
    if value and known.values and value not in known.values:
        raise ConfigError(
            f"{setting}: the parameter {name} must be {' or '.join(known.values)}",
            hint=known.about if known.use is Use.DROPPED else None,
        )


def _encryption(
    setting: str, query: Mapping[str, str], *, sockets_only: bool
) -> tuple[str | None, str | None]:
    """Return sslmode and sslrootcert: the strictest that any parameter of the query asks for.

    Channel binding keeps anyone in between from posing as the server (RFC 5802 §6). The
    driver does not support it; verifying the certificate for this host keeps out the same
    attacker (RFC 9325 §4.2; ASVS 5.0 V12.3.2).
    """
    root = query.get("sslrootcert")
    if "sslaccept" in query and "sslcert" in query:
        raise ConfigError(
            f"{setting}: with sslaccept, sslcert could be the authority's or the client's",
            hint="write sslrootcert for the authority's, as in libpq, and leave out sslaccept",
        )
    ssl = query.get("ssl")
    asked = {
        "ssl": {"true": "require", "false": None}.get(ssl or "", ssl),
        "sslnegotiation": "require" if query.get("sslnegotiation") == "direct" else None,
        "sslrootcert": "verify-full" if root == SYSTEM else None,
        "sslaccept": "verify-full" if query.get("sslaccept") == "strict" else None,
        "channel_binding": "verify-full" if query.get("channel_binding") == "require" else None,
    }
    if sockets_only:
        asked.pop("channel_binding")  # there is no one in between
    said = query.get("sslmode", "disable" if ssl == "false" else None)
    said = "require" if said == "no-verify" else said
    modes = [mode for mode in (said, *asked.values()) if mode]
    mode = max(modes, key=MODES.index) if modes else None
    if said == "disable" and mode != "disable":
        stricter = next(name for name, one in asked.items() if one == mode)
        raise ConfigError(f"{setting}: sslmode=disable, but {stricter} asks for encryption")
    if mode == "verify-full" and root is None and said != "verify-full":
        root = SYSTEM
    return mode, root


def _server_settings(query: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that are sent to the server with each connection."""
    settings = {
        "application_name": query.get("fallback_application_name", "authingo"),
        **{name: value for name, value in query.items() if PARAMETERS[name].use is Use.SERVER},
    }
    schema = query.get("schema", "public")
    if schema != "public":
        quoted = schema.replace('"', '""')
        settings.setdefault("search_path", f'"{quoted}"')
    return settings


def _count(setting: str, query: Mapping[str, str], name: str, *, least: int) -> int | None:
    if name not in query:
        return None
    if not re.fullmatch(r"\d{1,9}", query[name], re.ASCII) or int(query[name]) < least:
        raise ConfigError(f"{setting}: the parameter {name} must be a number, at least {least}")
    return int(query[name])
