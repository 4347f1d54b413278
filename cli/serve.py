"""`authingo serve`: the routes on a development server, or behind a proxy."""

from __future__ import annotations

import contextlib
import inspect
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import output
from .running import ConfigFile, command, with_auth
from .values import whole_number

if TYPE_CHECKING:
    import socket

    from authingo.asgi import ASGIApp
    from authingo.auth import Auth
    from authingo.config import Settings
    from authingo.pages.inbox import PageInbox

_GRACE = 5  # seconds that running requests get when the server stops
_LOOK = 0.5  # seconds between two checks of the configuration with --reload


@command
def serve(
    *,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT", parser=whole_number(0, 65535), help="The port; 0 picks a free one."
        ),
    ] = 8080,
    workers: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(1, 64), help="How many processes.")
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when the configuration changes.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Serve the routes, and a page to try them. Needs no configuration; creates authingo.db.

    Without mail.url, mails go to an inbox on the page. The address that is printed opens it.

    On an address other than loopback it needs a public_url, the address that browsers
    show, and has neither page nor inbox.
    """
    from authingo.cli.errors import UsageError

    from .listening import listen

    if reload and workers > 1:
        raise UsageError("--reload and --workers exclude each other")
    if reload:
        if port:
            listen(host, port, config).close()  # fail now: no new configuration would free it
        _supervise(config)
        return
    with listen(host, port, config) as listener:
        port = listener.getsockname()[1]
        settings = _settings(config, host, port)
        with_auth(config, _prepare, create=True)
        page = _shows_page(settings, host)
        inbox = _inbox(settings, workers) if page else None
        if inbox:
            settings = inbox.receiving(settings)
        if page:
            opens = f"#inbox={inbox.token}" if inbox else ""
            output.note(f"Open {_page_address(settings, host, port)}{opens} to try every flow.\n")
        _announce(settings, host, port)
        # The workers are separate processes. They read the same configuration, and get the
        # options of this command line from the environment.
        os.environ["AUTHINGO_PUBLIC_URL"] = settings.public_url or ""
        os.environ["WEB_CONCURRENCY"] = str(workers)  # they share the cores
        if config is not None:
            os.environ["AUTHINGO_CONFIG"] = str(Path(config).resolve())
        with _shared_metrics(settings, workers):
            _run(_application(settings, page, inbox), listener, workers)


@contextlib.contextmanager
def _shared_metrics(settings: Settings, workers: int) -> Iterator[None]:
    """Let the workers share what they count, if metrics are on."""
    from authingo.metrics.settings import MetricsSettings

    metrics = settings.of(MetricsSettings)
    if workers == 1 or not metrics.on or metrics.directory is not None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="authingo-metrics-") as directory:
        os.environ["AUTHINGO_METRICS__DIRECTORY"] = directory
        yield


def _application(
    settings: Settings, page: bool, inbox: PageInbox | None
) -> str | Callable[[], ASGIApp]:
    """Return what makes the application, by name if other processes have to find it."""
    from .serving import development

    if inbox:
        return partial(development, settings, inbox)
    return f"authingo.cli.serving:{'development' if page else 'application'}"


def _run(application: str | Callable[[], ASGIApp], listener: socket.socket, workers: int) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from .serving import LOGGING

    config = uvicorn.Config(
        application,
        factory=True,
        workers=workers,
        http="httptools",  # h11 accepts Transfer-Encoding with Content-Length, and bare LF
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        log_config=LOGGING,
    )
    if workers > 1:
        # uvicorn of early 2025 also needs a parameter for what each worker runs.
        is_older = "target" in inspect.signature(Multiprocess).parameters
        runs: dict[str, Any] = {"target": uvicorn.Server(config).run} if is_older else {}
        Multiprocess(config, sockets=[listener], **runs).run()
        return
    server = uvicorn.Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:  # uvicorn has printed why
        raise typer.Exit(1)


def _settings(config: str | None, host: str, port: int) -> Settings:
    from authingo.config import is_loopback, load
    from authingo.errors import ConfigError

    settings = load(config)
    if settings.public_url is None:
        if not is_loopback(host):
            raise ConfigError(
                f"{host} can be reached from other machines, and public_url is not set",
                hint="set public_url to the https address that browsers show, "
                "such as AUTHINGO_PUBLIC_URL=https://example.com",
            )
        os.environ["AUTHINGO_PUBLIC_URL"] = _address(host, port)
        settings = load(config)
    return settings


def _shows_page(settings: Settings, host: str) -> bool:
    """Return whether this is a development server, which only this machine can reach."""
    from authingo.config import is_loopback

    # Not Secure: public_url is http on a loopback address, or it would have been refused.
    return is_loopback(host) and not settings.secure_cookies


def _inbox(settings: Settings, workers: int) -> PageInbox | None:
    """Return an inbox for a development server, if mail goes nowhere else.

    It is in the memory of one process. A database on another machine may be that of a site: the
    inbox would take the mail that is queued there away from its users.
    """
    from authingo.config import is_local
    from authingo.mail.inbox import Inbox
    from authingo.mail.settings import sends_mail
    from authingo.pages.inbox import PageInbox
    from authingo.pages.settings import has_inbox

    if sends_mail(settings) or workers > 1 or not is_local(settings.database_url):
        return None
    return None if has_inbox(settings) else PageInbox("/page/inbox", Inbox())


def _page_address(settings: Settings, host: str, port: int) -> str:
    """Return the page's address, with the host of public_url if that is this server."""
    from urllib.parse import urlsplit

    public = settings.public_origin or ""
    here = public if (urlsplit(public).port or 80) == port else _address(host, port)
    return here + "/"


def _address(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


async def _prepare(auth: Auth) -> None:
    """Check the schema now, while the user is looking at the terminal."""
    from authingo.errors import SchemaUnsupported, StoreUnavailable

    try:
        (await auth.store.schema()).require_current()
    except SchemaUnsupported:
        raise
    except StoreUnavailable:  # the database may come up later; the server logs that itself
        pass


def _announce(settings: Settings, host: str, port: int) -> None:
    from authingo.config import redact_url

    base = f"{settings.public_url}{settings.base_path}"
    body = '{"email":"ada@example.com","password":"correct horse battery","name":"Ada"}'
    output.note(
        f"authingo on {output.plain(redact_url(settings.database_url))}{_mail(settings)}\n\n"
        f"    {base}\n\n"
        "Sign up a user:\n\n"
        f"    curl -i {base}/sign-up \\\n"
        "      -H 'X-Authingo-Client: true' -H 'Content-Type: application/json' \\\n"
        f"      -d '{body}'\n"
    )
    if settings.secure_cookies and not settings.trusted_proxies:
        output.note(
            "warning: this server speaks plain http and public_url is https, so there is a proxy "
            "in front, but trusted_proxies is empty: all clients would share the proxy's address, "
            "and no limit would apply per address. Let the proxy send X-Forwarded-For, and list "
            "the address that it connects from, such as AUTHINGO_TRUSTED_PROXIES=127.0.0.1\n"
        )
    output.note(f"Listening on {host}, port {port}. Ctrl-C stops it.")


def _mail(settings: Settings) -> str:
    """Say where mail goes, if it is on."""
    from authingo.mail.settings import MailSettings

    server = settings.of(MailSettings).server
    if server is None:
        return ""
    where = "the inbox" if server.inbox else output.plain(server.where)
    return f", mail to {where}"


def _supervise(config: str | None) -> None:
    """Run the same command without --reload, and restart it when the configuration changes."""
    ended = threading.Event()
    # Without a handler, SIGTERM would end this process at once and leave the server running. So
    # would a handler that raises, if the signal comes while the server starts.
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    command_line = [arg for arg in sys.argv if arg != "--reload"]
    while not ended.is_set():
        before = _fingerprint(config)
        child = subprocess.Popen([sys.executable, *command_line])  # noqa: S603 - ourselves
        try:
            while not ended.is_set() and child.poll() is None and _fingerprint(config) == before:
                time.sleep(_LOOK)
            if ended.is_set():
                break
            if child.returncode is None:
                output.note("the configuration changed: restarting")
            else:  # wait for a fixed configuration instead of failing in a loop
                while not ended.is_set() and _fingerprint(config) == before:
                    time.sleep(_LOOK)
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait()


def _fingerprint(config: str | None) -> tuple[Any, ...]:
    from authingo.config import find

    with contextlib.suppress(OSError):
        if (file := find(config)) is not None:
            facts = file.stat()
            return file, facts.st_mtime_ns, facts.st_size
    return ()
